"""Builds tables: what a model reads is attached, its result staged, checked, published; independent tables
side by side.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from typing import Any

from mergehouse.engine import flat
from mergehouse.errors import MergehouseError
from mergehouse.lakehouse.files import Stamp
from mergehouse.pipeline.results import TableResult
from mergehouse.pipeline.workbench import Workbench
from mergehouse.progress import Progress
from mergehouse.quality.checks import CheckResult, check_table
from mergehouse.transform.graph import Node
from mergehouse.transform.incremental.plan import Change, Plan


def build_tables(
    chosen: list[Node],
    bench: Workbench,
    broken: set[str],
    full: bool,
    progress: Progress,
) -> tuple[list[TableResult], list[CheckResult]]:
    """Builds the chosen tables, each after those it depends on, and returns results and checks in the order
    of `chosen`.

    `broken` names sources and tables that failed; tables that fail or wait are added.
    """
    nodes = {node.name: node for node in chosen}
    upstream = {name: bench.graph.upstream(name) & nodes.keys() for name in nodes}
    waiting = Counter(parent for parents in upstream.values() for parent in parents)
    order = TopologicalSorter(upstream)
    order.prepare()
    outcomes: dict[str, tuple[TableResult, list[CheckResult]]] = {}
    ready: list[str] = []
    running: dict[Future, str] = {}
    with ThreadPoolExecutor(bench.engine.tables_at_once) as pool:
        while order.is_active():
            ready = sorted(
                [*ready, *order.get_ready()], key=lambda name: waiting[name]
            )  # last, so next: what most tables wait for
            while ready and len(running) < bench.engine.tables_at_once:
                name = ready.pop()
                running[pool.submit(_build, nodes[name], bench, frozenset(broken), full)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                outcomes[name] = future.result()
                if outcomes[name][0].status in ("failed", "blocked"):
                    broken.add(name)
                order.done(name)
                progress(name, nodes[name].layer, len(outcomes), len(nodes))
    return [outcomes[name][0] for name in nodes], [check for name in nodes for check in outcomes[name][1]]


def publish_frame(
    node: Node, bench: Workbench, frame: Any, fingerprint: str
) -> tuple[TableResult, list[CheckResult]]:
    """Publishes what no SQL computes: rows of an Arrow-compatible frame, in the place of all partitions that
    they belong to.
    """
    contract, began = node.contract, time.perf_counter()
    assert contract is not None
    source = f"delivered.{flat(node.name)}"
    bench.attach({node.name} | node.check_inputs)
    bench.engine.load_frame(source, frame)
    bench.engine.keep(
        f"affected.{flat(node.name)}", f"SELECT DISTINCT {', '.join(contract.partition_by)} FROM {source}"
    )
    staged = bench.engine.stage_partitions(contract, f"SELECT * FROM {source}")
    bench.engine.attach_staged(staged)
    rows, checks = check_table(bench.engine, contract, staged.files)
    if stopped := [c.check for c in checks if c.stops_publication]:
        bench.engine.discard(staged)
        reason = f"checks failed: {', '.join(stopped)}"
        return TableResult(node.name, "failed", rows, time.perf_counter() - began, reason=reason), checks
    version = bench.engine.publish(staged, Stamp(fingerprint, bench.delivered))
    bench.published(node, Change())
    return TableResult(node.name, "updated", rows, time.perf_counter() - began, version), checks


def _build(
    node: Node, bench: Workbench, broken: frozenset[str], full: bool
) -> tuple[TableResult, list[CheckResult]]:
    """Stages, checks and publishes one table or what changed in it, or says why not."""
    contract = node.contract
    assert contract is not None
    blockers = sorted(bench.graph.upstream(node.name) & broken)
    if blockers:
        return TableResult(node.name, "blocked", reason=f"waits for {blockers[0]}"), []
    began = time.perf_counter()
    staged = None
    try:
        published = bench.lakehouse.stamp(node.name)
        if not full and published and published.fingerprint == node.fingerprint:
            bench.current.add(node.name)
            return TableResult(node.name, "fresh"), []
        bench.lakehouse.sweep(node.name)
        bench.attach(node.inputs | node.check_inputs)
        steps = bench.steps(node) if not full and bench.follows(node, published) else Plan(node.sql)
        staged, change = bench.stage(node, steps)
        with bench.lock:
            bench.engine.attach_staged(staged)
        rows, checks = check_table(bench.engine, contract, staged.files, bench.recheck(node, change))
        seconds = time.perf_counter() - began
        if stopped := [c.check for c in checks if c.stops_publication]:
            bench.engine.discard(staged)
            return TableResult(
                node.name, "failed", rows, seconds, reason=f"checks failed: {', '.join(stopped)}"
            ), checks
        version = bench.engine.publish(staged, bench.stamp(node))
        bench.published(node, change)
        status = {"table": "built", "nothing": "fresh"}.get(staged.scope, "updated")
        changed = staged.inserted + staged.deleted if staged.scope == "rows" else None
        return TableResult(
            node.name, status, rows, time.perf_counter() - began, version, changed_rows=changed
        ), checks
    except MergehouseError as error:
        if staged is not None:
            bench.engine.discard(staged)
        return TableResult(node.name, "failed", seconds=time.perf_counter() - began, reason=str(error)), []
