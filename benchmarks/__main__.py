"""Measures a full run against its floor, in one go: python -m benchmarks [--raw DIR] [--largest 100M]
[--write].

Floor: DuckDB reads the same CSVs as text and writes them as zstd Parquet, nothing else. Every job runs in a
process of its own, so seconds include start-up and peak memory is the job's alone. Machines differ; read the
ratios.
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
from benchmarks.many_files import LINES, SHARE, cut
from benchmarks.plot import Point, draw
from benchmarks.small_deliveries import measure
from mergehouse.cli.scaffold import line_count

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MERGEHOUSE = [sys.executable, "-c", "from mergehouse.cli.main import main; main()"]
REPEATS, SMALL = 3, 1_000_000  # small runs are repeated


@dataclass(frozen=True)
class Timing:
    """Seconds of wall clock, peak resident memory in MB and processor seconds, of the process and its
    children.
    """

    seconds: float
    memory: float
    processor: float


Row = tuple[str, Timing, Timing | None]  # job, its timing, its floor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw", type=Path, help="folder of real exports; left out without it")
    parser.add_argument(
        "--sizes",
        nargs="*",
        default=["1M", "3M", "10M", "30M"],
        help="generated order lines (default 1M 3M 10M 30M)",
    )
    parser.add_argument(
        "--spark", nargs="*", default=["1M", "10M"], help="the same on PySpark local[2] (default 1M 10M)"
    )
    parser.add_argument(
        "--delivery",
        nargs="*",
        default=["10M"],
        help="of which the last 1 %% comes as a delivery (default 10M)",
    )
    parser.add_argument(
        "--pandas", nargs="*", default=["1M"], help="the same figures by a pandas job (default 1M)"
    )
    parser.add_argument("--dbt", help="the command of dbt, for the same figures as a dbt project")
    parser.add_argument(
        "--largest", nargs="*", default=[], help="run once, without a floor, say 100M (left out by default)"
    )
    parser.add_argument(
        "--files", nargs="*", type=int, default=[10_000], help="small files of 100 lines (default 10000)"
    )
    parser.add_argument(
        "--deliveries", type=int, help="measure so many deliveries of 20 lines, and nothing else"
    )
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mergehouse-bench-"))
    if options.deliveries:
        lines = max(20, options.deliveries // 10)  # thousands: most of them are there before
        project = demonstration(folder / "deliveries", f"{lines}k")
        print(measure(project, options.deliveries, [*MERGEHOUSE, "run"]))
        return
    rows: list[Row] = [
        ("`mergehouse --help`", best([timed([*MERGEHOUSE, "--help"]) for _ in range(REPEATS)]), None)
    ]
    points: list[Point] = []
    if options.raw:
        project = folder / "real"
        new_project(project, "--raw", str(options.raw))
        rows += compared("real exports", project, repeats=REPEATS)[0]
    for size in options.sizes:
        project = demonstration(folder / "sizes", size)
        measured, floor, run = compared(
            f"{size} lines", project, repeats=REPEATS if line_count(size) <= SMALL else 1
        )
        rows += measured
        points += [
            Point(job, line_count(size), t.seconds, t.memory) for job, t in (("floor", floor), ("run", run))
        ]
        if size in options.pandas:
            rows.append(
                (
                    f"the same figures in pandas, {size} lines",
                    timed([sys.executable, "-m", "benchmarks.pandas_job", str(project)]),
                    floor,
                )
            )
        if options.dbt:
            job = [sys.executable, "-m", "benchmarks.dbt_job", str(project), "--dbt", options.dbt]
            rows.append((f"the same figures as a dbt project on DuckDB, {size} lines", timed(job), floor))
        if size in options.spark:
            spark = on_spark(project)
            rows.append(
                (
                    (
                        f"PySpark `local[2]` with Delta, {size} lines: {spark.seconds / run.seconds:.1f} x"
                        " embedded"
                    ),
                    spark,
                    floor,
                )
            )
            points.append(Point("spark", line_count(size), spark.seconds, spark.memory))
    for size in options.delivery:
        rows += delivered(demonstration(folder / "delivery", size), size)
    for count in options.files:
        rows += many_files(folder / "files", count)
    for size in options.largest:
        project = demonstration(folder / "largest", size)
        rows.append((f"`run`, {size} lines", timed([*MERGEHOUSE, "run", "-C", str(project)]), None))
    table = as_markdown(rows)
    print(table)
    if options.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")
        draw(points, PAGE.parent / "images")
    if not options.folder:
        shutil.rmtree(folder)


def compared(what: str, project: Path, repeats: int) -> tuple[list[Row], Timing, Timing]:
    """Floor, full run and run without change over one project, floor and run in turns: rows of the table,
    floor, run.
    """
    floors, runs = [], []
    for _ in range(repeats):
        floors.append(timed([sys.executable, "-m", "benchmarks.floor", str(project)]))
        shutil.rmtree(project / "lakehouse", ignore_errors=True)
        runs.append(timed([*MERGEHOUSE, "run", "-C", str(project)]))
    floor, run = best(floors), best(runs)
    again = best([timed([*MERGEHOUSE, "run", "-C", str(project)]) for _ in range(repeats)])
    rows = [
        (f"**`run`, {what}**", run, floor),
        (f"run again without change, {what}", again, floor),
        (f"floor, {what}", floor, floor),
    ]
    return rows, floor, run


def delivered(project: Path, lines: str) -> list[Row]:
    """A delivery of 1 % against the full rebuild that it spares."""
    held = hold_back(project, 0.01)
    timed([*MERGEHOUSE, "run", "-C", str(project)])
    deliver(held)
    delivery = timed([*MERGEHOUSE, "run", "-C", str(project)])
    rebuild = timed([*MERGEHOUSE, "run", "--full", "-C", str(project)])
    shutil.rmtree(project / "lakehouse")
    whole = timed([*MERGEHOUSE, "run", "-C", str(project)])
    return [
        (
            (
                f"a delivery of 1 % of {lines} lines: {delivery.seconds / whole.seconds:.0%} of a run from"
                " the raw files"
            ),
            delivery,
            None,
        ),
        (f"`run --full` after it, Bronze as it is, {lines} lines", rebuild, None),
        (f"run from the raw files, {lines} lines", whole, None),
    ]


def many_files(project: Path, count: int) -> list[Row]:
    """Runs over about so many small files, and without change."""
    demonstration(project, f"{round(count * LINES / SHARE)}")
    found = cut(project)
    first, again = (timed([*MERGEHOUSE, "run", "-C", str(project)]) for _ in range(2))
    what = f"{found:,} files of {LINES} lines"
    return [(f"`run`, {what}", first, None), (f"run again without change, {what}", again, None)]


def on_spark(project: Path) -> Timing:
    """The same project on a local Spark with two cores, start-up included."""
    shutil.rmtree(project / "lakehouse")
    config = project / "mergehouse.yml"
    spark = 'engine: {name: spark, master: "local[2]", settings: {spark.driver.memory: 6g}}'
    config.write_text(config.read_text(encoding="utf-8").replace("engine: duckdb", spark), encoding="utf-8")
    return timed([*MERGEHOUSE, "run", "-C", str(project)])


def demonstration(project: Path, lines: str) -> Path:
    new_project(project)
    timed([*MERGEHOUSE, "demo", str(project), "--lines", lines])
    return project


def new_project(project: Path, *options: str) -> None:
    shutil.rmtree(project, ignore_errors=True)
    subprocess.run([*MERGEHOUSE, "init", str(project), *options], check=True, stdout=subprocess.DEVNULL)
    config = project / "mergehouse.yml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("science: true", "science: false"), encoding="utf-8"
    )


def timed(command: list[str], checkout: Path = ROOT) -> Timing:
    """Runs a command of a checkout to its end. Raises CalledProcessError where it fails."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "PYTHONDONTWRITEBYTECODE": ""}
    began = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return Timing(seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def best(timings: list[Timing]) -> Timing:
    """The fastest of several: what the work takes when nothing else disturbs it."""
    return min(timings, key=lambda t: t.seconds)


def as_markdown(rows: list[Row]) -> str:
    lines = [
        (
            f"Measured on {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python"
            f" {platform.python_version()}."
        ),
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
