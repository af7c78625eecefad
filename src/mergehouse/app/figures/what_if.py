"""What other limits would change: who counts as silent or at risk, as valuable, and in which segment.

Each question has two worlds, as it is and with the limits in the address; both are counted from the same
cubes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mergehouse.access.classes import ORDERS, RECENCY, VALUE
from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures.whose import source
from mergehouse.app.view import Brand, Choices, View

DAYS = tuple(range(60, 181, 5))
CHANCES = tuple(range(5, 100, 5))  # percent
USUAL_DAYS = 90
# from here on the risk is `high`, by the contract of gold.customer_scores_gold
USUAL_CHANCE = 70
EUROS, RECENCIES = VALUE[1:], RECENCY[1:-1]
TIERS = ("top", "high", "medium", "low")
SHARES = (Decimal("0.1"), Decimal("0.3"), Decimal("0.6"))  # of customers, down to which a tier reaches today
STATES = ("silent", "at_risk", "active")
AS_IT_IS = ("active", "at_risk", "silent")  # as the cube numbers them
TOGETHER = ""  # segments of fewer than five, told together


@dataclass(frozen=True)
class Limits:
    """The limits in the address; None: as it is. `chance`: percent; `value`: from how many euros on top,
    high and medium begin; `recency`: up to how many days scores 5, 4, 3 and 2 go; `orders`: from how many
    orders on they begin.
    """

    days: int | None = None
    chance: int | None = None
    value: tuple[int | None, ...] = (None, None, None)
    recency: tuple[int | None, ...] = (None, None, None, None)
    orders: tuple[int | None, ...] = (None, None, None, None)

    @property
    def changed(self) -> int:
        """How many are not as it is."""
        return sum(
            each is not None for each in (self.days, self.chance, *self.value, *self.recency, *self.orders)
        )


@dataclass(frozen=True)
class Part:
    """Some customers, in one of the worlds."""

    name: str
    customers: int = 0
    net_revenue: Decimal = Decimal(0)
    clv_12m: Decimal = Decimal(0)

    def __add__(self, other: Part) -> Part:
        return Part(
            self.name,
            self.customers + other.customers,
            self.net_revenue + other.net_revenue,
            self.clv_12m + other.clv_12m,
        )


@dataclass(frozen=True)
class Change:
    """One part in both worlds."""

    now: Part
    then: Part

    @property
    def name(self) -> str:
        return self.now.name

    @property
    def customers(self) -> int:
        return self.then.customers - self.now.customers

    @property
    def net_revenue(self) -> Decimal:
        return self.then.net_revenue - self.now.net_revenue

    @property
    def clv_12m(self) -> Decimal:
        return self.then.clv_12m - self.now.clv_12m


@dataclass(frozen=True)
class Silence:
    """Silent, at risk and active customers. `days` and `chance` are the limits of the other world;
    `own_days` those that brands have; `unobserved`: brands whose data do not reach that far back.
    """

    changes: tuple[Change, ...]
    days: int
    chance: int
    own_days: tuple[tuple[Brand, int], ...]
    unscored: int
    unobserved: tuple[Brand, ...]

    @property
    def is_changed(self) -> bool:
        return any(each.customers or each.net_revenue for each in self.changes)


@dataclass(frozen=True)
class Tiers:
    """Customers with scores by tiers of value; `bounds`: from how many euros on top, high and medium
    begin; as it is they are shares of customers, and `usual` the steps that come nearest.
    """

    changes: tuple[Change, ...]
    bounds: tuple[int, ...]
    usual: tuple[int, ...]
    is_mixed_up: bool


@dataclass(frozen=True)
class Cuts:
    """Segments by cut-points of recency and orders; `usual`: the classes nearest to today's fifths. As it is
    they are those of the other pages; small ones that are told together are `TOGETHER`.
    """

    changes: tuple[Change, ...]
    recency: tuple[int, ...]
    orders: tuple[int, ...]
    usual_recency: tuple[int, ...]
    usual_orders: tuple[int, ...]
    is_mixed_up: bool

    @property
    def is_tied(self) -> bool:
        return any(len(set(usual)) < len(usual) for usual in (self.usual_recency, self.usual_orders))


@dataclass(frozen=True)
class WhatIf:
    """All that the page shows; None where there is nobody to count."""

    limits: Limits
    silence: Silence | None
    tiers: Tiers | None
    cuts: Cuts | None


def what_if(reader: Reader, view: View, offered: Choices, limits: Limits) -> WhatIf:
    """Both worlds of a view."""
    asked = source(reader, view)
    brands = [brand for brand in offered.brands if view.brand in (None, brand.name) and brand.days]
    return WhatIf(
        limits,
        _silence(reader, asked, brands, limits),
        _tiers(reader, asked, limits),
        _cuts(reader, asked, limits),
    )


def _silence(
    reader: Reader, asked: Mapping[str, str | None], brands: Sequence[Brand], limits: Limits
) -> Silence | None:
    own = tuple((brand, brand.churn_after_days) for brand in brands if brand.churn_after_days is not None)
    usual = own[0][1] if len({days for _, days in own}) == 1 else USUAL_DAYS
    days, chance = limits.days or _nearest(usual, DAYS), limits.chance or USUAL_CHANCE
    rows = reader.rows("inactivity", days=days, chance=Decimal(chance) / 100, **asked)
    if not rows:
        return None
    now, then = {name: Part(name) for name in STATES}, {name: Part(name) for name in STATES}
    for row in rows:
        now[AS_IT_IS[row["state"]]] += _part("", row)
        then[_state(row, limits)] += _part("", row)
    return Silence(
        tuple(Change(now[name], then[name]) for name in STATES),
        days,
        chance,
        own,
        sum(row["unscored"] or 0 for row in rows),
        tuple(brand for brand in brands if brand.days <= (limits.days or brand.churn_after_days or usual)),
    )


def _state(row: Row, limits: Limits) -> str:
    """Who is silent, who else is at risk, and who is neither, each as it is where its limit is not moved."""
    was = AS_IT_IS[row["state"]]
    if row["is_late"] if limits.days is not None else was == "silent":
        return "silent"
    if limits.chance is None and was != "silent":
        return was
    return "at_risk" if row["is_risky"] else "active"


def _tiers(reader: Reader, asked: Mapping[str, str | None], limits: Limits) -> Tiers | None:
    classes = reader.rows("value_classes", **asked)
    if not classes:
        return None
    usual = _usual_bounds(classes)
    bounds = tuple(given or own for given, own in zip(limits.value, usual, strict=True))
    now, then = {name: Part(name) for name in TIERS}, {name: Part(name) for name in TIERS}
    for row in classes:
        if row["clv_tier"] is None:
            continue  # a tier of fewer than five
        place = TIERS.index(row["clv_tier"])
        now[TIERS[place]] += _part(TIERS[place], row)
        for at, bound in enumerate(
            limits.value
        ):  # who is not above it goes down from this tier, who is goes up
            if bound is not None:
                place = min(place, at) if row["from_eur"] >= bound else max(place, at + 1)
        then[TIERS[place]] += _part(TIERS[place], row)
    return Tiers(
        tuple(Change(now[name], then[name]) for name in TIERS),
        bounds,
        usual,
        list(bounds) != sorted(bounds, reverse=True),
    )


def _usual_bounds(classes: Sequence[Row]) -> tuple[int, ...]:
    """The bounds on the grid that come nearest to today's shares of customers."""
    whole = sum(row["customers"] for row in classes)
    reached = {euros: sum(row["customers"] for row in classes if row["from_eur"] >= euros) for euros in EUROS}
    return tuple(min(EUROS, key=lambda euros: abs(reached[euros] - share * whole)) for share in SHARES)


