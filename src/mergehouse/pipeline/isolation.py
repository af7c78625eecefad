"""Faults of one brand hold back that brand alone: which brands, and why.

A brand is held back whose sources stop, whose SQL fails, or whose rows break a check of severity error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from mergehouse.errors import BrandError, ConfigError, LakehouseError
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import IngestResult
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.attachments import Attachments
from mergehouse.pipeline.failing_sql import why_it_fails
from mergehouse.pipeline.results import Setback, TableResult
from mergehouse.pipeline.sound_folders import Folders
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import HELD_BACK, Rows
from mergehouse.quality.checks import CheckResult
from mergehouse.transform.graph import Graph
from mergehouse.transform.held_back import holding_back

LOG = "monitor.quality_results"
FORGOTTEN = "What its folder said then is not known: they are told by the settings and lists of now."


@dataclass(frozen=True)
class HeldBack:
    """The brands with `faults`, and how tables are built with them.

    `folders` say of these brands what they last said when they were sound. Of those in `names` no delivery is
    read: their rows stay as they were in the `versions` of the tables that
    read what brands deliver, and where there were none they are left out. `broken` are sources for which all
    tables wait, since no brand is left; `owners` says whose each delivery is.
    """

    folders: Folders
    lakehouse: Lakehouse
    owners: Mapping[str, str]
    versions: Mapping[str, int] | None = None
    faults: dict[str, Setback] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()

    @cached_property
    def _earlier(self) -> frozenset[str]:
        return _brands_in(self.lakehouse, self.versions or {})

    @property
    def keeping(self) -> frozenset[str]:
        """Those with earlier rows."""
        return self.names & self._earlier if self.names else frozenset()

    @property
    def said(self) -> dict[str, Setback]:
        """The faults, and of which brands there is nothing else."""
        unlike = self.folders.forgotten & self._earlier
        return {
            name: replace(
                fault,
                why=f"{fault.why} {FORGOTTEN}" if name in unlike else fault.why,
                left_out=name not in self._earlier,
            )
            for name, fault in self.faults.items()
        }

    @property
    def whole(self) -> Project:
        """Of all brands."""
        return self.folders.project

    @property
    def project(self) -> Project:
        """Without the brands that are left out."""
        out = self.names - self.keeping
        brands = {name: brand for name, brand in self.whole.brands.items() if name not in out}
        return self.whole.model_copy(update={"brands": brands}) if out else self.whole

    @property
    def mappings(self) -> dict[str, Rows]:
        """Without the brands that are left out, and with the names of those whose deliveries wait."""
        brands = self.project.brands
        waiting: Rows = (["source_system"], [[name] for name in sorted(self.keeping)])
        return {
            name: (columns, [row for row in rows if columns[0] != "source_system" or row[0] in brands])
            for name, (columns, rows) in (self.folders.mappings | {HELD_BACK: waiting}).items()
        }

    def in_graph(self, graph: Graph) -> Graph:
        return holding_back(graph, self.keeping, self.versions or {}) if self.keeping else graph

    def before(self, graph: Graph) -> HeldBack:
        """Takes note of the versions there are, before any table of the graph is built."""
        if self.versions is not None:
            return self
        there = filter(self.lakehouse.exists, graph.read_brands)
        return replace(self, versions={name: _version(self.lakehouse, name) for name in there})

    def also(self, faults: dict[str, Setback]) -> HeldBack:
        folders = self.folders.as_they_were(faults.keys())
        return replace(self, folders=folders, faults=self.faults | faults, names=self.names | faults.keys())


def sound_graph(
    project: Project, make: Callable[..., Graph], faults: Mapping[str, Setback] | None = None
) -> tuple[Graph, dict[str, Setback]]:
    """The graph that `make` makes without the brands that have `faults` or cannot be used as written, and why
    these cannot. Raises ConfigError where none would be left.
    """
    found = {b.name: Setback(b.fault) for b in project.brands.values() if b.fault} | dict(faults or {})
    while True:
        try:
            return make(held_back=found), found
        except BrandError as error:
            if len(found | {error.brand: error}) == len(project.brands):
                raise
            found[error.brand] = Setback(str(error))


def misconfigured(held: HeldBack, error: BrandError, without_new: Callable[..., Graph]) -> HeldBack:
    """Holds back a brand as well whose folder cannot be used as written. Raises that error where no brand
    would be left.
    """
    if not held.whole.brands.keys() - held.names - {error.brand}:
        raise error
    faults = {error.brand: Setback(str(error))}
    make = partial(without_new, held.folders)
    return held.before(sound_graph(held.whole, make, held.faults | faults)[0]).also(faults)


def stopped(
    folders: Folders, lakehouse: Lakehouse, ingest: IngestResult, without_new: Callable[..., Graph]
) -> HeldBack:
    """The brands with a source that stopped, and those whose folder cannot be used as written. `without_new`
    makes the graph of folders without this run's deliveries.

    A brand that brought nothing new, and whose tables are up to date, is not held back: it stays as it is.
    Where what it brought could not be written, which is no fault of its own, it is not left out: all wait.
    """
    project, unwritten = folders.project, set[str]()
    faults: dict[str, Setback] = {}
    for brand in project.brands.values():
        if brand.fault:
            faults[brand.name] = Setback(brand.fault)
        errors = [ingest.failures.get(bronze_table(brand.name, source)) for source in brand.sources]
        if any(errors):
            faults[brand.name] = Setback(" ".join(str(error) for error in errors if error))
        if any(isinstance(error, LakehouseError) for error in errors):
            unwritten.add(brand.name)
    owners = {b.batch_id: b.source_system for b in ingest.batches}
    held = HeldBack(folders, lakehouse, owners, faults=faults)
    if not faults:
        return held
    if len(faults) == len(project.brands):
        return replace(held, broken=frozenset(ingest.failures))
    held = replace(held, folders=folders.as_they_were(faults.keys()))
    graph, unsound = sound_graph(held.whole, partial(without_new, held.folders))
    faults |= unsound
    held = replace(held.before(graph), faults=faults, folders=held.folders.as_they_were(unsound.keys()))
    _expect_remembered(held)
    if not unsound and _are_published(lakehouse, graph):
        brought = {b.source_system for b in ingest.new if b.status == "loaded"}
        held = replace(held, names=frozenset(faults.keys() & brought))
    else:
        held = replace(held, names=frozenset(faults))
    if (held.names - held.keeping) & unwritten:
        return replace(held, names=frozenset(), broken=frozenset(ingest.failures))
    return held


def _expect_remembered(held: HeldBack) -> None:
    """Raises ConfigError where a brand has figures, and nothing tells how they were told."""
    for name in held.faults.keys() & _brands_in(held.lakehouse, held.versions or {}):
        if (brand := held.whole.brands[name]).fault and not brand.sources:
            raise ConfigError(brand.fault)


def blamed(
    held: HeldBack, attachments: Attachments, tables: Iterable[TableResult], checks: Iterable[CheckResult]
) -> dict[str, Setback]:
    """The brands on whose account tables failed: their rows broke a check, or their SQL cannot be run."""
    if held.broken:
        return {}
    graph, found = attachments.graph, dict[str, Setback]()
    brands = [brand for name, brand in held.project.brands.items() if name not in held.names]
    failed = {t.table for t in tables if t.status == "failed" and graph.tables[t.table].sql}
    broken = [check for check in checks if check.table in failed and check.stops_publication]
    for check in broken:
        for brand in brands:
            if rows := [row for row in check.sample if _owner(row, held) == brand.name]:
                found.setdefault(brand.name, Setback(f"{check.table}: {check.check}. {check.why}", rows))
    for name in failed - {check.table for check in broken}:
        views = graph.views_of_brands(graph.tables[name])
        for brand in brands:
            if brand.name not in found and (why := why_it_fails(brand, views, attachments)):
                found[brand.name] = Setback(why)
    return found


def with_files(
    tables: Iterable[TableResult], checks: Iterable[CheckResult], faults: Mapping[str, Setback]
) -> list[TableResult]:
    """The results of tables; those that failed without a check name the brands' files that stand in the way.

    >>> failed = TableResult("silver.order_lines", "failed", reason="the SQL failed")
    >>> with_files([failed], [], {"shop": Setback("order_lines.sql: the SQL failed")})[0].reason
    'order_lines.sql: the SQL failed'
    """
    stopped = {check.table for check in checks if check.stops_publication}
    files = " ".join(fault.why for fault in faults.values() if not fault.sample)
    return [
        replace(table, reason=files)
        if files and table.status == "failed" and table.table not in stopped
        else table
        for table in tables
    ]


def _owner(row: Mapping[str, Any], held: HeldBack) -> str | None:
    """The brand that a row of any table is of, where it says so."""
    return row.get("source_system") or held.owners.get(str(row.get("batch_id")))


def waiting(lakehouse: Lakehouse) -> dict[str, str]:
    """The brands that were held back by the last run that did something, and why."""
    if not lakehouse.exists(LOG):
        return {}
    rows = lakehouse.query(
        "SELECT table_name, max_by(why, started) AS why, max_by(passed, started) AS passed"
        f" FROM {LOG} WHERE check_name = 'brand_is_current' GROUP BY table_name"
    )
    return dict(rows.filter("NOT passed").project("table_name, why").fetchall())


def are_current(
    project: Project, faults: Mapping[str, Setback], records: Iterable[dict[str, Any]]
) -> list[CheckResult]:
    """A result for each brand: that its figures are those of what it delivered. `records` tell brands' last
    orders.
    """
    last = {record["source_system"]: record["last_order_date"] for record in records}
    results = []
    for name in project.brands:
        label = project.labels[name]
        fault, why = faults.get(name), "A brand's figures are those of all that it delivered."
        if fault and fault.left_out:
            why = f"{label} is left out of all figures, the group's too: {fault.why}"
        elif fault:
            day = f"those of its orders up to {last[name]}" if last.get(name) else "as they were"
            why = f"{label}'s figures, and its part of the group's, stay {day}: {fault.why}"
        sample = fault.sample if fault else []
        results.append(CheckResult(name, "brand_is_current", "error", int(fault is not None), why, sample))
    return results


def _version(lakehouse: Lakehouse, name: str) -> int:
    """The last that mergehouse wrote."""
    whose = lakehouse.standing(name)
    return whose.ours.version if whose.ours and whose.foreign else lakehouse.delta(name).version()


def _brands_in(lakehouse: Lakehouse, tables: Mapping[str, int]) -> frozenset[str]:
    """The brands with rows in these versions of tables."""
    found: set[str] = set()
    for name, version in tables.items():
        rows = lakehouse.table(name, version).duckdb()
        found |= {brand for (brand,) in rows.project("source_system").distinct().fetchall()}
    return frozenset(found)


def _are_published(lakehouse: Lakehouse, graph: Graph) -> bool:
    """True where the tables that read what brands deliver are what the graph makes of it."""
    stamps = {name: lakehouse.stamp(name) for name in graph.read_brands}
    return all(stamp and stamp.fingerprint == graph.fingerprints[name] for name, stamp in stamps.items())
