"""A run: load what was delivered, rebuild what is stale, check before publishing, record what happened."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from mergehouse.engine import Engine
from mergehouse.errors import BrandError, LakehouseError, MergehouseError
from mergehouse.ingest.bronze import Batch, IngestResult, Loader, load_deliveries, read_batches
from mergehouse.ingest.delivery import bronze_table
from mergehouse.ingest.reloading import reload_lost
from mergehouse.kpi.catalogue import compute
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.integrity import faults
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.owner import claim, expect_own
from mergehouse.lakehouse.published import publish, published_versions
from mergehouse.pipeline import isolation
from mergehouse.pipeline.attachments import Attachments
from mergehouse.pipeline.build import Workbench, build_tables
from mergehouse.pipeline.computed import Request, is_left_out
from mergehouse.pipeline.healing import at_fault, heal, is_readable, reloaded, undelivered
from mergehouse.pipeline.isolation import HeldBack
from mergehouse.pipeline.newer_rates import fetch_missing
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run_log import record_run
from mergehouse.pipeline.sound_folders import keep, sound
from mergehouse.pipeline.stages import Stages
from mergehouse.pipeline.stamps import Stamps, reached
from mergehouse.pipeline.upkeep import look_after, written_by
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.ecb_rates import Edition, edition
from mergehouse.project.mapping_files import HELD_BACK, RUN, Rows
from mergehouse.quality import freshness, reconciliation
from mergehouse.quality.arrivals import check_files
from mergehouse.quality.brand_folders import check_brand_folders
from mergehouse.quality.checks import CheckResult, check_table
from mergehouse.quality.kpi_bounds import check_bounds
from mergehouse.quality.left_out import left_out
from mergehouse.quality.machine_limits import within_the_machine
from mergehouse.quality.missing_rates import missing_rates
from mergehouse.storage import write_failure
from mergehouse.transform.field_reconciliation import rules_over
from mergehouse.transform.graph import Graph, build_graph, read_models
from mergehouse.transform.incremental import Changes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(
    project: Project,
    select: str | None = None,
    until: str | None = None,
    full: bool = False,
    progress: Progress = silent,
    spark: SparkSession | None = None,
    now: dt.datetime | None = None,
    load: bool = True,
    later: Collection[str] = (),
    wait: bool = False,
    from_raw: bool = False,
) -> RunResult:
    """Loads new deliveries and rebuilds what they, changed SQL, contracts, mappings or models make stale.

    `spark`: run on this session, whatever `engine` says: that of a Databricks or Fabric notebook. `now`: the
    run's instant. `load=False`: no delivery is looked for. `later`: optional tables that another run is to
    build. `wait`: for another run to end. `from_raw`: what Bronze has lost is loaded again, also where some
    of it is gone for good, and every table is rebuilt. A table whose checks fail keeps its published version;
    what depends on it is left alone. Where that is one brand's fault, its rows alone stay as they were. What
    was published is what readers see once all is done.
    Raises ConfigError where the lakehouse is another project's, LakehouseError where another run is at work
    or it cannot be written.
    """
    stages = Stages()
    lakehouse = Lakehouse(project.lakehouse_location)
    with (
        sound(project, lakehouse) as (project, mappings),
        exclusive(lakehouse, wait=wait, progress=progress),
        _engine(project, lakehouse, spark) as (engine, loader),
    ):
        claim(lakehouse, project)
        if published_versions(lakehouse) is None:
            publish(lakehouse)  # what there was stays what readers see until the run has ended
        result = RunResult(
            uuid.uuid4().hex[:12], now or dt.datetime.now(dt.UTC), IngestResult(), stages=stages.seconds
        )
        stages.spent("opening")
        with ThreadPoolExecutor(1) as reading:
            reading.submit(read_models)
            found = faults(lakehouse)
            healed = heal(project, lakehouse, found)
            known = read_batches(lakehouse)
            again = reload_lost(project, lakehouse, loader, known, found, from_raw, progress)
            result.ingest = (
                load_deliveries(
                    project, lakehouse, loader, result.started, progress, again.ledger, again.stopped
                )
                if load
                else IngestResult(known=again.ledger, failures=again.stopped)
            )
        stages.spent("loading")
        full = full or from_raw
        attachments = _build(project, engine, mappings, result, stages, select, until, full, progress, later)
        result.healed = [*healed, *reloaded(again.mended), *undelivered(project, lakehouse, result.ingest)]
        result.checks += result.healed
        result.kpis = compute(lakehouse)
        result.left_out = left_out(lakehouse)
        result.checks += [*check_files(result.ingest), *check_brand_folders(project, result.ingest)]
        if result.changed:
            result.checks += _reconcile(project, attachments)
            result.checks += check_bounds(result.kpis)
            if spark is None and project.config.engine.name == "duckdb":
                result.checks += within_the_machine(project.config.limits)
            if all(map(lakehouse.exists, freshness.READS)):
                attachments.attach(freshness.READS)
                result.freshness, late = freshness.freshness(engine, project, dt.datetime.now(dt.UTC).date())
                result.checks += late
            result.checks += isolation.are_current(project, result.faults, result.freshness)
            stages.spent("checks")
            record_run(lakehouse, result)
            keep(project, lakehouse, held=result.faults)
            stages.spent("recording")
            if not project.config.engine.catalog:  # which looks after the files of its tables itself
                result.cared, findings = look_after(
                    lakehouse,
                    written_by(result, lakehouse),
                    project.config.retention,
                    published_versions(lakehouse) or {},
                )
                result.checks += findings
        publish(lakehouse)
        stages.spent("upkeep" if result.changed else "checks")
        return result


def check(
    project: Project, spark: SparkSession | None = None, progress: Progress = silent
) -> list[CheckResult]:
    """Checks that every table, as it is now, is as mergehouse wrote it and as its contract says, without
    building anything; waits for a run. Where some cannot be read, that is all that is said: run first.
    """
    lakehouse = Lakehouse(project.lakehouse_location)
    with (
        sound(project, lakehouse) as (project, mappings),
        exclusive(lakehouse, "check", wait=True, progress=progress),
        _engine(project, lakehouse, spark) as (engine, _),
    ):
        expect_own(lakehouse, project)
        results = at_fault(project, lakehouse)
        if results and not is_readable(lakehouse):
            return results
        held = isolation.waiting(lakehouse)
        mappings |= {HELD_BACK: (["source_system"], [[name] for name in held])}
        rates = edition(project)
        make = partial(_graph, project, lakehouse, mappings, rates, read_batches(lakehouse))
        graph, unsound = isolation.sound_graph(project, make)
        held = {name: fault.why for name, fault in unsound.items()} | held
        attachments = Attachments(engine, graph, mappings, rates)
        for table in graph.tables.values():
            progress(table.name)
            attachments.attach({table.name} | table.check_inputs)
            results += check_table(engine, table.contract)[1]
        results += [CheckResult(name, "brand_is_current", "error", 1, why) for name, why in held.items()]
        results += _reconcile(project, attachments) + missing_rates(lakehouse, project)
        return results + check_bounds(compute(lakehouse))


def _build(
    project: Project,
    engine: Engine,
    mappings: dict[str, Rows],
    result: RunResult,
    stages: Stages,
    select: str | None,
    until: str | None,
    full: bool,
    progress: Progress,
    later: Collection[str],
) -> Attachments:
    """Builds what is chosen; once more with newer rates, where some are missing, and without the brands on
    whose account tables failed, as long as there are others.
    """
    lakehouse, batches = engine.lakehouse, result.ingest.batches
    mappings = mappings | {RUN: (["started"], [[result.started.isoformat()]])}
    without_new = partial(_graph, project, lakehouse, mappings, edition(project), result.ingest.known)
    held = isolation.stopped(project, lakehouse, result.ingest, without_new)
    may_fetch = True
    while True:
        try:
            bench = _workbench(held, engine, held.mappings(mappings), batches, full, progress, result.started)
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
        if not blamed:
            result.faults = held.said
            result.checks += [check for check in missing if result.changed or not check.passed]
            return bench.attachments
        held = held.also(blamed)


def _workbench(
    held: HeldBack,
    engine: Engine,
    mappings: dict[str, Rows],
    batches: list[Batch],
    full: bool,
    progress: Progress,
    now: dt.datetime,
) -> Workbench:
    """The graph of now, and where the tables are of an earlier state, what has changed since."""
    lakehouse, project = engine.lakehouse, held.project
    rates = edition(project)
    graph = held.in_graph(_graph(project, lakehouse, mappings, rates, batches, held.keeping))
    loaded = [b for b in batches if b.status != "repeat"]
    last = reached(lakehouse, graph)
    known = [b for b in loaded if last is not None and b.ingest_ts.isoformat() <= last]
    new = [b for b in loaded if last is None or b.ingest_ts.isoformat() > last]
    attachments, changes = Attachments(engine, graph, mappings, rates), Changes(engine, graph)
    if known and new and not full and not held.keeping:
        traced = Changes(engine, graph, _graph(project, lakehouse, mappings, rates, known))
        with suppress(MergehouseError):  # of a brand's own SQL, or of the machine: building shows whose
            traced.trace(project, known, new, attachments.attach)
            changes = traced
    request = Request(project, Lakehouse(project.lakehouse_location, newest=True), progress, now)
    return Workbench(engine, graph, attachments, changes, Stamps(lakehouse, loaded), request)


def _graph(
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


def _reconcile(project: Project, attachments: Attachments) -> list[CheckResult]:
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


@contextmanager
def _engine(
    project: Project, lakehouse: Lakehouse, spark: SparkSession | None
) -> Iterator[tuple[Engine, Loader]]:
    """The engine and what reads deliveries for it, with a folder for what they write besides tables; it goes
    with them.
    """
    scratch = lakehouse.root / ".tmp"
    lakehouse.discard(scratch)  # of a run that was killed
    try:
        scratch.mkdir()
    except OSError as error:
        raise LakehouseError(write_failure("run", scratch, error)) from None
    try:
        if spark is not None or project.config.engine.name == "spark":
            from mergehouse.engine.spark.engine import SparkEngine
            from mergehouse.engine.spark.session import open_session
            from mergehouse.ingest.spark_loader import SparkLoader

            config = project.config.engine
            engine = SparkEngine(
                spark or open_session(config), lakehouse, f"{lakehouse.location}/.tmp", config.catalog
            )
            yield engine, SparkLoader(engine)
            engine.register_all()
        else:
            from mergehouse.engine.duckdb import DuckDBEngine
            from mergehouse.ingest.duckdb_loader import EmbeddedLoader

            limits = project.config.limits
            yield DuckDBEngine(limits, lakehouse, scratch), EmbeddedLoader(limits, lakehouse, scratch)
    finally:
        lakehouse.discard(scratch)
