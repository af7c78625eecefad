"""The same figures by a dbt project on DuckDB: python -m benchmarks.dbt_job PROJECT [--dbt COMMAND].

The project in `benchmarks/dbt` is what a data team writes by hand: typed staging views, tables between,
marts, a file of tests. It has no Delta tables, no rows kept with a reason, no account of what was left out,
and it knows the demonstration's formats. Its KPIs are held against those that the generator knows.

dbt is none of this package's dependencies: `python -m venv dbt && dbt/bin/pip install "dbt-core==1.11.16"
"dbt-duckdb==1.10.1" "duckdb==2.*"`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path

import duckdb
from currency_converter.currency_converter import CURRENCY_FILE

from mergehouse.project.config import Project, load_project

HERE = Path(__file__).parent / "dbt"
KPIS = (
    "gmv", "returns", "margin", "net_revenue", "orders", "units", "customers", "active_customers",
    "repeat_customers",
)  # fmt: skip


def seeds(project: Project, folder: Path) -> None:
    """What the project's mapping files and the ECB say, as dbt's seeds."""
    for name in ("countries", "hierarchy", "rfm_segments"):
        (folder / f"{name}.csv").write_bytes((project.mappings_folder / f"{name}.csv").read_bytes())
    for name, columns in (
        ("line_types", ["match", "pattern", "line_class"]),
        ("category_map", ["match", "pattern", "department", "category"]),
        ("customer_xref", ["source_customer_id", "other_source_system", "other_source_customer_id"]),
    ):
        with (folder / f"{name}.csv").open("w", newline="") as target:
            writer = csv.writer(target)
            numbered = ["rule_no"] if name != "customer_xref" else []
            writer.writerow(["source_system", *numbered, *columns])
            for brand in project.brands.values():
                file = brand.folder / f"{name}.csv"
                if file.exists():
                    with file.open(newline="", encoding="utf-8") as source:
                        for number, row in enumerate(csv.DictReader(source), start=1):
                            writer.writerow(
                                [brand.name, *([number] * len(numbered)), *(row[c] for c in columns)]
                            )
    with zipfile.ZipFile(CURRENCY_FILE) as archive, archive.open(archive.namelist()[0]) as file:
        days = list(csv.DictReader(line.decode() for line in file))
    with (folder / "ecb_rates.csv").open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["currency", "rate_date", "units_per_eur"])
        writer.writerows(["GBP", day["Date"], day["GBP"]] for day in days if day["GBP"] not in ("", "N/A"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("project")
    parser.add_argument("--dbt", default="dbt", help="the command")
    options = parser.parse_args()
    project = load_project(options.project)
    with tempfile.TemporaryDirectory(prefix="dbt-") as work:
        place = Path(work)
        (place / "seeds").mkdir()
        seeds(project, place / "seeds")
        places = {"WORK": work, "SEEDS": str(place / "seeds"), "RAW": str(project.folder.resolve() / "raw")}
        command = [
            options.dbt,
            "--no-version-check",
            "build",
            "--project-dir",
            str(HERE),
            "--profiles-dir",
            str(HERE),
        ]
        subprocess.run([*command, "--log-path", work, "--quiet"], env={**os.environ, **places}, check=True)
        with duckdb.connect(str(place / "warehouse.duckdb"), read_only=True) as connection:
            cursor = connection.execute(f"SELECT scope, {', '.join(KPIS)} FROM kpis")
            found = {scope: dict(zip(KPIS, values, strict=True)) for scope, *values in cursor.fetchall()}
    truth = json.loads((project.folder / "truth.json").read_text())
    wanted = {name: brand["kpis"] for name, brand in truth["brands"].items()} | {"group": truth["group"]}
    for scope, kpis in wanted.items():
        for name in KPIS:
            off = abs(Decimal(str(kpis[name])) - Decimal(str(found[scope][name])))
            assert off <= abs(Decimal(str(kpis[name]))) / 1000, (scope, name, kpis[name], found[scope][name])


main()
