"""Tables are built by several threads, each with a connection of its own: DuckDB refuses a busy one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deltalake
import polars
import pytest

from mergehouse.contracts.registry import contract_of
from mergehouse.engine import Relation
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.build import _remaining
from mergehouse.project.settings import Limits
from mergehouse.transform.graph import Table


@pytest.fixture
def engine(tmp_path: Path) -> DuckDBEngine:
    root = tmp_path / "lakehouse"
    for n in (1, 2):
        deltalake.write_deltalake(root / "gold" / "notes", polars.DataFrame({"n": [n]}), mode="append")
    return DuckDBEngine(Limits(), Lakehouse(root), tmp_path / "temp")


@pytest.fixture
def busy(engine: DuckDBEngine) -> Iterator[None]:
    """Another thread is in the midst of a query on the connection that all others were made of."""
    began, may_end = threading.Event(), threading.Event()

    def hold() -> bool:
        began.set()
        return may_end.wait(60)

    engine.connection.create_function("hold", hold, [], "BOOLEAN", side_effects=True)
    with ThreadPoolExecutor(1) as other:
        held = other.submit(lambda: engine.connection.execute("SELECT hold()").fetchall())
        assert began.wait(60)
        yield
        may_end.set()
        assert held.result() == [(True,)]


@pytest.mark.usefixtures("busy")
def test_a_table_is_attached_while_another_thread_reads(engine: DuckDBEngine) -> None:
    engine.attach("gold.notes")
    engine.attach_earlier("gold.notes", 0)
    assert engine.rows("SELECT count(*) AS n FROM gold.notes") == [{"n": 2}]
    assert engine.rows(f"SELECT n FROM {Relation('earlier', 'gold.notes')}") == [{"n": 1}]


def test_what_delta_rs_has_to_read_is_seen_by_each_thread(
    engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table with deletion vectors or column mapping is read whole, by whoever needs it first."""
    for module in ("engine.duckdb", "lakehouse.reader"):
        monkeypatch.setattr(f"mergehouse.{module}.needs_safe_reader", lambda delta: True)
    engine.attach("gold.notes")
    engine.attach_earlier("gold.notes", 0)
    with ThreadPoolExecutor(1) as other:
        now = other.submit(engine.rows, "SELECT count(*) AS n FROM gold.notes").result()
        earlier = other.submit(engine.rows, f"SELECT n FROM {Relation('earlier', 'gold.notes')}").result()
    assert (now, earlier) == ([{"n": 2}], [{"n": 1}])


def test_what_the_longest_work_waits_for_comes_first() -> None:
    waits = {
        "silver.order_lines": set[str](),
        "silver.customers_seen": {"silver.order_lines"},
        "silver.customer_xref": {"silver.order_lines", "silver.customers_seen"},
        "silver.duplicates": {"silver.order_lines"},
        "silver.sales_clean": {"silver.order_lines", "silver.customer_xref", "silver.duplicates"},
    }
    tables = {name: Table(name=name, contract=contract_of(name)) for name in waits}
    remaining = _remaining(tables, waits)
    assert sorted(waits, key=remaining.__getitem__, reverse=True) == [
        "silver.order_lines",
        "silver.duplicates",  # beside which both short ones are built
        "silver.customers_seen",
        "silver.customer_xref",
        "silver.sales_clean",
    ]
