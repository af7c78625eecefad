"""What a run builds, and on whose account: the graph of now, what has changed since, and what is chosen,
built, once more without the brands that stand in the way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from mergehouse.engine import Engine
from mergehouse.errors import BrandError, MergehouseError
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline import isolation
from mergehouse.pipeline.attachments import Attachments
from mergehouse.pipeline.build import Workbench, build_tables
from mergehouse.pipeline.computed import Request, is_left_out
from mergehouse.pipeline.isolation import HeldBack
from mergehouse.pipeline.newer_rates import fetch_missing
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.sound_folders import Folders
from mergehouse.pipeline.stages import Stages
from mergehouse.pipeline.stamps import Stamps, reached
from mergehouse.pipeline.up_to_date import keep_up_to_date
from mergehouse.progress import Progress
from mergehouse.project.config import Project
from mergehouse.project.ecb_rates import Edition, edition
from mergehouse.project.mapping_files import RUN, Rows
from mergehouse.quality import reconciliation
from mergehouse.quality.checks import CheckResult
from mergehouse.quality.missing_rates import missing_rates
from mergehouse.quality.standing import Standing
from mergehouse.transform.field_reconciliation import rules_over
from mergehouse.transform.graph import Graph, Table
from mergehouse.transform.incremental import Changes
from mergehouse.transform.model_graph import build_graph


def bring_up_to_date(
    folders: Folders,
    engine: Engine,
    result: RunResult,
    stages: Stages,
    select: str | None,
    until: str | None,
    full: bool,
    progress: Progress,
    later: Collection[str],
    before: Standing,
    decided: str,
) -> Attachments:
    """Builds what is chosen; once more with newer rates, where some are missing, and without the brands on
    whose account tables failed, as long as there are others. `before` tells of which tables it is known what
    stands; the others are looked at. `decided` says by what it is decided that all is up to date.
    """
    lakehouse, batches, project = engine.lakehouse, result.ingest.batches, folders.project
    began: dict[str, Rows] = {RUN: (["started"], [[result.started.isoformat()]])}

    def without_new(said: Folders, held_back: Collection[str]) -> Graph:
        known = result.ingest.known
        return graph_of(said.project, lakehouse, said.mappings | began, edition(project), known, held_back)

    held = isolation.stopped(folders, lakehouse, result.ingest, without_new)
    may_fetch = True
    while True:
        try:
            bench = workbench(
                held, engine, held.mappings | began, batches, full, progress, result.started, before
            )
        except BrandError as error:
            held = isolation.misconfigured(held, error, without_new)
            continue
        held = held.before(bench.graph)
        stages.spent("planning")
        chosen = [
            t
            for t in bench.graph.select(select, until)
            if not is_left_out(t.contract, project) and t.name not in later
        ]
        tables, checks = build_tables(
            chosen, bench, held.broken, full and not result.tables, progress, stages
        )
        result.add(tables, checks)
        missing = missing_rates(lakehouse, project)
        fetched = may_fetch and chosen and fetch_missing(project, missing, result, progress)
        may_fetch = False
        stages.spent("rates" if fetched else "checks")
        if fetched:
            continue
        blamed = isolation.blamed(held, bench.attachments, tables, checks)
        if not held.project.brands.keys() - held.names - blamed.keys():
            result.tables = isolation.with_files(result.tables, checks, blamed)
            held, blamed = replace(held, faults=held.faults | blamed), {}
        if not blamed:
            result.faults = held.said
            result.checks += [check for check in missing if result.changed or not check.passed]
            if not (select or until or later or held.names or result.failed):
                _keep_up_to_date(bench, chosen, decided, result)
            return bench.attachments
        held = held.also(blamed)


def _keep_up_to_date(bench: Workbench, chosen: list[Table], decided: str, result: RunResult) -> None:
    """Notes for the next run what is built, where all of it is as it should be."""
    lakehouse, project = bench.engine.lakehouse, bench.request.project
    stamps = {table.name: lakehouse.stamp(table.name) for table in chosen}
    if all(
        stamp and stamp.fingerprint == bench.fingerprint(bench.graph.tables[name])
        for name, stamp in stamps.items()
    ):
        rates, names = bench.attachments.rates, list(stamps)
        keep_up_to_date(decided, rates, project, lakehouse, result.ingest, result.started, names)


def workbench(
    held: HeldBack,
    engine: Engine,
    mappings: dict[str, Rows],
    batches: list[Batch],
    full: bool,
    progress: Progress,
    now: dt.datetime,
    before: Standing,
) -> Workbench:
    """The graph of now, and where the tables are of an earlier state, what has changed since."""
    lakehouse, project = engine.lakehouse, held.project
    rates = edition(project)
    graph = held.in_graph(graph_of(project, lakehouse, mappings, rates, batches, held.keeping))
    if lakehouse.salvaged:
        lakehouse.untrusted |= graph.downstream(lakehouse.salvaged)
        lakehouse.salvaged.clear()
    loaded = [b for b in batches if b.status != "repeat"]
    engine.expect(sum(b.rows for b in loaded))
    last = reached(lakehouse, graph)
    known = [b for b in loaded if last is not None and b.ingest_ts.isoformat() <= last]
    new = [b for b in loaded if last is None or b.ingest_ts.isoformat() > last]
    attachments, changes = Attachments(engine, graph, mappings, rates), Changes(engine, graph)
    if known and new and not full and not held.keeping:
        traced = Changes(engine, graph, graph_of(project, lakehouse, mappings, rates, known))
        with suppress(MergehouseError):  # of a brand's own SQL, or of the machine: building shows whose
            traced.trace(project, known, new, attachments.attach)
            changes = traced
    request = Request(project, Lakehouse(project.lakehouse_location, newest=True), progress, now)
    return Workbench(engine, graph, attachments, changes, Stamps(lakehouse, loaded), request, before)


def graph_of(
    project: Project,
    lakehouse: Lakehouse,
    mappings: dict[str, Rows],
    rates: Edition,
    batches: list[Batch],
    held_back: Collection[str] = (),
) -> Graph:
    def published(table: str) -> str:
        stamp = lakehouse.stamp(table)
        return stamp.fingerprint if stamp else ""

    return build_graph(project, batches, mappings, rates.digest, published, held_back)


def reconcile(project: Project, attachments: Attachments) -> list[CheckResult]:
    """Declared fields of all brands, those left out whose tables were never delivered."""
    engine = attachments.engine
    if not all(map(engine.lakehouse.exists, reconciliation.READS)):
        return []
    attachments.attach(reconciliation.READS)
    results = []
    for brand in project.brands.values():
        delivered = {t for t in brand.sources if engine.lakehouse.exists(bronze_table(brand.name, t))}
        results += reconciliation.reconcile_fields(engine, brand, rules_over(brand, delivered))
    return results
