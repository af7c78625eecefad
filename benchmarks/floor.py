"""The floor: DuckDB reads every CSV of a project as text and writes it as zstd Parquet."""

import sys
import tempfile
from pathlib import Path

import duckdb

from mergehouse.project.config import load_project

with tempfile.TemporaryDirectory() as folder:
    for brand in load_project(sys.argv[1]).brands.values():
        for file in sorted(
            p for p in Path(brand.landing_zone).iterdir() if p.name.endswith((".csv", ".csv.gz"))
        ):
            duckdb.sql(
                f"COPY (FROM read_csv('{file}', all_varchar = true, header = true, ignore_errors = true)) "
                f"TO '{Path(folder) / file.name}.parquet' (COMPRESSION zstd)"
            )
