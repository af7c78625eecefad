"""Which columns of which tables are profiled, what their contract says of them, and what may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import duckdb
from sqlglot import exp

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.engine.dialect import to_duckdb
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.odd_cells import NULL_WORDS
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.profile.values import Counted, Dates, Numbers, Texts
from mergehouse.project.brand import Brand
from mergehouse.project.sources import ADDED_COLUMNS
from mergehouse.transform.brand_files import brand_contracts, brand_file
from mergehouse.transform.brand_queries import brand_queries
from mergehouse.transform.source_views import typed_column

BRAND_COLUMN, BRAND_MEANING = "source_system", "Brand"
# texts that differ in more than half of all rows tell rows apart; not so in a small table
IDENTIFIER_SHARE, FEW_ROWS = (0.5, 50)
# among more than 100 texts, one stands out with more than three times its even share of rows
MANY_TEXTS, STANDS_OUT = (100, 3)
Shown = Literal["number", "text", "date", "personal", "identifier", "empty", "unknown"]


@dataclass(frozen=True)
class Column:
    """One column of a table: what its contract says, and what is in it.

    `shown` says how: as numbers, texts or dates; or only counted, because it is `personal`, an `identifier`,
    `empty`, or `unknown`: nothing says that its values are not personal. `distinct` counts different values.
    `unreadable` is the number of delivered values that cannot be read as `type` (Bronze only).
    """

    name: str
    type: str
    meaning: str
    unit: str | None
    shown: Shown
    rows: int
    missing: int
    distinct: int
    unreadable: int | None = None
    numbers: Numbers | None = None
    texts: Texts | None = None
    dates: Dates | None = None

    @property
    def is_telling(self) -> bool:
        """True where a picture shows more than a line of words: values differ, and among many texts some
        stand out.
        """
        if self.distinct < 2 or not (self.numbers or self.texts or self.dates):
            return False
        if self.texts is None or self.distinct <= MANY_TEXTS:
            return True
        return self.texts.top[0][1] * self.distinct > STANDS_OUT * (self.rows - self.missing)

    @property
    def missing_share(self) -> float | None:
        return self.missing / self.rows if self.rows else None


@dataclass(frozen=True)
class TableProfile:
    """One table, or a brand's rows of it."""

    name: str
    grain: str
    meaning: str
    rows: int
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class _Asked:
    """A column to look at: the expression that reads it, that which is not NULL where something was
    delivered.
    """

    name: str
    type: str
    meaning: str
    unit: str | None
    shown: Shown
    value: str
    delivered: str | None = None


def is_of_brands(contract: Contract) -> bool:
    """True where every row belongs to one brand. Rows of customers that brands share do not: they are the
    group's.
    """
    column = contract.columns.get(BRAND_COLUMN)
    return column is not None and column.meaning.strip() == BRAND_MEANING


def profile_table(
    connection: duckdb.DuckDBPyConnection, contract: Contract, brand: Brand | None
) -> TableProfile:
    """A table with a contract, or a brand's rows of it. The connection has it under its name."""
    asked = [
        _Asked(name, column.type, column.meaning, column.unit, _how(name, column, contract), quoted(name))
        for name, column in contract.columns.items()
        if not (brand and name == BRAND_COLUMN)
    ]
    where = f" WHERE {BRAND_COLUMN} = {text(brand.name)}" if brand else ""
    relation = f"(SELECT * FROM {contract.table}{where})"
    return _profile(connection, contract.table, contract.grain, contract.meaning.strip(), relation, asked)


def profile_source(
    connection: duckdb.DuckDBPyConnection, brand: Brand, source: str, batches: Sequence[Batch]
) -> TableProfile:
    """A brand's source in Bronze: text as delivered, read in the types that `brand.yml` declares."""
    name = bronze_table(brand.name, source)
    of_source = [
        b
        for b in batches
        if (b.source_system, b.source_table) == (brand.name, source) and b.status != "repeat"
    ]
    there = connection.sql(f"SELECT * FROM {name} LIMIT 0").columns
    known, personal = _carried_columns(brand)
    asked = []
    for column, declared in brand.sources[source].columns.items():
        declared_nulls = brand.sources[source].null_values
        empty = ", ".join(text(v) for v in ["", *(NULL_WORDS if declared_nulls is None else declared_nulls)])
        cell = f"trim({quoted(column)})" if declared_nulls else f"upper(trim({quoted(column)}))"
        delivered = f"CASE WHEN {cell} NOT IN ({empty}) THEN 1 END"
        typed = to_duckdb(f"SELECT {typed_column(brand, source, column, of_source)}").removeprefix("SELECT ")
        is_measure = declared.type in ("number", "percent", "boolean")
        shown: Shown = _SHOWN[declared.type]
        if column in personal:
            shown = "personal"
        elif column not in known and not is_measure:
            shown = "unknown"
        header = ", ".join(declared.header or ())
        asked.append(
            _Asked(
                column, declared.type, f"Header: {header}" if header else "", None, shown, typed, delivered
            )
        )
    extra = [c for c in there if c not in brand.sources[source].columns and c not in ADDED_COLUMNS]
    asked += [
        _Asked(c, "text", "Not declared in brand.yml", None, "unknown", f"nullif(trim({quoted(c)}), '')")
        for c in extra
    ]
    grain = f"one delivered row of {brand.label}'s {source}"
    return _profile(
        connection, name, grain, "As delivered; read in the types that brand.yml declares.", name, asked
    )


