"""One type map: a contract's type is the same in DuckDB, Delta, Spark and Polars, there and back."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import (
    DECLARED,
    EXACT,
    SOURCE_TYPES,
    TYPES,
    delta_type,
    duckdb_type,
    frame_schema,
    of_delta,
    of_duckdb,
    spark_schema,
)
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import duckdb_types, types_of
from mergehouse.lakehouse.reader import connect
from mergehouse.lakehouse.writing import append_rows
from mergehouse.project.sources import ColumnType

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
VALUES: dict[str, Any] = {
    "string": "é", "date": dt.date(2026, 3, 1), "timestamp": NOON, "boolean": True, "int": -(2**31),
    "bigint": 2**62,
    "double": 0.1, "decimal(18,2)": Decimal("-12.50"), "decimal(9,6)": Decimal("0.000001"),
}  # fmt: skip
NAMES = {  # as their documentation has them
    "string": ("VARCHAR", "string", pl.String), "date": ("DATE", "date", pl.Date),
    "boolean": ("BOOLEAN", "boolean", pl.Boolean),
    "timestamp": ("TIMESTAMP WITH TIME ZONE", "timestamp", pl.Datetime("us", "UTC")),
    "int": ("INTEGER", "integer", pl.Int32),
    "bigint": ("BIGINT", "long", pl.Int64), "double": ("DOUBLE", "double", pl.Float64),
    "decimal(18,2)": ("DECIMAL(18,2)", "decimal(18,2)", pl.Float64),
    "decimal(9,6)": ("DECIMAL(9,6)", "decimal(9,6)", pl.Float64),
}  # fmt: skip
COLUMNS = {re.sub(r"\W+", "_", kind): {"type": kind, "meaning": kind} for kind in NAMES}
EVERY = Contract(
    table="gold.every", grain="one value of each type", meaning="Types", key=["bigint"], columns=COLUMNS
)


@pytest.mark.parametrize("kind", NAMES)
def test_a_type_has_its_name_everywhere(kind: str) -> None:
    in_duckdb, in_delta, in_polars = NAMES[kind]
    described = connect().sql(f"SELECT NULL::{duckdb_type(kind)} AS a").types[0]
    assert str(described) == in_duckdb and of_duckdb(in_duckdb) == of_duckdb(duckdb_type(kind)) == kind
    assert delta_type(kind) == in_delta and of_delta(in_delta) == kind
    assert frame_schema({"a": kind}) == {"a": in_polars}


def test_contracts_declare_what_the_map_knows_and_releases_hold_no_floats() -> None:
    assert all(re.fullmatch(DECLARED, kind) for kind in NAMES)
    assert [kind for kind in NAMES if not re.fullmatch(EXACT, kind)] == ["double"]
    assert {kind for kind in TYPES if not re.fullmatch(DECLARED, kind)} == {"timestamp_ntz"}
    assert set(DECLARED.split("|")) - set(TYPES) == {r"decimal\(\d{1,2},\d{1,2}\)"}
    assert not any(
        re.fullmatch(DECLARED, kind)
        for kind in ("float", "DECIMAL(18,2)", "decimal(18, 2)", "timestamp_ntz", "")
    )


def test_every_type_of_a_source_becomes_one_that_duckdb_and_delta_know() -> None:
    assert set(SOURCE_TYPES) == set(get_args(ColumnType))
    assert {of_delta(kind.lower().replace(", ", ",")) for kind in SOURCE_TYPES.values()} == {
        "string", "decimal(20,9)", "boolean", "date", "timestamp_ntz",
    }  # fmt: skip


def test_values_keep_type_and_value_on_their_way_through_delta(tmp_path: Path) -> None:
    lakehouse = Lakehouse(tmp_path)
    append_rows(
        lakehouse,
        EVERY,
        [[VALUES[kind] for kind in NAMES], [None, None, None, None, None, 7, None, None, None]],
    )
    delta = lakehouse.delta("gold.every")
    assert types_of(delta) == EVERY.types
    assert list(duckdb_types(delta).values()) == [duckdb_type(kind) for kind in NAMES]
    full, empty = lakehouse.query("SELECT * FROM gold.every ORDER BY bigint DESC").fetchall()
    assert dict(zip(NAMES, full, strict=True)) == VALUES
    assert [value for value in empty if value is not None] == [7]


def test_a_local_time_is_no_instant() -> None:
    assert of_duckdb("TIMESTAMP") == of_delta("timestamp_ntz") == "timestamp_ntz"
    assert duckdb_type("timestamp_ntz") == "TIMESTAMP" != duckdb_type("timestamp")


def test_a_schema_for_spark() -> None:
    assert spark_schema({"a": "string", "b c": "decimal(9,6)"}) == "`a` string, `b c` decimal(9,6)"