def _cuts(reader: Reader, asked: Mapping[str, str | None], limits: Limits) -> Cuts | None:
    classes = reader.rows("rfm_classes", **asked)
    named = {(row["r_score"], row["f_score"]): row["segment"] for row in reader.rows("rfm_segments")}
    if not classes or not named:
        return None
    usual_recency, usual_orders = _recency_fifths(classes), _orders_fifths(classes)
    recency = tuple(given or own for given, own in zip(limits.recency, usual_recency, strict=True))
    orders = tuple(given or own for given, own in zip(limits.orders, usual_orders, strict=True))
    now, then = _segments(classes, Limits(), named), _segments(classes, limits, named)
    names = sorted({*now, *then}, key=lambda name: -now.get(name, Part(name)).net_revenue)
    return Cuts(
        tuple(Change(now.get(name, Part(name)), then.get(name, Part(name))) for name in names),
        recency,
        orders,
        usual_recency,
        usual_orders,
        list(recency) != sorted(recency) or list(orders) != sorted(orders, reverse=True),
    )


def _segments(
    classes: Iterable[Row], limits: Limits, named: Mapping[tuple[int, int], str]
) -> dict[str, Part]:
    """A score is 5 less the cut-points that are missed: those that are not moved by who misses them as it
    is. Whose scores stay keep their segment.
    """
    parts: dict[str, Part] = {}
    for row in classes:
        was = row["r_score"], row["f_score"]
        r_score = 5 - sum(
            was[0] < 5 - at if bound is None else row["days"] > bound
            for at, bound in enumerate(limits.recency)
        )
        f_score = 5 - sum(
            was[1] < 5 - at if bound is None else row["from_orders"] < bound
            for at, bound in enumerate(limits.orders)
        )
        stays = (r_score, f_score) == was
        name = row["segment"] or TOGETHER if stays else named.get((r_score, f_score), "no segment")
        parts[name] = parts.get(name, Part(name)) + _part(name, row)
    return parts


def _recency_fifths(classes: Sequence[Row]) -> tuple[int, ...]:
    """Up to how many days scores 5, 4, 3 and 2 go: where the shares of customers come nearest to fifths, the
    most days of several that do.
    """
    whole = sum(row["customers"] for row in classes)
    reached = {days: sum(row["customers"] for row in classes if row["days"] <= days) for days in RECENCIES}
    return tuple(
        min(RECENCIES, key=lambda days: (abs(reached[days] * 5 - fifths * whole), -days))
        for fifths in (1, 2, 3, 4)
    )


def _orders_fifths(classes: Sequence[Row]) -> tuple[int, ...]:
    """From how many orders on scores 5, 4, 3 and 2 begin: where so many fifths of customers have fewer."""
    whole = sum(row["customers"] for row in classes)
    fewer = {
        orders: sum(row["customers"] for row in classes if row["from_orders"] < orders) for orders in ORDERS
    }
    return tuple(
        next((orders for orders in ORDERS if fewer[orders] * 5 >= fifths * whole), ORDERS[-1])
        for fifths in (4, 3, 2, 1)
    )


def _nearest(value: int, grid: Sequence[int]) -> int:
    return min(grid, key=lambda each: abs(each - value))


def _part(name: str, row: Row) -> Part:
    return Part(name, row["customers"], row["net_revenue"], row["clv_12m"])
