"""Builds tables: what a model reads is attached, its result staged, checked, published; independent tables side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter

from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.errors import MergehouseError
from mergehouse.graph import Graph, Node
from mergehouse.lakehouse import Lakehouse
from mergehouse.mappings import ECB_RATES, Rows, ecb_rates
from mergehouse.quality.checks import CheckResult, check_table

TABLES_AT_ONCE = 2  # one query's last steps keep one core busy; another table's query takes the rest


@dataclass(frozen=True)
class TableResult:
    """What a run did with one table. `status`: built, fresh, failed or blocked."""

    table: str
    status: str
    rows: int | None = None
    seconds: float = 0.0
    version: int | None = None
    reason: str = ""


class Workbench:
    """The engine with tables and views attached as they are needed."""

    def __init__(self, engine: DuckDBEngine, lakehouse: Lakehouse, graph: Graph, mappings: dict[str, Rows]):
        self.engine, self.lakehouse, self.graph, self.mappings = engine, lakehouse, graph, mappings
        self.attached: set[str] = set()
        self.lock = threading.RLock()

    def attach(self, names: set[str] | frozenset[str]) -> None:
        """Makes the named nodes readable, and the views under them."""
        with self.lock:
            for name in self.graph.nodes:  # in dependency order
                if name in names or any(name in self._views_need(n) for n in names):
                    self._attach_one(name)

    def _views_need(self, name: str) -> set[str]:
        """Inputs of a view, through further views: a view can only be defined over what is there."""
        node = self.graph.nodes[name]
        if node.is_built or not node.sql:
            return set()
        return set(node.inputs).union(*(self._views_need(i) for i in node.inputs))

    def _attach_one(self, name: str) -> None:
        if name in self.attached:
            return
        node = self.graph.nodes[name]
        if name == f"mapping.{ECB_RATES}":
            self.engine.load_frame(name, ecb_rates(self.lakehouse.root / ".tmp"))
        elif name.startswith("mapping."):
            self.engine.load_rows(name, *self.mappings[name.removeprefix("mapping.")])
        elif node.is_interim:
            folder = self.lakehouse.root / ".tmp" / name
            folder.mkdir(parents=True, exist_ok=True)
            self.engine.attach_staged(node.contract, self.engine.stage(node.contract, node.sql, folder))
        elif node.sql and not node.is_built:
            self.engine.define(name, node.sql)
        elif name.startswith("bronze.") and not self.lakehouse.exists(name):
            return  # an optional source that was never delivered
        else:
            self.engine.attach(self.lakehouse, name)
        self.attached.add(name)


def build_tables(
    chosen: list[Node], bench: Workbench, broken: set[str], full: bool, progress: Callable[[str, str, int, int], None]
) -> tuple[list[TableResult], list[CheckResult]]:
    """Builds the chosen tables, each after those it depends on, and returns results and checks in the order of `chosen`.

    `broken` names sources and tables that failed; tables that fail or wait are added.
    """
    nodes = {node.name: node for node in chosen}
    order = TopologicalSorter({name: bench.graph.upstream(name) & nodes.keys() for name in nodes})
    order.prepare()
    outcomes: dict[str, tuple[TableResult, list[CheckResult]]] = {}
    running: dict[Future, str] = {}
    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        while order.is_active():
            running |= {pool.submit(_build, nodes[name], bench, frozenset(broken), full): name for name in order.get_ready()}
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                outcomes[name] = future.result()
                if outcomes[name][0].status in ("failed", "blocked"):
                    broken.add(name)
                order.done(name)
                progress(nodes[name].layer, name, len(outcomes), len(nodes))
    return [outcomes[name][0] for name in nodes], [check for name in nodes for check in outcomes[name][1]]


def _build(node: Node, bench: Workbench, broken: frozenset[str], full: bool) -> tuple[TableResult, list[CheckResult]]:
    """Stages, checks and publishes one table, or says why not."""
    contract = node.contract
    assert contract is not None
    checks: list[CheckResult] = []
    blockers = sorted(bench.graph.upstream(node.name) & broken)
    if blockers:
        return TableResult(node.name, "blocked", reason=f"waits for {blockers[0]}"), checks
    if not full and bench.lakehouse.fingerprint(node.name) == node.fingerprint:
        return TableResult(node.name, "fresh"), checks
    began = time.perf_counter()
    folder = None
    try:
        bench.lakehouse.sweep(node.name)
        bench.attach(node.inputs | node.check_inputs)
        folder = bench.lakehouse.staging_folder(node.name)
        files = bench.engine.stage(contract, node.sql, folder)
        with bench.lock:
            bench.engine.attach_staged(contract, files)
        rows, checks = check_table(bench.engine, contract, files)
        stopped = [c for c in checks if c.stops_publication]
        if stopped:
            bench.lakehouse.discard(folder)
            names = ", ".join(c.check for c in stopped)
            return TableResult(node.name, "failed", rows, time.perf_counter() - began, reason=f"checks failed: {names}"), checks
        version = bench.lakehouse.publish(contract, files, node.fingerprint)
        bench.attached.add(node.name)  # the staged files are now the published ones
        return TableResult(node.name, "built", rows, time.perf_counter() - began, version), checks
    except MergehouseError as error:
        if folder is not None:
            bench.lakehouse.discard(folder)
        return TableResult(node.name, "failed", seconds=time.perf_counter() - began, reason=str(error)), checks
