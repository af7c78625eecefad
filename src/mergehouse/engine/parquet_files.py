"""Parquet files of a query's rows by DuckDB, with the statistics that Delta keeps of them."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from mergehouse.contracts.contract import Contract
from mergehouse.engine import Relation
from mergehouse.engine.duckdb_errors import sql_errors
from mergehouse.errors import LakehouseError, ModelError
from mergehouse.lakehouse.files import StagedFile, minimum_and_maximum
from mergehouse.lakehouse.reader import text
from mergehouse.storage import write_failure

TARGET_FILE_SIZE = "8MB"  # what a changed row makes a run write again
DICTIONARY_VALUES = 16_384  # in a row group; DuckDB's own 24,576 takes 7 % longer, for as many bytes


def partitioned(
    session: duckdb.DuckDBPyConnection, contract: Contract, kept: str | Relation, count: int, folder: Path
) -> tuple[StagedFile, ...]:
    """Files of so many rows that are in memory, partition by partition: DuckDB's own way sorts out rows one
    by one.
    """
    if not contract.partition_by:
        return copied(session, contract, f"FROM {kept}", folder, {}, count)
    columns = ", ".join(contract.partition_by)
    files: tuple[StagedFile, ...] = ()
    for values in session.execute(f"SELECT DISTINCT {columns} FROM {kept}").fetchall():
        if None in values:
            raise ModelError(
                f"`{contract.table}`: rows without a value in {columns}, by which the table is partitioned."
            )
        partition = dict(zip(contract.partition_by, map(str, values), strict=True))
        own = " AND ".join(f"{column} = {text(value)}" for column, value in partition.items())
        place = folder.joinpath(*(f"{column}={value}" for column, value in partition.items()))
        try:
            place.mkdir(parents=True)
        except OSError as error:
            raise LakehouseError(write_failure(contract.table, folder, error)) from None
        files += copied(
            session,
            contract,
            f"SELECT * EXCLUDE ({columns}) FROM {kept} WHERE {own}",
            place,
            partition,
            count,
        )
    return files


def copied(
    session: duckdb.DuckDBPyConnection,
    contract: Contract,
    rows: str,
    folder: Path,
    partition: dict[str, str],
    count: int = DICTIONARY_VALUES,
) -> tuple[StagedFile, ...]:
    """Parquet files of one partition, or of a table without any. Of no more than `count` rows, where
    that is known: room is made for as many values, column by column, before the first is written.
    """
    values = max(1, min(count, DICTIONARY_VALUES))
    copy = (
        f"COPY ({rows}) TO {text(str(folder))} (FORMAT parquet, COMPRESSION snappy, WRITE_BLOOM_FILTER"
        f" false, DICTIONARY_SIZE_LIMIT {values}, FILE_SIZE_BYTES '{TARGET_FILE_SIZE}',"
        " RETURN_STATS true, OVERWRITE_OR_IGNORE true)"
    )
    with sql_errors(contract.table, folder):
        written = session.execute(copy).fetchall()
    files = [
        (Path(name), count, size, partition, _stats(contract, stats))
        for name, count, size, _footer, stats, *_ in written
    ]
    return tuple(StagedFile(*file) for file in files if file[1])


def _stats(contract: Contract, stats: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Delta file statistics from what DuckDB returns, so that readers can skip files."""
    by_name = {name.strip('"'): values for name, values in stats.items()}
    bounds = [
        (
            name,
            bound(column.type, by_name[name]["min"], -math.inf),
            bound(column.type, by_name[name]["max"], math.inf),
        )
        for name, column in contract.columns.items()
        if "min" in by_name.get(name, {}) and "max" in by_name[name]
    ]
    nulls = {name: int(values["null_count"]) for name, values in by_name.items() if "null_count" in values}
    return {**minimum_and_maximum(bounds), "nullCount": nulls}


def bound(kind: str, value: str, outward: float) -> Any:
    """A bound as Delta's JSON has it. Decimals become floats, moved `outward` where rounding would cut a
    value off.

    Every column needs its bounds: readers take a missing one for "no row fits".
    """
    if kind == "boolean":
        return value == "1"
    if kind in ("int", "bigint"):
        return int(value)
    if kind.startswith("decimal"):
        number = float(value)
        exact = Decimal(number) == Decimal(value) or (Decimal(number) > Decimal(value)) == (outward > 0)
        return number if exact else math.nextafter(number, outward)
    if kind == "timestamp":
        return value.replace("+00", "").replace(" ", "T") + "Z"
    return value
