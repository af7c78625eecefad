"""What the commands about other platforms print."""

from __future__ import annotations

from collections import Counter

from mergehouse.cli import render
from mergehouse.cli.screen import Screen
from mergehouse.platform.fabric.deploy import WorkspaceDeployment
from mergehouse.platform.fabric.deployment_pipeline import Deployment
from mergehouse.platform.fabric.items import ProjectItems
from mergehouse.platform.generated_folder import Written

COLOURS = {"failed": "bold red", "not reached": "yellow", "published": "green", "removed": "green"}


def print_items(items: ProjectItems, done: Written) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    files, changed = (
        Counter(path.split("/")[0] for path in paths if "/" in path)
        for paths in ([*done.written, *done.unchanged], done.written)
    )
    for item, number in sorted(files.items()):
        name, _, kind = item.rpartition(".")
        console.print(f"{kind:<16}{name:<28}{number:>4} files, {changed[item]} written", markup=False)
    for path in done.removed:
        console.print(f"removed         {path}: it is no longer one of the items", markup=False)
    for note in items.notes:
        console.print(note, markup=False)
    deploy = f"mergehouse platform deploy {done.folder} --workspace NAME --env ENVIRONMENT"
    console.print(f"\n{done.folder}: {counted(done)}", markup=False)
    console.print(f"Deploy it with `{deploy}`,", markup=False)
    console.print(f"the environment one of {', '.join(items.environments)}.", markup=False)


def print_written(done: Written, notes: list[str], as_json: bool) -> None:
    """Of a folder of which nothing more is to be said than how much of it is new."""
    if as_json:
        render.print_json({**vars(done), "notes": notes})
        return
    console = Screen(soft_wrap=True, highlight=False)
    for line in (f"{done.folder}: {counted(done)}", *notes):
        console.print(line, markup=False)


def counted(done: Written) -> str:
    files = "1 file" if len(done.written) == 1 else f"{len(done.written):,} files"
    return f"{files} written, {len(done.unchanged):,} unchanged, {len(done.removed):,} removed"


def print_deployment(done: WorkspaceDeployment) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    for item in done.items:
        word = item.status or item.action
        console.print(f"[{COLOURS.get(word, 'default')}]{word:<12}[/]", end="")
        console.print(f"{item.kind:<16}{item.name:<28}{item.message}".rstrip(), markup=False)
        for difference in item.edited:
            console.print(f"{'':<12}edited in the workspace: {difference}", markup=False)
    for note in filter(None, (done.stopped, *done.notes)):
        console.print(note, markup=False)
    console.print(f"\n{_conclusion(done)}", markup=False)


def _conclusion(done: WorkspaceDeployment) -> str:
    where = f"{done.workspace} ({done.environment})"
    if done.dry_run:
        refused = (
            " It would be refused: take the edits over, or undo them with --overwrite."
            if done.refused
            else ""
        )
        return f"{where}: nothing was published, this is what would be done.{refused}"
    if done.failed:
        return f"{where}: not all items are published. Mend what failed, and run it again."
    return f"{where}: {sum(item.status == 'published' for item in done.items)} items are published."


def print_stage(done: Deployment) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    for step in done.steps:
        console.print(
            f"{step.status:<12}{step.kind:<16}{step.name:<28}{step.before:<14}{step.message}".rstrip(),
            markup=False,
        )
    console.print(f"\noperation {done.operation}: {done.items} items", markup=False)
