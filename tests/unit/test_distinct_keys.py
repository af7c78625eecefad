"""Keys are counted in bitmaps where these are small, else by their hashes: the same number."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.settings import Limits

BITMAP = 10**9  # bits that one of DuckDB's may have


@pytest.mark.parametrize(
    "numbers",
    [(), (7,), (0, BITMAP - 1), (0, BITMAP), (-BITMAP, BITMAP), (-(2**63), 2**63 - 1)],
    ids=[
        "none",
        "one",
        "as wide as a bitmap may be",
        "wider by one",
        "both signs",
        "all that a bigint holds",
    ],
)
def test_ends_of_a_range_however_wide_are_different_keys(numbers: tuple[int, ...], tmp_path: Path) -> None:
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
