"""Customers as the BG/NBD and the Gamma-Gamma model have them: won over time, each with a rate of buying and
a level of spending of their own, until they leave for good.

BG/NBD is Fader, Hardie & Lee, Marketing Science 24 (2), 2005; Gamma-Gamma is Fader & Hardie, "The Gamma-Gamma
Model of Monetary Value", 2013. Both run in trading time, which stands still while the shop is closed and runs
faster before Christmas: so the season is everybody's, and whoever is silent in it has a reason.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

CUSTOMERS_PER_BLOCK = 20_000
TRADE_SHAPE = 4  # of the gamma distribution of wholesalers' rates: they are more alike than other customers
LOOK_BACK = 4  # times the usual delay of a return: orders so long before the data may still come back
YEAR = 365.25
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class TradingTime:
    """Trading time of a brand: a day of average demand lasts 1, and 0 is the beginning of its data.

    `edges` is the time at which each day begins, and where the last ends, shape (days + 1,); the first day is
    `first` days from the beginning of the data, a negative number, for customers were won before. `won` is
    the share of all customers won until then.
    """

    first: int
    edges: np.ndarray
    won: np.ndarray

    @classmethod
    def of(cls, spec: dict[str, Any], start: dt.date, end: dt.date) -> TradingTime:
        """Months (January first) and weekdays (Monday first) as `spec` weighs them, and the days on which it
        is closed as month x 100 + day; `growth` is how many more customers are won from year to year.
        """
        first = -round(spec["years_before"] * YEAR)
        days = np.arange(np.datetime64(start) + first, np.datetime64(end) + 1)
        months = days.astype("datetime64[M]")
        month, weekday = months.astype(int) % 12, (days.astype(int) + 3) % 7
        demand = np.array(spec["months"], float)[month] * np.array(spec["weekdays"], float)[weekday]
        month_day = 100 * (month + 1) + (days - months).astype(int) + 1
        demand[np.isin(month_day, spec.get("closed", []))] = 0
        growth = (1 + spec["growth"]) ** (np.arange(len(days)) / YEAR)
        edges, won = (np.concatenate([[0], np.cumsum(d)]) for d in (demand / demand.mean(), demand * growth))
        return cls(first, edges - edges[-first], won / won[-1])

    @property
    def end(self) -> float:
        return float(self.edges[-1])

    def arrivals(self, count: int, rng: np.random.Generator, since: float = -np.inf) -> np.ndarray:
        """Times at which `count` customers are won, from `since` on. Shape (count,)."""
        low = np.interp(since, self.edges, self.won)
        return np.interp(rng.uniform(low, 1, count), self.won, self.edges)

    def days(self, time: np.ndarray) -> np.ndarray:
        """Days since the beginning of the data, with the part of the day that has passed. Shape as `time`."""
        day = np.searchsorted(self.edges, np.minimum(time, np.nextafter(self.end, 0)), side="right") - 1
        begin = self.edges[day]
        part = (time - begin) / (self.edges[day + 1] - begin)
        return self.first + day + np.clip(part, 0, 1 - 1e-9)


def population(
    spec: dict[str, Any], time: TradingTime, lines: int, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The customers whom the data show, and their orders, which have `lines` lines together.

    Customers: `born` (trading time of the first purchase ever), `left` (for good, before the data end).
    Orders: `customer` (row of the former), `time`, `spend`, `size` (lines), `back` (lines returned) and
    `returned` (when). An order from before the data has no lines but those that came back.
    """
    customers: list[pl.DataFrame] = []
    orders: list[pl.DataFrame] = []
    seen = found = 0
    while found < lines:
        block = _customers(spec, time, CUSTOMERS_PER_BLOCK, rng)
        bought = sized(spec, time, _purchases(block, spec, time, rng), rng)
        renumbered = np.cumsum(np.bincount(bought["customer"], minlength=block.height) > 0) - 1 + seen
        orders.append(bought.with_columns(customer=pl.Series(renumbered)[bought["customer"]].cast(pl.Int32)))
        customers.append(block[bought["customer"].unique().sort()].select("born", "left"))
        seen += customers[-1].height
        found += int((bought["size"] + bought["back"]).sum())
    kept = first_lines(pl.concat(orders), lines)
    latest = pl.int_range(pl.len()) == pl.col("time").arg_max()  # the data end when they are said to
    end = pl.lit(time.end, pl.Float32)
    kept = kept.with_columns(time=pl.when(latest).then(end).otherwise("time")).with_columns(
        returned=pl.max_horizontal("returned", "time")
    )
    return pl.concat(customers)[: kept["customer"][-1] + 1], kept


