"""What the values of one column look like. Counted in DuckDB, once per column; Python sees classes, never
rows.

Everything about a column is read off one table of its different values and how often each occurs: it is
exact, it spills where it is large, and it serves numbers, texts and dates alike.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import duckdb

from mergehouse.charts.svg import nice_step

TOP_VALUES = 8
MOST_CLASSES, MOST_LOG_CLASSES = 30, 50
HEAVY_TAIL = (
    10  # a column reaches further than so many interquartile ranges from its median: logarithmic classes
)
FENCE = 3  # Tukey's outer fences
Scale = Literal["linear", "log"]
Step = Literal["day", "month", "year"]


@dataclass(frozen=True)
class Class:
    """Values from `low` up to, not including, `high`."""

    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Numbers:
    """A numeric column in its own unit.

    Quartiles are values that occur (inverse of the empirical distribution). Outliers lie more than 3
    interquartile ranges beyond the quartiles: the outer fences of Tukey, Exploratory Data Analysis, 1977.
    Where classes are logarithmic the fences are measured on that scale, sign(x) ln(1 + |x| / s), so that a
    long tail is not an outlier by itself. `outliers` is None where half of all values are the same, which
    leaves no spread to measure with. `is_whole`: all values are whole numbers, and so are the limits of
    classes.
    """

    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    is_whole: bool
    scale: Scale
    classes: tuple[Class, ...]
    outliers: int | None
    fences: tuple[float, float] | None


@dataclass(frozen=True)
class Texts:
    """The most frequent values and the number of rows with each; `others` is the number of rows with any
    other.
    """

    top: tuple[tuple[str, int], ...]
    others: int


@dataclass(frozen=True)
class Dates:
    """Rows per day, month or year, each named by its first day."""

    first: dt.date
    last: dt.date
    step: Step
    counts: tuple[tuple[dt.date, int], ...]


class Counted:
    """The different values of an expression over a relation, in a temporary table. The next one takes its
    place.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, expression: str, relation: str):
        self.connection = connection
        self.distinct = connection.execute(
            "CREATE OR REPLACE TEMP TABLE counted AS SELECT value, count(*) AS n "
            f"FROM (SELECT {expression} AS value FROM {relation}) WHERE value IS NOT NULL GROUP BY value"
        ).fetchall()[0][0]

    def numbers(self) -> Numbers:
        low, q1, median, q3, high, whole = self.connection.execute("""
            SELECT min(value), min(value) FILTER (upto >= 0.25 * total),
              min(value) FILTER (upto >= 0.5 * total),
              min(value) FILTER (upto >= 0.75 * total), max(value), bool_and(value = floor(value))
            FROM (SELECT value::DOUBLE AS value, sum(n) OVER (ORDER BY value) AS upto, sum(n) OVER () AS total
              FROM counted)
            """).fetchall()[0]
        spread = q3 - q1
        heavy = (
            max(high - median, median - low) > HEAVY_TAIL * max(spread, 1 if whole else 0) and high - low > 0
        )
        unit = _smallest_class(q1, median, q3, whole)
        limits = _log_limits(low, high, unit) if heavy else _linear_limits(low, high, whole)
        fences = _fences(q1, q3, unit if heavy else None) if spread else None
        classes, beyond = self._classes(limits, fences or (low, high))
        quantiles = (low, q1, median, q3, high)
        scale: Scale = "log" if heavy else "linear"
        return Numbers(*quantiles, whole, scale, classes, beyond if fences else None, fences)

    def texts(self) -> Texts:
        found = self.connection.execute(
            "SELECT value::VARCHAR, n, sum(n) OVER ()::BIGINT FROM counted"
            f" ORDER BY n DESC, value::VARCHAR LIMIT {TOP_VALUES}"
        ).fetchall()
        top = tuple((value, n) for value, n, _ in found)
        return Texts(top, found[0][2] - sum(n for _, n in top))

    def dates(self) -> Dates:
        first, last, months = self.connection.execute(
            "SELECT min(value), max(value), bool_and(day(value) = 1) FROM counted"
        ).fetchall()[0]
        days = (last - first).days
        step: Step = "day" if days <= 92 and not months else "month" if days <= 3660 else "year"
        counts = self.connection.execute(
            f"SELECT date_trunc('{step}', value)::DATE AS start, sum(n)::BIGINT FROM counted GROUP BY start"
            " ORDER BY start"
        ).fetchall()
        return Dates(first, last, step, tuple(counts))

    def _classes(self, limits: list[float], fences: tuple[float, float]) -> tuple[tuple[Class, ...], int]:
        """Rows in each class, and how many lie beyond the fences."""
        found = self.connection.execute(
            """
            SELECT low, sum(n)::BIGINT, coalesce(sum(n) FILTER (value < $2 OR value > $3), 0)::BIGINT
            FROM (SELECT value::DOUBLE AS value, n FROM counted) AS c
            ASOF LEFT JOIN (SELECT unnest($1::DOUBLE[]) AS low) AS l ON c.value >= l.low GROUP BY low
            """,
            [limits[:-1], *fences],
        ).fetchall()
        counts = {low: rows for low, rows, _ in found}
        classes = tuple(Class(low, high, counts.get(low, 0)) for low, high in pairwise(limits))
        return classes, sum(beyond for *_, beyond in found)


def _linear_limits(low: float, high: float, whole: bool) -> list[float]:
    step = nice_step(high - low or abs(high) or 1, MOST_CLASSES)
    step = max(step, 1) if whole else step
    return [round(n * step, 10) for n in range(math.floor(low / step), math.floor(high / step + 1e-9) + 2)]


def _log_limits(low: float, high: float, unit: float) -> list[float]:
    """0, and 1, 2, 5 times each power of ten from `unit` on, on both sides, as far as the values reach.

    Powers of ten alone where these would be too many.
    """
    decades = math.ceil(math.log10(max(abs(low), abs(high), unit) / unit)) + 1
    for factors in ((1, 2, 5), (1,)):
        positive = [round(unit * factor * 10**n, 10) for n in range(decades + 1) for factor in factors]
        limits = [-limit for limit in reversed(positive)] + [0.0] + positive
        below = max(n for n, limit in enumerate(limits) if limit <= low)
        above = min(n for n, limit in enumerate(limits) if limit > high)
        if above - below <= MOST_LOG_CLASSES:
            break
    return limits[below : above + 1]


def _smallest_class(q1: float, median: float, q3: float, whole: bool) -> float:
    """A power of ten below where most values are: nearer to zero than this a logarithmic scale tells nothing
    apart.
    """
    sizes = [abs(q) for q in (q1, median, q3) if q]
    unit = 10.0 ** (math.floor(math.log10(min(sizes))) - 1) if sizes else 1.0
    return max(unit, 1.0 if whole else 0.01)


def _fences(q1: float, q3: float, unit: float | None) -> tuple[float, float]:
    """Outer fences, on the logarithmic scale where `unit` is given."""
    if unit is None:
        return q1 - FENCE * (q3 - q1), q3 + FENCE * (q3 - q1)
    low, high = (math.copysign(math.log1p(abs(q) / unit), q) for q in (q1, q3))
    below, above = low - FENCE * (high - low), high + FENCE * (high - low)
    return (
        math.copysign(math.expm1(abs(below)) * unit, below),
        math.copysign(math.expm1(abs(above)) * unit, above),
    )
