"""Trains and judges the models of every brand, and keeps what came out in `gold.model_metrics`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from mergehouse.contract import load_contract
from mergehouse.errors import FitError, LakehouseError
from mergehouse.graph import MODELS
from mergehouse.lakehouse import Lakehouse
from mergehouse.pipeline import exclusive
from mergehouse.project import Project
from mergehouse.science.backtest import HORIZON, LEARNED_FROM, Tested, backtest_churn, judged_cutoffs
from mergehouse.science.dataset import FEATURES, Dataset, read_dataset

METRICS = "gold.model_metrics"
COLUMNS = {
    "trained_ts": "TIMESTAMPTZ", "source_system": "VARCHAR", "target": "VARCHAR", "customer_group": "VARCHAR",
    "method": "VARCHAR", "cutoff_date": "DATE", "feature_version": "VARCHAR", "customers": "BIGINT", "metric": "VARCHAR",
    "value": "DECIMAL(18,6)", "low": "DECIMAL(18,6)", "high": "DECIMAL(18,6)",
}  # fmt: skip


@dataclass
class Training:
    """`tested` are all methods at all cut-offs; `untrained` maps a brand to why it has no model of its own."""

    tested: list[Tested] = field(default_factory=list)
    untrained: dict[str, str] = field(default_factory=dict)

    @property
    def leaks(self) -> list[Tested]:
        return [t for t in self.tested if t.leaks]


def train(project: Project, brand: str | None = None, progress: Callable[[str], None] = lambda _: None) -> Training:
    """Backtests every method for one brand or all, and appends the metrics.

    A brand whose history closes too few windows is named in `untrained`; the others go on. Raises LakehouseError where there
    are no features yet.
    """
    lakehouse = Lakehouse(project.lakehouse_location)
    if not lakehouse.exists(FEATURES):
        raise LakehouseError(f"{lakehouse.location}: there are no customer features yet; `mergehouse run` builds them.")
    with exclusive(lakehouse):
        return train_brands(project, lakehouse, [brand] if brand else list(project.brands), progress)


def train_brands(project: Project, lakehouse: Lakehouse, brands: list[str], progress: Callable[[str], None] = lambda _: None) -> Training:
    """As `train`, for a caller that holds the lakehouse's lock already."""
    now, result = dt.datetime.now(dt.UTC), Training()
    for name in brands:
        try:
            dataset = read_dataset(lakehouse, name)
            if not judged_cutoffs(dataset):
                raise FitError(_too_short(dataset))
            tested = list(backtest_churn(dataset, progress))
        except FitError as error:
            result.untrained[name] = str(error)
            continue
        result.tested += tested
        version = dataset.rows["feature_version"][0]
        lakehouse.create(load_contract(MODELS / "gold" / "model_metrics.yml"))
        lakehouse.append_rows(METRICS, COLUMNS, [row for t in tested for row in _rows(t, now, version)])
    return result


def _too_short(dataset: Dataset) -> str:
    days = dataset.rows["tenure_days"].max()
    closed = len(dataset.closed_before(dataset.as_of, HORIZON))
    return (
        f"{dataset.brand}: {days} days of history hold {closed} monthly cut-offs whose {HORIZON} days after are known, and a model "
        f"needs {LEARNED_FROM + 1}: {LEARNED_FROM} to learn from and one to be judged by. No model is trained."
    )


def _rows(tested: Tested, now: dt.datetime, version: str) -> list[list[object]]:
    head = [now, tested.brand, tested.target, tested.group, tested.method, tested.cutoff, version, tested.customers]
    rates = [[*head, "observed_mean", tested.rate, tested.rate, tested.rate]]
    return rates + [[*head, metric, value, *tested.intervals[metric]] for metric, value in tested.metrics.items()]
