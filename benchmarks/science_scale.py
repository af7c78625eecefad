"""Features, training, backtest and scores of generated customers: python -m benchmarks.science_scale
[--customers 1M].

One brand of the wide shape, two years of purchases drawn from BG/NBD and Gamma-Gamma, from raw file to
scores. What comes before Gold is not counted. Scores have a process of their own, as in daily use; the start
of Python is not counted. Machines differ; the bars are for 2 cores and 1M customers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.science import peak, timed
from mergehouse.cli.scaffold import line_count, write_project
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.computed import Request
from mergehouse.pipeline.run import run
from mergehouse.progress import silent
from mergehouse.project.config import load_project
from mergehouse.science.btyd.lifetime_value import simulate, simulate_values
from mergehouse.science.scoring import score
from mergehouse.science.training import train

BAR_SECONDS, BAR_SCORING, BAR_MEMORY = 180.0, 20.0, 6144.0
BRAND, BEGIN, DAYS = "eurostyle", dt.datetime(2024, 1, 1), 730
RATES, WORTH = (0.6, 60.0, 0.5, 2.5), (6.0, 4.0, 15.0)  # days and pounds
SEASON = 0.3  # by how much purchases are more frequent at the end of a year than on average


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", default="1M", help="how many (default 1M)")
    customers = line_count(parser.parse_args().customers)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "project"
        write_project(folder)
        for brand in (folder / "brands").iterdir():
            if brand.name != BRAND:
                shutil.rmtree(brand)
        raw = folder / "raw" / BRAND
        raw.mkdir(parents=True, exist_ok=True)
        lines = write_lines(raw / "online_retail_made_up.csv", customers)
        project = load_project(folder)
        print(
            f"{customers:,} customers, {lines:,} order lines\n\n| job | seconds | peak memory so far, MB"
            " |\n|---|--:|--:|"
        )
        timed("bronze and silver", lambda: run(project, until="silver"))
        began = time.perf_counter()
        timed(
            "features and outcomes",
            lambda: run(project, select="+gold.customer_features +gold.customer_outcomes"),
        )
        timed("training: backtests, models, MLflow", lambda: train(project))
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            scored, scoring = process.submit(scores, folder).result()
        seconds, memory = time.perf_counter() - began, peak()
        print(f"| scores | {scoring:.2f} | {memory:,.0f} |")
        if scored < customers:
            sys.exit(f"Of {customers:,} customers {scored:,} were scored.")
    if seconds > BAR_SECONDS or scoring > BAR_SCORING or memory > BAR_MEMORY:
        sys.exit(
            f"Together {seconds:.0f} s and {memory:,.0f} MB, scoring {scoring:.0f} s; "
            f"the bars for 1M are {BAR_SECONDS:g} s, {BAR_MEMORY:,.0f} MB and {BAR_SCORING:g} s."
        )


def scores(folder: Path) -> tuple[int, float]:
    """Scores all customers; returns how many rows, and the seconds it took."""
    began = time.perf_counter()
    project = load_project(folder)
    scored = score(Request(project, Lakehouse(project.lakehouse_location), silent))
    return len(scored.frame), time.perf_counter() - began


def write_lines(file: Path, customers: int, seed: int = 1, lines: int = 0) -> int:
    """Writes one order line for each purchase, or some `lines` in all; returns how many. A customer's
    purchases after the first are spread over their time.
    """
    rng = np.random.default_rng(seed)
    age = rng.uniform(1, DAYS, customers)
    made = simulate(*RATES, age, seed + 1)
    each = simulate_values(*WORTH, made.frequency + 1, seed + 2)
    number = made.frequency + 1
    customer = np.repeat(np.arange(customers), number)
    ordinal = np.arange(len(customer)) - np.repeat(np.cumsum(number) - number, number)
    first, last = np.repeat(DAYS - age, number), np.repeat(made.recency, number)
    within = np.where(ordinal == np.repeat(made.frequency, number), 1.0, rng.uniform(size=len(customer)))
    day = first + np.where(ordinal == 0, 0.0, last * within)
    season = 1 + SEASON * np.cos(2 * np.pi * (day / 365.25 - 0.95))
    kept = (ordinal == 0) | (rng.uniform(size=len(day)) < season / (1 + SEASON))
    quantity = 1 + rng.poisson(3, len(day))
    price = np.round(np.repeat(each, number) * rng.gamma(6, 1 / 6, len(day)) / quantity + 0.05, 2)
    purchases = pl.DataFrame(
        {
            "Invoice": np.arange(500_000, 500_000 + len(day)),
            "StockCode": 20_000 + rng.integers(0, 4000, len(day)),
            "Description": "MUG",
            "Quantity": quantity,
            "InvoiceDate": np.datetime64(BEGIN, "ms") + (day * 86_400_000).astype("timedelta64[ms]"),
            "Price": price,
            "Customer ID": 10_000 + customer,
            "Country": "United Kingdom",
        }
    ).filter(kept)
    more = rng.poisson(max(lines / len(purchases) - 1, 0), len(purchases))  # of other products, in each order
    sold = purchases[np.repeat(np.arange(len(purchases)), 1 + more)]
    if more.any():
        sold = sold.with_columns(StockCode=20_000 + rng.integers(0, 4000, len(sold)))
    sold.write_csv(file, datetime_format="%Y-%m-%d %H:%M:%S")
    return len(sold)


if __name__ == "__main__":
    main()