_SHOWN: dict[str, Shown] = {
    "text": "text", "code": "text", "id": "text", "boolean": "text", "number": "number", "percent": "number",
    "date": "date", "timestamp": "date",
}  # fmt: skip


def _how(name: str, column: ColumnContract, contract: Contract) -> Shown:
    if column.pii != "none":
        return "personal"
    if column.type in ("date", "timestamp"):
        return "date"
    if column.type in ("string", "boolean"):
        return "text"
    is_position = column.type == "bigint" and (name in contract.key or name.endswith("source_row"))
    return "identifier" if is_position else "number"


def _carried_columns(brand: Brand) -> tuple[set[str], set[str]]:
    """Columns of a brand's sources that its staging SQL carries into the lakehouse, and those of them that
    are personal there.

    Read by name, over all sources of the brand: whatever a personal column may be made of counts as personal.
    """
    known: set[str] = set()
    personal: set[str] = set()
    for contract in brand_contracts():
        file = brand_file(brand, contract)
        if not file.exists():
            continue
        for query in brand_queries(brand, file):
            read = {
                alias: {c.name for c in found.find_all(exp.Column)}
                for found in query.find_all(exp.Alias)
                if (alias := found.alias)
            }
            given = set(contract.columns) & set(query.named_selects)
            known |= _reached(given, read)
            personal |= _reached({column for column in given if contract.columns[column].pii != "none"}, read)
    return known, personal


def _reached(names: set[str], read: dict[str, set[str]]) -> set[str]:
    """All names that these are made of, through every step of a query."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        if (name := todo.pop()) not in found:
            found.add(name)
            todo += read.get(name, ())
    return found


def _profile(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    grain: str,
    meaning: str,
    relation: str,
    asked: list[_Asked],
) -> TableProfile:
    """One pass counts rows and missing values of all columns; then one per column that is shown."""
    counts = [
        f"count({a.value}), approx_count_distinct({a.value}),"
        f" {f'count({a.delivered})' if a.delivered else 'NULL'}"
        for a in asked
    ]
    rows, *found = connection.execute(
        f"SELECT {', '.join(['count(*)', *counts])} FROM {relation}"
    ).fetchall()[0]
    columns = []
    for n, column in enumerate(asked):
        values, distinct, delivered = found[3 * n : 3 * n + 3]
        columns.append(_column(connection, column, relation, rows, values, distinct, delivered))
    return TableProfile(name, grain, meaning, rows, tuple(columns))


def _column(
    connection: duckdb.DuckDBPyConnection,
    asked: _Asked,
    relation: str,
    rows: int,
    values: int,
    distinct: int,
    delivered: int | None,
) -> Column:
    given = values if delivered is None else delivered
    about = Column(asked.name, asked.type, asked.meaning, asked.unit, asked.shown, rows, rows - given, 0)
    if delivered is not None:
        about = replace(about, unreadable=delivered - values)
    if not values:
        return replace(about, shown=asked.shown if asked.shown in ("personal", "unknown") else "empty")
    if asked.shown == "text" and rows > FEW_ROWS and distinct > IDENTIFIER_SHARE * rows:
        about = replace(about, shown="identifier")
    if about.shown in ("personal", "unknown", "identifier"):
        different = (
            f"SELECT count(DISTINCT hash({asked.value})) FROM {relation} WHERE {asked.value} IS NOT NULL"
        )
        return replace(about, distinct=connection.execute(different).fetchall()[0][0])
    counted = Counted(
        connection, f"CAST({asked.value} AS DATE)" if about.shown == "date" else asked.value, relation
    )
    about = replace(about, distinct=counted.distinct)
    if about.shown == "number":
        return replace(about, numbers=counted.numbers())
    if about.shown == "date":
        return replace(about, dates=counted.dates())
    return replace(about, texts=counted.texts())
