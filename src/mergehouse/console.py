"""What the command line prints: progress, results as tables, findings, errors."""

from __future__ import annotations

import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from mergehouse.kpi.catalogue import catalogue, formatted
from mergehouse.lakehouse import Lakehouse
from mergehouse.quality.checks import CheckResult

if TYPE_CHECKING:
    from mergehouse.pipeline import RunResult
    from mergehouse.project import Project
    from mergehouse.release.compare import Comparison
    from mergehouse.release.export import Released
    from mergehouse.release.ingestion import Ingestion
    from mergehouse.release.promotion import Promotion
    from mergehouse.release.shelf import Listed
    from mergehouse.release.verify import Verification
    from mergehouse.science.registry import Version
    from mergehouse.science.training import Training

PREDICTED = {"churn": "no purchase within {} days", "clv": "net margin over {} days"}
HEADINGS = {
    "auc": "AUC", "pr_auc": "PR AUC", "brier": "Brier", "ece": "ECE", "lift": "top-decile lift",
    "spearman": "Spearman", "gini": "Gini", "top_share": "share of top decile", "mae": "MAE, EUR", "bias": "bias",
}  # fmt: skip
SAMPLE_ROWS = 3  # of each check that failed
SHOWN = ("auc", "brier", "lift", "spearman", "gini", "mae")  # metrics of a model in the list of models


SCORED = """
SELECT scope, score_method, count(*) FILTER (risk_band = 'low'), count(*) FILTER (risk_band = 'medium'),
  count(*) FILTER (risk_band = 'high'), count(*) FILTER (risk_band IS NULL)
FROM (
  SELECT source_system AS scope, score_method, risk_band FROM gold.customer_brand_360
  UNION ALL SELECT 'group', score_method, risk_band FROM gold.customer_360
)
WHERE score_method IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def complain(message: str) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[bold red]error[/] ", end="")
    console.print(message, markup=False)


def complain_unforeseen(error: Exception) -> None:
    """One message about what nobody foresaw; its traceback goes into a file."""
    with tempfile.NamedTemporaryFile("w", prefix="mergehouse-", suffix=".txt", delete=False, encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    said = next(iter(str(error).strip().splitlines()), "")[:300]
    complain(
        f"unexpected {type(error).__name__} ({said}): a fault of mergehouse. The published tables are unharmed. "
        f"Please report it with {file.name}."
    )


class progress:
    """A progress bar over a known total, on stderr; silent where nobody watches."""

    def __init__(self, title: str, total: int):
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self.task = self.bar.add_task(title, total=total)

    def __enter__(self) -> Any:
        self.bar.start()
        return lambda done: self.bar.update(self.task, completed=done)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


class steps:
    """The run's current table and how many are left, on stderr."""

    def __init__(self, hidden: bool):
        self.bar = Progress(
            SpinnerColumn(), TextColumn("{task.fields[stage]:<7}"), BarColumn(bar_width=30), TimeElapsedColumn(),
            TextColumn("{task.description}"), console=Console(stderr=True), transient=True, disable=hidden,
        )  # fmt: skip
        self.task = self.bar.add_task("starting", total=None, stage="")

    def __enter__(self) -> Any:
        self.bar.start()

        def step(stage: str, name: str, done: int, total: int) -> None:
            self.bar.update(self.task, description=name, completed=done, total=total or None, stage=stage)

        return step

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def print_run(project: Project, result: RunResult, report_file: str) -> None:

    console = Console(soft_wrap=True, highlight=False)
    for name, error in result.ingest.failures.items():
        console.print(f"[bold red]stopped[/] {name}: ", end="")
        console.print(str(error), markup=False)
    loaded = [b for b in result.ingest.new if b.status == "loaded"]
    repeats = len(result.ingest.new) - len(loaded)
    if loaded:
        rejected = sum(b.rejected_rows for b in loaded)
        console.print(
            f"Bronze   {len(loaded)} files, {sum(b.rows for b in loaded):,} rows loaded, {rejected:,} torn rows kept in bronze.rejected"
        )
    if repeats:
        console.print(f"Bronze   {repeats} files known by content, not loaded again")
    for table in result.tables:
        if table.status == "failed":
            console.print(f"[bold red]failed[/]   {table.table}: ", end="")
            console.print(table.reason, markup=False)
    if blocked := [t for t in result.tables if t.status == "blocked"]:
        reasons = ", ".join(sorted({t.reason for t in blocked}))
        console.print(f"[bold red]blocked[/]  {len(blocked)} tables keep their previous version: {reasons}")
    if not result.changed:
        console.print("Nothing to do: every table is up to date.")
    if result.kpis:
        print_kpis(result.kpis)
    print_findings([c for c in result.checks if not c.passed])
    built = [t for t in result.tables if t.status == "built"]
    slowest = ", ".join(f"{t.table} {t.seconds:.1f} s" for t in sorted(built, key=lambda t: -t.seconds)[:3])
    fresh = sum(t.status == "fresh" for t in result.tables)
    passed = sum(c.passed for c in result.checks)
    console.print(f"\nTables   {len(built)} built, {fresh} up to date; {passed:,} checks passed")
    console.print(f"Time     {result.seconds:.1f} s" + (f" (slowest: {slowest})" if slowest else ""))
    console.print(f"Where    {project.lakehouse_location}")
    console.print(f"Report   {report_file}")


