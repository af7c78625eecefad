"""A contract as Delta has it: the schema and properties of its table, and rows of its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import delta_type, duckdb_type
from mergehouse.lakehouse.reader import shared

if TYPE_CHECKING:
    from deltalake import Schema


def delta_schema(contract: Contract) -> Schema:
    """Columns, types and meanings, as Delta writes them.

    >>> from mergehouse.contracts.registry import contract_of
    >>> delta_schema(contract_of("gold.dim_brand")).fields[0].name
    'source_system'
    """
    from deltalake import Field, Schema
    from deltalake.schema import PrimitiveType

    return Schema(
        [
            Field(
                name,
                PrimitiveType(delta_type(column.type)),
                nullable=column.nullable,
                metadata={"comment": column.meaning},
            )
            for name, column in contract.columns.items()
        ]
    )


def properties(contract: Contract) -> dict[str, Any]:
    """What a table is made with, besides its columns.

    >>> from mergehouse.contracts.registry import contract_of
    >>> properties(contract_of("gold.sales_daily"))["partition_by"]
    ['source_system']
    """
    return {
        "partition_by": contract.partition_by,
        "name": contract.table,
        "description": contract.meaning.strip()[:1000],
        "configuration": {"delta.appendOnly": "true"} if contract.append_only else None,
    }


def arrow_rows(contract: Contract, rows: list[list[Any]]) -> Any:
    """A few rows, given as values in the order of a contract's columns, as an Arrow table of its types.

    >>> from mergehouse.contracts.registry import contract_of
    >>> arrow_rows(contract_of("gold.dim_brand"), [["shop", "Shop", "EUR", "UTC", None, None, None]]).num_rows
    1
    """
    from arro3.core import Schema, Table

    columns = [f'unnest(?::{duckdb_type(kind)}[]) AS "{name}"' for name, kind in contract.types.items()]
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    few = Table.from_arrow(shared().sql(f"SELECT {', '.join(columns)}", params=values))
    return few.with_schema(Schema.from_arrow(delta_schema(contract)))
