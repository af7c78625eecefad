"""How a brand's customers come back: monthly cohorts, days between purchases, and what a silence means.

A purchase is a customer-day: several orders of one day are one purchase. Orders with a sale of known customers only.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

YEAR = 365
FEWEST = 30  # customers below which a share is not shown
STEP_DAYS = 10
COHORTS_SHOWN = 36


@dataclass(frozen=True)
class Cohort:
    """Customers whose first purchase at the brand fell into `month`, and how many of them bought in each month from that on.

    `active[0]` is the month itself: all of them; the last is the month in which the data end.
    """

    month: dt.date
    customers: int
    active: tuple[int, ...]


@dataclass(frozen=True)
class Gaps:
    """Days from a purchase to the same customer's next. `weeks` holds (week, gaps): week 1 is 1 to 7 days.

    Quantiles are gaps that occur.
    """

    count: int
    median: int
    upper_quartile: int
    ninetieth: int
    longer_than_churn: int
    weeks: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Silence:
    """Customers whose last purchase before the cut-off was more than `days` before it, and those of them who bought within a year of it."""

    days: int
    customers: int
    came_back: int

    @property
    def share(self) -> float:
        return self.came_back / self.customers


@dataclass(frozen=True)
class Inactivity:
    """The inactivity curve at `cut_off`, the last day from which the data see a whole year ahead.

    `at_churn` is its point at `churn_after_days`. Where the data cannot carry the curve, `points` is empty or `at_churn`
    is None; `words` says what the curve shows or why there is none. Points of fewer than 30 customers are left out.
    """

    churn_after_days: int
    history_days: int
    cut_off: dt.date
    points: tuple[Silence, ...]
    at_churn: Silence | None
    words: str


@dataclass(frozen=True)
class CustomerProfile:
    """`end` is the first day after the data: the as-of date, or the day after the last sale where that is later.

    `last_month_complete` is false where that cuts a month in two.
    """

    customers: int
    purchases: int
    first: dt.date
    end: dt.date
    last_month_complete: bool
    cohorts: tuple[Cohort, ...]
    gaps: Gaps | None
    inactivity: Inactivity


def customer_profile(connection: duckdb.DuckDBPyConnection, brand: str, churn_after_days: int) -> CustomerProfile | None:
    """Reads silver.orders and gold.dim_brand; None where no known customer has bought."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE purchases AS SELECT DISTINCT customer_id, order_date FROM silver.orders "
        "WHERE is_sale AND customer_id IS NOT NULL AND source_system = $brand",
        {"brand": brand},
    )
    customers, purchases = connection.sql("SELECT count(DISTINCT customer_id), count(*) FROM purchases").fetchall()[0]
    if not customers:
        return None
    first, end = connection.execute(
        "SELECT first_order_date, greatest(as_of_date, last_order_date + 1) FROM gold.dim_brand WHERE source_system = $brand",
        {"brand": brand},
    ).fetchall()[0]
    return CustomerProfile(
        customers, purchases, first, end, end.day == 1, _cohorts(connection, end), _gaps(connection, churn_after_days),
        _inactivity(connection, first, end, churn_after_days),
    )  # fmt: skip


def _cohorts(connection: duckdb.DuckDBPyConnection, end: dt.date) -> tuple[Cohort, ...]:
    """The last cohorts, oldest first, up to the month of the last day of the data."""
    counts: dict[dt.date, dict[int, int]] = {}
    for month, later, active in connection.sql(
        """
        SELECT cohort, date_diff('month', cohort, order_date) AS later, count(DISTINCT customer_id)
        FROM purchases JOIN (
          SELECT customer_id, date_trunc('month', min(order_date))::DATE AS cohort FROM purchases GROUP BY customer_id
        ) USING (customer_id)
        GROUP BY cohort, later ORDER BY cohort, later
        """
    ).fetchall():
        counts.setdefault(month, {})[later] = active
    last = (end - dt.timedelta(days=1)).replace(day=1)
    cohorts = []
    for month, active in list(counts.items())[-COHORTS_SHOWN:]:
        seen = (last.year - month.year) * 12 + last.month - month.month
        cohorts.append(Cohort(month, active[0], tuple(active.get(later, 0) for later in range(seen + 1))))
    return tuple(cohorts)


