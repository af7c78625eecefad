"""Keys are counted by their hashes, whatever their range, and beside the other checks of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.settings import Limits
from mergehouse.quality.checks import check_table


def notes(tmp_path: Path, **of_contract: Any) -> tuple[DuckDBEngine, Contract]:
    """An engine with a table that has no rows yet, and its contract."""
    kinds = {"shop": "string", "number": "bigint"}
    columns = {name: ColumnContract(type=kind, meaning=name) for name, kind in kinds.items()}
    contract = Contract(
        table="silver.notes", grain="one note", meaning="Notes", key=[*kinds], columns=columns, **of_contract
    )
    engine = DuckDBEngine(Limits(), Lakehouse(tmp_path / "lakehouse"), tmp_path / "temp")
    engine.connection.execute("CREATE TABLE silver.notes (shop VARCHAR, number BIGINT)")
    return engine, contract


@pytest.mark.parametrize("few", [10, 5_000])
def test_a_key_that_repeats_is_found_in_large_tables_and_small_ones(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("lakehouse.repeats", "quality.checks"):
        monkeypatch.setattr(f"mergehouse.{place}.FEW", few)
    none_of_b = "SELECT number FROM silver.notes WHERE shop = 'b' AND number > 900"
    engine, contract = notes(tmp_path, checks=[{"name": "few_of_b", "why": "They are.", "sql": none_of_b}])
    engine.connection.execute("INSERT INTO silver.notes SELECT 'a', range FROM range(1_000)")
    engine.connection.execute("INSERT INTO silver.notes VALUES ('a', 7), ('b', 7), ('b', 901)")
    rows, results = check_table(engine, contract)
    assert rows == 1_003
    assert {c.check: (c.failures, [*c.sample[0].values()][:2]) for c in results if not c.passed} == {
        "key_unique": (1, ["a", 7]),
        "few_of_b": (1, [901]),
    }


@pytest.mark.parametrize("numbers", [(), (7,), (-(10**9), 10**9), (-(2**63), 2**63 - 1)])
def test_ends_of_a_range_however_wide_are_different_keys(
    numbers: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergehouse.lakehouse.repeats.FEW", 0)
    engine, contract = notes(tmp_path)
    # each twice at one shop, once at another
    rows = [(shop, number) for shop in ("a", "a", "b") for number in numbers]
    for row in rows:
        engine.connection.execute("INSERT INTO silver.notes VALUES (?, ?)", row)
    assert engine.distinct_keys(contract, contract.key) == 2 * len(numbers)
