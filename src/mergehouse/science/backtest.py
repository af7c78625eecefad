"""What the models would have said at past cut-offs, against what happened: rolling origin, nothing learned from later days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mergehouse.science import churn
from mergehouse.science.dataset import Dataset, active
from mergehouse.science.evaluation import churn_metrics, intervals

LONGEST = 12  # so many of the latest cut-offs are tested
LEARNED_FROM = 8  # a cut-off is tested once so many windows have closed before it
LEAK = 0.85  # published AUCs above this on such data were leaks when they were run again
ALL = "all"  # the group of everybody
HORIZON = 90  # days without a purchase that count as churn

Methods = Mapping[str, Callable[[Dataset, dt.date], np.ndarray]]
METHODS: Methods = {
    "recency rule": churn.recency_rule,
    "RFM rates": churn.rfm_rates,
    "BG/NBD": churn.bgnbd,
    "logistic regression": lambda dataset, day: churn.fit_churn(dataset, day).predict(active(dataset.at(day))),
    "gradient boosting": churn.boosted,
}


@dataclass(frozen=True)
class Tested:
    """One method at one cut-off: its metrics with 95 % intervals over `customers`.

    `target` is what was predicted: `churn_90d`, `clv_365d`. `group` says whose predictions are judged: `all`, or those of one
    region or segment, written `region: North Europe`. `rate` is what happened on average: the share that left, the value brought.
    """

    brand: str
    target: str
    group: str
    method: str
    cutoff: dt.date
    customers: int
    rate: float
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]

    @property
    def leaks(self) -> bool:
        """True where the result is too good to be true."""
        return self.metrics.get("auc", 0) > LEAK


def judged_cutoffs(dataset: Dataset) -> list[dt.date]:
    """Cut-offs whose window is closed and before which enough had closed to learn from; empty for a short history."""
    closed = dataset.closed_before(dataset.as_of, HORIZON)
    return [c for c in closed if len(dataset.closed_before(c, HORIZON)) >= LEARNED_FROM][-LONGEST:]


def backtest_churn(dataset: Dataset, progress: Callable[[str], None] = lambda _: None, methods: Methods = METHODS) -> Iterator[Tested]:
    """Every method at every tested cut-off, on the customers active in the 90 days before it."""
    for cutoff in judged_cutoffs(dataset):
        rows = active(dataset.at(cutoff))
        churned = (rows[f"next_purchases_{HORIZON}d"] == 0).to_numpy()
        for name, method in methods.items():
            progress(f"{dataset.brand}: {name} at {cutoff}")
            probability = method(dataset, cutoff)
            found = churn_metrics(churned, probability)
            yield Tested(
                dataset.brand,
                f"churn_{HORIZON}d",
                ALL,
                name,
                cutoff,
                len(rows),
                float(churned.mean()),
                found,
                intervals(churn_metrics, churned, probability),
            )
