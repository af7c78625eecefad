"""`mergehouse train`: models learn from the past alone, beat rules where there is something to learn, and say where there is not."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from tests.conftest import Shop

from mergehouse.cli import main
from mergehouse.errors import FitError
from mergehouse.science import churn
from mergehouse.science.backtest import LEAK, METHODS, backtest_churn, judged_cutoffs
from mergehouse.science.dataset import Dataset, active, read_dataset
from mergehouse.science.training import train

LINE = "{order},1,{day} 10:00:00,P1,Mug,2,5.00,{customer},Germany,EUR"
BEGIN, DAYS = dt.date(2024, 1, 1), 640


def customers(seed: int = 1, number: int = 400) -> list[str]:
    """Lines of customers who buy at a rate of their own, and leave for good at some day."""
    rng = np.random.default_rng(seed)
    lines = []
    for customer in range(number):
        rate, first = rng.gamma(1.5, 1 / 60), int(rng.integers(0, 200))
        last = first + rng.exponential(500)
        day = float(first)
        while day < min(DAYS, last):
            lines.append(LINE.format(order=f"A{customer}-{len(lines)}", day=BEGIN + dt.timedelta(int(day)), customer=f"C{customer}"))
            day += 1 + rng.exponential(1 / rate)
    return lines


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals are not what is tested here; they take most of the time."""
    monkeypatch.setattr("mergehouse.science.evaluation.DRAWS", 10)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("trained") / "project")
    shop.deliver_lines(*customers())
    assert not shop.run().failed
    return shop


@pytest.fixture(scope="module")
def dataset(trained: Shop) -> Dataset:
    return read_dataset(trained.lakehouse, "shop")


def test_a_backtest_learns_from_closed_windows_alone(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    closed = dataset.closed_before(day, 90)
    assert closed and all(c + dt.timedelta(90) <= day for c in closed) and closed[-1] < day
    blind = pl.when(pl.col("cutoff_date") + pl.duration(days=90) > day).then(None).otherwise(pl.col("next_purchases_90d"))
    unknowing = Dataset(dataset.brand, dataset.as_of, dataset.rows.with_columns(next_purchases_90d=blind))
    for name, method in METHODS.items():
        assert np.array_equal(method(dataset, day), method(unknowing, day)), name


def test_models_beat_the_recency_rule_and_do_not_leak(dataset: Dataset) -> None:
    tested = list(backtest_churn(dataset))
    auc = {name: np.mean([t.metrics["auc"] for t in tested if t.method == name]) for name in METHODS}
    assert auc["logistic regression"] > auc["recency rule"] + 0.03 and auc["BG/NBD"] > auc["recency rule"] + 0.03
    assert max(auc.values()) < LEAK and not any(t.leaks for t in tested)
    assert all(low <= t.metrics[name] <= high for t in tested for name, (low, high) in t.intervals.items() if name == "auc")


def test_a_leak_is_found(dataset: Dataset) -> None:
    """A feature that knows what happens: the alarm must go off."""
    knows = pl.col("next_purchases_90d").fill_null(0) * 20 + pl.col("purchases_30d")
    leaking = Dataset(dataset.brand, dataset.as_of, dataset.rows.with_columns(purchases_30d=knows))
    assert any(t.leaks for t in backtest_churn(leaking) if t.method == "logistic regression")


def test_contributions_add_up_to_the_log_odds(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    model, rows = churn.fit_churn(dataset, day), active(dataset.at(day))
    probability = model.predict(rows)
    log_odds = model.intercept + model.contributions(rows).sum(axis=1)
    assert np.allclose(np.log(probability / (1 - probability)), log_odds)
    assert probability.mean() == pytest.approx(churn.anchored_rate(dataset, day, 90))


def test_the_command_keeps_what_it_found(trained: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["mergehouse", "train", "-C", str(trained.folder), "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    found = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 0 and found["untrained"] == {} and {t["method"] for t in found["tested"]} == set(METHODS)
    kept = trained.rows("SELECT count(*), count(DISTINCT cutoff_date), min(low <= high) FROM gold.model_metrics WHERE metric = 'auc'")
    cutoffs = len({t["cutoff"] for t in found["tested"]})
    assert kept == [(len(METHODS) * cutoffs, cutoffs, True)]


def test_a_short_history_gets_no_model(shop: Shop) -> None:
    shop.deliver_lines(*(text for text in customers(number=30) if text.split(",")[2] < "2024-03-15"))
    shop.run()
    result = train(shop.project)
    assert not result.tested and "needs 9" in result.untrained["shop"] and not shop.lakehouse.exists("gold.model_metrics")


def test_everybody_or_nobody_left(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    for purchases, word in ((0, "all"), (1, "none")):
        rows = dataset.rows.with_columns(next_purchases_90d=pl.lit(purchases))
        with pytest.raises(FitError, match=f"{word} of .* customers left"):
            churn.fit_churn(Dataset(dataset.brand, dataset.as_of, rows), day)


@pytest.mark.parametrize(
    ("last_days", "number", "words"),
    [([DAYS] * 20, 20, "none of"), ([420] + [DAYS] * 19, 1, "cannot be fitted to"), ([1] * 20, 20, "none has bought again")],
    ids=["nobody leaves", "one customer", "nobody comes back"],
)
def test_customers_who_cannot_be_told_apart(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, last_days: list[int], number: int, words: str
) -> None:
    """Everybody buys once a month until their last day."""
    days = {f"C{n}": range(n % 28, last_days[n], 30) for n in range(number)} | {"newest": [DAYS]}
    if words == "none has bought again":  # new customers every month, or nobody would be active
        days |= {f"C{n}-{day}": [day] for n in range(3) for day in range(0, DAYS, 30)}
    shop.deliver_lines(
        *(
            LINE.format(order=f"{customer}-{day}", day=BEGIN + dt.timedelta(day), customer=customer)
            for customer, bought in days.items()
            for day in bought
        )
    )
    shop.run()
    monkeypatch.setattr("sys.argv", ["mergehouse", "train", "-C", str(shop.folder)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0 and words in capsys.readouterr().out.replace("\n", " ")


def test_a_constant_feature_adds_nothing(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    rows = dataset.rows.with_columns(discount_eur=pl.lit(0.0))
    contributions = churn.fit_churn(Dataset(dataset.brand, dataset.as_of, rows), day).contributions(active(dataset.at(day)))
    assert not contributions[:, list(churn.INPUTS).index("discount_share")].any() and np.isfinite(contributions).all()


def test_unknown_brand_and_missing_features(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words, expected in ((["--brand", "nobody"], "expected one of shop"), ([], "`mergehouse run` builds them")):
        monkeypatch.setattr("sys.argv", ["mergehouse", "train", "-C", str(shop.folder), *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2 and expected in capsys.readouterr().err
