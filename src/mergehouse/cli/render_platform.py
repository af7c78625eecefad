"""What the commands about other platforms print."""

from __future__ import annotations

from collections import Counter

from mergehouse.cli.screen import Screen
from mergehouse.platform.powerbi.folder import Written


def print_items(environments: list[str], done: Written) -> None:
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
    deploy = f"mergehouse platform deploy {done.folder} --workspace NAME --to ENVIRONMENT"
    console.print(f"\n{done.folder}: deploy it with `{deploy}`,", markup=False)
    console.print(f"the environment one of {', '.join(environments)}.", markup=False)
