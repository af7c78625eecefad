"""A method that cannot be fitted leaves the others standing; rules tell what is too good to be true."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mergehouse.errors import FitError
from mergehouse.science.evaluation import backtest
from mergehouse.science.evaluation.backtest import ALL, Tested, backtest_churn, backtest_clv, beside_rules
from mergehouse.science.features.dataset import Dataset
from mergehouse.science.registry.champion import Comparison, verdict
from mergehouse.science.scoring import _why_not_trained
from mergehouse.science.side_by_side import side_by_side, workers
from mergehouse.science.training_result import Training

MONTHS = [dt.date(2024 + n // 12, n % 12 + 1, 1) for n in range(20)]
DAY = dt.date(2026, 3, 1)


@pytest.fixture
def halves() -> Dataset:
    """Four customers at every cut-off, two of whom leave."""
    rows = pl.DataFrame({"cutoff_date": [m for m in MONTHS for _ in range(4)]}).with_columns(
        recency_days=5, next_purchases_90d=pl.Series([0, 0, 1, 2] * len(MONTHS))
    )
    return Dataset("shop", dt.date(2025, 9, 1), rows)


def solver_fails(*_: object) -> np.ndarray:
    raise np.linalg.LinAlgError("singular matrix")


def fails_in_march(_: Dataset, day: dt.date) -> np.ndarray:
    if day.month == 3:
        raise FitError("shop: nobody came back in winter.")
    return np.array([0.9, 0.4, 0.6, 0.1])


def test_a_method_or_a_cutoff_that_cannot_be_fitted_leaves_the_others(halves: Dataset) -> None:
    methods = {
        "broken": solver_fails,
        "no better": solver_fails,
        "of seasons": fails_in_march,
        "a rule": lambda *_: np.array([0.9, 0.8, 0.2, 0.1]),
    }
    tested = list(backtest_churn(halves, methods=methods))
    cutoffs = {t.cutoff for t in tested}
    judged = {name: [t for t in tested if t.method == name and t.metrics] for name in methods}
    assert {name: len(found) for name, found in judged.items()} == {
        "broken": 0, "no better": 0, "of seasons": len(cutoffs) - 1, "a rule": len(cutoffs)
    }  # fmt: skip
    assert {t.metrics["auc"] for t in judged["a rule"]} == {1.0}
    assert Training(tested).unfitted == [
        f"shop: churn_90d: broken, no better left out at {len(cutoffs)} cut-offs, first {min(cutoffs)}:"
        " cannot be fitted: LinAlgError: singular matrix",
        "shop: churn_90d: of seasons left out at 1 cut-offs, first 2025-03-01: shop: nobody came back in"
        " winter.",
    ]


def test_cutoffs_side_by_side_give_what_one_after_another_gives(halves: Dataset) -> None:
    methods = {"broken": solver_fails, "of seasons": fails_in_march}
    with workers(3) as pool:
        at_once = list(backtest_churn(halves, pool=pool, methods=methods))
    assert at_once == list(backtest_churn(halves, methods=methods))
    assert [t.cutoff for t in at_once] == sorted(t.cutoff for t in at_once)


def test_after_a_fault_nothing_else_is_begun() -> None:
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.01)
        if number == 0:
            raise FitError("shop: nobody came back.")

    with pytest.raises(FitError, match="nobody came back"), workers(2) as pool:
        list(side_by_side(work, range(100), pool))
    assert len(begun) < 50


def test_a_run_that_is_told_not_to_train_says_what_does(halves: Dataset) -> None:
    assert "`mergehouse train` trains" in _why_not_trained(halves, None, trains=False)
    assert "`mergehouse train` tries again" in _why_not_trained(halves, None, trains=True)


def test_values_by_rules_stand_without_the_ensemble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve customers, of whom one brings ever more; the ensemble's regressions cannot be fitted."""
    rows = pl.DataFrame({"cutoff_date": [m for m in MONTHS for _ in range(12)]}).with_columns(
        margin_365d_eur=pl.Series([float(n) for n in range(12)] * len(MONTHS)),
        next_margin_90d_eur=pl.Series([float(n) for n in range(12)] * len(MONTHS)),
    )
    young = Dataset("shop", dt.date(2025, 9, 1), rows)
    for name in ("fit_values", "fit_clv_fallback", "rfm_means", "random_forest"):
        monkeypatch.setattr(f"mergehouse.science.clv.baselines.{name}", solver_fails)
    tested = list(backtest_clv(young))
    assert {t.method for t in tested if t.metrics} == {"last year's value"}
    assert {t.metrics["gini"] for t in tested if t.metrics} == {1.0}
    assert {t.method for t in tested if t.why} >= {"RFM means", "BG/NBD and Gamma-Gamma", "ensemble"}


def of(method: str, auc: float, cutoff: dt.date = DAY) -> Tested:
    return Tested("shop", "churn_90d", ALL, method, cutoff, 500, 0.4, {"auc": auc}, {})


def test_a_leak_is_told_by_what_rules_reach() -> None:
    """A grocer's honest year: 0.888, and recency alone 0.841."""
    grocer = beside_rules([of("recency rule", 0.841), of("logistic regression", 0.888)])
    assert not any(t.leaks for t in grocer)
    leaking = beside_rules([of("recency rule", 0.841), of("logistic regression", 0.97)])
    assert [t.method for t in leaking if t.leaks] == ["logistic regression"]
    assert beside_rules([of("RFM rates", 0.7), of("gradient boosting", 0.86)])[1].leaks


def test_no_rule_leaks_and_other_days_rules_do_not_count() -> None:
    assert not any(t.leaks for t in beside_rules([of(name, 0.99) for name in backtest.RULES]))
    other = dt.date(2026, 4, 1)
    apart = beside_rules([of("recency rule", 0.95), of("a model", 0.95, other)])
    assert [t.leaks for t in apart] == [False, True]


@pytest.mark.parametrize(("worse", "name"), [("brier", "Brier score"), ("log_loss", "Log loss")])
def test_a_champion_is_no_worse_in_brier_score_and_log_loss(worse: str, name: str) -> None:
    auc = Comparison("auc", "the RFM rates", 5, 5, 0, 0.8, 0.7)
    good = Comparison("brier" if worse == "log_loss" else "log_loss", "the RFM rates", 5, 3, 2, 0.2, 0.2)
    bad = Comparison(worse, "the recency rule", 5, 1, 4, 0.24, 0.2)
    assert verdict([auc, good]) == (True, str(auc))
    is_better, why = verdict([auc, good, bad])
    assert (
        not is_better and f"its {name} is worse than that of the recency rule, 0.2400 against 0.2000" in why
    )
    assert verdict([replace(auc, value=0.6, better_at=0, worse_at=5), good])[0] is False
