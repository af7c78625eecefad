"""A run: load what was delivered, rebuild what is stale, check before publishing, record what happened."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mergehouse.engine import Engine
from mergehouse.errors import LakehouseError, MergehouseError
from mergehouse.ingest.bronze import Batch, IngestResult, Loader, load_deliveries, read_batches
from mergehouse.ingest.delivery import bronze_table
from mergehouse.kpi.catalogue import compute
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.pipeline.build import build_tables, publish_frame
from mergehouse.pipeline.results import RunResult, Scored, TableResult
from mergehouse.pipeline.run_log import record_run
from mergehouse.pipeline.workbench import Workbench
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import Rows, ecb_file, mapping_tables
from mergehouse.quality.checks import CheckResult, check_table
from mergehouse.quality.freshness import freshness
from mergehouse.quality.kpi_bounds import check_bounds
from mergehouse.quality.reconciliation import DIFFERENCES, reconcile_fields
from mergehouse.transform.field_reconciliation import rules_over
from mergehouse.transform.graph import FEATURES, SCORES, Graph, build_graph

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LINES = "silver.order_lines"  # the first table that a delivery reaches
# What scores customers, given the project, the fingerprint of the published scores and whom to tell what is
# being done. Nothing to do where these are up to date.
Score = Callable[[Project, str, Progress], Scored | None]


def run(
    project: Project,
    select: str | None = None,
    until: str | None = None,
    full: bool = False,
    progress: Progress = silent,
    spark: SparkSession | None = None,
    now: dt.datetime | None = None,
    score: Score | None = None,
) -> RunResult:
    """Loads new deliveries and rebuilds what they, changed SQL, contracts or mappings make stale.

    `spark`: run on this session, whatever `engine` says: that of a Databricks or Fabric notebook. `now`: the
    run's instant. `score`: scores the customers once their features are there,
    `mergehouse.science.scoring.score`; without, scores stay as they are. A table whose checks fail keeps its
    published version; what depends on it is left alone. Raises LakehouseError where another run is at work or
    the lakehouse cannot be written.
    """
    began = time.perf_counter()
    lakehouse = Lakehouse(project.lakehouse_location)
    mappings = mapping_tables(project)
    with exclusive(lakehouse), _engine(project, lakehouse, spark) as (engine, loader):
        result = RunResult(uuid.uuid4().hex[:12], now or dt.datetime.now(dt.UTC), IngestResult())
        result.ingest = load_deliveries(project, lakehouse, loader, result.started, progress)
        bench = _workbench(project, engine, lakehouse, mappings, result.ingest.batches, full)
        chosen, broken = bench.graph.select(select, until), set(result.ingest.failures)
        readers = [
            n.name for n in chosen if score and SCORES in bench.graph.upstream(n.name)
        ]  # where nobody scores, nothing waits
        first = [n for n in chosen if n.name not in (SCORES, *readers)]
        result.tables, result.checks = build_tables(first, bench, broken, full, progress)
        if score and len(first) < len(chosen):
            if waits := sorted(broken & bench.graph.upstream(FEATURES)):
                result.tables.append(TableResult(SCORES, "blocked", reason=f"waits for {waits[0]}"))
            elif bench.graph.nodes[SCORES].fingerprint.startswith(
                f"{bench.graph.nodes[FEATURES].fingerprint}-"
            ):
                result.tables.append(
                    TableResult(SCORES, "fresh")
                )  # of a model promoted since `rescore` knows
            else:
                _score(project, bench, result, score, progress)
            _build_readers(readers, bench, result, broken, full, progress)
        result.kpis = compute(lakehouse)
        if result.changed:
            if not broken:
                result.checks += _reconcile(project, bench)
            result.checks += check_bounds(result.kpis)
            if lakehouse.exists("gold.dim_brand"):
                bench.attach({"gold.dim_brand", "bronze.batches"})
                result.freshness, late = freshness(engine, project, dt.datetime.now(dt.UTC).date())
                result.checks += late
            result.seconds = time.perf_counter() - began
            record_run(lakehouse, result)
        result.seconds = time.perf_counter() - began
        return result


def rescore(
    project: Project, score: Score, progress: Progress = silent, spark: SparkSession | None = None
) -> RunResult:
    """Scores the customers anew where features or models have changed, and rebuilds what reads the scores.
    Loads nothing.

    Raises LakehouseError where there are no features yet or another run is at work.
    """
    began = time.perf_counter()
    lakehouse = Lakehouse(project.lakehouse_location)
    if not lakehouse.exists(FEATURES):
        raise LakehouseError(
            f"{lakehouse.location}: there are no customer features yet; `mergehouse run` builds them."
        )
    mappings = mapping_tables(project)
    with exclusive(lakehouse), _engine(project, lakehouse, spark) as (engine, _):
        result = RunResult(
            uuid.uuid4().hex[:12], dt.datetime.now(dt.UTC), IngestResult(known=read_batches(lakehouse))
        )
        bench = _workbench(project, engine, lakehouse, mappings, result.ingest.batches, full=False)
        _score(project, bench, result, score, progress)
        readers = [n.name for n in bench.graph.built() if SCORES in bench.graph.upstream(n.name)]
        _build_readers(readers, bench, result, set(), False, progress)
        result.seconds = time.perf_counter() - began
        if result.changed:
            record_run(lakehouse, result)
        return result


def check(project: Project, spark: SparkSession | None = None) -> list[CheckResult]:
    """Checks every published table against its contract, without building anything."""
    lakehouse = Lakehouse(project.lakehouse_location)
    mappings = mapping_tables(project)
    with exclusive(lakehouse), _engine(project, lakehouse, spark) as (engine, _):
        graph = _graph(project, lakehouse, mappings, read_batches(lakehouse))
        bench = Workbench(engine, graph, mappings)
        results: list[CheckResult] = []
        for node in graph.built():
            if node.contract:
                bench.attach({node.name} | node.check_inputs)
                results += check_table(engine, node.contract)[1]
        return results + _reconcile(project, bench) + check_bounds(compute(lakehouse))


def _workbench(
    project: Project,
    engine: Engine,
    lakehouse: Lakehouse,
    mappings: dict[str, Rows],
    batches: list[Batch],
    full: bool,
) -> Workbench:
    """The graph of now, and where the order lines are of an earlier state, the graph of then and what came
    since.
    """
    graph = _graph(project, lakehouse, mappings, batches)
    published = lakehouse.stamp(LINES)
    loaded = [b for b in batches if b.status == "loaded"]
    delivered = max((b.ingest_ts.isoformat() for b in loaded), default="")
    known = [b for b in loaded if published and b.ingest_ts.isoformat() <= published.delivered]
    new = [b for b in loaded if b not in known]
    if full or not known or not new:
        return Workbench(engine, graph, mappings, delivered=delivered)
    bench = Workbench(engine, graph, mappings, _graph(project, lakehouse, mappings, known), delivered)
    bench.touch(project, known, new)
    return bench


def _graph(project: Project, lakehouse: Lakehouse, mappings: dict[str, Rows], batches: list[Batch]) -> Graph:
    scores = lakehouse.stamp(SCORES) if lakehouse.exists(SCORES) else None
    return build_graph(
        project, batches, mappings, f"{ecb_file().stat().st_size}", scores.fingerprint if scores else ""
    )


def _score(project: Project, bench: Workbench, result: RunResult, score: Score, progress: Progress) -> None:
    """Has customers scored and publishes the scores. Where that fails, the tables that read them are built
    with those of before.
    """
    node = bench.graph.nodes[SCORES]
    try:
        scored = score(project, node.fingerprint, progress)
        if scored is None:
            result.tables.append(TableResult(SCORES, "fresh"))
            return
        table, checks = publish_frame(node, bench, scored.rows, scored.fingerprint)
    except MergehouseError as error:
        result.tables.append(TableResult(SCORES, "failed", reason=str(error)))
        return
    result.tables.append(table)
    result.checks += [*checks, *scored.checks]
    bench.graph = _graph(project, bench.lakehouse, bench.mappings, result.ingest.batches)


def _build_readers(
    names: list[str], bench: Workbench, result: RunResult, broken: set[str], full: bool, progress: Progress
) -> None:
    """Builds the tables that read the scores, as the graph has them now."""
    tables, checks = build_tables([bench.graph.nodes[name] for name in names], bench, broken, full, progress)
    result.tables += tables
    result.checks += checks


def _reconcile(project: Project, bench: Workbench) -> list[CheckResult]:
    """Declared fields of all brands, those left out whose tables were never delivered."""
    if not bench.lakehouse.exists(DIFFERENCES):
        return []
    bench.attach({DIFFERENCES})
    results = []
    for brand in project.brands.values():
        delivered = {
            table for table in brand.sources if bench.lakehouse.exists(bronze_table(brand.name, table))
        }
        results += reconcile_fields(bench.engine, brand, rules_over(brand, delivered))
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
