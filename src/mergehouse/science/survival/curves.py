"""How long until customers buy again or lapse: Kaplan-Meier curves by brand, segment and number of the
purchase.

Three curves, each of a different clock (docs/survival.md): `purchase_to_purchase` from any purchase to the
same customer's next; `cutoff_to_purchase` from a cut-off to the next purchase; `cutoff_to_lapse` from a
cut-off to the day on which a customer, not lapsed at the cut-off, has been silent for more than
`churn_after_days`. All are censored at the brand's as-of date. Segments are those of the cut-off, from what
was known then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import duckdb
import numpy as np
import polars as pl

from mergehouse.science.features.rfm import quintile
from mergehouse.science.survival.inactivity import FEWEST, purchase_days
from mergehouse.science.survival.kaplan_meier import Curve, kaplan_meier

GROUPS = 64  # of customers, by a hash of their number: what intervals are worked out from
MONTHS = 24  # so many of the latest cut-offs are looked at
KNOWN_DAYS = 90  # of history before a cut-off, so that segments mean something
SHARES = (30, 60, 90, 365)  # days at which a summary says to how many it has happened
NUMBERS = ("first", "second", "3 to 5", "6 and later")  # groups of purchases
ALL = "all"
UNNAMED = "Prospects"  # a segment that the segment table leaves out, as in gold.customer_brand_360
Clock = Literal["purchase_to_purchase", "cutoff_to_purchase", "cutoff_to_lapse"]


@dataclass(frozen=True, eq=False)
class Survival:
    """One curve of one group of customers: `all`, `segment: At risk`, `purchase: first`.

    `customers` are different ones; `observations` counts them at every purchase or cut-off. `lapsed_share`,
    of cut-offs: the share of the group that had lapsed at the cut-off, which `cutoff_to_lapse` leaves out.
    `curve` is None where that leaves nobody.
    """

    clock: Clock
    group: str
    customers: int
    observations: int
    lapsed_share: float | None
    curve: Curve | None

    @property
    def events(self) -> int:
        return int(self.curve.events.sum()) if self.curve else 0

    @property
    def is_told(self) -> bool:
        """True with enough customers to say something about."""
        return self.curve is not None and self.customers >= FEWEST


@dataclass(frozen=True)
class Watch:
    """When a brand's customers are looked at, and until when: the as-of date, on which nothing is known of
    that day itself.
    """

    brand: str
    as_of: dt.date
    first: dt.date
    churn_after_days: int


def watch(connection: duckdb.DuckDBPyConnection, brand: str, churn_after_days: int) -> Watch | None:
    """Prepares the temporary tables that curves and hazards are read from; None where no known customer has
    bought.

    Reads silver.customer_days, gold.dim_brand, gold.customer_features and mapping.rfm_segments. Makes
    `spells`, a row for every purchase; `segmented`, the features of every customer with the RFM segment, at
    every cut-off and at the as-of date; and `looked_at`, the same at cut-offs with what came next.
    """
    purchase_days(connection, brand)
    found = connection.execute(
        "SELECT as_of_date, first_order_date FROM gold.dim_brand WHERE source_system = $1 "
        "AND EXISTS (FROM purchases WHERE order_date < as_of_date)",
        [brand],
    ).fetchall()
    if not found:
        return None
    as_of, first = found[0]
    seen = Watch(brand, as_of, first, churn_after_days)
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE spells AS
        WITH known AS (
          SELECT customer_id, order_date,
            lead(order_date) OVER (PARTITION BY customer_id ORDER BY order_date) AS next_date,
            row_number() OVER (PARTITION BY customer_id ORDER BY order_date) AS number
          FROM purchases WHERE order_date < $as_of
        )
        SELECT *, ('0x' || substr(md5(customer_id), 31))::INT % $groups AS part,
          min(CASE WHEN coalesce(next_date, 'infinity'::DATE) > order_date + $churn::INT
            THEN order_date + $churn::INT + 1 END) OVER (
            PARTITION BY customer_id ORDER BY order_date ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
          ) AS lapses_on
        FROM known
        """,
        {"as_of": seen.as_of, "groups": GROUPS, "churn": churn_after_days},
    )
    known = connection.sql(_KNOWN, params={"brand": brand, "as_of": seen.as_of, "first": seen.first}).pl()
    scored = known.select(
        "customer_id",
        "cutoff_date",
        quintile(-pl.col("recency_days")).over("cutoff_date").alias("r_score"),
        quintile(pl.col("purchases")).over("cutoff_date").alias("f_score"),
    )
    connection.register("scored", scored)
    connection.execute(_SEGMENTED, {"brand": brand})
    connection.unregister("scored")
    connection.execute(_LOOKED_AT, {"as_of": seen.as_of, "churn": churn_after_days})
    return seen


