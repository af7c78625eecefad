"""Models against their bars on the published wide export: python -m benchmarks.science_bars --raw DIR, or
--project DIR if it was run.

Values are judged in what published baselines were: net revenue in pounds. The dataset's margins are put in
place of these, and the same methods learn from them. Ends with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from benchmarks.science_plot import draw
from mergehouse.cli.scaffold import write_project
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project
from mergehouse.science.clv.baselines import ENSEMBLE
from mergehouse.science.clv.ensemble import HORIZONS
from mergehouse.science.evaluation.backtest import ALL, Tested, backtest_churn, backtest_clv
from mergehouse.science.features.dataset import Dataset, read_dataset

BRAND, REGRESSION, RFM = "eurostyle", "logistic regression", "RFM rates"
WINDOWS_BACK = (90, 365)  # days of margin before the cut-off that features know


@dataclass(frozen=True)
class Bar:
    """`metric` of `method` over the cut-offs, their mean unless `each`, at least (`most`: at most) `bar`;
    less that of `beyond`.
    """

    target: str
    method: str
    metric: str
    bar: float
    most: bool = False
    each: bool = False
    beyond: str = ""

    def measured(self, tested: list[Tested]) -> list[float]:
        values = {
            m: {t.cutoff: t.metrics[self.metric] for t in tested if self._is_of(t, m)}
            for m in (self.method, self.beyond)
        }
        return [value - values[self.beyond].get(cutoff, 0.0) for cutoff, value in values[self.method].items()]

    def value(self, tested: list[Tested]) -> float:
        found = self.measured(tested)
        return float((max(found) if self.most else min(found)) if self.each else np.mean(found))

    def _is_of(self, tested: Tested, method: str) -> bool:
        return (tested.target, tested.group, tested.method) == (self.target, ALL, method)


BARS = (
    Bar("churn_90d", REGRESSION, "auc", 0.79),
    Bar("churn_90d", REGRESSION, "auc", 0.75, each=True),
    Bar("churn_90d", REGRESSION, "auc", 0.03, beyond=RFM),
    Bar("churn_90d", REGRESSION, "brier", 0.185, most=True),
    Bar("churn_90d", REGRESSION, "ece", 0.04, most=True),
    Bar("churn_90d", REGRESSION, "lift", 1.85),
    Bar("clv_365d", ENSEMBLE, "spearman", 0.63),
    Bar("clv_365d", ENSEMBLE, "gini", 0.87),
    Bar("clv_365d", ENSEMBLE, "top_share", 0.62),
    Bar("clv_365d", ENSEMBLE, "mae", 1020, most=True),
    Bar("clv_90d", ENSEMBLE, "spearman", 0.54),
    Bar("clv_90d", ENSEMBLE, "gini", 0.83),
    Bar("clv_90d", ENSEMBLE, "mae", 303, most=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--raw", type=Path, help="folder of the published exports, which are run first")
    source.add_argument("--project", type=Path, help="a project of theirs that was run")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="draw the results into this folder, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.raw:
            write_project(Path(folder) / "project", given.raw)
        project = load_project(given.project or Path(folder) / "project")
        if given.raw:
            run(project, select="+gold.customer_features +gold.customer_outcomes")
        lakehouse = Lakehouse(project.lakehouse_location)
        dataset = read_dataset(lakehouse, BRAND)
        tested = [*backtest_churn(dataset, _tell), *backtest_clv(in_pounds(lakehouse, dataset), _tell)]
    if given.draw:
        draw(tested, ENSEMBLE, given.draw)
    print("\n" + method_table(tested) + "\n\n" + bar_table(tested))
    sys.exit(any(not _met(bar, tested) for bar in BARS))


def method_table(tested: list[Tested]) -> str:
    """Mean over the cut-offs of every metric of every method, as Markdown."""
    parts = []
    for target in dict.fromkeys(t.target for t in tested):
        of_target = [t for t in tested if (t.target, t.group) == (target, ALL)]
        names = list(of_target[0].metrics)
        parts.append(f"| {target} | " + " | ".join(names) + " |\n|---|" + "--:|" * len(names))
        for method in dict.fromkeys(t.method for t in of_target):
            means = [np.mean([t.metrics[name] for t in of_target if t.method == method]) for name in names]
            parts[-1] += f"\n| {method} | " + " | ".join(_number(m) for m in means) + " |"
    return "\n\n".join(parts)


def bar_table(tested: list[Tested]) -> str:
    """Measured against bar, as Markdown; RMSE beside it with its interval, which is too wide to be gated."""
    rows = ["| target | metric | bar | measured | lowest to highest | met |", "|---|---|--:|--:|--:|---|"]
    for bar in BARS:
        found = bar.measured(tested)
        beyond = f", beyond {bar.beyond}" if bar.beyond else ""
        metric = f"{bar.metric}{', each cut-off' if bar.each else ''}{beyond}"
        limit = f"{'at most' if bar.most else 'at least'} {_number(bar.bar)}"
        within = f"{_number(min(found))} to {_number(max(found))}"
        rows.append(
            f"| {bar.target} | {metric} | {limit} | {_number(bar.value(tested))} | {within} |"
            f" {'yes' if _met(bar, tested) else 'no'} |"
        )
    for t in tested:
        if (t.target, t.method, t.group) == ("clv_365d", ENSEMBLE, ALL):
            low, high = t.intervals["rmse"]
            rows.append(
                f"| {t.target} | rmse at {t.cutoff}, 95 % interval | none | {_number(t.metrics['rmse'])} |"
                f" {low:,.0f} to {high:,.0f} | |"
            )
    return "\n".join(rows)


def in_pounds(lakehouse: Lakehouse, dataset: Dataset) -> Dataset:
    """The dataset with net revenue in the brand's own currency in place of margin, in features and
    outcomes.
    """
    table = lakehouse.table("silver.sales_clean").duckdb()
    lines = table.filter(
        duckdb.ColumnExpression("source_system") == duckdb.ConstantExpression(dataset.brand)
    ).pl()
    days = (
        lines.filter(pl.col("line_type").is_in(["sale", "return"]) & pl.col("customer_id").is_not_null())
        .group_by("customer_id", "order_date")
        .agg(net=pl.col("amount_original").cast(pl.Float64).sum())
    )
    return Dataset(
        dataset.brand, dataset.as_of, pl.concat(_net_of(dataset, days, cutoff) for cutoff in dataset.cutoffs)
    )


def _net_of(dataset: Dataset, days: pl.DataFrame, cutoff: dt.date) -> pl.DataFrame:
    """The rows of a cut-off with net revenue of `days` (customer, date, net) in place of margin."""
    age = (pl.lit(cutoff) - pl.col("order_date")).dt.total_days()
    before = {f"margin_{n}d_eur": pl.col("net").filter((age > 0) & (age <= n)).sum() for n in WINDOWS_BACK}
    after = {f"next_margin_{n}d_eur": pl.col("net").filter((age <= 0) & (age > -n)).sum() for n in HORIZONS}
    net = days.group_by("customer_id").agg(margin_eur=pl.col("net").filter(age > 0).sum(), **before, **after)
    closed = {f"next_margin_{n}d_eur": cutoff in dataset.closed_before(dataset.as_of, n) for n in HORIZONS}
    rows = (
        dataset.at(cutoff)
        .drop("margin_eur", *before, *after)
        .join(net, on="customer_id", how="left", maintain_order="left")
    )
    columns = [
        pl.when(closed.get(c, True)).then(pl.col(c).fill_null(0.0)).alias(c)
        for c in net.columns
        if c != "customer_id"
    ]
    return rows.with_columns(columns).select(dataset.rows.columns)


def _met(bar: Bar, tested: list[Tested]) -> bool:
    value = bar.value(tested)
    return value <= bar.bar if bar.most else value >= bar.bar


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3f}"


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
