"""Many small deliveries, one run each: what the last cost against the first, and what they left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.folding import live_files

LINES, SHOWN, COMPARED = 20, 10, 10  # of a delivery; every how many are shown; runs that a median is of


@dataclass(frozen=True)
class After:
    """State after so many deliveries: CPU seconds of the last run, bytes and files below the lakehouse, and
    the most files that a partition of any table has.
    """

    deliveries: int
    seconds: float
    bytes: int
    files: int
    of_a_partition: int


def measure(project: Path, number: int, run: list[str]) -> str:
    """Holds back the newest lines of the wide export, delivers them 20 at a time, and rebuilds from the raw
    files. Returns a table in Markdown. CPU seconds: the clock on the wall tells more of who else is at work.
    """
    held = list(_held_back(project, number))
    states = [_run(project, run, 0)]
    for count, (file, content) in enumerate(held, start=1):
        file.write_bytes(content)
        states.append(_run(project, run, count))
    shutil.rmtree(project / "lakehouse")
    rebuilt = _run(project, run, 0)
    first, last = (median(s.seconds for s in some) for some in (states[1 : COMPARED + 1], states[-COMPARED:]))
    rows = [s for s in states if s.deliveries < 2 or s.deliveries % SHOWN == 0 or s is states[-1]]
    return "\n".join(
        [
            f"{number} deliveries of {LINES} lines: the last {COMPARED} runs took {last / first:.2f} x the"
            f" first {COMPARED} (bar 1.3); {states[-1].bytes / rebuilt.bytes:.1f} x the bytes of a rebuild"
            f" (bar 3); {max(s.of_a_partition for s in states)} files a partition (bar 3).",
            "",
            "| deliveries | CPU seconds of the run | MB | files | most of a partition |",
            "|--:|--:|--:|--:|--:|",
            *map(_row, rows),
            _row(rebuilt).replace("| 0 |", "| rebuilt |"),
        ]
    )


def _held_back(project: Path, number: int) -> Iterator[tuple[Path, bytes]]:
    wide = sorted((project / "raw" / "eurostyle").iterdir())[-1]
    header, *lines = wide.read_bytes().splitlines(keepends=True)
    kept = len(lines) - number * LINES
    wide.write_bytes(header + b"".join(lines[:kept]))
    for place in range(kept, len(lines), LINES):
        file = wide.with_name(f"{wide.stem}_{place:08}{wide.suffix}")
        yield file, header + b"".join(lines[place : place + LINES])


def _run(project: Path, run: list[str], deliveries: int) -> After:
    before = _children()
    subprocess.run([*run, "-C", str(project)], check=True, stdout=subprocess.DEVNULL)
    seconds = _children() - before
    sizes = [file.stat().st_size for file in (project / "lakehouse").rglob("*") if file.is_file()]
    lakehouse = Lakehouse(project / "lakehouse")
    partitions = Counter(
        (name, file.partition) for name in lakehouse.tables() for file in live_files(lakehouse.delta(name))
    )
    return After(deliveries, seconds, sum(sizes), len(sizes), max(partitions.values()))


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _row(state: After) -> str:
    return (
        f"| {state.deliveries} | {state.seconds:.2f} | {state.bytes / 1e6:.1f} | {state.files:,}"
        f" | {state.of_a_partition} |"
    )