def survivals(connection: duckdb.DuckDBPyConnection, seen: Watch) -> list[Survival]:
    """Every curve of a brand, after `watch`."""
    return [survival for clock in _COUNTS for survival in _curves(connection, seen, clock)]


def hazard(curve: Curve, days: int) -> list[tuple[int, float, int]]:
    """The daily chance that it happens, by periods of so many days: (first day, chance, days watched), from
    day 1 on.

    Events over the days that customers were at risk (the exponential model's estimate within a period).

    >>> from mergehouse.science.survival.kaplan_meier import kaplan_meier
    >>> curve = kaplan_meier(np.array([[0, 0, 1, 0, 1, 0]]), np.array([[0, 0, 0, 1, 0, 2]]))
    >>> hazard(curve, 5)  # 2 events in 5 + 5 + 4 + 3 + 2 days
    [(1, 0.105..., 19)]
    """
    last = int(curve.day[-1])
    at_risk, events = np.zeros(last + 1), np.zeros(last + 1)
    events[curve.day] = curve.events
    at_risk[1:] = curve.at_risk[np.searchsorted(curve.day, np.arange(1, last + 1))]
    starts = np.arange(1, last + 1, days)
    exposure, happened = np.add.reduceat(at_risk, starts), np.add.reduceat(events, starts)
    return [(int(s), float(h / e), int(e)) for s, h, e in zip(starts, happened, exposure, strict=True)]


def words(survival: Survival, churn_after_days: int) -> str:
    """What a curve says, in one or two sentences."""
    name, curve = _whom(survival), survival.curve
    before, of = "", name
    if survival.lapsed_share:
        of = "the others"
        before = (
            f"{_percent(survival.lapsed_share)} of {name} had lapsed already, silent for more than"
            f" {churn_after_days} days. "
        )
    if curve is None:
        return f"{before}Nobody is left to lapse."
    if not survival.is_told:
        counted = "1 customer is" if survival.customers == 1 else f"{survival.customers:,} customers are"
        return f"{before}Only {counted} counted among {of}: too few to tell."
    verb = _VERBS[survival.clock]
    median, early, late = curve.median()
    if median is None:
        seen, last = _percent(1 - float(curve.survival[-1])), int(curve.day[-1])
        return f"{before}Fewer than half of {of} {verb} within the {last:,} days observed: {seen}."
    interval = f" (95% interval {early:,} to {late:,})" if early is not None and late is not None else ""
    return f"{before}Half of {of} {verb} within {median:,} days{interval}."


_VERBS: dict[Clock, str] = {
    "purchase_to_purchase": "are followed by another", "cutoff_to_purchase": "buy again",
    "cutoff_to_lapse": "lapse",
}  # fmt: skip


def _whom(survival: Survival) -> str:
    kind, _, name = survival.group.partition(": ")
    if kind == "purchase":
        return {"first": "first purchases", "second": "second purchases"}.get(
            name, f"purchases number {name}"
        )
    if survival.group == ALL:
        return "all purchases" if survival.clock == "purchase_to_purchase" else "all customers"
    return name


def _percent(share: float) -> str:
    return f"{share:.0%}" if 0.005 <= share <= 0.995 else f"{share:.1%}"


