"""A campaign before it is sent: how many it reaches, what it may bring, and what the same rule met in the
past.

The assumed win-back rate is of those who would not have come back by themselves. Margin of one who comes
back is that of past cut-offs; their spread, and that of a count of those who come back, make the
interval.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures.whose import GROUP, source, whose
from mergehouse.app.view import View

WINDOW = 90  # days within which somebody comes back
APART = 3  # cut-offs are a month apart: each purchase is in the windows of three
FEWEST = 30  # who came back, for a mean that says something
Z = 1.96


@dataclass(frozen=True)
class Plan:
    """The rule and the terms in the address. Days are since the last purchase, up to but without
    `days_below`; money is EUR; rates and the control group are shares.
    """

    days_from: int = 91
    days_below: int | None = None
    orders_from: int = 1
    eur_from: int = 0
    segment: str | None = None
    risk: str | None = None
    cost: Decimal = Decimal("1.00")
    budget: Decimal | None = None
    rate: Decimal = Decimal("0.05")
    control: Decimal = Decimal("0.10")

    @property
    def rule(self) -> dict[str, int | None]:
        """What is known of past cut-offs, too."""
        return {
            "days_from": self.days_from,
            "days_below": self.days_below,
            "orders_from": self.orders_from,
            "eur_from": self.eur_from,
        }


@dataclass(frozen=True)
class Replay:
    """Whom the rule would have chosen at a past cut-off, and who of them came back within 90 days by
    themselves. Without a cut-off: at several that are told together, since at each fewer than five came
    back, or fewer than five did not.
    """

    brand: str
    cutoff: dt.date | None
    customers: int
    came_back: int

    @property
    def share(self) -> float:
        return self.came_back / self.customers


@dataclass(frozen=True)
class Campaign:
    """What a plan comes to. `chosen` meet the rule, `listed` of them are paid for by the budget, the most
    valuable first; of these `control` are set aside and `contacts` written to.

    `own_share`: who came back by themselves at past cut-offs; `margin_each`: of one who came back, over
    90 days, None where nothing is known. `extra`: customers who come back because of the letter;
    `profit`: their margin less the cost, with its 95 % interval `low` to `high`.
    """

    chosen: Row
    listed: int
    control: int
    contacts: int
    cost: Decimal
    replays: tuple[Replay, ...]
    own_share: float | None
    margin_each: float | None
    is_margin_of_orders: bool
    extra: float
    profit: float | None
    low: float | None
    high: float | None
    break_even: float | None

    @property
    def detectable(self) -> float | None:
        """The smallest difference of shares, beyond what comes back by itself, that the control group
        will tell from chance: two-sided at 5 %, found 4 times of 5.

        Source: Fleiss, Levin, Paik, Statistical Methods for Rates and Proportions, 4.3 (without the
        correction).
        """
        if not self.control or not self.contacts or self.own_share is None:
            return None
        variance = self.own_share * (1 - self.own_share)
        return (Z + 0.8416) * math.sqrt(variance * (1 / self.control + 1 / self.contacts))

    @property
    def can_pay(self) -> bool:
        """Whether any rate makes it worth the cost."""
        return self.break_even is not None and self.break_even <= 1


def campaign(reader: Reader, view: View, plan: Plan) -> Campaign:
    """What a plan comes to with the customers of a view."""
    asked = source(reader, view)
    chosen = reader.rows("campaign", **asked, **plan.rule, segment=plan.segment, risk=plan.risk)[0]
    past = reader.rows("campaign_past", brand=view.brand, **view.places, **plan.rule)
    replays = tuple(
        Replay(row["source_system"], row["cutoff_date"], row["customers"], row["came_back"]) for row in past
    )
    customers, came_back = sum(each.customers for each in replays), sum(each.came_back for each in replays)
    own_share = came_back / customers if customers else None
    each, deviation, known = _margin_each(past, chosen)
    listed = _listed(chosen["customers"], _affordable(plan), plan.control)
    control = round(listed * float(plan.control))
    contacts = listed - control
    staying = contacts * (1 - (own_share or 0))
    cost = plan.cost * contacts
    profit = low = high = None
    if each is not None:
        profit = staying * float(plan.rate) * each - float(cost)
        spread = Z * _deviation(staying, float(plan.rate), each, deviation, known)
        low, high = profit - spread, profit + spread
    worth = each * (1 - (own_share or 0)) if each else 0
    return Campaign(
        chosen=chosen,
        listed=listed,
        control=control,
        contacts=contacts,
        cost=cost,
        replays=replays,
        own_share=own_share,
        margin_each=each,
        is_margin_of_orders=came_back < FEWEST,
        extra=staying * float(plan.rate),
        profit=profit,
        low=low,
        high=high,
        break_even=float(plan.cost) / worth if worth > 0 else None,
    )


def contacts(reader: Reader, view: View, plan: Plan, most: int) -> list[Row]:
    """The customers of a plan, the most valuable first, each to be written to or set aside. Only for
    scopes that may see persons.
    """
    of = whose(reader, view.brand)
    return reader.rows(
        "campaign_contacts",
        whole="all" if of == GROUP else "brand",
        brand=None if of == GROUP else of,
        **view.places,
        **plan.rule,
        segment=plan.segment,
        risk=plan.risk,
        control=float(plan.control),
        contacts=_affordable(plan),
        most=most,
    )


def _affordable(plan: Plan) -> int | None:
    """How many can be written to; None: all."""
    return int(plan.budget / plan.cost) if plan.budget is not None and plan.cost > 0 else None


def _listed(chosen: int, affordable: int | None, control: Decimal) -> int:
    """So many that those who are written to cost no more than the budget."""
    if affordable is None:
        return chosen
    return min(chosen, math.floor(affordable / (1 - float(control))))


def _margin_each(past: Sequence[Row], chosen: Row) -> tuple[float | None, float, float]:
    """Margin of one who comes back, its deviation between them, and from how many that is known.

    From past cut-offs where enough came back, else from today's orders of those who are chosen, whose
    spread is taken to be as large as their mean: orders' values are about exponential.
    """
    came_back = sum(row["came_back"] for row in past)
    if came_back >= FEWEST:
        mean = float(sum(row["margin"] for row in past)) / came_back
        squares = float(sum(row["margin_squared"] for row in past)) / came_back
        return mean, math.sqrt(max(squares - mean * mean, 0)), came_back / APART
    if not chosen["orders"]:
        return None, 0, 1
    mean = float(chosen["margin"]) / chosen["orders"]
    return mean, abs(mean), max(chosen["orders"] / APART, 1)


def _deviation(staying: float, rate: float, mean: float, deviation: float, known: float) -> float:
    """Of the margin of those who come back: a sum of a random number of terms, whose mean is an estimate
    itself.

    Var = n p s^2 + n p (1 - p) m^2 + (n p)^2 s^2 / k: the spread of the terms, of their number, and of
    the mean.
    """
    expected = staying * rate
    return math.sqrt(
        expected * deviation**2 + expected * (1 - rate) * mean**2 + (expected * deviation) ** 2 / known
    )
