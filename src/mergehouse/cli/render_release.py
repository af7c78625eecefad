"""What commands about releases print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from mergehouse.cli.screen import Screen, listed
from mergehouse.storage import RECEIVED

if TYPE_CHECKING:
    from mergehouse.release.compare.compare import Comparison
    from mergehouse.release.export.export import Released
    from mergehouse.release.load import Ingestion
    from mergehouse.release.promote.promotion import Promotion
    from mergehouse.release.store import Listed
    from mergehouse.release.verify import Verification


def print_release(made: Released) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    manifest = made.manifest
    if not made.is_new:
        console.print(
            f"Nothing has changed since release {manifest.version}; --version makes a new one all the same."
        )
        if not made.is_current:
            console.print(
                f"It is not what readers see: `mergehouse releases rollback {manifest.version}` makes it"
                " current."
            )
        return
    for table in manifest.tables:
        console.print(
            f"{table.name:<28}{table.rows:>12,} rows{sum(f.bytes for f in table.files) / 2**20:>10,.1f} MB "
            f" {table.mode}"
        )
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
        Screen().print("No release yet; `mergehouse release` makes one.")
        return
    numbers = ("tables", "rows", "MB")
    table = listed(("", "release", "made (UTC)", *numbers, "quality", "manifest"), numbers)
    for r in found:
        made, size = f"{r.created_ts:%Y-%m-%d %H:%M}", f"{r.bytes / 2**20:,.1f}"
        mark = "current" if r.current else ""
        table.add_row(
            mark, r.version, made, f"{r.tables}", f"{r.rows:,}", size, r.quality, r.manifest_sha256[:12]
        )
    Screen().print(table)


def print_verification(found: Verification) -> None:
    console = Screen(soft_wrap=True, highlight=False)
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
        console.print(
            f"[bold red]broken[/]   {name} at {found.root}: {count}. Carry it again before it is used."
        )


def print_ingestion(result: Ingestion) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    print_verification(result.verification)
    for table in result.tables:
        changed = (
            f"{table.inserted:,} new, {table.updated:,} changed, {table.deleted:,} gone"
            if table.status == "merged"
            else ""
        )
        colour = "bold red" if table.status == "failed" else "green"
        console.print(f"[{colour}]{table.status:<10}[/]{table.table:<24}{table.rows:>12,} rows  ", end="")
        console.print(table.message or changed, markup=False)
    for fault in result.faults:
        console.print(f"[bold red]{fault.what:<10}[/]", end="")
        console.print(f"{fault.where}: {fault.message}", markup=False)
    if not result.tables:
        console.print("\nNothing was brought in: the lakehouse is as it was.")
        return
    console.print(f"\nCurrent  {result.current or 'none'}")
    console.print(f"Where    {result.lakehouse}/{RECEIVED}", markup=False)
    if result.report:
        console.print(f"Report   {result.report}", markup=False)


def print_comparison(result: Comparison, pages: list[Path]) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    for difference in result.differences:
        console.print(f"[bold red]{difference.what:<13}[/]", end="")
        console.print(f"{difference.where}: {difference.message}", markup=False)
    rows, sampled = sum(t.left_rows for t in result.tables), sum(t.sampled for t in result.tables)
    what = f"{len(result.tables)} tables, {rows:,} rows, {sampled:,} keys looked up, {len(result.kpis)} KPIs"
    if result.aligned:
        console.print(f"[green]aligned[/]      {what}: both sides hold the same")
    else:
        count = len(result.differences)
        console.print(
            f"[bold red]not aligned[/]  {what}: {count} {'difference' if count == 1 else 'differences'}"
        )
    for page in pages:
        console.print(str(page), markup=False)


def print_promotion(done: Promotion) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    for found in done.gates:
        console.print(
            f"[{'green' if found.passed else 'bold red'}]{'passed ' if found.passed else 'refused'}[/] "
            f" {found.name:<20}",
            end="",
        )
        console.print(found.found, markup=False)
    way = f"{done.source} -> {done.target}" if done.action == "promote" else done.target
    if done.refused_by:
        console.print(f"\n[bold red]refused[/]  {way}: release {done.version}, by {done.refused_by.name}")
    else:
        verb = "has taken" if done.action == "promote" else "is back at"
        console.print(
            f"\n[green]done[/]     {way}: {done.target} {verb} release {done.version}, it had"
            f" {done.previous or 'none'}"
        )


def print_promotions(trail: list[dict[str, Any]]) -> None:
    if not trail:
        Screen().print("Nothing was promoted here yet; `mergehouse promote` does it.")
        return
    table = listed(("when (UTC)", "what", "release", "manifest", "outcome", "by gate", "approved by", "note"))
    for row in trail:
        what = (
            f"{row['source_environment']} -> {row['target_environment']}"
            if row["action"] == "promote"
            else row["action"]
        )
        cells = (
            f"{row['recorded_ts']:%Y-%m-%d %H:%M}",
            what,
            row["release_version"],
            (row["manifest_sha256"] or "")[:12],
            row["outcome"],
        )
        table.add_row(
            *map(escape, cells), *(escape(row[name] or "") for name in ("refused_by", "approved_by", "note"))
        )
    Screen().print(table)
