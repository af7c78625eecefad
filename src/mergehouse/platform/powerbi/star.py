"""The tables of the semantic model and how they are joined: star.yml over the contracts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pydantic import Field

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError
from mergehouse.platform.powerbi.objects import Column, DataType, Hierarchy, Mode, Relationship, Table
from mergehouse.platform.powerbi.ordered_values import ordered_joins
from mergehouse.project.validation import Strict, nearest_known
from mergehouse.project.yaml_file import parse_yaml

STAR = Path(__file__).with_name("star.yml")
BRANDS, BRAND_KEY = "Brand", "source_system"
COUNTRIES, COUNTRY_KEY = "Country", "country_code"
TYPES: dict[str, DataType] = {
    "string": "string", "date": "dateTime", "timestamp": "dateTime", "boolean": "boolean",
    "int": "int64", "bigint": "int64", "double": "double",
}  # fmt: skip
PLACES = 4  # of Power BI's fixed decimal number, which is exact; with more a number is a double there


class StarTable(Strict):
    """A table of star.yml; keys as its first lines say."""

    name: str
    of: str
    only: list[str] = []
    named: dict[str, str] = {}
    hidden: list[str] = []
    sort: dict[str, str] = {}
    hierarchies: dict[str, list[str]] = {}
    modes: list[Mode] = ["direct-lake", "import", "directquery"]
    is_date: bool = False
    is_open: bool = False
    counted: str = ""

    @property
    def contract(self) -> Contract:
        return contract_of(self.of)

    @property
    def columns(self) -> dict[str, ColumnContract]:
        """Of the contract, those that are in the model."""
        return {n: c for n, c in self.contract.columns.items() if not self.only or n in self.only}


class Join(Strict):
    """Table and column of either side."""

    many: tuple[str, str]
    one: tuple[str, str]


class Star(Strict):
    """star.yml."""

    words: dict[str, str]
    columns: dict[str, str]
    tables: list[StarTable] = Field(min_length=1)
    joins: list[Join]
    without_brand: list[str]
    with_country: list[str]

    def within(self, mode: Mode, science: bool = True) -> list[StarTable]:
        """The tables of a mode; without those of the part `science` where a project does without it."""
        return [t for t in self.tables if mode in t.modes and (science or t.contract.part != "science")]


@cache
def star() -> Star:
    """star.yml, once a process. Raises ConfigError where it names a column that its contract does not have.

    >>> star().tables[0].name, star().tables[0].of
    ('Date', 'gold.dim_date')
    """
    found = Star(**parse_yaml(STAR.read_text(encoding="utf-8")))
    for table in found.tables:
        _expect_columns(table)
    known = {table.name: table for table in found.tables}
    for name, column in [end for join in found.joins for end in (join.many, join.one)]:
        _expect(column, known[name], "joins")
    return found


def star_table(given: StarTable, words: Star, measured: frozenset[str] = frozenset()) -> Table:
    """A table as people see it. Hidden are keys that join tables, and `measured`, the columns that measures
    sum up: a column summed by hand knows nothing of what a KPI is.

    >>> [table] = [table for table in star().tables if table.name == "Brand"]
    >>> [(column.name, column.source, column.is_hidden) for column in star_table(table, star()).columns]
    [('Brand key', 'source_system', True), ('Brand', 'label', False)]
    """
    names = {name: given.named.get(name) or _name(name, words) for name in given.columns}
    joined = {
        column for join in words.joins for table, column in (join.many, join.one) if table == given.name
    }
    hidden = {*given.hidden, *measured, *joined - {"date", "customer_id"}, BRAND_KEY}
    kinds = {name: data_type(column.type) for name, column in given.columns.items()}
    columns = tuple(
        Column(
            names[name],
            name,
            kinds[name],
            meaning=_meaning(column),
            format=_format(column, kinds[name]),
            is_hidden=name in hidden,
            is_key=given.contract.key == [name],
            sort_by=names[given.sort[name]] if name in given.sort else "",
        )
        for name, column in given.columns.items()
    )
    hierarchies = tuple(
        Hierarchy(name, tuple(names[level] for level in levels), f"By {', '.join(names[n] for n in levels)}")
        for name, levels in given.hierarchies.items()
    )
    meaning = f"{given.contract.meaning.rstrip('.')}. One row is {given.contract.grain}."
    return Table(
        given.name, meaning, columns, entity=given.of, hierarchies=hierarchies, is_date=given.is_date
    )


def relationships(tables: tuple[Table, ...]) -> tuple[Relationship, ...]:
    """The joins of star.yml between the tables that there are, and those to countries and ordered values.

    >>> relationships(())
    ()
    """
    words, there = star(), {table.name: table for table in tables}
    pairs = [(join.many, join.one) for join in words.joins]
    pairs += [
        ((table.name, BRAND_KEY), (BRANDS, BRAND_KEY))
        for table in tables
        if table.name not in words.without_brand and any(c.source == BRAND_KEY for c in table.columns)
    ]
    joined = [
        Relationship(many, there[many].named(key), one, there[one].named(referred))
        for (many, key), (one, referred) in pairs
        if many in there and one in there
    ]
    countries = [
        Relationship(name, there[name].named(COUNTRY_KEY), COUNTRIES, "Country code")
        for name in words.with_country
        if name in there and COUNTRIES in there
    ]
    return (*joined, *countries, *ordered_joins(tables))


def data_type(kind: str) -> DataType:
    """A contract's type in Power BI. Money is exact there, too.

    >>> data_type("decimal(18,2)"), data_type("decimal(18,8)"), data_type("bigint")
    ('decimal', 'double', 'int64')
    """
    if found := re.fullmatch(r"decimal\(\d+,(\d+)\)", kind):
        return "decimal" if int(found[1]) <= PLACES else "double"
    return TYPES[kind]


def _name(column: str, words: Star) -> str:
    """`first_order_date`: First order date; `gmv_eur`: GMV (EUR)."""
    if column in words.columns:
        return words.columns[column]
    text = " ".join(words.words.get(word, word) for word in column.removeprefix("is_").split("_"))
    return text[0].upper() + text[1:]


def _meaning(column: ColumnContract) -> str:
    return f"{column.meaning}, in {column.unit}" if column.unit and column.unit != "EUR" else column.meaning


def _format(column: ColumnContract, kind: DataType) -> str:
    if kind == "dateTime":
        return "yyyy-mm-dd" if column.type == "date" else "yyyy-mm-dd hh:nn"
    if column.unit == "EUR":
        return "#,0.00"
    if kind == "double" and (column.min, column.max) == (0, 1):
        return "0.0 %"
    if column.type == "bigint":
        return "#,0"
    return {"int64": "0", "decimal": "#,0.##", "double": "#,0.0000"}.get(kind, "")


def _expect_columns(table: StarTable) -> None:
    levels = [level for levels in table.hierarchies.values() for level in levels]
    sorts = [*table.sort, *table.sort.values()]
    given = {"only": table.only, "named": table.named, "hidden": table.hidden, "sort": sorts}
    given["counted"] = [table.counted] if table.counted else []
    for key, names in {**given, "hierarchies": levels}.items():
        for name in names:
            _expect(name, table, key)


def _expect(name: str, table: StarTable, key: str) -> None:
    if name not in table.columns:
        raise ConfigError(
            f"{STAR}: {table.name}: {key}: {table.of} has no column `{name}`"
            f"{nearest_known(name, table.columns)} Was it renamed in the contract? Rename it here, too."
        )
