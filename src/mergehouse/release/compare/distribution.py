"""What the values of a table's columns look like, measured with DuckDB, and how far two such pictures are
apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from mergehouse.lakehouse.reader import quoted, rows, text
from mergehouse.release.manifest.duckdb_statistics import relation

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TENTHS = tuple(n / 10 for n in range(1, 10))
COMMON = 9  # values of a text column that have a bin of their own
EMPTY, OTHER = "empty", "other"
TOLERANCE = "0.000001"  # of numbers: scores agree within it, money has two digits and so must be equal
FLOOR = 1e-4  # a share of 0 has no logarithm
NUMBERS = ("DECIMAL", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "DOUBLE", "FLOAT", "HUGEINT")
ORDERED = (*NUMBERS, "DATE", "TIMESTAMP")


@dataclass(frozen=True)
class Measured:
    """One column of one side. `low` to `quantiles` are None where they would be somebody's value, or the type
    has no order.

    `mean` is of numbers alone; `fingerprint` is the same for the same values of the same type at the same
    keys, in whatever order.
    """

    nulls: int
    low: Any
    high: Any
    mean: float | None
    fingerprint: int | None
    quantiles: tuple[Any, ...] = ()


def summary(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    types: Mapping[str, str],
    key: list[str],
    hidden: frozenset[str],
) -> tuple[int, dict[str, Measured]]:
    """Rows, and what each column (name: DuckDB type) holds, exactly; quantiles are those of `shapes`.

    Columns in `hidden` are measured by their empty values and fingerprint alone.

    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE notes AS FROM VALUES (1, 5.0), (2, 7.0), (3, NULL) t(id, price)")
    >>> count, found = summary(connection, "notes", {"price": "DECIMAL(2,1)"}, ["id"], frozenset())
    >>> count, found["price"].nulls, found["price"].low, found["price"].mean
    (3, 1, Decimal('5.0'), 6.0)
    """
    names = list(types)
    keys = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in key)
    wanted = ["count(*) AS row_count"]
    for n, name in enumerate(names):
        column = quoted(name)
        wanted.append(f"count({column}) AS filled_{n}, sum(hash({keys}, {column})) AS print_{n}")
        if name not in hidden and types[name].startswith(ORDERED):
            wanted.append(f"min({column}) AS low_{n}, max({column}) AS high_{n}")
        if name not in hidden and types[name].startswith(NUMBERS):
            wanted.append(f"avg({column})::DOUBLE AS mean_{n}")
    row = rows(connection, f"SELECT {', '.join(wanted)} FROM {relation(table)}")[0]
    return row["row_count"], {
        name: Measured(
            nulls=row["row_count"] - row[f"filled_{n}"],
            low=row.get(f"low_{n}"),
            high=row.get(f"high_{n}"),
            mean=row.get(f"mean_{n}"),
            fingerprint=row[f"print_{n}"],
        )
        for n, name in enumerate(names)
    }


def shapes(
    connection: duckdb.DuckDBPyConnection, table: str, types: Mapping[str, str]
) -> tuple[dict[str, tuple[Any, ...]], dict[str, list[Any]]]:
    """Of each column its quantiles, approximately, and bounds for bins: tenths of what has an order, else the
    common values.

    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE notes AS SELECT range AS n, 'a' AS brand FROM range(101)")
    >>> quantiles, bounds = shapes(connection, "notes", {"n": "BIGINT", "brand": "VARCHAR"})
    >>> quantiles["n"], bounds["brand"]
    ((5, 25, 50, 75, 95), ['a'])
    """
    if not types:
        return {}, {}
    names, points = list(types), [*QUANTILES, *TENTHS]
    wanted = [
        f"approx_quantile({quoted(name)}, {points})"
        if types[name].startswith(ORDERED)
        else f"approx_top_k({quoted(name)}, {COMMON})"
        for name in names
    ]
    row = rows(
        connection,
        f"SELECT {', '.join(f'{sql} AS found_{n}' for n, sql in enumerate(wanted))} FROM {relation(table)}",
    )[0]
    quantiles, bounds = {}, {}
    for n, name in enumerate(names):
        found = row[f"found_{n}"] or []
        has_order = types[name].startswith(ORDERED)
        quantiles[name] = tuple(found[: len(QUANTILES)]) if has_order else ()
        bounds[name] = sorted(set(found[len(QUANTILES) :] if has_order else found))
    return quantiles, bounds


def shares(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    types: Mapping[str, str],
    bounds: Mapping[str, list[Any]],
    count: int,
) -> dict[str, dict[str, float]]:
    """The share of rows in each bin of each column in `bounds`: up to a bound and above the one before, or
    equal to a value.

    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE notes AS FROM (VALUES (1), (2), (9), (NULL)) AS t(n)")
    >>> shares(connection, "notes", {"n": "INTEGER"}, {"n": [5]}, count=4)
    {'n': {'to 5': 0.5, 'above 5': 0.25, 'empty': 0.25}}
    """
    columns = [name for name in bounds if name in types]
    if not columns or not count:
        return {}
    wanted = ", ".join(
        f"histogram({_bin(name, types[name], bounds[name])}) AS bins_{n}" for n, name in enumerate(columns)
    )
    row = rows(connection, f"SELECT {wanted} FROM {relation(table)}")[0]
    found = {}
    for n, name in enumerate(columns):
        labels = [*_labels(types[name], bounds[name]), EMPTY]
        found[name] = {label: row[f"bins_{n}"].get(number, 0) / count for number, label in enumerate(labels)}
    return found


def distance(left: Mapping[str, float], right: Mapping[str, float]) -> float:
    """Population stability index of two distributions over the same bins. Source: Siddiqi 2006, Credit Risk
    Scorecards, where below 0.1 is no shift worth a word.

    >>> distance({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5})
    0.0
    >>> round(distance({"a": 0.8, "b": 0.2}, {"a": 0.2, "b": 0.8}), 4)  # 2 * 0.6 * ln 4
    1.6636
    """
    pairs = [
        (max(left[label], FLOOR), max(right[label], FLOOR)) for label in left if left[label] or right[label]
    ]
    return sum((p - q) * math.log(p / q) for p, q in pairs)


def _bin(name: str, kind: str, bounds: list[Any]) -> str:
    """The number of a row's bin; the last one is for empty values."""
    column = quoted(name)
    literals = [f"{text(str(bound))}::{kind}" for bound in bounds]
    if kind.startswith(
        NUMBERS
    ):  # equal numbers stay in one bin where one side's are off by what is tolerated
        literals = [f"{literal} + {TOLERANCE}" for literal in literals]
    if kind.startswith(ORDERED):
        number = " + ".join(f"({column} > {literal})::INT" for literal in literals) or "0"
        return f"CASE WHEN {column} IS NULL THEN {len(bounds) + 1} ELSE {number} END"
    cases = "".join(f"WHEN {column} = {literal} THEN {n} " for n, literal in enumerate(literals))
    return f"CASE WHEN {column} IS NULL THEN {len(bounds) + 1} {cases}ELSE {len(bounds)} END"


def _labels(kind: str, bounds: list[Any]) -> list[str]:
    """Names of the bins, as people read them."""
    if not kind.startswith(ORDERED):
        return [*map(str, bounds), OTHER]
    return [*(f"to {bound}" for bound in bounds), f"above {bounds[-1]}" if bounds else "all"]