def _gaps(connection: duckdb.DuckDBPyConnection, churn_after_days: int) -> Gaps | None:
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE gaps AS SELECT days, count(*) AS n FROM (
          SELECT order_date - lag(order_date) OVER (PARTITION BY customer_id ORDER BY order_date) AS days FROM purchases
        ) WHERE days IS NOT NULL GROUP BY days
        """
    )
    quantiles = ", ".join(f"min(days) FILTER (upto >= {share} * total)" for share in (0.5, 0.75, 0.9))
    count, *rest, longer = connection.execute(
        f"""
        SELECT coalesce(sum(n), 0)::BIGINT, {quantiles}, coalesce(sum(n) FILTER (days > $churn), 0)::BIGINT
        FROM (SELECT days, n, sum(n) OVER (ORDER BY days) AS upto, sum(n) OVER () AS total FROM gaps)
        """,
        {"churn": churn_after_days},
    ).fetchall()[0]
    weeks = connection.sql("SELECT (days + 6) // 7 AS week, sum(n)::BIGINT FROM gaps GROUP BY week ORDER BY week").fetchall()
    return Gaps(count, *rest, longer, tuple(weeks)) if count else None


def _inactivity(connection: duckdb.DuckDBPyConnection, first: dt.date, end: dt.date, churn_after_days: int) -> Inactivity:
    cut_off = end - dt.timedelta(days=YEAR)
    before = (cut_off - first).days
    silences = sorted({*range(0, max(before, 0), STEP_DAYS), *([churn_after_days] if before > churn_after_days else [])})
    found = connection.execute(
        """
        WITH at_cut_off AS (
          SELECT $cut_off - max(order_date) FILTER (order_date < $cut_off) AS silent, bool_or(order_date >= $cut_off) AS came_back
          FROM purchases WHERE order_date < $cut_off + 365 GROUP BY customer_id
        ),
        by_day AS (
          SELECT silent, count(*) AS customers, count_if(came_back) AS came_back FROM at_cut_off WHERE silent IS NOT NULL GROUP BY silent
        )
        SELECT days, sum(customers)::BIGINT, sum(came_back)::BIGINT
        FROM (SELECT unnest($silences::INT[]) AS days) JOIN by_day ON silent > days
        GROUP BY days HAVING sum(customers) >= $fewest ORDER BY days
        """,
        {"cut_off": cut_off, "silences": silences, "fewest": FEWEST},
    ).fetchall()
    points = tuple(Silence(*row) for row in found)
    at_churn = next((p for p in points if p.days == churn_after_days), None)
    history = (end - first).days
    return Inactivity(churn_after_days, history, cut_off, points, at_churn, _words(churn_after_days, history, cut_off, points, at_churn))


def _words(churn: int, history: int, cut_off: dt.date, points: tuple[Silence, ...], at_churn: Silence | None) -> str:
    """What the curve says about the churn definition. Above 25 % the definition is questioned, below 10 % it is confirmed."""
    needed = YEAR + churn
    if history <= needed:
        return (
            f"The data cover {history:,} days. Whether customers silent for {churn} days come back within a year takes more than "
            f"{needed:,} days to see, so this brand's data can neither support nor question the {churn}-day churn definition yet."
        )
    if at_churn is None:
        return (
            f"Fewer than {FEWEST} customers had been silent for more than {churn} days on {cut_off:%-d %B %Y}, the last day from which "
            f"the data see a year ahead: too few to judge the {churn}-day churn definition by."
        )
    share = at_churn.share
    seen = (
        f"Of the {at_churn.customers:,} customers silent for more than {churn} days on {cut_off:%-d %B %Y}, "
        f"{share:.1%} bought again within a year."
    ).replace("%", " %")
    if share > 0.25:
        quiet = next((p for p in points if p.days > churn and p.share <= 0.25), None)
        until = f" It takes {quiet.days} days of silence before no more than a quarter come back." if quiet else ""
        return f"{seen} Silent is lapsed, not gone: a {churn}-day churn label marks customers worth winning back, not lost ones.{until}"
    if share < 0.10:
        return f"{seen} The {churn}-day churn definition holds here: whoever is silent for that long is mostly gone."
    return f"{seen} Most are gone after {churn} days of silence, but not all: the churn label is right for the majority only."
