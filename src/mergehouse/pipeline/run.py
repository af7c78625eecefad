"""A run: load what was delivered, rebuild what is stale, check before publishing, record what happened."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from mergehouse.engine import Engine
from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.ingest.bronze import IngestResult, Loader, read_batches
from mergehouse.ingest.loading import load_deliveries
from mergehouse.ingest.reloading import reload_lost
from mergehouse.ingest.rereading import read_again
from mergehouse.kpi.catalogue import compute
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.integrity import faults
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.owner import claim, expect_own
from mergehouse.lakehouse.published import publish, published_versions
from mergehouse.lakehouse.staging import discard
from mergehouse.pipeline.healing import at_fault, heal, is_readable, reloaded, undelivered
from mergehouse.pipeline.results import RunResult, TableResult
from mergehouse.pipeline.run_log import record_run
from mergehouse.pipeline.sound_folders import keep, sound
from mergehouse.pipeline.stages import Stages
from mergehouse.pipeline.up_to_date import decided_by, known_up_to_date
from mergehouse.pipeline.upkeep import look_after, written_by
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.ecb_rates import ecb_rates, edition
from mergehouse.quality import report
from mergehouse.quality.arrivals import check_files
from mergehouse.quality.brand_folders import check_brand_folders
from mergehouse.quality.checks import CheckResult, check_table
from mergehouse.quality.freshness import freshness
from mergehouse.quality.kpi_bounds import check_bounds
from mergehouse.quality.left_out import left_out
from mergehouse.quality.machine_limits import within_the_machine
from mergehouse.quality.margin_methods import margin_methods
from mergehouse.quality.missing_rates import missing_rates
from mergehouse.quality.reconciliation import reconciled
from mergehouse.quality.standing import keep_standing, standing
from mergehouse.storage import write_failure

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
    Raises ConfigError where the lakehouse is another project's, or there is nothing of what is selected;
    LakehouseError where another run is at work or it cannot be written.
    """
    stages = Stages()
    lakehouse = Lakehouse(project.lakehouse_location)
    if from_raw and (select is not None or until is not None):
        raise ConfigError("--from-raw: expected `mergehouse run --full --from-raw`, of all tables.")
    with (
        sound(project, lakehouse) as folders,
        exclusive(lakehouse, wait=wait, progress=progress) as waited,
        _engine(project, lakehouse, spark) as (engine, loader),
    ):
        if waited:
            folders.expect_unedited()
        project, is_whole = folders.project, select is None and until is None
        claim(lakehouse, project)
        before, decided = standing(lakehouse), decided_by(folders) if is_whole else ""
        if published_versions(lakehouse) is None:
            publish(lakehouse)  # what there was stays what readers see until the run has ended
        result = RunResult(
            uuid.uuid4().hex[:12], now or dt.datetime.now(dt.UTC), IngestResult(), stages=stages.seconds
        )
        stages.spent("opening")
        was_amiss = _bring_in(project, lakehouse, loader, result, from_raw, load, progress)
        stages.spent("loading")
        full = full or from_raw
        if (
            is_whole
            and not (full or later or was_amiss)
            and (names := known_up_to_date(decided, project, lakehouse, result.ingest, result.started))
            and all(before.knows(name, lakehouse.stamp(name)) for name in names)
        ):
            result.tables = [TableResult(name, "fresh") for name in names]
            stages.spent("planning")
        else:
            from mergehouse.pipeline.planning import bring_up_to_date

            attachments = bring_up_to_date(
                folders, engine, result, stages, select, until, full, progress, later, before, decided
            )
        _look_over(project, lakehouse, result)
        fields = reconciled(project)
        unseen = [t.table for t in result.tables if t.status == "fresh" and not t.is_looked_at]
        if result.changed:
            from mergehouse.pipeline import isolation
            from mergehouse.pipeline.planning import reconcile

            result.checks += reconcile(project, attachments)
            if spark is None and project.config.engine.name == "duckdb":
                result.checks += within_the_machine(project.config.limits)
            result.checks += isolation.are_current(project, result.faults, result.freshness)
            stages.spent("checks")
            record_run(lakehouse, result)
            looked_at = {t.table for t in result.tables if t.is_looked_at} | fields
            keep(folders, held=result.faults)
            keep_standing(lakehouse, before, looked_at, result.checks)  # last: without it, all is noted again
            stages.spent("recording")
            if not project.config.engine.catalog:  # which looks after the files of its tables itself
                written, shown = written_by(result, lakehouse), published_versions(lakehouse) or {}
                result.cared, findings = look_after(lakehouse, written, project.config.retention, shown)
                result.checks += findings
        else:
            unseen += fields
            if is_whole:
                keep(folders, held=())
        result.checks += [finding for name in unseen for finding in before.findings.get(name, ())]
        publish(lakehouse)
        stages.spent("upkeep" if result.changed else "checks")
        return result