def print_scores(project: Project, result: RunResult) -> None:
    """What became of a scoring, and customers by brand, method and risk band."""
    console = Console(soft_wrap=True, highlight=False)
    for table in result.tables:
        if table.status == "failed":
            console.print(f"[bold red]failed[/]   {table.table}: ", end="")
            console.print(table.reason, markup=False)
    print_findings([c for c in result.checks if not c.passed])
    if not result.changed:
        console.print("Nothing to do: features and models are those of the published scores.")
    counts = Lakehouse(project.lakehouse_location).query(SCORED).fetchall()
    table = Table(title="Customers by risk of no purchase within 90 days", title_justify="left", box=None, pad_edge=False)
    for name in ("", "method", "low", "medium", "high", "no scores"):
        table.add_column(name, justify="left" if name in ("", "method") else "right")
    for scope, method, *numbers in counts:
        table.add_row(scope, method, *(f"{n:,}" for n in numbers))
    console.print(table)


def print_kpis(values: dict[str, dict[str, Any]]) -> None:
    """One table, or where many brands do not fit into the window, several: no number is cut."""
    console, scopes = Console(), list(values)
    unlimited = console.options.update(width=10_000)
    while scopes:
        count = len(scopes)
        while count > 1 and Measurement.get(console, unlimited, _kpi_table(values, scopes[:count])).maximum > console.width:
            count -= 1
        console.print(_kpi_table(values, scopes[:count]))
        scopes = scopes[count:]


