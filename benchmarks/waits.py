"""What people wait for each day, against its bar and an earlier commit: python -m benchmarks.waits
[--baseline COMMIT] [--lines 1M 3M] [--write].

Both versions run in turns, on the same raw files, each job in a process of its own; of repeated jobs the
least seconds count. A delivery is the newest 100,000 lines of a history of so many. On a busy machine read
the processor seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.__main__ import MERGEHOUSE, PAGE, ROOT, Timing, best, timed
from benchmarks.delivery import deliver, hold_back
from benchmarks.plot import Wait, draw_deliveries
from mergehouse.cli.scaffold import line_count

BEGIN, END = "<!-- waits: begin -->", "<!-- waits: end -->"
DELIVERED = 100_000  # lines
FIRST_RUNS = {"2k": 1.3, "100k": 2.2}  # lines, bar in seconds
DELIVERIES = {"1M": 3.5, "3M": 3.5, "10M": 4.5, "30M": 6.0}
IDLE = 0.6


@dataclass(frozen=True)
class Version:
    """A checkout of mergehouse and what its jobs took, by job."""

    name: str
    checkout: Path
    took: dict[str, list[Timing]] = field(default_factory=dict)

    def run(self, project: Path, job: str = "") -> None:
        timing = timed([*MERGEHOUSE, "run", "-C", str(project)], self.checkout)
        if job:
            self.took.setdefault(job, []).append(timing)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baseline", default="HEAD", help="the commit to compare with (default HEAD)")
    parser.add_argument(
        "--lines", nargs="*", default=[*DELIVERIES], help=f"of the history (default {' '.join(DELIVERIES)})"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of each job (default 3)")
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mergehouse-bench-") as name,
        checkout(options.baseline) as before,
    ):
        folder, versions = Path(name), [Version("before", before), Version("now", ROOT)]
        bars: dict[str, float] = {}
        for lines, bar in FIRST_RUNS.items():
            bars[f"the first run, {lines} lines"] = bar
            first_runs(folder, lines, f"the first run, {lines} lines", versions, options.repeats)
        for lines in options.lines:
            bars[of_history(lines)] = DELIVERIES.get(lines, DELIVERIES["30M"])
            bars[f"a run without change, {lines} lines"] = IDLE
            deliveries(folder, lines, versions, options.repeats)
    table = as_markdown(bars, *versions)
    print(table)
    if options.write:
        page, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(f"{page}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")
        draw_deliveries(
            [
                Wait(version.name, line_count(lines), best(version.took[of_history(lines)]).seconds)
                for version in versions
                for lines in options.lines
            ],
            [(line_count(lines), bar) for lines, bar in DELIVERIES.items()],
            PAGE.parent / "images",
        )


def first_runs(folder: Path, lines: str, job: str, versions: list[Version], repeats: int) -> None:
    made = demonstration(folder / "first", lines, versions[0])
    for _ in range(repeats):
        for version in versions:
            shutil.rmtree(made / "lakehouse", ignore_errors=True)
            version.run(made, job)
    shutil.rmtree(made)


def deliveries(folder: Path, lines: str, versions: list[Version], repeats: int) -> None:
    """Each repeat begins with the same history, and ends with a run that finds nothing to do."""
    made = demonstration(folder / "made", lines, versions[0])
    held = hold_back(made, DELIVERED / line_count(lines))
    histories = {version.name: folder / version.name for version in versions}
    project = folder / "delivered"  # where all of it happens: what lies elsewhere is read anew
    for version in versions:
        shutil.copytree(made, project)
        version.run(project)
        project.rename(histories[version.name])
    for _ in range(repeats):
        for version in versions:
            shutil.copytree(histories[version.name], project, copy_function=as_it_is)
            deliver([(project / path.relative_to(made), content) for path, content in held])
            version.run(project, of_history(lines))
            version.run(project, f"a run without change, {lines} lines")
            shutil.rmtree(project)
    for place in (made, *histories.values()):
        shutil.rmtree(place)


def as_it_is(source: str, target: str) -> None:
    """Data files are never written to: a second name for one is a copy."""
    copy: Callable[[str, str], object] = os.link if source.endswith(".parquet") else shutil.copy2
    copy(source, target)


def demonstration(project: Path, lines: str, version: Version) -> Path:
    """Made by the earlier version, whose settings and exports the later one knows."""
    shutil.rmtree(project, ignore_errors=True)
    timed([*MERGEHOUSE, "init", str(project)], version.checkout)
    config = project / "mergehouse.yml"
    text = config.read_text(encoding="utf-8").replace("science: true", "science: false")
    config.write_text(text, encoding="utf-8")
    timed([*MERGEHOUSE, "demo", str(project), "--lines", lines], version.checkout)
    return project


def of_history(lines: str) -> str:
    return f"a delivery of {DELIVERED:,} lines to {lines}"


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The sources of a commit, in a folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="mergehouse-before-") as folder:
        packed = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
        yield Path(folder)


def as_markdown(bars: dict[str, float], before: Version, now: Version) -> str:
    lines = [
        "| wait | before, s | now, s | bar, s | processor before, s | processor now, s | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for job, bar in bars.items():
        seconds = [best(version.took[job]).seconds for version in (before, now)]
        processor = [min(t.processor for t in version.took[job]) for version in (before, now)]
        lines.append(
            f"| {job} | {seconds[0]:.2f} | {seconds[1]:.2f} | {bar:g} | {processor[0]:.2f}"
            f" | {processor[1]:.2f} | {processor[1] / processor[0]:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
