"""What can be compared: the tables of a lakehouse, or of a release, opened as views of one DuckDB
connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import released
from mergehouse.contracts.types import duckdb_type, of_duckdb
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import create_view
from mergehouse.release.manifest.duckdb_statistics import open_table, relation
from mergehouse.release.manifest.manifest import Manifest
from mergehouse.storage import RECEIVED, fabric_root, located


@dataclass(frozen=True)
class Side:
    """Tables, by their name without layer, as views in a schema of a connection: column names and DuckDB
    types.
    """

    schema: str
    location: str
    tables: dict[str, dict[str, str]]

    def view(self, table: str) -> str:
        return f"{self.schema}.{table}"


def lakehouse_side(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    location: str,
    layouts: tuple[str, ...] = ("gold", RECEIVED),
) -> Side:
    """The first of `layouts` that is there: Gold tables, or those that a release came into."""
    place = located(Path(), location)
    for layout in layouts:
        root, prefix = (place, "gold.") if layout == "gold" else (f"{fabric_root(place)}/{layout}", "")
        with Lakehouse(root).pinned() as lakehouse:
            there = [name for name in contracts() if lakehouse.exists(f"{prefix}{name}")]
            for name in there:
                create_view(connection, f"{schema}.{name}", lakehouse.delta(f"{prefix}{name}"))
        if there:
            return Side(schema, place, {name: _types(connection, f"{schema}.{name}") for name in there})
    hint = next(
        (
            str(found.parent.parent)
            for found in sorted(Path(place).glob("*/gold/*"))
            if (found / "_delta_log").is_dir()
        ),
        "",
    )
    meant = f" Did you mean {hint}?" if hint else " `mergehouse run` or `mergehouse ingest` brings them."
    raise LakehouseError(
        f"{location}: no table to compare; expected those of a release in"
        f" {' or '.join(f'{name}/' for name in layouts)}.{meant}"
    )


def release_side(
    connection: duckdb.DuckDBPyConnection, schema: str, folder: Path, manifest: Manifest, root: str
) -> Side:
    """The files of a release in a folder of this machine; `root` is where it is from, for people."""
    names = {table.name: table.name.split(".")[1] for table in manifest.tables}
    for table in manifest.tables:
        open_table(
            connection, f"{schema}.{names[table.name]}", [str(folder / file.path) for file in table.files]
        )
    return Side(
        schema,
        f"{root}, release {manifest.version}",
        {name: _types(connection, f"{schema}.{name}") for name in names.values()},
    )


def contracts() -> dict[str, Contract]:
    """Contracts of the Gold tables that are released, by name without layer."""
    return {contract.table.split(".")[1]: contract for contract in released()}


def _types(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    found = connection.execute(f"DESCRIBE {relation(view)}").fetchall()
    return {name: duckdb_type(of_duckdb(kind)) for name, kind, *_ in found}