def check(
    project: Project, spark: SparkSession | None = None, progress: Progress = silent
) -> list[CheckResult]:
    """Checks that every table, as it is now, is as mergehouse wrote it and as its contract says, without
    building anything; waits for a run. Where some cannot be read, that is all that is said: run first.
    """
    from mergehouse.pipeline import isolation
    from mergehouse.pipeline.attachments import Attachments
    from mergehouse.pipeline.planning import graph_of, reconcile
    from mergehouse.project.mapping_files import HELD_BACK

    lakehouse = Lakehouse(project.lakehouse_location)
    with (
        sound(project, lakehouse) as folders,
        exclusive(lakehouse, "check", wait=True, progress=progress),
        _engine(project, lakehouse, spark) as (engine, _),
    ):
        project = folders.project
        expect_own(lakehouse, project)
        results = at_fault(project, lakehouse)
        if results and not is_readable(lakehouse):
            return results
        held = isolation.waiting(lakehouse)
        folders = folders.as_they_were(held.keys() & project.brands.keys())
        project, mappings = (
            folders.project,
            folders.mappings | {HELD_BACK: (["source_system"], [[name] for name in held])},
        )
        rates = edition(project)
        make = partial(graph_of, project, lakehouse, mappings, rates, read_batches(lakehouse))
        graph, unsound = isolation.sound_graph(project, make)
        held = {name: fault.why for name, fault in unsound.items()} | held
        attachments = Attachments(engine, graph, mappings, rates)
        for table in graph.tables.values():
            progress(table.name)
            attachments.attach({table.name} | table.check_inputs)
            results += check_table(engine, table.contract)[1]
        results += [CheckResult(name, "brand_is_current", "error", 1, why) for name, why in held.items()]
        results += reconcile(project, attachments) + missing_rates(lakehouse, project)
        return results + check_bounds(compute(lakehouse))


def _bring_in(
    project: Project,
    lakehouse: Lakehouse,
    loader: Loader,
    result: RunResult,
    from_raw: bool,
    load: bool,
    progress: Progress,
) -> bool:
    """Mends what is there, reads again what is declared otherwise now, and loads what is new. True where
    there was more to do than to load.
    """
    found = faults(lakehouse)
    healed = heal(project, lakehouse, found)
    known = read_batches(lakehouse)
    again = reload_lost(project, lakehouse, loader, known, found, from_raw, progress)
    reread = read_again(project, lakehouse, loader, again.ledger, again.stopped, progress)
    ledger, stopped = reread.ledger, reread.stopped
    result.ingest = IngestResult(known=ledger, failures=stopped)
    if load:
        with ThreadPoolExecutor(1) as reading:
            ahead = partial(reading.submit, _read_ahead, project)
            result.ingest = load_deliveries(
                project, lakehouse, loader, result.started, progress, ledger, stopped, ahead
            )
    result.ingest.let_go = reread.let_go
    result.healed = [*healed, *reloaded(again.mended), *undelivered(project, lakehouse, result.ingest)]
    return bool(found or result.healed or reread.let_go)


def _look_over(project: Project, lakehouse: Lakehouse, result: RunResult) -> None:
    """What is said of the lakehouse as it is now, whatever was built."""
    result.kpis = compute(lakehouse)
    result.margins = margin_methods(lakehouse)
    result.left_out = left_out(lakehouse)
    result.checks += [
        *result.healed,
        *check_files(project, result.ingest),
        *check_brand_folders(project, result.ingest),
        *check_bounds(result.kpis),
    ]
    if result.changed or any(brand.fresh_within_days is not None for brand in project.brands.values()):
        today = dt.datetime.now(dt.UTC).date()
        result.freshness, late = freshness(lakehouse, project, result.ingest.batches, today)
        result.checks += late


def _read_ahead(project: Project) -> None:
    """What every run needs that finds something new, and what is kept as read. Where it cannot be read, who
    needs it says so.
    """
    _read_models()
    ecb_rates(edition(project).file)
    import numpy  # noqa: F401 - by which keys are told apart
    import polars  # noqa: F401 - which tables that Python computes are made with; it takes a sixth of a second

    report.template()


@cache
def _read_models() -> None:
    from mergehouse.transform.model_graph import read_models

    read_models()


@contextmanager
def _engine(
    project: Project, lakehouse: Lakehouse, spark: SparkSession | None
) -> Iterator[tuple[Engine, Loader]]:
    """The engine and what reads deliveries for it, with a folder for what they write besides tables; it goes
    with them.
    """
    scratch = lakehouse.root / ".tmp"
    discard(lakehouse, scratch)  # of a run that was killed
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
        discard(lakehouse, scratch)
