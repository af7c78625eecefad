"""A run: load what was delivered, rebuild what is stale, check before publishing, record what happened."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.errors import LakehouseError, MergehouseError
from mergehouse.graph import Graph, Node, build_graph
from mergehouse.ingest.bronze import IngestResult, load_deliveries, read_batches
from mergehouse.kpi.catalogue import check_bounds
from mergehouse.lakehouse import Lakehouse, is_writable
from mergehouse.mappings import ECB_RATES, Rows, ecb_file, ecb_rates, mapping_tables
from mergehouse.monitor import record_run
from mergehouse.project import Project
from mergehouse.quality.checks import CheckResult, check_table
from mergehouse.quality.freshness import freshness
from mergehouse.quality.reconciliation import reconcile_fields

Progress = Callable[[str, str, int, int], None]  # (stage, name, done, total)


@dataclass(frozen=True)
class TableResult:
    """What a run did with one table. `status`: built, fresh, failed or blocked."""

    table: str
    status: str
    rows: int | None = None
    seconds: float = 0.0
    version: int | None = None
    reason: str = ""


@dataclass
class RunResult:
    """Everything a run has to say."""

    run_id: str
    started: dt.datetime
    ingest: IngestResult
    tables: list[TableResult] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    freshness: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return (
            bool(self.ingest.failures)
            or any(t.status in ("failed", "blocked") for t in self.tables)
            or any(c.stops_publication for c in self.checks)
        )

    @property
    def changed(self) -> bool:
        return bool(self.ingest.new) or any(t.status != "fresh" for t in self.tables) or bool(self.ingest.failures)


def run(
    project: Project,
    select: str | None = None,
    until: str | None = None,
    full: bool = False,
    progress: Progress = lambda *_: None,
) -> RunResult:
    """Loads new deliveries and rebuilds what they, changed SQL, contracts or mappings make stale.

    A table whose checks fail keeps its published version; what depends on it is left alone.
    Raises LakehouseError where another run is at work or the lakehouse cannot be written.
    """
    began = time.perf_counter()
    lakehouse = Lakehouse(project.lakehouse_folder)
    with _exclusive(lakehouse):
        engine = DuckDBEngine(project.config.limits, lakehouse.root / ".tmp")
        result = RunResult(uuid.uuid4().hex[:12], dt.datetime.now(dt.UTC), IngestResult())
        result.ingest = load_deliveries(project, lakehouse, engine.connection, lambda what: progress("bronze", what, 0, 0))
        mappings = mapping_tables(project)
        graph = build_graph(project, result.ingest.batches, mappings, f"{ecb_file().stat().st_size}")
        workbench = _Workbench(engine, lakehouse, graph, mappings)
        chosen = graph.select(select, until)
        broken = set(result.ingest.failures)
        for number, node in enumerate(chosen):
            progress(node.layer, node.name, number, len(chosen))
            table = _build(node, workbench, broken, full, result.checks)
            result.tables.append(table)
            if table.status in ("failed", "blocked"):
                broken.add(node.name)
        if result.changed:
            if not broken:
                for brand in project.brands.values():
                    workbench.attach({f"typed.{brand.name}_{t}" for t in brand.sources})
                    result.checks += reconcile_fields(engine, brand)
            result.checks += check_bounds(lakehouse)
            if lakehouse.exists("gold.dim_brand"):
                workbench.attach({"gold.dim_brand", "bronze.batches"})
                result.freshness, checks = freshness(engine, project, dt.datetime.now(dt.UTC).date())
                result.checks += checks
            result.seconds = time.perf_counter() - began
            record_run(lakehouse, engine, result)
        result.seconds = time.perf_counter() - began
        shutil.rmtree(lakehouse.root / ".tmp", ignore_errors=True)
        return result


def check(project: Project) -> list[CheckResult]:
    """Checks every published table against its contract, without building anything."""
    lakehouse = Lakehouse(project.lakehouse_folder)
    with _exclusive(lakehouse):
        engine = DuckDBEngine(project.config.limits, lakehouse.root / ".tmp")
        mappings = mapping_tables(project)
        graph = build_graph(project, read_batches(lakehouse, engine.connection), mappings, f"{ecb_file().stat().st_size}")
        workbench = _Workbench(engine, lakehouse, graph, mappings)
        results: list[CheckResult] = []
        for node in graph.built():
            workbench.attach({node.name} | node.check_inputs)
            results += check_table(engine, node.contract)[1]
        for brand in project.brands.values():
            workbench.attach({f"typed.{brand.name}_{t}" for t in brand.sources})
            results += reconcile_fields(engine, brand)
        return results + check_bounds(lakehouse)


class _Workbench:
    """The engine with tables and views attached as they are needed."""

    def __init__(self, engine: DuckDBEngine, lakehouse: Lakehouse, graph: Graph, mappings: dict[str, Rows]):
        self.engine, self.lakehouse, self.graph, self.mappings = engine, lakehouse, graph, mappings
        self.attached: set[str] = set()

    def attach(self, names: set[str] | frozenset[str]) -> None:
        """Makes the named nodes readable, and the views under them."""
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


def _build(node: Node, bench: _Workbench, broken: set[str], full: bool, checks: list[CheckResult]) -> TableResult:
    """Stages, checks and publishes one table, or says why not."""
    contract = node.contract
    assert contract is not None
    blockers = sorted(bench.graph.upstream(node.name) & broken)
    if blockers:
        return TableResult(node.name, "blocked", reason=f"waits for {blockers[0]}")
    if not full and bench.lakehouse.fingerprint(node.name) == node.fingerprint:
        return TableResult(node.name, "fresh")
    began = time.perf_counter()
    folder = None
    try:
        bench.lakehouse.sweep(node.name)
        bench.attach(node.inputs | node.check_inputs)
        folder = bench.lakehouse.staging_folder(node.name)
        files = bench.engine.stage(contract, node.sql, folder)
        bench.engine.attach_staged(contract, files)
        rows, results = check_table(bench.engine, contract, files)
        checks += results
        stopped = [c for c in results if c.stops_publication]
        if stopped:
            bench.lakehouse.discard(folder)
            names = ", ".join(c.check for c in stopped)
            return TableResult(node.name, "failed", rows, time.perf_counter() - began, reason=f"checks failed: {names}")
        version = bench.lakehouse.publish(contract, files, node.fingerprint)
        bench.attached.add(node.name)  # the staged files are now the published ones
        return TableResult(node.name, "built", rows, time.perf_counter() - began, version)
    except MergehouseError as error:
        if folder is not None:
            bench.lakehouse.discard(folder)
        return TableResult(node.name, "failed", seconds=time.perf_counter() - began, reason=str(error))


@contextmanager
def _exclusive(lakehouse: Lakehouse) -> Iterator[None]:
    """One run at a time. The lock goes with its process, so a killed run leaves none."""
    root = lakehouse.root
    if not is_writable(root):
        raise LakehouseError(f"{root}: no permission to write. Give this user write access, or change `lakehouse` in mergehouse.yml.")
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / ".lock").open("a+")
    except OSError as error:
        raise LakehouseError(f"{root}: cannot be used as a lakehouse folder ({error.strerror}).") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            pid = handle.read().strip() or "unknown"
            raise LakehouseError(
                f"another run is at work on {root} (pid {pid}). Wait for it to end; a killed run frees the lock by itself."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def summary(result: RunResult) -> dict[str, Any]:
    """The run as plain values for `--json`."""
    return {
        "run_id": result.run_id,
        "started": result.started.isoformat(),
        "seconds": round(result.seconds, 3),
        "ok": not result.failed,
        "deliveries": [
            {"table": f"bronze.{b.source_system}_{b.source_table}", "file": b.source_file, "status": b.status,
             "rows": b.rows, "rejected_rows": b.rejected_rows}
            for b in result.ingest.new
        ],
        "stopped_sources": {name: str(error) for name, error in result.ingest.failures.items()},
        "tables": [vars(t) for t in result.tables],
        "findings": [
            {"table": c.table, "check": c.check, "severity": c.severity, "failures": c.failures, "why": c.why}
            for c in result.checks if not c.passed
        ],
    }  # fmt: skip
