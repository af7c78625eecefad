"""What the commands about other platforms print."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mergehouse.cli.screen import Screen
from mergehouse.platform.generated import Written


def print_items(folder: Path, environments: list[str], done: Written) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    files, changed = (
        Counter(p.split("/")[0] for p in paths if "/" in p) for paths in (done.files, done.changed)
    )
    for item, number in files.items():
        name, _, kind = item.rpartition(".")
        console.print(f"{kind:<16}{name:<28}{number:>4} files, {changed[item]} new or changed", markup=False)
    for path in done.removed:
        console.print(f"removed         {path}: it is no longer one of the items", markup=False)
    console.print(
        f"\n{folder}: deploy it with `mergehouse platform deploy {folder} --workspace NAME --to ENV`,",
        markup=False,
    )
    console.print(f"ENV one of {', '.join(environments)}.", markup=False)
