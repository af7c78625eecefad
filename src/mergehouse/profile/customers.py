"""How a brand's customers come back: monthly cohorts, days between purchases, and what a silence means."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

from mergehouse.science.survival.inactivity import Inactivity, inactivity, purchase_days

COHORTS_SHOWN = 36


@dataclass(frozen=True)
class Cohort:
    """Customers whose first purchase at the brand fell into `month`, and how many of them bought in each
    month from that on.

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
class CustomerProfile:
    """`end` is the first day after the data: the as-of date, or the day after the last sale where that is
    later.

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


def customer_profile(
    connection: duckdb.DuckDBPyConnection, brand: str, churn_after_days: int
) -> CustomerProfile | None:
    """Reads silver.customer_days and gold.dim_brand; None where no known customer has bought."""
    purchase_days(connection, brand)
    customers, purchases = connection.sql(
        "SELECT count(DISTINCT customer_id), count(*) FROM purchases"
    ).fetchall()[0]
    if not customers:
        return None
    first, end = connection.execute(
        "SELECT first_order_date, greatest(as_of_date, last_order_date + 1) FROM gold.dim_brand WHERE"
        " source_system = $brand",
        {"brand": brand},
    ).fetchall()[0]
    return CustomerProfile(
        customers, purchases, first, end, end.day == 1, _cohorts(connection, end),
        _gaps(connection, churn_after_days), inactivity(connection, first, end, churn_after_days),
    )  # fmt: skip


def _cohorts(connection: duckdb.DuckDBPyConnection, end: dt.date) -> tuple[Cohort, ...]:
    """The last cohorts, oldest first, up to the month of the last day of the data."""
    counts: dict[dt.date, dict[int, int]] = {}
    for month, later, active in connection.sql("""
        SELECT cohort, date_diff('month', cohort, order_date) AS later, count(DISTINCT customer_id)
        FROM purchases JOIN (
          SELECT customer_id, date_trunc('month', min(order_date))::DATE AS cohort
          FROM purchases GROUP BY customer_id
        ) USING (customer_id)
        GROUP BY cohort, later ORDER BY cohort, later
        """).fetchall():
        counts.setdefault(month, {})[later] = active
    last = (end - dt.timedelta(days=1)).replace(day=1)
    cohorts = []
    for month, active in list(counts.items())[-COHORTS_SHOWN:]:
        seen = (last.year - month.year) * 12 + last.month - month.month
        cohorts.append(Cohort(month, active[0], tuple(active.get(later, 0) for later in range(seen + 1))))
    return tuple(cohorts)


def _gaps(connection: duckdb.DuckDBPyConnection, churn_after_days: int) -> Gaps | None:
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE gaps AS SELECT days, count(*) AS n FROM (
          SELECT order_date - lag(order_date) OVER (PARTITION BY customer_id ORDER BY order_date) AS days
          FROM purchases
        ) WHERE days IS NOT NULL GROUP BY days
        """)
    quantiles = ", ".join(f"min(days) FILTER (upto >= {share} * total)" for share in (0.5, 0.75, 0.9))
    count, *rest, longer = connection.execute(
        f"""
        SELECT coalesce(sum(n), 0)::BIGINT, {quantiles}, coalesce(sum(n) FILTER (days > $churn), 0)::BIGINT
        FROM (SELECT days, n, sum(n) OVER (ORDER BY days) AS upto, sum(n) OVER () AS total FROM gaps)
        """,
        {"churn": churn_after_days},
    ).fetchall()[0]
    weeks = connection.sql(
        "SELECT (days + 6) // 7 AS week, sum(n)::BIGINT FROM gaps GROUP BY week ORDER BY week"
    ).fetchall()
    median, upper_quartile, ninetieth = rest
    return Gaps(count, median, upper_quartile, ninetieth, longer, tuple(weeks)) if count else None
