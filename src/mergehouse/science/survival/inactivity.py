"""Does silence mean gone? Of customers silent for so many days, the share who bought again within a year."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

YEAR = 365
FEWEST = 30  # customers below which a share is not shown
STEP_DAYS = 10


@dataclass(frozen=True)
class Silence:
    """Customers whose last purchase before the cut-off was more than `days` before it, and those of them who
    bought within a year of it.
    """

    days: int
    customers: int
    came_back: int

    @property
    def share(self) -> float:
        return self.came_back / self.customers


@dataclass(frozen=True)
class Inactivity:
    """The inactivity curve at `cut_off`, the last day from which the data see a whole year ahead.

    `at_churn` is its point at `churn_after_days`. Where the data cannot carry the curve, `points` is empty or
    `at_churn` is None; `words` says what the curve shows or why there is none. Points of fewer than 30
    customers are left out.
    """

    churn_after_days: int
    history_days: int
    cut_off: dt.date
    points: tuple[Silence, ...]
    at_churn: Silence | None
    words: str


def purchase_days(connection: duckdb.DuckDBPyConnection, brand: str) -> None:
    """Makes the temporary table `purchases` (customer_id, order_date) of a brand."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE purchases AS SELECT customer_id, order_date FROM silver.customer_days"
        " WHERE is_purchase AND source_system = $brand",
        {"brand": brand},
    )


def inactivity(
    connection: duckdb.DuckDBPyConnection, first: dt.date, end: dt.date, churn_after_days: int
) -> Inactivity:
    """The curve over `purchases` (see `purchase_days`) of a brand whose data begin on `first` and end before
    `end`.
    """
    cut_off = end - dt.timedelta(days=YEAR)
    before = (cut_off - first).days
    silences = sorted(
        {*range(0, max(before, 0), STEP_DAYS), *([churn_after_days] if before > churn_after_days else [])}
    )
    found = connection.execute(
        """
        WITH at_cut_off AS (
          SELECT $cut_off - max(order_date) FILTER (order_date < $cut_off) AS silent,
          bool_or(order_date >= $cut_off) AS came_back
          FROM purchases WHERE order_date < $cut_off + 365 GROUP BY customer_id
        ),
        by_day AS (
          SELECT silent, count(*) AS customers, count_if(came_back) AS came_back
          FROM at_cut_off WHERE silent IS NOT NULL GROUP BY silent
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
    return Inactivity(
        churn_after_days,
        history,
        cut_off,
        points,
        at_churn,
        _words(churn_after_days, history, cut_off, points, at_churn),
    )


def _words(
    churn: int, history: int, cut_off: dt.date, points: tuple[Silence, ...], at_churn: Silence | None
) -> str:
    """What the curve says about the churn definition. Above 25 % the definition is questioned, below 10 % it
    is confirmed.
    """
    needed = YEAR + churn
    if history <= needed:
        return (
            f"The data cover {history:,} days. Whether customers silent for {churn} days come back within a"
            f" year takes more than {needed:,} days to see, so this brand's data can neither support nor"
            f" question the {churn}-day churn definition yet."
        )
    if at_churn is None:
        return (
            f"Fewer than {FEWEST} customers had been silent for more than {churn} days on"
            f" {cut_off:%-d %B %Y}, the last day from which the data see a year ahead: too few to judge the"
            f" {churn}-day churn definition by."
        )
    share = at_churn.share
    seen = (
        f"Of the {at_churn.customers:,} customers silent for more than {churn} days on {cut_off:%-d %B %Y}, "
        f"{share:.1%} bought again within a year."
    ).replace("%", " %")
    if share > 0.25:
        quiet = next((p for p in points if p.days > churn and p.share <= 0.25), None)
        until = (
            f" It takes {quiet.days} days of silence before no more than a quarter come back."
            if quiet
            else ""
        )
        return (
            f"{seen} Silent is lapsed, not gone: a {churn}-day churn label marks customers worth winning"
            f" back, not lost ones.{until}"
        )
    if share < 0.10:
        return (
            f"{seen} The {churn}-day churn definition holds here: whoever is silent for that long is mostly"
            " gone."
        )
    return (
        f"{seen} Most are gone after {churn} days of silence, but not all: the churn label is right for the"
        " majority only."
    )