def _curves(connection: duckdb.DuckDBPyConnection, seen: Watch, clock: Clock) -> Iterator[Survival]:
    """Counted in DuckDB by group, part, day and how it ended; a clock of cut-offs stops for nobody where
    there are none.
    """
    given = {"as_of": seen.as_of} | ({"churn": seen.churn_after_days} if clock == "cutoff_to_lapse" else {})
    counts = connection.sql(
        "SELECT name, part, day, count_if(happened) AS events, count_if(NOT happened) AS censored FROM"
        f" ({_COUNTS[clock]}) GROUP BY name, part, day",
        params=given,
    ).pl()
    people = connection.execute(
        _PEOPLE[clock], {"churn": seen.churn_after_days} if clock == "cutoff_to_lapse" else {}
    ).fetchall()
    for name, customers, observations, lapsed in people:
        rows = counts.filter(counts["name"] == name)
        curve = None
        if len(rows):
            shape = (GROUPS, rows["day"].max() + 1)
            events, censored = np.zeros(shape), np.zeros(shape)
            events[rows["part"], rows["day"]] = rows["events"]
            censored[rows["part"], rows["day"]] = rows["censored"]
            curve = kaplan_meier(events, censored)
        yield Survival(clock, name, customers, observations, lapsed, curve)


_NUMBERED = (
    "CASE WHEN number = 1 THEN '{}' WHEN number = 2 THEN '{}' WHEN number <= 5 THEN '{}' ELSE '{}' END"
).format(*NUMBERS)
_SPELLS = f"SELECT unnest(['all', 'purchase: ' || {_NUMBERED}]) AS name, * FROM spells"
_STANDING = "SELECT unnest(['all', 'segment: ' || segment]) AS name, * FROM looked_at"
_COUNTS: dict[Clock, str] = {
    "purchase_to_purchase": (
        f"""
        SELECT name, part, coalesce(next_date, $as_of) - order_date AS day, next_date IS NOT NULL AS happened
        FROM ({_SPELLS})"""
    ),
    "cutoff_to_purchase": (
        f"""
        SELECT name, part, coalesce(next_date + 1, $as_of) - cutoff_date AS day,
          next_date IS NOT NULL AS happened
        FROM ({_STANDING})"""
    ),
    "cutoff_to_lapse": (
        f"""
        SELECT name, part, least(lapses_on, $as_of) - cutoff_date AS day, lapses_on <= $as_of AS happened
        FROM ({_STANDING}) WHERE recency_days <= $churn"""
    ),
}
_PEOPLE: dict[Clock, str] = {
    "purchase_to_purchase": (
        f"SELECT name, count(DISTINCT customer_id), count(*), NULL FROM ({_SPELLS}) GROUP BY name ORDER BY"
        " name"
    ),
    "cutoff_to_purchase": (
        f"SELECT name, count(DISTINCT customer_id), count(*), NULL FROM ({_STANDING}) GROUP BY name ORDER BY"
        " name"
    ),
    "cutoff_to_lapse": (
        f"""
        SELECT name, count(DISTINCT customer_id) FILTER (recency_days <= $churn),
          count_if(recency_days <= $churn),
          count_if(recency_days > $churn) / count(*)
        FROM ({_STANDING}) GROUP BY name ORDER BY name"""
    ),
}
_KNOWN = f"""
SELECT customer_id, cutoff_date, recency_days, purchases FROM gold.customer_features
WHERE source_system = $brand AND (
  is_as_of OR cutoff_date < $as_of AND cutoff_date >= $first + {KNOWN_DAYS}
  AND cutoff_date >= $as_of - INTERVAL {MONTHS} MONTH
)
"""
_SEGMENTED = f"""
CREATE OR REPLACE TEMP TABLE segmented AS
SELECT k.*, coalesce(s.segment, '{UNNAMED}') AS segment
FROM (FROM gold.customer_features WHERE source_system = $brand) AS k
JOIN scored AS q USING (customer_id, cutoff_date)
LEFT JOIN mapping.rfm_segments AS s ON s.r_score::INT = q.r_score AND s.f_score::INT = q.f_score
"""
_LOOKED_AT = f"""
CREATE OR REPLACE TEMP TABLE looked_at AS
SELECT
  s.*, n.order_date AS next_date, ('0x' || substr(md5(s.customer_id), 31))::INT % {GROUPS} AS part,
  CASE
    WHEN coalesce(n.order_date, 'infinity'::DATE) > s.cutoff_date - s.recency_days + $churn::INT
    THEN s.cutoff_date - s.recency_days + $churn::INT + 1 ELSE n.lapses_on
  END AS lapses_on
FROM (FROM segmented WHERE cutoff_date < $as_of) AS s
ASOF LEFT JOIN spells AS n ON n.customer_id = s.customer_id AND n.order_date >= s.cutoff_date
"""
