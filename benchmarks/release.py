"""Release and verification of a mart against their floor, in one run: python -m benchmarks.release [--rows
10M] [--repeats 3].

Floor: DuckDB copies the same rows from the same files into zstd Parquet, and sha256sum reads what it wrote.
Every job is a process of its own. Machines differ; read the ratios. The bar is 1.5 for 10 M rows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mergehouse.cli.scaffold import line_count
from mergehouse.contracts.registry import contract_of
from mergehouse.engine.duckdb import DuckDBEngine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp
from mergehouse.project.settings import Limits

MERGEHOUSE = [sys.executable, "-c", "from mergehouse.cli.main import main; main()"]
BAR = 1.5
TABLE = "gold.category_perf"
ROWS = """
SELECT DATE '2016-01-01' + to_months((i % 120)::INT) AS month_start,
  ['eurostyle', 'contoso'][1 + (i // 120) % 2] AS source_system,
  'Department ' || hash(i) % 12 AS department, 'Category ' || hash(i) % 90 AS category,
  source_system || ':' || (i // 240 + 10000) AS product_id,
  (hash(i * 3) % 100000)::DECIMAL(18,2) / 100 AS gmv_eur,
  (hash(i * 5) % 5000)::DECIMAL(18,2) / 100 AS returns_eur,
  gmv_eur - returns_eur AS net_revenue_eur, hash(i * 7) % 40 AS units, hash(i * 11) % 20 AS sale_lines,
  net_revenue_eur * 0.4 AS margin_eur, ['actual', 'estimated'][1 + (hash(i) % 2)::INT] AS margin_method
FROM range({rows}) AS t(i)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="10M", help="rows of the mart (default 10M)")
    parser.add_argument("--repeats", type=int, default=3, help="floor and release in turns (default 3)")
    options = parser.parse_args()
    rows = line_count(options.rows)
    with tempfile.TemporaryDirectory(prefix="mergehouse-bench-") as name:
        folder = Path(name)
        make(folder, rows)
        floors, ours = [], []
        for _ in range(options.repeats):
            shutil.rmtree(folder / "floor", ignore_errors=True)
            shutil.rmtree(folder / "lakehouse" / "release", ignore_errors=True)
            floors.append(total([timed(copying(folder)), timed(["sh", "-c", f"sha256sum {folder}/floor/*"])]))
            released = timed([*MERGEHOUSE, "release", "-C", str(folder)])
            verified = timed([*MERGEHOUSE, "verify", str(folder / "lakehouse" / "release")])
            ours.append((released, verified))
        copied = json.dumps(
            [f.stat().st_size >> 20 for f in sorted((folder / "lakehouse/release").rglob("*.parquet"))]
        )
    floor = min(floors)
    released, verified = min(ours, key=lambda pair: total(list(pair)))
    print(
        f"{rows:,} rows, files of {copied} MB\n\n| job | seconds | CPU seconds | x floor | x floor, CPU"
        " |\n|---|--:|--:|--:|--:|"
    )
    for what, (seconds, cpu) in (
        ("floor: DuckDB COPY, sha256sum", floor),
        ("`release`", released),
        ("`verify`", verified),
        ("**both**", total([released, verified])),
    ):
        print(f"| {what} | {seconds:.2f} | {cpu:.2f} | {seconds / floor[0]:.2f} | {cpu / floor[1]:.2f} |")
    if total([released, verified])[1] / floor[1] > BAR:
        sys.exit(f"The bar is {BAR} x floor.")


def make(folder: Path, rows: int) -> None:
    """A project whose lakehouse holds one mart, written as a run writes it."""
    subprocess.run([*MERGEHOUSE, "init", str(folder)], check=True, stdout=subprocess.DEVNULL)
    lakehouse, contract = Lakehouse(folder / "lakehouse"), contract_of(TABLE)
    engine = DuckDBEngine(Limits(), lakehouse, folder / "spill")
    engine.connection.execute(f"CREATE VIEW mapping.rows AS {ROWS.format(rows=rows)}")
    engine.publish(engine.stage(contract, "SELECT * FROM mapping.rows"), Stamp("benchmark"))


def copying(folder: Path) -> list[str]:
    columns = ", ".join(contract_of(TABLE).columns)
    files = f"read_parquet('{folder}/lakehouse/gold/category_perf/**/*.parquet', hive_partitioning = true)"
    copy = (
        f"COPY (SELECT {columns} FROM {files}) TO '{folder}/floor/rows.parquet' (FORMAT parquet, COMPRESSION"
        " zstd)"
    )
    return [
        sys.executable,
        "-c",
        f"import duckdb, pathlib; pathlib.Path('{folder}/floor').mkdir(); duckdb.sql({copy!r})",
    ]


def timed(command: list[str]) -> tuple[float, float]:
    """Wall clock and CPU seconds of a command and its children. Raises CalledProcessError where it fails."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def total(timings: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(t[0] for t in timings), sum(t[1] for t in timings)


if __name__ == "__main__":
    main()
