"""What the command line prints: progress, results as tables, findings, errors."""

from __future__ import annotations

import json
import tempfile
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from mergehouse.cli.screen import Screen, listed
from mergehouse.contracts.registry import contract_of
from mergehouse.json_text import json_text
from mergehouse.kpi.catalogue import catalogue, formatted
from mergehouse.quality.checks import CheckResult

if TYPE_CHECKING:
    from mergehouse.ingest.bronze import Batch
    from mergehouse.pipeline.results import RunResult
    from mergehouse.project.config import Project

SAMPLE_ROWS = 3  # of each check that failed
SAMPLE_COLUMNS = 4  # of a warning
NOTES = 12  # on deliveries
STATUSES = {
    "built": "built",
    "updated": "updated",
    "fresh": "up to date",
    "failed": "failed",
    "blocked": "waiting",
}


def print_json(value: Any) -> None:
    typer.echo(json_text(value))


def complain(message: str) -> None:
    console = Screen(stderr=True, soft_wrap=True, highlight=False)
    console.print("[bold red]error[/] ", end="")
    console.print(message, markup=False)


def complain_unforeseen(error: BaseException) -> None:
    """One message about what nobody foresaw; its traceback goes into a file."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="mergehouse-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        traceback.print_exception(error, file=file)
    said = next(iter(str(error).strip().splitlines()), "")[:300]
    complain(
        f"unexpected {type(error).__name__} ({said}): a fault of mergehouse. The published tables are"
        f" unharmed. Please report it with {file.name}."
    )


class progress:
    """A progress bar over a known total, on stderr; silent where nobody watches."""

    def __init__(self, title: str, total: int):
        console = Screen(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), console=console, transient=True, disable=not console.is_interactive,
        )  # fmt: skip
        self.task = self.bar.add_task(title, total=total)

    def __enter__(self) -> Any:
        self.bar.start()
        return lambda done: self.bar.update(self.task, completed=done)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


class steps:
    """What is being done, and of a run's tables how many are left, on stderr; silent where nobody watches."""

    def __init__(self, stage: str = "", hidden: bool = False):
        console = Screen(stderr=True)
        self.bar = Progress(
            SpinnerColumn(), TextColumn("{task.fields[stage]:<7}"), BarColumn(bar_width=30),
            TimeElapsedColumn(), TextColumn("{task.description}", markup=False), console=console,
            transient=True, disable=hidden or not console.is_interactive,
        )  # fmt: skip
        self.task = self.bar.add_task("starting", total=None, stage=stage)

    def __enter__(self) -> Any:
        self.bar.start()
        return self.told

    def told(self, what: str, stage: str = "", done: int = 0, total: int = 0) -> None:
        known: dict[str, Any] = {"stage": stage} if stage else {}
        self.bar.update(self.task, description=what, completed=done, total=total or None, **known)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def print_run(project: Project, result: RunResult, report_file: str, report_seconds: float) -> None:
    """Everything a run has to say, `report_seconds` being what writing its report took."""
    console, labels = Screen(soft_wrap=True, highlight=False), project.labels
    _print_loaded(console, result)
    _print_set_back(console, result)
    if result.kpis:
        print_kpis(result.kpis, labels)
    if result.margins:
        methods = ", ".join(f"{labels.get(name, name)} {method}" for name, method in result.margins.items())
        console.print(f"Margin   cost of goods: {methods}", markup=False)
    if days := _days(result, labels):
        console.print(f"Orders   {days}", markup=False)
    for table in (t for t in result.tables if t.notes):
        about = "Identity" if contract_of(table.table).part == "identity" else "Models"
        for note in table.notes:
            console.print(f"{about:<9}{note}", markup=False)
    print_left_out(result.left_out, labels)
    print_findings([c for c in result.checks if not c.passed], labels)
    _print_work(console, result, report_seconds)
    console.print(f"Where    {project.lakehouse_location}", markup=False)
    console.print(f"Report   {report_file}", markup=False)


def _print_loaded(console: Screen, result: RunResult) -> None:
    for name, error in result.ingest.failures.items():
        console.print(f"[bold red]stopped[/]  {escape(name)}: ", end="")
        console.print(str(error), markup=False)
    loaded = [b for b in result.ingest.new if b.status == "loaded"]
    repeats = len(result.ingest.new) - len(loaded)
    if loaded:
        rejected = sum(b.rejected_rows for b in loaded)
        console.print(
            f"Bronze   {len(loaded)} files, {sum(b.rows for b in loaded):,} rows loaded, {rejected:,} torn"
            " rows kept in bronze.rejected"
        )
    if repeats:
        console.print(f"Bronze   {repeats} files known by content, not loaded again")
    _print_notes(console, loaded)


def _print_set_back(console: Screen, result: RunResult) -> None:
    """Tables that were not published; or that there was nothing to do."""
    for table in result.tables:
        if table.status == "failed":
            console.print(f"[bold red]failed[/]   {table.table}: ", end="")
            console.print(table.reason, markup=False)
    if blocked := [t for t in result.tables if t.status == "blocked"]:
        reasons = ", ".join(sorted({t.reason for t in blocked}))
        console.print(
            f"[bold red]blocked[/]  {len(blocked)} tables keep their previous version: {escape(reasons)}"
        )
    if not result.changed:
        console.print("Nothing to do: every table is up to date.")


