"""Release and verification of marts against their floor, in one run: python -m benchmarks.release
[category_perf=10M customer_brand_360=10M ...] [--repeats 3].

Floor: DuckDB copies the same rows from the same files into zstd Parquet, and sha256sum reads what it wrote.
Every job is a process of its own. Machines differ; read the ratios. No KPI is of category_perf; those of
customer_brand_360 count different customers. The bar is 1.5 x floor for each.
"""

from __future__ import annotations

import argparse
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
CATEGORY_PERF = """
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
# one customer in twenty buys at both brands, one in five never bought
CUSTOMER_BRAND_360 = """
SELECT ['eurostyle', 'contoso'][1 + i % 2] AS source_system, i // 2 % 20 = 0 AS is_cross_brand,
  CASE WHEN is_cross_brand THEN 'eurostyle' ELSE source_system END || ':' || i // 2 AS customer_id,
  ['DE', 'FR', 'ES', 'IT'][1 + (hash(i) % 4)::INT] AS country_code,
  ['North Europe', 'South Europe'][1 + (hash(i) % 2)::INT] AS region, hash(i * 3) % 5 > 0 AS bought,
  CASE WHEN bought THEN (1 + hash(i * 7) % 700)::INT END AS recency_days,
  DATE '2025-07-01' - recency_days AS last_order_date,
  last_order_date - (hash(i * 5) % 300)::INT AS first_order_date,
  CASE WHEN bought THEN (1 + hash(i * 11) % 40)::INT ELSE 0 END AS frequency,
  frequency * (hash(i * 13) % 10000)::DECIMAL(10,2) / 100 AS gmv_eur,
  frequency * (hash(i * 17) % 500)::DECIMAL(10,2) / 100 AS returns_eur, gmv_eur - returns_eur AS monetary_eur,
  monetary_eur * 0.4 AS margin_eur, frequency * 2 AS units, frequency % 24 AS categories,
  CASE WHEN bought THEN (1 + hash(i * 19) % 5)::INT END AS r_score, r_score AS f_score, r_score AS m_score,
  CASE WHEN bought THEN ['Champions', 'At risk', 'Lost'][1 + r_score % 3] ELSE 'Prospects' END AS segment,
  recency_days > 90 AS is_churned, recency_days * 0.001234 AS churn_probability_90d,
  ['low', 'medium', 'high'][1 + recency_days % 3] AS risk_band, 1 - churn_probability_90d AS p_alive,
  p_alive * frequency / 10 AS expected_orders_90d, monetary_eur / 3 AS clv_12m_eur,
  ['top', 'high', 'medium', 'low'][1 + recency_days % 4] AS clv_tier,
  'Last bought ' || recency_days || ' days ago' AS reason_1,
  CASE WHEN bought THEN frequency || ' purchases in the last year' END AS reason_2,
  CASE WHEN bought THEN 'Buys ' || categories || ' categories' END AS reason_3,
  CASE WHEN bought THEN 'model' END AS score_method, DATE '2025-07-01' AS as_of_date
FROM range({rows}) AS t(i)
"""
MARTS = {"category_perf": CATEGORY_PERF, "customer_brand_360": CUSTOMER_BRAND_360}
USUAL = ["category_perf=10M", "customer_brand_360=10M", "customer_brand_360=3M"]
Timing = tuple[float, float]  # wall clock and CPU seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("marts", nargs="*", default=USUAL, metavar="MART=ROWS", help=" ".join(USUAL))
    parser.add_argument("--repeats", type=int, default=3, help="floor and release in turns (default 3)")
    options = parser.parse_args()
    print("| job | seconds | CPU seconds | x floor | x floor, CPU |\n|---|--:|--:|--:|--:|")
    above = [mart for mart in options.marts if measure(*mart.split("="), options.repeats) > BAR]
    if above:
        sys.exit(f"{', '.join(above)}: the bar is {BAR} x floor.")


def measure(mart: str, rows: str, repeats: int) -> float:
    """Prints the mart's lines of the table; returns CPU seconds of release and verification over the
    floor's.
    """
    with tempfile.TemporaryDirectory(prefix="mergehouse-bench-") as name:
        folder = Path(name)
        make(folder, mart, line_count(rows))
        floors, ours = [], []
        for _ in range(repeats):
            shutil.rmtree(folder / "floor", ignore_errors=True)
            shutil.rmtree(folder / "lakehouse" / "release", ignore_errors=True)
            floors.append(
                total(timed(copying(folder, mart)), timed(["sh", "-c", f"sha256sum {folder}/floor/*"]))
            )
            released = timed([*MERGEHOUSE, "release", "-C", str(folder)])
            verified = timed([*MERGEHOUSE, "verify", str(folder / "lakehouse" / "release")])
            ours.append((released, verified))
        size = sum(f.stat().st_size for f in (folder / "lakehouse/release").rglob("*.parquet")) >> 20
    floor = min(floors, key=lambda timing: timing[1])
    released, verified = min(ours, key=lambda pair: total(*pair)[1])
    for what, (seconds, cpu) in (
        (f"`{mart}`, {line_count(rows):,} rows, {size} MB: COPY, sha256sum", floor),
        ("`release`", released),
        ("`verify`", verified),
        ("**both**", total(released, verified)),
    ):
        print(f"| {what} | {seconds:.2f} | {cpu:.2f} | {seconds / floor[0]:.2f} | {cpu / floor[1]:.2f} |")
    return total(released, verified)[1] / floor[1]


def make(folder: Path, mart: str, rows: int) -> None:
    """A project whose lakehouse holds one mart, written as a run writes it."""
    subprocess.run([*MERGEHOUSE, "init", str(folder)], check=True, stdout=subprocess.DEVNULL)
    lakehouse, contract = Lakehouse(folder / "lakehouse"), contract_of(f"gold.{mart}")
    engine = DuckDBEngine(Limits(), lakehouse, folder / "spill")
    engine.connection.execute(f"CREATE VIEW mapping.rows AS {MARTS[mart].format(rows=rows)}")
    columns = ", ".join(contract.columns)
    engine.publish(engine.stage(contract, f"SELECT {columns} FROM mapping.rows"), Stamp("benchmark"))


def copying(folder: Path, mart: str) -> list[str]:
    columns = ", ".join(contract_of(f"gold.{mart}").columns)
    files = f"read_parquet('{folder}/lakehouse/gold/{mart}/**/*.parquet', hive_partitioning = true)"
    copy = (
        f"COPY (SELECT {columns} FROM {files}) TO '{folder}/floor/rows.parquet' (FORMAT parquet, COMPRESSION"
        " zstd)"
    )
    return [
        sys.executable,
        "-c",
        f"import duckdb, pathlib; pathlib.Path('{folder}/floor').mkdir(); duckdb.sql({copy!r})",
    ]


def timed(command: list[str]) -> Timing:
    """A command and its children. Raises CalledProcessError where it fails."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def total(*timings: Timing) -> Timing:
    return sum(t[0] for t in timings), sum(t[1] for t in timings)


if __name__ == "__main__":
    main()
