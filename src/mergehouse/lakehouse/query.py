"""`mergehouse query`: one SELECT over the lakehouse, as a table, CSV, JSON or a Parquet file."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from mergehouse.display import visible
from mergehouse.errors import LakehouseError, MergehouseError
from mergehouse.json_text import json_text
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import column_names, database, frame, shared
from mergehouse.machine import unwritable

FORMATS = ("table", "csv", "json", "parquet")
ROWS_SHOWN = 50
NUMBER = re.compile(r"DECIMAL\(.*\)|DOUBLE|FLOAT|\w*INT(EGER)?")
ALL_TABLES = "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables ORDER BY name"


def run_query(lakehouse: Lakehouse, sql: str, output: str | None = None, to: Path | None = None) -> str:
    """Runs the query and returns text, or writes `to` and returns its path. Without `output` it is a table,
    in a file what its ending says.

    The connection reads the lakehouse's files and nothing else. `SHOW TABLES` lists its tables. Raises
    MergehouseError on anything but one SELECT, on an unknown format, and with the engine's message where the
    SQL is wrong.

    >>> print(run_query(mh.open("shop"), "SELECT label, currency FROM gold.dim_brand", "csv"), end="")
    label,currency
    Shop,EUR
    >>> run_query(mh.open("shop"), "DROP TABLE gold.dim_brand")
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: expected exactly one SELECT statement.
    """
    output = output or (_format_of(to) if to else "table")
    if output not in FORMATS:
        raise MergehouseError(f"--format {output}: expected one of {', '.join(FORMATS)}.")
    if output == "parquet" and to is None:
        raise MergehouseError("--format parquet writes a file: name it with --to FILE.")
    if not lakehouse.tables():
        raise LakehouseError(f"{lakehouse.location} holds no tables yet; `mergehouse run` builds them.")
    with _engine_errors():
        relation = relation_of(lakehouse, sql)
        return _as_file(relation, output, to) if to else _as_text(relation, output)


def relation_of(lakehouse: Lakehouse, sql: str) -> duckdb.DuckDBPyRelation:
    """One SELECT, or `SHOW TABLES`, over the tables of a lakehouse. Raises LakehouseError on anything else,
    and with the engine's message where the SQL is wrong.

    >>> relation_of(mh.open("shop"), "SELECT nobody FROM gold.dim_brand")
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: the query failed: Binder Error: Referenced column "nobody" not found ...
    """
    with _engine_errors():
        statements = shared().extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise LakehouseError("expected exactly one SELECT statement.")
        asked = ALL_TABLES if sql.upper().strip("; \n").split() == ["SHOW", "TABLES"] else sql
        return database_for(lakehouse, asked).sql(asked)


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.IOException as error:
        mend = "Where a file is gone: `mergehouse check` says of which table, `mergehouse run` mends it."
        raise LakehouseError(f"the query failed: {error}\n{mend}") from None
    except duckdb.Error as error:
        raise LakehouseError(f"the query failed: {error}") from None


def database_for(lakehouse: Lakehouse, sql: str) -> duckdb.DuckDBPyConnection:
    """A connection for one query that can read the lakehouse's files and nothing else.

    The tables whose names occur in the query are views: to open all of them takes a third of a second. Where
    none occurs all are there, so that DuckDB can name the nearest; not those of an object store, which would
    be copied.

    >>> connection = database_for(mh.open("shop"), "SELECT label FROM gold.dim_brand")
    >>> connection.sql("SELECT label FROM gold.dim_brand").fetchall()
    [('Shop',)]
    >>> connection.sql("FROM read_text('/etc/hostname')")
    Traceback (most recent call last):
    _duckdb.PermissionException: ...
    """
    names = lakehouse.tables()
    # by text: DuckDB's get_table_names binds the query, and refuses USING over tables it does not know
    named = [
        name
        for name in names
        if re.search(r"\b" + name.replace(".", r'"?\s*\.\s*"?') + r"\b", sql, re.IGNORECASE)
    ]
    connection = database(lakehouse.root.resolve())
    if named or lakehouse.is_remote:
        return lakehouse.reading(*named, connection=connection)
    for name in names:
        with suppress(LakehouseError, duckdb.Error):  # what cannot be read stops no query without it
            lakehouse.reading(name, connection=connection)
    return connection


def _format_of(file: Path) -> str:
    ending = file.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise MergehouseError(
            f"--to {file}: its ending says no format. Say --format csv, json, parquet or table."
        )
    return ending


def _as_file(relation: duckdb.DuckDBPyRelation, output: str, to: Path) -> str:
    try:
        if output == "parquet":
            with _columns_of(output):
                frame(relation).write_parquet(to)
        else:
            to.write_text(_as_text(relation, output), encoding="utf-8")
    except OSError as error:
        raise MergehouseError(unwritable(to, error)) from None
    return str(to)


def _as_text(relation: duckdb.DuckDBPyRelation, output: str) -> str:
    if output == "csv":
        with _columns_of(output):
            return frame(relation).write_csv()
    if output == "json":
        names = column_names(relation)
        return json_text([dict(zip(names, row, strict=True)) for row in relation.fetchall()])
    return _table(relation)


@contextmanager
def _columns_of(output: str) -> Iterator[None]:
    """Within, a column that a format has no form for is a MergehouseError."""
    from polars.exceptions import ComputeError

    try:
        yield
    except ComputeError as error:
        said = str(error).splitlines()[0].split(". ")[0]
        raise MergehouseError(
            f"--format {output}: {said}. CAST such a column AS VARCHAR, or say --format json."
        ) from None


def _table(relation: duckdb.DuckDBPyRelation) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = relation.limit(ROWS_SHOWN + 1).fetchall()
    table = Table(box=None, pad_edge=False, header_style="bold")
    numeric = [bool(NUMBER.fullmatch(str(kind))) for kind in relation.types]
    for name, right in zip(relation.columns, numeric, strict=True):
        table.add_column(Text(visible(name)), justify="right" if right else "left", overflow="fold")
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*(Text(_cell(value)) for value in row))
    text = io.StringIO()
    Console(file=text, width=max(80, 24 * len(relation.columns))).print(table)
    more = f"(first {ROWS_SHOWN} rows; --format csv gives all)\n" if len(rows) > ROWS_SHOWN else ""
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n" + more


def _cell(value: Any) -> str:
    return "" if value is None else visible(str(value))
