"""Tables that Python fills row by row: their contracts are what earlier versions wrote, and go on what these
left behind.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of, contracts
from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import duckdb_types
from mergehouse.lakehouse.writing import append_rows

OLD = {  # as versions up to 0.1.0 wrote them, without contracts: names, types and order
    "monitor.runs": "run_id VARCHAR, started TIMESTAMPTZ, seconds DOUBLE, ok BOOLEAN, new_batches BIGINT,"
    " tables_built BIGINT,"
    " tables_failed BIGINT, findings BIGINT, tables VARCHAR",
    "monitor.quality_results": "run_id VARCHAR, started TIMESTAMPTZ, table_name VARCHAR,"
    " check_name VARCHAR, severity VARCHAR,"
    " failures BIGINT, passed BOOLEAN, why VARCHAR, sample VARCHAR",
    "monitor.schema_history": "run_id VARCHAR, started TIMESTAMPTZ, table_name VARCHAR,"
    " source_file VARCHAR, drift VARCHAR",
    "monitor.freshness": "run_id VARCHAR, started TIMESTAMPTZ, source_system VARCHAR, last_order_date DATE,"
    " last_delivery_ts TIMESTAMPTZ, days_behind BIGINT",
    "monitor.promotions": "recorded_ts TIMESTAMPTZ, action VARCHAR, source_environment VARCHAR,"
    " target_environment VARCHAR,"
    " release_version VARCHAR, manifest_sha256 VARCHAR, outcome VARCHAR, refused_by VARCHAR,"
    " reason VARCHAR, approved_by VARCHAR,"
    " approved_ts TIMESTAMPTZ, note VARCHAR, performed_by VARCHAR, previous_version VARCHAR, gates VARCHAR",
    "bronze.batches": "batch_id VARCHAR, source_system VARCHAR, source_table VARCHAR, source_file VARCHAR,"
    " path VARCHAR,"
    " size_bytes BIGINT, modified_ns BIGINT, status VARCHAR, rows BIGINT, rejected_rows BIGINT,"
    " delimiter VARCHAR, encoding VARCHAR,"
    " formats VARCHAR, drift VARCHAR, ingest_ts TIMESTAMPTZ",
    "bronze.rejected": "source_system VARCHAR, source_table VARCHAR, source_file VARCHAR,"
    " source_line BIGINT, reason_code VARCHAR,"
    " detail VARCHAR, raw_text VARCHAR, batch_id VARCHAR, ingest_ts TIMESTAMPTZ",
    "release_ingests": "ingested_ts TIMESTAMPTZ, release_version VARCHAR, table_name VARCHAR,"
    " status VARCHAR, row_count BIGINT,"
    " inserted BIGINT, updated BIGINT, deleted BIGINT, delta_version BIGINT, message VARCHAR,"
    " manifest_sha256 VARCHAR",
    "release_current": "table_name VARCHAR, release_version VARCHAR, delta_version BIGINT,"
    " row_count BIGINT, manifest_sha256 VARCHAR,"
    " ingested_ts TIMESTAMPTZ",
}  # fmt: skip
VALUES = {
    "string": "ein Wort, é", "timestamp": dt.datetime(2026, 3, 1, 12, 0, 0, 123456, dt.UTC),
    "date": dt.date(2026, 3, 1),
    "boolean": True, "bigint": 2**40, "double": 0.1,
}  # fmt: skip

SINCE = {"bronze.batches": ", content_bytes BIGINT, replaces VARCHAR, doubts VARCHAR, read_as VARCHAR"}


def full(contract: Contract) -> list[Any]:
    return [
        column.values[-1] if column.values else VALUES[column.type] for column in contract.columns.values()
    ]


def sparse(contract: Contract) -> list[Any]:
    """As `full`, with nothing where nothing may be."""
    columns = contract.columns.values()
    return [None if column.nullable else value for column, value in zip(columns, full(contract), strict=True)]


def made_by_hand(folder: Path, contract: Contract) -> None:
    """The table with one row, as before contracts: every column may be empty, none has a comment."""
    connection, values = duckdb.connect(), full(contract)[: OLD[contract.table].count(",") + 1]
    connection.execute(f"CREATE TABLE old ({OLD[contract.table]})")
    connection.execute(f"INSERT INTO old VALUES ({', '.join('?' * len(values))})", values)
    write_deltalake(folder / contract.table.replace(".", "/"), connection.sql("FROM old"), mode="append")


def columns(lakehouse: Lakehouse, name: str) -> list[tuple[str, str, bool]]:
    return [(f.name, str(f.type), f.nullable) for f in lakehouse.delta(name).schema().fields]


def stored(lakehouse: Lakehouse, contract: Contract) -> list[list[Any]]:
    rows = lakehouse.table(contract.table).duckdb().fetchall()
    return sorted(([*row] for row in rows), key=lambda row: sum(value is None for value in row))


def test_every_table_of_the_two_layers_is_looked_at() -> None:
    named = [contract.table for layer in ("bronze", "monitor", "receiver") for contract in contracts(layer)]
    assert sorted(named) == sorted(OLD)
    assert list(contract_of("bronze.batches").columns) == list(Batch.__dataclass_fields__)


@pytest.mark.parametrize("name", OLD)
def test_rows_come_back_as_they_were_given(tmp_path: Path, name: str) -> None:
    lakehouse, contract = Lakehouse(tmp_path), contract_of(name)
    append_rows(lakehouse, contract, [])
    assert not lakehouse.exists(name)
    append_rows(lakehouse, contract, [full(contract)])
    append_rows(lakehouse, contract, [sparse(contract)])
    assert stored(lakehouse, contract) == [full(contract), sparse(contract)]
    delta = lakehouse.delta(name)
    assert delta.version() == 1  # a commit for each, the first of which makes the table
    assert ", ".join(f"{column} {kind}" for column, kind in duckdb_types(delta).items()) == (
        OLD[name] + SINCE.get(name, "")
    )
    found = {field.name: (field.nullable, field.metadata["comment"]) for field in delta.schema().fields}
    assert found == {column: (c.nullable, c.meaning) for column, c in contract.columns.items()}
    assert (delta.protocol().min_reader_version, delta.protocol().min_writer_version) == (1, 2)
    assert delta.metadata().description == contract.meaning.strip() and delta.metadata().name == name


@pytest.mark.parametrize("name", OLD)
def test_tables_of_earlier_versions_go_on(tmp_path: Path, name: str) -> None:
    lakehouse, contract = Lakehouse(tmp_path), contract_of(name)
    made_by_hand(tmp_path, contract)
    before = columns(lakehouse, name)
    append_rows(lakehouse, contract, [sparse(contract)])
    later = [None] * SINCE.get(name, "").count(",")
    first = [*full(contract)[: len(before)], *later]
    assert stored(lakehouse, contract) == [first, sparse(contract)]
    assert columns(lakehouse, name)[: len(before)] == before


@pytest.mark.parametrize("name", OLD)
def test_what_a_contract_says_is_there_is_there(tmp_path: Path, name: str) -> None:
    lakehouse, contract = Lakehouse(tmp_path), contract_of(name)
    append_rows(lakehouse, contract, [full(contract)])
    needed = next(n for n, column in enumerate(contract.columns.values()) if not column.nullable)
    with pytest.raises(Exception, match="non-nullable but contains null"):
        append_rows(
            lakehouse, contract, [[None if n == needed else value for n, value in enumerate(full(contract))]]
        )
    assert lakehouse.delta(name).version() == 0


@pytest.mark.parametrize("name", OLD)
def test_the_audit_trail_alone_refuses_to_lose_a_row(tmp_path: Path, name: str) -> None:
    lakehouse, contract = Lakehouse(tmp_path), contract_of(name)
    append_rows(lakehouse, contract, [full(contract)])
    table = DeltaTable(lakehouse.address(name))
    if name != "monitor.promotions":
        assert table.delete()["num_deleted_rows"] == 1
        return
    with pytest.raises(CommitFailedError, match="append-only|append only"):
        table.delete()
    assert stored(lakehouse, contract) == [full(contract)]