def _kpi_table(values: dict[str, dict[str, Any]], scopes: list[str]) -> Table:
    table = Table(title="KPIs", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("unit", style="dim", no_wrap=True)
    for scope in scopes:
        table.add_column(scope, justify="right", no_wrap=True)
    for item in catalogue():
        unit = "" if item.format == "percent" else item.unit
        table.add_row(item.label, unit, *(formatted(item, values[scope][item.name]) for scope in scopes))
    return table


def print_training(result: Training) -> None:
    """Metrics by brand, target and method: the mean over all cut-offs, and the lowest and highest."""

    console = Console(soft_wrap=True, highlight=False)
    told_apart = [t for t in result.tested if t.metrics and t.group == "all"]  # not those of cut-offs after which all or none left
    for brand, target in dict.fromkeys((t.brand, t.target) for t in told_apart):
        tested = [t for t in told_apart if (t.brand, t.target) == (brand, target)]
        cutoffs = sorted({t.cutoff for t in tested})
        kind, days = target.rstrip("d").split("_")
        title = f"{brand}: {PREDICTED[kind].format(days)}, {len(cutoffs)} cut-offs from {cutoffs[0]} to {cutoffs[-1]}"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        table.add_column("")
        known = {metric: heading for metric, heading in HEADINGS.items() if any(metric in t.metrics for t in tested)}
        for heading in known.values():
            table.add_column(heading, justify="right")
        for method in dict.fromkeys(t.method for t in tested):
            of_metrics = [[t.metrics[metric] for t in tested if t.method == method] for metric in known]
            table.add_row(method, *(_range(values) for values in of_metrics))
        console.print(table)
    for d in result.decisions:
        console.print("[green]champion[/]  " if d.is_champion else "[yellow]challenger[/]", end=" ")
        console.print(f"{d.version}, {d.version.method}: {d.why}", markup=False)
        if not d.is_new:
            console.print("           of the same data and code as now: no new version", markup=False)
        if d.champion is None:
            console.print(f"           no champion: {d.version.brand}'s scores of {d.version.target} come from the fallback", markup=False)
    for why in result.untrained.values():
        console.print(f"[yellow]no model[/] {why}")
    for page in result.pages[:1]:
        console.print(f"Models   {page}", markup=False)


def _range(values: list[float]) -> str:
    """Mean, and the lowest and highest of several; as many decimals as the number is worth."""
    mean, low, high = sum(values) / len(values), min(values), max(values)
    places = 0 if abs(mean) >= 10 else 3
    return (
        f"{mean:,.{places}f} ({low:,.{max(0, places - 1)}f}-{high:,.{max(0, places - 1)}f})" if len(values) > 1 else f"{mean:,.{places}f}"
    )


def print_models(versions: list[Version]) -> None:
    """All versions, newest first under the name of their model."""
    console = Console(soft_wrap=True, highlight=False)
    if not versions:
        console.print("There is no model yet; `mergehouse train` makes them.")
    for name in dict.fromkeys(v.name for v in versions):
        of_name = [v for v in versions if v.name == name]
        metrics = [m for m in SHOWN if any(m in v.metrics for v in of_name)]
        table = Table(title=name, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for column in ("version", "alias", "method", *metrics, "trained", "features"):
            table.add_column(column, justify="right" if column in ("version", *metrics) else "left")
        for v in of_name:
            values = [f"{v.metrics[m]:,.3f}" if m in v.metrics else "" for m in metrics]
            table.add_row(str(v.version), ", ".join(v.aliases), v.method, *values, f"{v.trained_ts:%Y-%m-%d}", v.feature_version)
        console.print(table)


def print_findings(failed: list[CheckResult]) -> None:

    console = Console(soft_wrap=True, highlight=False)
    if failed:
        console.print("\n[bold]Findings[/]")
    for c in sorted(failed, key=lambda c: (c.severity, c.table)):
        colour = "red" if c.severity == "error" else "yellow"
        console.print(f"[{colour}]{c.severity:<6}[/]", end="")
        console.print(f"{c.failures:>7,}  {c.table}: {c.check}", markup=False)
        if c.severity == "error":
            console.print(f"               {c.why}", markup=False)
            for row in c.sample[:SAMPLE_ROWS]:
                console.print("               " + ", ".join(f"{name} = {value}" for name, value in row.items()), markup=False)


def print_release(made: Released) -> None:
    console = Console(soft_wrap=True, highlight=False)
    manifest = made.manifest
    if not made.is_new:
        console.print(f"Nothing has changed since release {manifest.version}; --version makes a new one all the same.")
        if not made.is_current:
            console.print(f"It is not what readers see: `mergehouse releases rollback {manifest.version}` makes it current.")
        return
    for table in manifest.tables:
        console.print(f"{table.name:<28}{table.rows:>12,} rows{sum(f.bytes for f in table.files) / 2**20:>10,.1f} MB  {table.mode}")
    for change in manifest.changes:
        console.print(f"{change.level:<9}{change.what} {change.how}", markup=False)
    follows = f", after {manifest.previous}" if manifest.previous else ""
    colour = {"passed": "green", "failed": "red"}.get(manifest.quality.verdict, "yellow")
    console.print(f"\nRelease  {manifest.version}{follows}")
    console.print(f"Quality  [{colour}]{manifest.quality.verdict}[/] ({manifest.quality.checks:,} checks)")
    console.print(f"Where    {made.root}", markup=False)
    console.print(f"Digest   {made.manifest_sha256}")


def print_releases(found: list[Listed]) -> None:
    if not found:
        Console().print("No release yet; `mergehouse release` makes one.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "release", "made (UTC)", "tables", "rows", "MB", "quality", "manifest"):
        table.add_column(name, justify="right" if name in ("tables", "rows", "MB") else "left")
    for r in found:
        made, size = f"{r.created_ts:%Y-%m-%d %H:%M}", f"{r.bytes / 2**20:,.1f}"
        mark = "current" if r.current else ""
        table.add_row(mark, r.version, made, f"{r.tables}", f"{r.rows:,}", size, r.quality, r.manifest_sha256[:12])
    Console(soft_wrap=True).print(table)


def print_verification(found: Verification) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for fault in found.faults:
        console.print(f"[bold red]{fault.what:<11}[/]", end="")
        console.print(f"{fault.where}: {fault.message}", markup=False)
    totals = found.as_json()
    name = f"release {found.version}" if found.version else "release"
    if found.passed:
        size = f"{totals['tables']} tables, {totals['files']} files, {totals['rows']:,} rows"
        console.print(f"[green]sound[/]    {name}: {size} are as they were sealed")
    else:
        count = f"{len(found.faults)} {'fault' if len(found.faults) == 1 else 'faults'}"
        console.print(f"[bold red]broken[/]   {name} at {found.root}: {count}. Carry it again before it is used.")


def print_ingestion(result: Ingestion) -> None:
    console = Console(soft_wrap=True, highlight=False)
    print_verification(result.verification)
    for table in result.tables:
        changed = f"{table.inserted:,} new, {table.updated:,} changed, {table.deleted:,} gone" if table.status == "merged" else ""
        colour = "bold red" if table.status == "failed" else "green"
        console.print(f"[{colour}]{table.status:<10}[/]{table.table:<24}{table.rows:>12,} rows  ", end="")
        console.print(table.message or changed, markup=False)
    for fault in result.faults:
        console.print(f"[bold red]{fault.what:<10}[/]", end="")
        console.print(f"{fault.where}: {fault.message}", markup=False)
    console.print(f"\nCurrent  {result.current or 'none'}")
    console.print(f"Where    {result.lakehouse}/Tables", markup=False)
    if result.report:
        console.print(f"Report   {result.report}", markup=False)


def print_comparison(result: Comparison, pages: list[Path]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for difference in result.differences:
        console.print(f"[bold red]{difference.what:<13}[/]", end="")
        console.print(f"{difference.where}: {difference.message}", markup=False)
    rows, sampled = sum(t.left_rows for t in result.tables), sum(t.sampled for t in result.tables)
    what = f"{len(result.tables)} tables, {rows:,} rows, {sampled:,} keys looked up, {len(result.kpis)} KPIs"
    if result.aligned:
        console.print(f"[green]aligned[/]      {what}: both sides hold the same")
    else:
        count = len(result.differences)
        console.print(f"[bold red]not aligned[/]  {what}: {count} {'difference' if count == 1 else 'differences'}")
    for page in pages:
        console.print(str(page), markup=False)


def print_promotion(done: Promotion) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for found in done.gates:
        console.print(f"[{'green' if found.passed else 'bold red'}]{'passed ' if found.passed else 'refused'}[/]  {found.name:<20}", end="")
        console.print(found.found, markup=False)
    way = f"{done.source} -> {done.target}" if done.action == "promote" else done.target
    if done.refused_by:
        console.print(f"\n[bold red]refused[/]  {way}: release {done.version}, by {done.refused_by.name}")
    else:
        verb = "has taken" if done.action == "promote" else "is back at"
        console.print(f"\n[green]done[/]     {way}: {done.target} {verb} release {done.version}, it had {done.previous or 'none'}")


def print_promotions(trail: list[dict[str, Any]]) -> None:
    if not trail:
        Console().print("Nothing was promoted here yet; `mergehouse promote` does it.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("when (UTC)", "what", "release", "manifest", "outcome", "by gate", "approved by", "note"):
        table.add_column(name)
    for row in trail:
        what = f"{row['source_environment']} -> {row['target_environment']}" if row["action"] == "promote" else row["action"]
        cells = (f"{row['recorded_ts']:%Y-%m-%d %H:%M}", what, row["release_version"], (row["manifest_sha256"] or "")[:12], row["outcome"])
        table.add_row(*map(escape, cells), *(escape(row[name] or "") for name in ("refused_by", "approved_by", "note")))
    Console(soft_wrap=True).print(table)
