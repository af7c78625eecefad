"""Models on the published wide export, against floors below what they reached; values as published baselines
have them, in pounds.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.science_bars import BRAND, in_pounds
from tests.prepared import prepared

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.results import RunResult
from mergehouse.science.clv.baselines import ENSEMBLE
from mergehouse.science.evaluation.backtest import Tested, backtest_churn, backtest_clv
from mergehouse.science.features.dataset import read_dataset

pytestmark = pytest.mark.long("models of a million lines")


@pytest.fixture(scope="module")
def churn(real: tuple[Lakehouse, RunResult], tmp_path_factory: pytest.TempPathFactory) -> list[Tested]:
    lakehouse, _ = real
    return backtested("churn", lambda: backtest_churn(read_dataset(lakehouse, BRAND)), tmp_path_factory)


@pytest.fixture(scope="module")
def value(real: tuple[Lakehouse, RunResult], tmp_path_factory: pytest.TempPathFactory) -> list[Tested]:
    lakehouse, _ = real
    dataset = in_pounds(lakehouse, read_dataset(lakehouse, BRAND))
    return backtested("value", lambda: backtest_clv(dataset), tmp_path_factory)


def backtested(
    name: str, backtest: Callable[[], Iterable[Tested]], tmp_path_factory: pytest.TempPathFactory
) -> list[Tested]:
    """What a backtest finds, made once for all workers."""

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mergehouse.science.evaluation.metrics.DRAWS", 10)
            found = pickle.dumps([*backtest()])
        folder.mkdir()
        (folder / "tested.pickle").write_bytes(found)

    folder = prepared(f"backtest of {name}", make, tmp_path_factory.mktemp(name))
    return pickle.loads((folder / "tested.pickle").read_bytes())


def means(tested: list[Tested], target: str, method: str) -> dict[str, float]:
    found = [t.metrics for t in tested if (t.target, t.method, t.group) == (target, method, "all")]
    return {name: float(np.mean([metrics[name] for metrics in found])) for name in found[0]}


def test_the_rule_is_the_published_one(value: list[Tested]) -> None:
    """Last year's spend of 4,230 customers: Spearman 0.616, Gini 0.862, MAE 1,091."""
    assert {t.customers for t in value if t.target == "clv_365d" and t.group == "all"} == {4229}
    rule = means(value, "clv_365d", "last year's value")
    assert rule["spearman"] == pytest.approx(0.616, abs=0.005) and rule["gini"] == pytest.approx(
        0.862, abs=0.002
    )
    assert rule["mae"] == pytest.approx(1091, rel=0.02)


def test_value_is_ranked_and_its_level_holds(value: list[Tested]) -> None:
    year, quarter = means(value, "clv_365d", ENSEMBLE), means(value, "clv_90d", ENSEMBLE)
    assert (
        year["spearman"] > 0.63 and year["gini"] > 0.87 and year["top_share"] > 0.615 and year["mae"] < 1000
    )
    assert quarter["spearman"] > 0.535 and quarter["gini"] > 0.83 and quarter["mae"] < 285
    assert abs(year["bias"] - 1) < 0.1 and abs(quarter["bias"] - 1) < 0.1


def test_churn_is_ranked_and_its_level_holds_in_winter_too(churn: list[Tested]) -> None:
    regression, rfm = (means(churn, "churn_90d", method) for method in ("logistic regression", "RFM rates"))
    assert regression["auc"] > 0.78 and regression["auc"] > rfm["auc"] + 0.025
    assert regression["brier"] < 0.187 and regression["ece"] < 0.045
    at_cutoffs = [
        t for t in churn if (t.target, t.method, t.group) == ("churn_90d", "logistic regression", "all")
    ]
    assert (
        max(t.metrics["ece"] for t in at_cutoffs) < 0.1 and min(t.metrics["auc"] for t in at_cutoffs) > 0.75
    )
