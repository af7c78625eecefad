"""Measures a full run against its floor, in one go: python -m benchmarks [--raw DIR] [--lines 30M] [--write].

Floor: DuckDB reads the same CSVs as text and writes them as zstd Parquet, nothing else. Every job runs in a process of
its own, so seconds include start-up and peak memory is the job's alone. Machines differ; read the ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MERGEHOUSE = [sys.executable, "-c", "from mergehouse.cli import main; main()"]
REPEATS = 3


@dataclass(frozen=True)
class Timing:
    """Seconds of wall clock and peak resident memory in MB, of the process and its children."""

    seconds: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, help="folder of real exports; left out without it")
    parser.add_argument("--lines", default="30M", help="generated order lines, 0 to leave out (default 30M)")
    parser.add_argument("--pandas-lines", default="1M", help="generated order lines for the pandas job (default 1M)")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mergehouse-bench-"))
    rows = [("`mergehouse --help`", best([timed([*MERGEHOUSE, "--help"]) for _ in range(REPEATS)]), None)]
    if options.raw:
        project = folder / "real"
        new_project(project, "--raw", str(options.raw))
        rows += compared("real exports", project, repeats=REPEATS)
    if options.pandas_lines != "0":
        project = demonstration(folder / "small", options.pandas_lines)
        rows += compared(f"{options.pandas_lines} generated lines", project, repeats=REPEATS)
        floor = rows[-1][1]
        job = timed([sys.executable, "-m", "benchmarks.pandas_job", str(project)])
        rows.append((f"the same figures in pandas, {options.pandas_lines} lines", job, floor))
    if options.lines != "0":
        generated, project = timed_demonstration(folder / "large", options.lines)
        rows.append((f"`demo --lines {options.lines}`", generated, None))
        rows += compared(f"{options.lines} generated lines", project, repeats=1)
    table = as_markdown(rows)
    print(table)
    if options.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    if not options.folder:
        shutil.rmtree(folder)


def compared(what: str, project: Path, repeats: int) -> list[tuple]:
    """Floor, full run and run without change over one project; floor and run take turns."""
    floors, runs = [], []
    for _ in range(repeats):
        floors.append(timed([sys.executable, "-m", "benchmarks.floor", str(project)]))
        shutil.rmtree(project / "lakehouse", ignore_errors=True)
        runs.append(timed([*MERGEHOUSE, "run", "--full", "--until", "gold", "-C", str(project)]))
    floor, run = best(floors), best(runs)
    again = best([timed([*MERGEHOUSE, "run", "-C", str(project)]) for _ in range(repeats)])
    return [
        (f"**`run --full --until gold`, {what}**", run, floor),
        (f"run again without change, {what}", again, floor),
        (f"floor, {what}", floor, floor),
    ]


def demonstration(project: Path, lines: str) -> Path:
    return timed_demonstration(project, lines)[1]


def timed_demonstration(project: Path, lines: str) -> tuple[Timing, Path]:
    new_project(project)
    return timed([*MERGEHOUSE, "demo", str(project), "--lines", lines]), project


def new_project(project: Path, *options: str) -> None:
    shutil.rmtree(project, ignore_errors=True)
    subprocess.run([*MERGEHOUSE, "init", str(project), *options], check=True, stdout=subprocess.DEVNULL)


def timed(command: list[str]) -> Timing:
    """Runs a command to its end. Raises CalledProcessError where it fails."""
    began = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Timing(seconds, usage.ru_maxrss / 1024)


def best(timings: list[Timing]) -> Timing:
    """The fastest of several: what the work takes when nothing else disturbs it."""
    return min(timings, key=lambda t: t.seconds)


def as_markdown(rows: list[tuple[str, Timing, Timing | None]]) -> str:
    lines = [
        f"Measured on {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}.",
        "",
        "| job | seconds | x floor | peak memory, MB |",
        "|---|--:|--:|--:|",
    ]
    for what, timing, floor in rows:
        ratio = f"{timing.seconds / floor.seconds:.1f}" if floor else ""
        lines.append(f"| {what} | {timing.seconds:,.2f} | {ratio} | {timing.memory:,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
