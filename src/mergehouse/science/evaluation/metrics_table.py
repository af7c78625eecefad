"""The table of what methods reached in backtests: `gold.model_metrics`."""

from __future__ import annotations

import datetime as dt

from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append_rows
from mergehouse.science.evaluation.backtest import Tested

METRICS = "gold.model_metrics"


def append_metrics(
    lakehouse: Lakehouse, tested: list[Tested], now: dt.datetime, feature_version: str
) -> None:
    """Keeps what came out in `gold.model_metrics`: a row for each metric, and one for what was observed.

    >>> lakehouse, day, between = Lakehouse("new"), dt.date(2026, 3, 1), {"auc": (0.6, 0.8)}
    >>> tested = Tested("shop", "churn_90d", "all", "a rule", day, 500, 0.4, {"auc": 0.7}, between)
    >>> append_metrics(lakehouse, [tested], dt.datetime(2026, 6, 1, tzinfo=dt.UTC), "features of June")
    >>> lakehouse.query("SELECT metric, value::DOUBLE FROM gold.model_metrics ORDER BY metric").fetchall()
    [('auc', 0.7), ('observed_mean', 0.4)]
    """
    fitted = [t for t in tested if not t.why]
    append_rows(lakehouse, contract_of(METRICS), [r for t in fitted for r in _rows(t, now, feature_version)])


def _rows(tested: Tested, now: dt.datetime, version: str) -> list[list[object]]:
    head = [
        now,
        tested.brand,
        tested.target,
        tested.group,
        tested.method,
        tested.cutoff,
        version,
        tested.customers,
    ]
    rates = [[*head, "observed_mean", tested.rate, tested.rate, tested.rate]]
    return rates + [
        [*head, metric, value, *tested.intervals[metric]] for metric, value in tested.metrics.items()
    ]
