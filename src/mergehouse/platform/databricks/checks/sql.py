"""The SQL of a catalog: that every statement can be read, names what is there, and that nobody may read a
table before its filter.

Tables and functions are read by SQLGlot. Of the other statements, most of which it does not know, each must
be one of the forms of `OWN_FORMS`, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from mergehouse.platform.databricks.checks.metric_view import metric_view_faults
from mergehouse.platform.databricks.statements import statements_of

NAME = r"(?:`(?:[^`]|``)+`)"
PATH = rf"{NAME}(?:\.{NAME}){{0,2}}"
TEXT = r"'(?:[^'\\]|\\.)*'"
LIST = rf"\((?P<on>(?:{NAME}(?:, {NAME})*)?)\)"
OWN_FORMS = {
    "schema": rf"CREATE SCHEMA IF NOT EXISTS {PATH} COMMENT {TEXT}",
    "words": rf"COMMENT ON TABLE (?P<table>{PATH}) IS {TEXT}",
    "column": rf"ALTER TABLE (?P<table>{PATH}) ALTER COLUMN (?P<column>{NAME}) COMMENT {TEXT}",
    "catalog": rf"CREATE CATALOG IF NOT EXISTS {NAME} COMMENT {TEXT}",
    "volume": rf"CREATE VOLUME IF NOT EXISTS {PATH} COMMENT {TEXT}",
    "tag": rf"ALTER TABLE (?P<table>{PATH}) ALTER COLUMN (?P<column>{NAME}) SET TAGS \({TEXT} = {TEXT}\)",
    "filter": rf"ALTER TABLE (?P<table>{PATH}) SET ROW FILTER (?P<function>{PATH}) ON {LIST}",
    "mask": rf"ALTER TABLE (?P<table>{PATH}) ALTER COLUMN (?P<column>{NAME}) SET MASK (?P<function>{PATH})"
    rf"(?: USING COLUMNS {LIST})?",
    "grant": rf"GRANT (?P<privileges>[A-Z ,]+) ON (?P<kind>CATALOG|SCHEMA|TABLE) (?P<table>{PATH})"
    rf" TO (?P<group>{NAME})",
    "view": rf"CREATE OR REPLACE VIEW (?P<table>{PATH}) WITH METRICS LANGUAGE YAML AS"
    r" \$\$\n(?P<yaml>.*)\$\$",
}
PRIVILEGES = {
    "CATALOG": {"USE CATALOG"},
    "SCHEMA": {"USE SCHEMA", "SELECT", "MODIFY"},
    "TABLE": {"SELECT", "MODIFY"},
}
FUNCTIONS = ("get",)  # of Databricks that SQLGlot does not know
Columns = dict[str, str]


@dataclass
class _Seen:
    """What the statements so far have made: names as SQL writes them."""

    tables: dict[str, Columns] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)  # types of parameters
    groups: set[str] = field(default_factory=set)  # that functions ask for
    filtered: set[str] = field(default_factory=set)
    masked: set[tuple[str, str]] = field(default_factory=set)
    views: dict[str, str] = field(default_factory=dict)
    catalogs: set[str] = field(default_factory=set)


def catalog_faults(scripts: Mapping[str, str]) -> tuple[list[str], dict[str, Columns]]:
    """What is wrong with the SQL files of one catalog, in the order in which they are run; and the tables
    that they make, by `schema.table`, with the types of their columns.

    >>> catalog_faults({"1.sql": "SELECT 1"})
    (['1.sql: `SELECT 1`: not one of the statements that define a catalog.'], {})
    """
    seen, found = _Seen(), []
    for name in sorted(scripts):
        for statement in statements_of(scripts[name]):
            shown = " ".join(statement.split())[:100]
            found += [f"{name}: `{shown}`: {fault}" for fault in _faults(statement, seen)]
    for table in seen.tables.keys() - seen.filtered:
        if _schema(table) == "`gold`":
            found.append(f"{name}: {table} has no row filter.")
    if len(seen.catalogs) > 1:
        found.append(f"{name}: names of several catalogs: {', '.join(sorted(seen.catalogs))}.")
    return found, {".".join(_parts(table)[1:]): columns for table, columns in seen.tables.items()}


def _faults(statement: str, seen: _Seen) -> Iterator[str]:
    for form, text in OWN_FORMS.items():
        if found := re.fullmatch(text, statement, re.DOTALL):
            yield from _own(form, found, seen)
            return
    try:
        tree = sqlglot.parse_one(statement, read="databricks")
    except SqlglotError as error:
        yield f"cannot be read: {str(error).splitlines()[0]}"
        return
    if isinstance(tree, exp.Create) and tree.kind == "TABLE":
        _table(tree, seen)
    elif isinstance(tree, exp.Create) and tree.kind == "FUNCTION":
        yield from _function(tree, seen)
    else:
        yield "not one of the statements that define a catalog."


def _table(tree: exp.Create, seen: _Seen) -> None:
    schema = tree.this
    kinds = {
        f"`{column.name}`": column.args["kind"].sql("databricks") for column in schema.find_all(exp.ColumnDef)
    }
    table = schema.this.sql("databricks")
    seen.tables[table] = {name.strip("`"): kind for name, kind in kinds.items()}
    seen.catalogs.add(_parts(table)[0])


def _function(tree: exp.Create, seen: _Seen) -> Iterator[str]:
    parameters = {column.name: column.args["kind"].sql("databricks") for column in tree.this.expressions}
    name, body = tree.this.this.sql("databricks"), tree.expression
    seen.functions[name] = list(parameters.values())
    seen.catalogs.add(_parts(name)[0])
    own = {inner.name for found in body.find_all(exp.Lambda) for inner in found.expressions}
    for column in body.find_all(exp.Column):
        if not column.find_ancestor(exp.Select) and column.name not in {*parameters, *own}:
            yield f"its body asks for `{column.name}`, which it is not given."
    for table in body.find_all(exp.Table):
        yield from _there(table.sql("databricks"), seen)
    for asked in body.find_all(exp.Anonymous):
        if asked.name.lower() == "is_account_group_member":
            seen.groups.add(asked.expressions[0].name)
        elif asked.name.lower() not in FUNCTIONS:
            yield f"no function of Databricks is known here by the name of {asked.name}."


def _own(form: str, found: re.Match[str], seen: _Seen) -> Iterator[str]:
    given = found.groupdict()
    if form == "words":
        yield from _there(given["table"], seen)
    elif form in ("tag", "column"):
        yield from _column(found, seen)
        if form == "tag" and (given["table"], given["column"]) not in seen.masked:
            yield "a column that is tagged has no mask."
    elif form == "filter":
        yield from _there(given["table"], seen)
        yield from _call(given["table"], given["function"], given["on"], seen)
        seen.filtered.add(given["table"])
    elif form == "mask":
        yield from _column(found, seen)
        seen.masked.add((given["table"], given["column"]))
        others = f", {given['on']}" if given["on"] else ""
        yield from _call(given["table"], given["function"], given["column"] + others, seen)
    elif form == "view":
        table, faults = metric_view_faults(
            given["yaml"], {".".join(_parts(name)): columns for name, columns in seen.tables.items()}
        )
        seen.views[given["table"]] = table
        yield from faults
    elif form == "grant":
        yield from _grant(given, seen)


def _grant(given: dict[str, str], seen: _Seen) -> Iterator[str]:
    kind, table = given["kind"], given["table"]
    for privilege in given["privileges"].split(", "):
        if privilege not in PRIVILEGES[kind]:
            yield f"there is no privilege `{privilege}` on a {kind.lower()}."
    if given["group"].strip("`").replace("``", "`") not in seen.groups:
        yield f"no row filter asks for the group {given['group']}."
    if kind == "TABLE":
        if table not in seen.views:
            yield from _there(table, seen)
        read = seen.views.get(table, table)
        if read in seen.tables and read not in seen.filtered:
            yield "nobody may read a table before its row filter."


def _there(table: str, seen: _Seen) -> Iterator[str]:
    if table not in seen.tables:
        yield f"there is no table {table}."


def _column(found: re.Match[str], seen: _Seen) -> Iterator[str]:
    table, column = found["table"], found["column"].strip("`")
    yield from _there(table, seen)
    if column not in seen.tables.get(table, {column: ""}):
        yield f"{table} has no column `{column}`."


def _call(table: str, function: str, columns: str, seen: _Seen) -> Iterator[str]:
    """That a filter or mask is given what it takes."""
    if function not in seen.functions:
        yield f"there is no function {function}."
        return
    there, given = seen.tables.get(table, {}), [name.strip("`") for name in columns.split(", ") if name]
    for column in given:
        if column not in there:
            yield f"{table} has no column `{column}`."
    kinds = [there.get(column, "") for column in given]
    if kinds != seen.functions[function]:
        yield f"{function} takes ({', '.join(seen.functions[function])}), not ({', '.join(kinds)})."


def _parts(name: str) -> list[str]:
    return [part[1:-1].replace("``", "`") for part in re.findall(NAME, name)]


def _schema(name: str) -> str:
    return re.findall(NAME, name)[1]
