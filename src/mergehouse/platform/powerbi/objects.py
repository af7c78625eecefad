"""What a semantic model is made of, in Microsoft's terms. Names are those that people read in Power BI.

Source of the terms: Microsoft's pages on the Tabular Object Model and on TMDL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

Mode = Literal["direct-lake", "import", "directquery"]
MODES: tuple[Mode, ...] = ("direct-lake", "import", "directquery")
_Found = TypeVar("_Found")
DataType = Literal["string", "int64", "decimal", "double", "dateTime", "boolean"]


@dataclass(frozen=True)
class Column:
    """`source`: the column of the lakehouse's table, or `[Name]` of a calculated table. `sort_by`: the column
    of the same table by which values stand in order. `fields`: of a field parameter, the column that holds
    which field is meant.
    """

    name: str
    source: str
    type: DataType
    meaning: str = ""
    format: str = ""
    is_hidden: bool = False
    is_key: bool = False
    sort_by: str = ""
    category: str = ""
    fields: str = ""


@dataclass(frozen=True)
class Measure:
    """`kpi`: the name in the catalogue of the KPI that it is, or is a variant of; empty where it is neither.

    `format` is a format string of Power BI; empty for texts.
    """

    name: str
    dax: str
    meaning: str
    format: str = ""
    folder: str = ""
    is_hidden: bool = False
    kpi: str = ""


@dataclass(frozen=True)
class Hierarchy:
    """Its levels are columns of its table, the widest first."""

    name: str
    levels: tuple[str, ...]
    meaning: str = ""


Use = Literal["", "what-if", "field parameter"]


@dataclass(frozen=True)
class Table:
    """A table of the lakehouse (`entity`, such as `gold.sales_daily`), or one that DAX makes (`dax`), never
    both. `is_date`: the calendar. `use`: what a table that DAX makes is for.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    entity: str = ""
    dax: str = ""
    measures: tuple[Measure, ...] = ()
    hierarchies: tuple[Hierarchy, ...] = ()
    is_date: bool = False
    use: Use = ""

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def named(self, source: str) -> str:
        """What a column of the lakehouse's table is called here."""
        return next(column.name for column in self.columns if column.source == source)


@dataclass(frozen=True)
class Relationship:
    """From the many to the one, whose filters reach the many."""

    from_table: str
    from_column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class Role:
    """Who belongs to it sees of each table in `rows` those rows for which its DAX is true, and none of
    `hidden`, columns by table. What the tables show beyond that is not cut: it tells of nobody.
    """

    name: str
    meaning: str
    rows: dict[str, str]
    hidden: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class SemanticModel:
    """All of its parts in the order in which they are written."""

    name: str
    mode: Mode
    tables: tuple[Table, ...]
    relationships: tuple[Relationship, ...]
    roles: tuple[Role, ...]
    location: str = ""  # of the tables: what the parameters of the sources say where nobody changes them
    brands: tuple[str, ...] = ()  # their labels, in the order of their colours

    def has_table(self, name: str) -> bool:
        return any(table.name == name for table in self.tables)

    def table(self, name: str) -> Table:
        """Raises KeyError where there is none, as do the following."""
        return _only([table for table in self.tables if table.name == name], name)

    def column(self, table: str, name: str) -> Column:
        return _only([each for each in self.table(table).columns if each.name == name], f"{table}[{name}]")

    def has_measure(self, name: str) -> bool:
        return any(measure.name == name for table in self.tables for measure in table.measures)

    def measure(self, name: str) -> tuple[Table, Measure]:
        """A measure and the table it stands in; no two measures of a model have the same name."""
        found = [(table, each) for table in self.tables for each in table.measures if each.name == name]
        return _only(found, f"[{name}]")


def _only(found: list[_Found], name: str) -> _Found:
    if len(found) != 1:
        raise KeyError(name)
    return found[0]
