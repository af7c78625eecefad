"""The sequence model sees what was known at a cut-off and nothing else, learns from the past alone, and gives
the same numbers twice.
"""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from tests.conftest import Shop, prepared_shop
from tests.pipeline.test_features import CUT_OFF, cut, line, whole
from tests.pipeline.test_training import RULES, only, with_customers, without_reports

from mergehouse.cli.main import main
from mergehouse.errors import FitError
from mergehouse.science import training
from mergehouse.science.churn.model import anchored_rate, recency_rule
from mergehouse.science.evaluation.backtest import judged_cutoffs
from mergehouse.science.evaluation.metrics import churn_metrics
from mergehouse.science.features.dataset import Dataset, active, read_dataset

# Keras, with NumPy 2
pytestmark = [
    pytest.mark.science,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def sequence() -> ModuleType:
    if not (find_spec("keras") and find_spec("jax")):
        pytest.skip("the extra `deep` is not installed")
    return importlib.import_module("mergehouse.science.churn.sequence_model")


@pytest.fixture(scope="module")
def store(sequence: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return prepared_shop("trained", with_customers, tmp_path_factory.mktemp("sequence") / "project")


@pytest.fixture(scope="module")
def trained(sequence: ModuleType, store: Shop) -> tuple[Dataset, object]:
    return read_dataset(store.lakehouse, "shop"), sequence.read_sequences(store.lakehouse, "shop")


def at(day: dt.date, *names: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": [f"shop:{name}" for name in names], "cutoff_date": [day] * len(names)}
    )


@pytest.mark.long("Keras compiles a model")
def test_purchases_by_hand(sequence: ModuleType, shop: Shop) -> None:
    bought = CUT_OFF - dt.timedelta(40)
    shop.deliver_lines(
        line("A0", dt.date(2026, 1, 2), customer="other"),
        # of something bought before the history begins
        line("R0", CUT_OFF - dt.timedelta(120), -1, item="P9"),
        line("A1", CUT_OFF - dt.timedelta(100), 4),
        line("R1", CUT_OFF - dt.timedelta(90), -3),
        line("A2", bought, 1),
        line("A3", bought, 3, item="P2"),
        line("A4", CUT_OFF - dt.timedelta(10), 6),
        line("R4", CUT_OFF - dt.timedelta(1), -6),  # A4 was never made
        line("A5", CUT_OFF, 1),
        line("B1", CUT_OFF - dt.timedelta(7), 2, customer="78"),
        line("A9", CUT_OFF + dt.timedelta(80), customer="other"),
    )
    assert not shop.run().failed
    known = sequence.read_sequences(shop.lakehouse, "shop")
    found = np.expm1(sequence.purchases(known, at(CUT_OFF, "78", "77")))
    assert found.shape == (2, sequence.LENGTH, 5) and not found[0, :-1].any() and not found[1, :-2].any()
    expected = {(0, -1): [7, 0, 10, 0, 1], (1, -2): [100, 0, 20, 15, 1], (1, -1): [40, 60, 20, 30, 2]}
    for place, numbers in expected.items():
        assert found[place] == pytest.approx(numbers, rel=1e-5), place
    # A4 still counts
    the_day_before = np.expm1(sequence.purchases(known, at(CUT_OFF - dt.timedelta(1), "77")))[0]
    assert the_day_before[-3:, 0] == pytest.approx([99, 39, 9], rel=1e-5)
    assert the_day_before[-1] == pytest.approx([9, 30, 30, 0, 1], rel=1e-5)


@pytest.mark.long("Keras compiles a model")
def test_purchases_agree_with_the_features_and_know_no_future(sequence: ModuleType, tmp_path: Path) -> None:
    seen = {}
    for name, fill in (("whole", whole), ("cut", cut)):
        shop = prepared_shop(name, fill, tmp_path / name)
        rows, known = (
            active(read_dataset(shop.lakehouse, "shop").rows),
            sequence.read_sequences(shop.lakehouse, "shop"),
        )
        found = np.expm1(sequence.purchases(known, rows))
        assert np.allclose(
            found[:, -1, [0, 2]], rows.select("recency_days", "gmv_last_eur").to_numpy(), rtol=1e-4
        )
        assert np.allclose(
            found[:, 1:, 1], np.where(found[:, :-1, 0] > 0, found[:, :-1, 0] - found[:, 1:, 0], 0), atol=1e-2
        )
        counted = (found[:, :, 4] > 0).sum(axis=1)
        assert (
            np.array_equal(counted, rows["purchases"].clip(upper_bound=sequence.LENGTH))
            and counted.max() > 10
        )
        seen[name] = found[(rows["cutoff_date"] == CUT_OFF).to_numpy()]
    assert len(seen["cut"]) > 10 and np.array_equal(seen["whole"], seen["cut"])


@pytest.mark.long("Keras compiles a model")
def test_of_many_purchases_the_last_are_seen(sequence: ModuleType) -> None:
    number = sequence.LENGTH + 6
    days = np.arange(0, 2 * number, 2, dtype=np.int32)  # every second day from 1970 on
    places = pl.DataFrame({"customer_id": ["c"], "begin": [0], "end": [number]})
    ever, one = np.full(number, 99_999, np.int32), np.ones(number)
    known = sequence.Sequences(places, days, one.astype(bool), ever, one, days.astype(float), 0 * one)
    cutoff = pl.DataFrame(
        {"customer_id": ["c"], "cutoff_date": [dt.date(1970, 1, 1) + dt.timedelta(2 * number)]}
    )
    found = np.expm1(sequence.purchases(known, cutoff))[0]
    assert found[:, 0] == pytest.approx(np.arange(2 * sequence.LENGTH, 0, -2), rel=1e-5)
    # of the first that is seen, too: there was one before
    assert found[:, 1] == pytest.approx([2] * sequence.LENGTH, rel=1e-5)
    assert found[0, 2] == pytest.approx(12, rel=1e-5)


@pytest.mark.long("Keras compiles a model")
def test_it_learns_from_closed_windows_alone_and_twice_the_same(
    sequence: ModuleType, trained: tuple[Dataset, object]
) -> None:
    dataset, known = trained
    day = judged_cutoffs(dataset)[-1]
    rows = active(dataset.at(day))
    churned = (rows["next_purchases_90d"] == 0).to_numpy()
    probability = sequence.sequence_churn(dataset, known, day)
    assert probability.mean() == pytest.approx(anchored_rate(dataset, day, 90))
    auc, rule = (churn_metrics(churned, p)["auc"] for p in (probability, recency_rule(dataset, day)))
    assert rule + 0.03 < auc < 0.85
    blind = (
        pl.when(pl.col("cutoff_date") + pl.duration(days=90) > day)
        .then(None)
        .otherwise(pl.col("next_purchases_90d"))
    )
    unknowing = Dataset(dataset.brand, dataset.as_of, dataset.rows.with_columns(next_purchases_90d=blind))
    assert np.array_equal(sequence.sequence_churn(unknowing, known, day), probability)


@pytest.mark.long("Keras compiles a model")
def test_a_handful_of_customers(sequence: ModuleType, trained: tuple[Dataset, object]) -> None:
    dataset, known = trained
    day = judged_cutoffs(dataset)[-1]
    few = Dataset(
        dataset.brand,
        dataset.as_of,
        dataset.rows.filter(pl.col("customer_id").is_in([f"shop:C{n}" for n in range(40)])),
    )
    probability = sequence.sequence_churn(few, known, day)
    assert len(probability) == len(active(few.at(day))) > 2 and ((probability > 0) & (probability < 1)).all()
    with pytest.raises(FitError, match="all of .* customers left"):
        sequence.sequence_churn(
            Dataset(few.brand, few.as_of, few.rows.with_columns(next_purchases_90d=pl.lit(0))), known, day
        )


@pytest.mark.long("Keras compiles a model")
def test_it_is_judged_where_it_is_asked_for_and_never_kept(
    sequence: ModuleType, store: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergehouse.science.evaluation.backtest.LONGEST", 2)
    monkeypatch.setattr("mergehouse.science.evaluation.metrics.DRAWS", 10)
    churn = next(task for task in training.TASKS if task.target == "churn")
    monkeypatch.setattr(training, "TASKS", (replace(churn, explain=None),))
    without_reports(monkeypatch)
    with only(*RULES, "logistic regression"):  # the others, explanations and reports take most of the time
        result = training.train(store.project, deep=True)
    of_it = [t for t in result.tested if t.method == "sequence model"]
    assert [t.cutoff for t in of_it] == judged_cutoffs(read_dataset(store.lakehouse, "shop")) and len(
        of_it
    ) == 2
    others = {(t.cutoff, t.customers, t.rate) for t in result.tested if t.method == "logistic regression"}
    assert {(t.cutoff, t.customers, t.rate) for t in of_it} == others
    kept = store.rows(
        "SELECT count(*) FROM gold.model_metrics WHERE method = 'sequence model' AND metric = 'auc'"
    )
    assert kept == [(2,)] and {d.version.method for d in result.decisions} == {"logistic regression"}


def test_without_the_extra_it_says_what_to_install(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(sys.modules, "mergehouse.science.churn.sequence_model", raising=False)
    monkeypatch.setattr("sys.argv", ["mergehouse", "train", "-C", str(shop.folder), "--deep"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert (
        stopped.value.code == 2
        and "keras is not installed: pip install 'mergehouse[deep]'" in capsys.readouterr().err
    )
