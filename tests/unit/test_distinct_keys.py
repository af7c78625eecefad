"""Keys are counted by their hashes, whatever their range."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.settings import Limits


@pytest.mark.parametrize("numbers", [(), (7,), (-(10**9), 10**9), (-(2**63), 2**63 - 1)])
def test_ends_of_a_range_however_wide_are_different_keys(
    numbers: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergehouse.lakehouse.repeats.FEW", 0)
    kinds = {"shop": "string", "number": "bigint"}
    columns = {name: ColumnContract(type=kind, meaning=name) for name, kind in kinds.items()}
    contract = Contract(
        table="silver.notes", grain="one note", meaning="Notes", key=list(kinds), columns=columns
    )
    engine = DuckDBEngine(Limits(), Lakehouse(tmp_path / "lakehouse"), tmp_path / "temp")
    engine.connection.execute("CREATE TABLE silver.notes (shop VARCHAR, number BIGINT)")
    # each twice at one shop, once at another
    rows = [(shop, number) for shop in ("a", "a", "b") for number in numbers]
    for row in rows:
        engine.connection.execute("INSERT INTO silver.notes VALUES (?, ?)", row)
    assert engine.distinct_keys(contract, contract.key) == 2 * len(numbers)