def _print_work(console: Screen, result: RunResult, report_seconds: float) -> None:
    """How many tables were built, how long it took, and what was put in order."""
    statuses = Counter(t.status for t in result.tables)
    built = [t for t in result.tables if t.status in ("built", "updated")]
    slowest = ", ".join(f"{t.table} {t.seconds:.1f} s" for t in sorted(built, key=lambda t: -t.seconds)[:3])
    counts = ", ".join(
        f"{statuses[status]} {words}" for status, words in STATUSES.items() if statuses[status]
    )
    passed = f"; {sum(c.passed for c in result.outcomes):,} checks passed" if result.changed else ""
    console.print(f"\nTables   {counts or 'none'}{passed}")
    console.print(times({**result.stages} | ({"report": report_seconds} if result.changed else {})))
    if slowest:
        console.print(f"Slowest  {slowest}")
    if gone := [cared for cared in result.cared if cared.oldest is not None]:
        console.print(
            f"Upkeep   old versions of {len(gone)} tables went: {sum(c.files for c in gone):,} files,"
            f" {sum(c.bytes for c in gone) / 1e6:,.1f} MB"
        )


def _days(result: RunResult, labels: Mapping[str, str]) -> str:
    """The last day of each brand's figures, and which of them are not of this run."""
    last = {record["source_system"]: record["last_order_date"] for record in result.freshness}
    days = {name: f"up to {day}" if day else "none" for name, day in last.items()}
    held = {name: "left out" if fault.left_out else "held back" for name, fault in result.faults.items()}
    return ", ".join(
        " ".join(filter(None, (labels.get(name, name), days.get(name), held.get(name))))
        for name in {**days, **held}
    )


def _print_notes(console: Screen, batches: Sequence[Batch]) -> None:
    """How files differ from what brand.yml says, and how they were read, each once; the report has all."""
    files: dict[str, list[str]] = {}
    for batch in batches:
        for note in json.loads(batch.drift):
            files.setdefault(note, []).append(batch.source_file)
    for note, (file, *others) in list(files.items())[:NOTES]:
        more = f" and {len(others):,} more" if others else ""
        console.print(f"Note     {file}{more}: {note}", markup=False)
    if len(files) > NOTES:
        console.print(f"         and {len(files) - NOTES:,} more notes on deliveries, in the report")


def times(stages: Mapping[str, float]) -> str:
    """The seconds of each stage, in tenths; their sum is the whole, as printed, too."""
    tenths = {name: f"{seconds:.1f}" for name, seconds in stages.items()}
    shown = ", ".join(f"{name} {seconds}" for name, seconds in tenths.items() if seconds != "0.0")
    return f"Time     {sum(map(Decimal, tenths.values())):.1f} s" + (f" ({shown})" if shown else "")


def print_kpis(values: dict[str, dict[str, Any]], labels: Mapping[str, str] | None = None) -> None:
    """One table, or where many brands do not fit into the window, several: no number is cut."""
    console = Screen()
    values = {(labels or {}).get(scope, scope): named for scope, named in values.items()}
    scopes = list(values)
    unlimited = console.options.update(width=10_000)
    while scopes:
        count = len(scopes)
        while (
            count > 1
            and Measurement.get(console, unlimited, _kpi_table(values, scopes[:count])).maximum
            > console.width
        ):
            count -= 1
        console.print(_kpi_table(values, scopes[:count]))
        scopes = scopes[count:]


def _kpi_table(values: dict[str, dict[str, Any]], scopes: list[str]) -> Table:
    table = Table(title="KPIs", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("unit", style="dim", no_wrap=True)
    for scope in scopes:
        table.add_column(escape(scope), justify="right", no_wrap=True)
    for item in catalogue():
        unit = "" if item.format == "percent" else item.unit
        table.add_row(item.label, unit, *(formatted(item, values[scope][item.name]) for scope in scopes))
    return table


def print_left_out(left_out: list[dict[str, Any]], labels: dict[str, str]) -> None:
    """What was delivered and is in no figure, by reason."""
    if not left_out:
        return
    numbers = ("rows", "amount")
    table = listed(("brand", "kept in", "reason", *numbers), numbers, "Left out")
    for row in left_out:
        amount = "" if row["amount"] is None else f"{row['amount']:,.2f} {row['currency'] or ''}"
        brand = labels.get(row["source_system"], row["source_system"])
        table.add_row(*map(escape, (brand, row["kept_in"], row["reason"], f"{row['rows']:,}", amount)))
    console = Screen()
    console.print()
    console.print(table)


def print_findings(failed: list[CheckResult], labels: Mapping[str, str] | None = None) -> None:
    """Checks that did not hold, with what it means and what to do, errors with sample rows, warnings about a
    table with the beginning of one.
    """
    console = Screen(soft_wrap=True, highlight=False)
    if failed:
        console.print("\n[bold]Findings[/]")
    for c in sorted(failed, key=lambda c: (c.severity, c.table)):
        colour = "red" if c.severity == "error" else "yellow"
        console.print(f"[{colour}]{c.severity:<6}[/]", end="")
        first, dot, rest = c.table.partition(".")
        about = (labels or {}).get(first, first) + dot + rest
        console.print(f"{c.failures:>7,}  {about}: {c.check}", markup=False)
        console.print(f"               {c.why}", markup=False)
        rows = [list(row.items()) for row in c.sample[:SAMPLE_ROWS]]
        if c.severity != "error":
            rows = [row[:SAMPLE_COLUMNS] for row in rows[:1] if first in ("silver", "gold")]
        for row in rows:
            said = ", ".join(f"{name} = {_plain(value)}" for name, value in row)
            console.print(f"               {said}", markup=False)


def _plain(value: Any) -> Any:
    """A number without the zeros that its type has behind it."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