def sized(
    spec: dict[str, Any], time: TradingTime, orders: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """Orders (`time`, `spend`, and `returning`, the chance that something comes back) with what the data show
    of them: `size`, `back` and `returned`.

    Who spends more buys more and dearer lines alike: the lines grow with the root of the spend.
    """
    lines = spec["lines_per_order"] * np.sqrt(orders["spend"].to_numpy() / usual_spend(spec))
    size = rng.geometric(1 / np.maximum(lines, 1)).clip(1, spec["most_lines"])
    returned = orders["time"].to_numpy() + rng.exponential(spec["returns"]["after"], len(size))
    some = 1 + rng.binomial(size - 1, spec["returns"]["lines"])
    back = np.where(rng.random(len(size)) < spec["returns"]["whole"], size, some)
    comes_back = rng.random(len(size)) < orders["returning"].to_numpy()
    is_seen = (returned >= 0) & (returned < time.end)
    return orders.select(
        "customer",
        pl.col("time", "spend").cast(pl.Float32),
        size=pl.Series(np.where(orders["time"].to_numpy() < 0, 0, size).astype(np.int16)),
        back=pl.Series(np.where(comes_back & is_seen, back, 0).astype(np.int16)),
        returned=pl.Series(returned.astype(np.float32)),
    ).filter(pl.col("size") + pl.col("back") > 0)


def first_lines(orders: pl.DataFrame, lines: int) -> pl.DataFrame:
    """The orders from the first on that have `lines` lines together, returned ones too; the last is cut."""
    total = (orders["size"].cast(pl.Int64) + orders["back"]).cum_sum().to_numpy()
    last = int(np.searchsorted(total, lines))
    kept, over = orders[: last + 1], int(total[last]) - lines
    is_last = pl.int_range(pl.len()) == last
    less = pl.min_horizontal("back", pl.lit(over))
    return kept.with_columns(
        size=pl.when(is_last).then(pl.col("size") - (over - less)).otherwise("size").cast(pl.Int16),
        back=pl.when(is_last).then(pl.col("back") - less).otherwise("back").cast(pl.Int16),
    )


def spending(spec: dict[str, Any], count: int, rng: np.random.Generator) -> np.ndarray:
    """What `count` customers spend on an order, each on average. Shape (count,)."""
    return spec["spend"]["p"] / rng.gamma(spec["spend"]["q"], 1 / spec["spend"]["gamma"], count)


def usual_spend(spec: dict[str, Any]) -> float:
    """The mean of Gamma-Gamma, over all customers."""
    return spec["spend"]["p"] * spec["spend"]["gamma"] / (spec["spend"]["q"] - 1)


def one_of(weights: np.ndarray, customer: np.ndarray) -> np.ndarray:
    """Which of the weighted things each customer has: a matter of the number alone, in steps of the golden
    section, which spread evenly. Shape as `customer`.

    >>> one_of(np.array([3, 1]), np.arange(8))
    array([0, 0, 0, 1, 0, 0, 0, 0])
    """
    total = np.cumsum(weights)
    return np.searchsorted(total / total[-1], customer * GOLDEN % 1, side="right")


def countries(spec: dict[str, Any], customer: np.ndarray) -> pl.Series:
    """The country that each customer lives in, shape as `customer`.

    >>> countries({"countries": {"France": 3, "Spain": 1}}, np.arange(4)).to_list()
    ['France', 'France', 'France', 'Spain']
    """
    of_100 = spec["countries"]
    return pl.Series(list(of_100)).gather(one_of(np.array(list(of_100.values())), customer))


def _customers(spec: dict[str, Any], time: TradingTime, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """Customers as they are drawn, whether or not the data will show them."""
    rate = rng.gamma(spec["purchases"]["r"], 1 / spec["purchases"]["alpha"], count)
    leaving = rng.beta(spec["leaving"]["a"], spec["leaving"]["b"], count)
    spend = spending(spec, count, rng)
    trade = spec["wholesalers"]
    is_trade = rng.random(count) < trade["share"]
    rate = np.where(is_trade, rng.gamma(TRADE_SHAPE, 1 / (TRADE_SHAPE * trade["every"]), count), rate)
    leaving = np.where(is_trade, trade["leaving"] * leaving, leaving)
    spend = np.where(is_trade, trade["spend"] * spend, spend)
    born = time.arrivals(count, rng)
    gone = born + rng.exponential(size=count) / (rate * leaving)
    return pl.DataFrame(
        {
            "rate": rate,
            "leaving": leaving,
            "spend": spend,
            "returning": spec["returns"]["share"] * rng.standard_exponential(count),
            "born": born,
            "gone": gone,
            "left": gone < time.end,
        }
    )


def _purchases(
    customers: pl.DataFrame, spec: dict[str, Any], time: TradingTime, rng: np.random.Generator
) -> pl.DataFrame:
    """Their orders in the data, and those shortly before of which something may still come back.

    Of purchases at a rate, each the last with a chance p, the last comes at the rate x p and those before it
    at the rate x (1 - p), independently of each other: so the time of leaving is drawn first.
    """
    rate, leaving, born, gone = (customers[name].to_numpy() for name in ("rate", "leaving", "born", "gone"))
    earliest = -LOOK_BACK * spec["returns"]["after"]
    since, until = np.maximum(born, earliest), np.minimum(gone, time.end)
    open_for = np.maximum(until - since, 0)
    between = np.repeat(np.arange(len(rate)), rng.poisson(rate * (1 - leaving) * open_for))
    first, last = np.flatnonzero(born >= earliest), np.flatnonzero((gone >= earliest) & (gone < time.end))
    customer = np.concatenate([first, between, last])
    at = np.concatenate(
        [born[first], since[between] + rng.random(len(between)) * open_for[between], gone[last]]
    )
    shape = spec["spend"]["p"]
    level = customers["spend"].to_numpy()[customer]
    orders = pl.DataFrame(
        {
            "customer": customer.astype(np.int32),
            "time": at,
            "spend": level * rng.gamma(shape, 1 / shape, len(customer)),
            "returning": customers["returning"].to_numpy()[customer],
        }
    )
    return orders.sort("customer", maintain_order=True)
