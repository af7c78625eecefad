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

from benchmarks.delivery import deliver, hold_back

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
    parser.add_argument("--delivery-lines", default="10M", help="generated order lines, of which the last 1 %% is a delivery (default 10M)")
    parser.add_argument("--spark-lines", default="10M", help="generated order lines for PySpark local[2], 0 to leave out (default 10M)")
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
    if options.delivery_lines != "0":
        rows += delivered(demonstration(folder / "delivery", options.delivery_lines), options.delivery_lines)
    if options.spark_lines != "0":
        rows += on_spark(demonstration(folder / "spark", options.spark_lines), options.spark_lines)
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


def delivered(project: Path, lines: str) -> list[tuple]:
    """A delivery of 1 % against the full rebuild that it spares."""
    held = hold_back(project, 0.01)
    timed([*MERGEHOUSE, "run", "-C", str(project)])
    deliver(held)
    delivery = timed([*MERGEHOUSE, "run", "-C", str(project)])
    rebuild = timed([*MERGEHOUSE, "run", "--full", "-C", str(project)])
    shutil.rmtree(project / "lakehouse")
    whole = timed([*MERGEHOUSE, "run", "-C", str(project)])
    return [
        (f"a delivery of 1 % of {lines} lines: {delivery.seconds / whole.seconds:.0%} of a run from the raw files", delivery, None),
        (f"`run --full` after it, Bronze as it is, {lines} lines", rebuild, None),
        (f"run from the raw files, {lines} lines", whole, None),
    ]


def on_spark(project: Path, lines: str) -> list[tuple]:
    """The same project embedded and on a local Spark with two cores, start-up included."""
    embedded = timed([*MERGEHOUSE, "run", "-C", str(project)])
    shutil.rmtree(project / "lakehouse")
    config = project / "mergehouse.yml"
    spark = 'engine: {name: spark, master: "local[2]", settings: {spark.driver.memory: 6g}}'
    config.write_text(config.read_text(encoding="utf-8").replace("engine: duckdb", spark), encoding="utf-8")
    on_two_cores = timed([*MERGEHOUSE, "run", "-C", str(project)])
    return [
        (f"DuckDB embedded, {lines} generated lines", embedded, None),
        (f"PySpark `local[2]` with Delta, {lines} lines: {on_two_cores.seconds / embedded.seconds:.1f} x DuckDB", on_two_cores, None),
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
