"""What engines and formats call the types of columns: the only type map.

Contracts speak Spark SQL, in lower case: `string`, `decimal(18,2)`. Plain Python, for the notebook on Fabric
carries this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

EXACT = r"string|date|timestamp|boolean|int|bigint|decimal\(\d{1,2},\d{1,2}\)"  # what a release may hold
DECLARED = rf"{EXACT}|double"  # what a contract may: time spent is no money


class Type(NamedTuple):
    """What a type is called elsewhere. Decimals, which are not in `TYPES`, have one name everywhere."""

    duckdb: str
    delta: str
    polars: str


TYPES = {
    "string": Type("VARCHAR", "string", "String"),
    "date": Type("DATE", "date", "Date"),
    "timestamp": Type("TIMESTAMPTZ", "timestamp", "Datetime"),
    "timestamp_ntz": Type("TIMESTAMP", "timestamp_ntz", "Datetime"),  # in tables that others write
    "boolean": Type("BOOLEAN", "boolean", "Boolean"),
    "int": Type("INTEGER", "integer", "Int32"),
    "bigint": Type("BIGINT", "long", "Int64"),
    "double": Type("DOUBLE", "double", "Float64"),
}
SOURCE_TYPES = {  # what Spark SQL reads the types of brand.yml as
    "text": "STRING", "code": "STRING", "id": "STRING", "boolean": "BOOLEAN",
    "number": "DECIMAL(20, 9)", "percent": "DECIMAL(20, 9)", "date": "DATE", "timestamp": "TIMESTAMP_NTZ",
}  # fmt: skip
_OF_DUCKDB = {names.duckdb: kind for kind, names in TYPES.items()} | {"TIMESTAMP WITH TIME ZONE": "timestamp"}
_OF_DELTA = {names.delta: kind for kind, names in TYPES.items()}


def duckdb_type(kind: str) -> str:
    """A contract's type as DuckDB calls it.

    >>> duckdb_type("string"), duckdb_type("timestamp"), duckdb_type("decimal(18,2)")
    ('VARCHAR', 'TIMESTAMPTZ', 'DECIMAL(18,2)')
    """
    return TYPES[kind].duckdb if kind in TYPES else kind.upper()


def delta_type(kind: str) -> str:
    """A contract's type as Delta calls it.

    >>> delta_type("bigint"), delta_type("decimal(18,2)")
    ('long', 'decimal(18,2)')
    """
    return TYPES[kind].delta if kind in TYPES else kind


def of_duckdb(name: str) -> str:
    """A contract's word for a type of DuckDB's.

    >>> of_duckdb("TIMESTAMP WITH TIME ZONE"), of_duckdb("DECIMAL(18,2)")
    ('timestamp', 'decimal(18,2)')
    """
    return _OF_DUCKDB.get(name, name.lower())


def of_delta(name: str) -> str:
    """A contract's word for a primitive type of Delta's.

    >>> of_delta("long")
    'bigint'
    """
    return _OF_DELTA.get(name, name)


def spark_schema(types: Mapping[str, str]) -> str:
    """Columns and their types as Spark takes a schema.

    >>> spark_schema({"id": "bigint", "note": "string"})
    '`id` bigint, `note` string'
    """
    return ", ".join(f"`{name}` {kind}" for name, kind in types.items())


def frame_schema(types: Mapping[str, str]) -> dict[str, Any]:
    """Columns and their types in Polars. Decimals are floats there, and rounded when they are stored.

    >>> frame_schema({"id": "bigint", "price": "decimal(18,2)"})
    {'id': Int64, 'price': Float64}
    """
    import polars as pl

    def of(kind: str) -> Any:
        if kind == "timestamp":
            return pl.Datetime("us", "UTC")
        return getattr(pl, TYPES[kind].polars) if kind in TYPES else pl.Float64

    return {name: of(kind) for name, kind in types.items()}
