"""What can be trained: each task with its models, their judge and the metric that decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import polars as pl

from mergehouse.progress import Progress
from mergehouse.science.churn import model as churn
from mergehouse.science.clv.baselines import ENSEMBLE, RULES
from mergehouse.science.clv.ensemble import MEMBERS, PENALTY, SHRINKAGE, Clv, fit_clv, outcome
from mergehouse.science.evaluation.backtest import HORIZON, Tested, backtest_churn, backtest_clv
from mergehouse.science.evaluation.explanation import explain_churn
from mergehouse.science.evaluation.metrics import churn_metrics, value_metrics
from mergehouse.science.features.dataset import Dataset, active
from mergehouse.science.registry.model_file import Model


@dataclass(frozen=True)
class Task:
    """What is trained: the model `target`, by the method of `models` that is best in `metric` of the
    backtest's target `judged`.

    `backtest` tests cut-offs side by side in a pool. `models` fit the method as it can be fitted on a day; it
    is not kept as champion unless it beats `rules`, and is no worse in the metrics `guards`.
    `judge` is the metrics of a fitted model at a cut-off, on the same customers as in the backtest;
    `parameters` are logged, by method.
    """

    target: str
    backtest: Callable[[Dataset, Progress, Executor | None], Iterator[Tested]]
    judged: str
    metric: str
    rules: tuple[str, ...]
    models: dict[str, Callable[[Dataset, dt.date], Model]]
    judge: Callable[[Any, Dataset, dt.date], dict[str, float]]
    parameters: dict[str, dict[str, Any]]
    explain: Callable[[Dataset, Any], pl.DataFrame] | None = None
    guards: tuple[str, ...] = ()


def _judge_churn(model: churn.ChurnModel, dataset: Dataset, cutoff: dt.date) -> dict[str, float]:
    rows = active(dataset.at(cutoff))
    churned = (rows[f"next_purchases_{HORIZON}d"] == 0).to_numpy()
    return churn_metrics(churned, model.anchored(dataset, cutoff).predict(rows)[HORIZON])


def _judge_clv(model: Clv, dataset: Dataset, cutoff: dt.date) -> dict[str, float]:
    rows = dataset.at(cutoff)
    return value_metrics(outcome(rows, HORIZON), model.anchored(dataset, cutoff).predict(rows).value[HORIZON])


TASKS = (
    Task(
        target="churn",
        backtest=backtest_churn,
        judged=f"churn_{HORIZON}d",
        metric="auc",  # the level is not the model's: predictions are anchored on the day they are made
        rules=("recency rule", "RFM rates"),
        models={"logistic regression": churn.fit_churn_model},
        judge=_judge_churn,
        parameters={"logistic regression": {"C": churn.PENALTY, "season_weight": churn.SEASON_WEIGHT}},
        explain=explain_churn,
        guards=("brier", "log_loss"),
    ),
    Task(
        target="clv",
        backtest=backtest_clv,
        judged=f"clv_{HORIZON}d",  # of a year's value too few windows are closed
        metric="gini",
        rules=RULES,
        models={ENSEMBLE: fit_clv},
        judge=_judge_clv,
        parameters={ENSEMBLE: {"members": ", ".join(MEMBERS), "C": PENALTY, "alpha": SHRINKAGE}},
    ),
)
