"""Builds tables: what a model reads is attached, its result staged, checked, published; independent tables
side by side.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from mergehouse.engine import Engine, Relation, Staged
from mergehouse.errors import MergehouseError
from mergehouse.lakehouse.files import Stamp
from mergehouse.lakehouse.upkeep import sweep
from mergehouse.lakehouse.writing import create_table
from mergehouse.pipeline import computed
from mergehouse.pipeline.attachments import Attachments
from mergehouse.pipeline.results import TableResult
from mergehouse.pipeline.stages import Stages, stage_of
from mergehouse.pipeline.stamps import Stamps
from mergehouse.progress import Progress
from mergehouse.quality.checks import CheckResult, Recheck, check_table
from mergehouse.quality.standing import Standing
from mergehouse.transform.graph import Graph, Node, Table, fingerprint_of
from mergehouse.transform.incremental import Change, Changes

Outcome = tuple[TableResult, list[CheckResult]]
LINE = {"batch_id", "source_row"}  # in the keys of tables of lines


@dataclass
class Workbench:
    """What a run builds with. Its graph changes with each table that Python computes: what reads that has
    another fingerprint from then on. `before` is what stood when the run began.
    """

    engine: Engine
    graph: Graph
    attachments: Attachments
    changes: Changes
    stamps: Stamps
    request: computed.Request
    before: Standing
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fingerprint(self, table: Table) -> str:
        """That which the table would be published with now."""
        if table.sql:
            return self.graph.fingerprints[table.name]
        version = computed.version(table.contract, self.request)
        return fingerprint_of(table, self.graph.fingerprints, version)

    def stamp(self, table: Table) -> Stamp:
        return self.stamps.of(table.name, self.fingerprint(table), self.graph)

    def published(self, table: Table, stamp: Stamp, change: Change | None) -> None:
        self.attachments.published(table.name)
        self.stamps.current.add(table.name)
        self.engine.lakehouse.untrusted.discard(table.name)
        if change:
            self.changes.found[table.name] = change
        if not table.sql:
            with self._lock:
                self.graph = self.graph.published(table.name, stamp.fingerprint)


def build_tables(
    chosen: list[Table],
    bench: Workbench,
    broken: Collection[str],
    full: bool,
    progress: Progress,
    stages: Stages,
) -> tuple[list[TableResult], list[CheckResult]]:
    """Builds the chosen tables, each after those it depends on, and returns results and checks in the order
    of `chosen`.

    `broken` names sources for which all waits that reads deliveries, as tables wait for those that fail or
    wait. Of optional ones they wait for those alone that are published and whose new rows fail their checks:
    what reads these keeps what it has.
    """
    tables = {table.name: table for table in chosen}
    upstream = {name: bench.graph.upstream(name) & tables.keys() for name in tables}
    order = TopologicalSorter(upstream)
    order.prepare()
    remaining = _remaining(tables, upstream)
    outcomes: dict[str, Outcome] = {}
    missing = {name: name for name in broken}
    if broken:
        missing |= {view.name: min(broken) for view in bench.graph.views.values() if view.of_brands}
    ready: list[str] = []
    running: dict[Future[Outcome], str] = {}
    with ThreadPoolExecutor(bench.engine.tables_at_once) as pool:
        while order.is_active():
            # last, so next: what the longest work waits for
            ready = sorted([*ready, *order.get_ready()], key=lambda name: remaining[name])
            while ready and len(running) < bench.engine.tables_at_once:
                name = ready.pop()
                running[pool.submit(_build, tables[name], bench, dict(missing), full)] = name
            done = wait(running, return_when=FIRST_COMPLETED).done
            stages.spent(*(stage_of(tables[name].contract) for name in running.values()))
            for future in done:
                name = running.pop(future)
                outcomes[name] = future.result()
                if _holds_back(tables[name], outcomes[name], bench):
                    missing[name] = _awaited(tables[name], bench, missing) or name
                order.done(name)
                progress(name, tables[name].layer, len(outcomes), len(tables))
    return [outcomes[name][0] for name in tables], [check for name in tables for check in outcomes[name][1]]


def _remaining(tables: Mapping[str, Table], upstream: Mapping[str, Collection[str]]) -> dict[str, int]:
    """How much is to be done from each table on, along the longest chain: a table of lines counts ten."""
    remaining: dict[str, int] = {}
    for name in reversed(list(TopologicalSorter(upstream).static_order())):
        own = 10 if {*tables[name].contract.key} >= LINE else 1
        after = (remaining[child] for child in remaining if name in upstream[child])
        remaining[name] = own + max(after, default=0)
    return remaining


def _holds_back(table: Table, outcome: Outcome, bench: Workbench) -> bool:
    """True where what reads the table is to wait for it."""
    result, checks = outcome
    if not table.contract.optional:
        return result.status in ("failed", "blocked")
    is_refused = result.status == "failed" and any(c.stops_publication for c in checks)
    return is_refused and bench.engine.lakehouse.stamp(table.name) is not None


def _build(table: Table, bench: Workbench, missing: Mapping[str, str], full: bool) -> Outcome:
    """Stages, checks and publishes one table or what changed in it, or says why not.

    `missing` are the nodes that it must not be built on, and what each of them waits for.
    """
    if awaited := _awaited(table, bench, missing):
        return TableResult(table.name, "blocked", reason=f"waits for {awaited}"), []
    began = time.perf_counter()
    staged = None
    try:
        published = bench.engine.lakehouse.stamp(table.name)
        is_current = published is not None and published.fingerprint == bench.fingerprint(table)
        if is_current and not (
            full and table.sql
        ):  # what Python computes takes longest and comes out the same
            if bench.before.knows(table.name, published):
                bench.stamps.current.add(table.name)
                return TableResult(table.name, "fresh"), []
            if table.sql:
                return _look_again(table, bench, began)
        sweep(bench.engine.lakehouse, table.name)
        staged, change, computed_rows = _stage(table, bench, published, full)
        bench.attachments.show(staged)
        delivered = None if table.sql else str(Relation("delivered", table.name))
        rows, checks = check_table(
            bench.engine, table.contract, staged.files, _recheck(table, change, bench), delivered
        )
        checks += computed_rows.checks
        notes = tuple(computed_rows.notes)
        seconds = time.perf_counter() - began
        if stopped := [c.check for c in checks if c.stops_publication]:
            bench.engine.discard(staged)
            reason = f"checks failed: {', '.join(stopped)}"
            return TableResult(table.name, "failed", rows, seconds, reason=reason, notes=notes), checks
        stamp = bench.stamp(table)
        version = bench.engine.publish(staged, stamp)
        bench.published(table, stamp, change)
        status = {"table": "built", "nothing": "fresh"}.get(staged.scope, "updated")
        changed = staged.inserted + staged.deleted if staged.scope == "rows" else None
        seconds = time.perf_counter() - began
        return TableResult(table.name, status, rows, seconds, version, "", changed, notes), checks
    except MergehouseError as error:
        if staged is not None:
            bench.engine.discard(staged)
        return TableResult(table.name, "failed", seconds=time.perf_counter() - began, reason=str(error)), []


def _look_again(table: Table, bench: Workbench, began: float) -> Outcome:
    """Checks a table that is as it should be, and of which it is not known what was found when it was built:
    the run that built it did not live to say so.
    """
    bench.attachments.attach({table.name} | table.check_inputs)
    rows, checks = check_table(bench.engine, table.contract)
    bench.stamps.current.add(table.name)
    version, seconds = bench.engine.lakehouse.table(table.name).version, time.perf_counter() - began
    return TableResult(table.name, "fresh", rows, seconds, version), checks


def _awaited(table: Table, bench: Workbench, missing: Mapping[str, str]) -> str:
    """The first of what the table cannot be built on, and waits for; empty where there is none."""
    waits = bench.graph.upstream(table.name, _is_needed) & missing.keys() if missing else ()
    return missing[min(waits)] if waits else ""


def _is_needed(node: Node) -> bool:
    """False of a table without which what reads it is built all the same."""
    return not (isinstance(node, Table) and node.contract.optional)


def _stage(
    table: Table, bench: Workbench, published: Stamp | None, full: bool
) -> tuple[Staged, Change | None, computed.Rows]:
    """With what Python computed; with SQL nothing."""
    if not table.sql:
        return _stage_computed(table, bench)
    rule = table.contract.incremental
    referring = {lookup.of for lookup in rule.lookups.values()} if rule else set()
    bench.attachments.attach(table.parents | referring)
    if not full and bench.changes.can_update(table, published):
        return *bench.changes.update(table), computed.Rows(None)
    return *bench.changes.rebuild(table), computed.Rows(None)


def _stage_computed(table: Table, bench: Workbench) -> tuple[Staged, Change | None, computed.Rows]:
    contract, rows = table.contract, Relation("delivered", table.name)
    found = computed.compute(contract, bench.request)
    bench.attachments.attach(table.check_inputs)
    bench.engine.load_frame(rows, found.frame)
    model = f"SELECT * FROM {rows}"
    if contract.replaces in ("rows", "slices"):
        staged, change = _stage_rows(table, model, found, bench)
        return staged, change, found
    if contract.replaces == "table":
        return bench.engine.stage(contract, model), Change(), found
    create_table(bench.engine.lakehouse, contract)
    columns = ", ".join(contract.partition_by)
    partitions = f"SELECT DISTINCT {columns} FROM {rows}"
    if found.emptied is not None:
        emptied = Relation("delivered", table.name, "emptied")
        bench.engine.load_frame(emptied, found.emptied)
        partitions += f" UNION SELECT {columns} FROM {emptied}"
    bench.engine.keep(Relation("affected", table.name), partitions)
    return bench.engine.stage_partitions(contract, model), Change(), found


def _stage_rows(
    table: Table, model: str, found: computed.Rows, bench: Workbench
) -> tuple[Staged, Change | None]:
    """Rows that differ; where the table's own cannot be compared, all there are."""
    if bench.changes.can_replace_rows(table):
        if rule := table.contract.incremental:
            slices = f"SELECT DISTINCT {', '.join(rule.slice)} FROM {Relation('delivered', table.name)}"
            bench.engine.keep(Relation("affected", table.name), slices)
        return bench.changes.replace_rows(table, model)
    if found.rest:
        rest = Relation("delivered", table.name, "rest")
        bench.engine.load_frame(rest, found.rest())
        model += f" UNION ALL SELECT * FROM {rest}"
    return bench.engine.stage(table.contract, model), Change(whole=True)


def _recheck(table: Table, change: Change | None, bench: Workbench) -> Recheck | None:
    """What of an updated table is to be checked again, None where that is everything."""
    if change and not change.rows:
        return None
    inserted = str(Relation("inserted", table.name)) if change else None
    rule = table.contract.incremental
    is_in_slices = rule is None or set(rule.slice) <= set(table.contract.key)  # all rows of a key, in one
    among = str(Relation("computed", table.name)) if is_in_slices else table.name
    may_lack = (name for name, other in list(bench.changes.found.items()) if other.gone or not other.rows)
    return Recheck(inserted, among, frozenset(may_lack))
