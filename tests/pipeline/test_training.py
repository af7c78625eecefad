"""`mergehouse train`: models learn from the past alone, beat rules where there is something to learn, and say
where there is not.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.conftest import SHOP_BRAND, Shop, prepared_shop, with_database_of_models

from mergehouse.cli.main import main
from mergehouse.errors import FitError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project
from mergehouse.project.settings import MlflowConfig
from mergehouse.science import training
from mergehouse.science.churn import model as churn
from mergehouse.science.churn.model import fit_churn_model
from mergehouse.science.evaluation.backtest import LEAK, METHODS, backtest_churn, judged_cutoffs
from mergehouse.science.features.dataset import Dataset, active, matrix, read_dataset
from mergehouse.science.registry.mlflow_client import connected
from mergehouse.science.registry.model_file import digest
from mergehouse.science.registry.provenance import code_version, content
from mergehouse.science.registry.versions import champion, versions
from mergehouse.science.tasks import TASKS
from mergehouse.science.training import train, train_missing
from mergehouse.science.training_result import Training

pytestmark = [pytest.mark.science, pytest.mark.slow("models are trained")]

LINE = "{order},1,{day} 10:00:00,P1,Mug,2,5.00,{customer},Germany,EUR"
BEGIN, DAYS = dt.date(2024, 1, 1), 640
FEW = {  # what backtests and explanations repeat, and what takes most of their time
    "mergehouse.science.evaluation.backtest.LONGEST": 4,
    "mergehouse.science.evaluation.explanation.SHUFFLES": 1,
    "mergehouse.science.evaluation.metrics.DRAWS": 10,
}


def customers(seed: int = 1, number: int = 400) -> list[str]:
    """Lines of customers who buy at a rate of their own, and leave for good at some day."""
    rng = np.random.default_rng(seed)
    lines = []
    for customer in range(number):
        rate, first = rng.gamma(1.5, 1 / 60), int(rng.integers(0, 200))
        last = first + rng.exponential(500)
        day = float(first)
        while day < min(DAYS, last):
            lines.append(
                LINE.format(
                    order=f"A{customer}-{len(lines)}",
                    day=BEGIN + dt.timedelta(int(day)),
                    customer=f"C{customer}",
                )
            )
            day += 1 + rng.exponential(1 / rate)
    return lines


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals are not what is tested here; they take most of the time."""
    monkeypatch.setattr("mergehouse.science.evaluation.metrics.DRAWS", 10)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return prepared_shop("trained", with_customers, tmp_path_factory.mktemp("trained") / "project")


def with_customers(shop: Shop) -> None:
    with_database_of_models(shop.with_science())
    shop.deliver_lines(*customers())
    assert not shop.run().failed


@pytest.fixture(scope="module")
def dataset(trained: Shop) -> Dataset:
    return read_dataset(trained.lakehouse, "shop")


def test_a_backtest_learns_from_closed_windows_alone(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    closed = dataset.closed_before(day, 90)
    assert closed and all(c + dt.timedelta(90) <= day for c in closed) and closed[-1] < day
    blind = (
        pl.when(pl.col("cutoff_date") + pl.duration(days=90) > day)
        .then(None)
        .otherwise(pl.col("next_purchases_90d"))
    )
    unknowing = Dataset(dataset.brand, dataset.as_of, dataset.rows.with_columns(next_purchases_90d=blind))
    for name, method in METHODS.items():
        assert np.array_equal(method(dataset, day), method(unknowing, day)), name


def test_models_beat_the_recency_rule_and_do_not_leak(dataset: Dataset) -> None:
    tested = list(backtest_churn(dataset))
    auc = {name: np.mean([t.metrics["auc"] for t in tested if t.method == name]) for name in METHODS}
    assert (
        auc["logistic regression"] > auc["recency rule"] + 0.03 and auc["BG/NBD"] > auc["recency rule"] + 0.03
    )
    assert max(auc.values()) < LEAK and not any(t.leaks for t in tested)
    assert all(
        low <= t.metrics[name] <= high
        for t in tested
        for name, (low, high) in t.intervals.items()
        if name == "auc"
    )


def test_a_leak_is_found(dataset: Dataset) -> None:
    """A feature that knows what happens: the alarm must go off."""
    knows = pl.col("next_purchases_90d").fill_null(0) * 20 + pl.col("purchases_30d")
    leaking = Dataset(dataset.brand, dataset.as_of, dataset.rows.with_columns(purchases_30d=knows))
    assert any(t.leaks for t in backtest_churn(leaking) if t.method == "logistic regression")


def test_contributions_add_up_to_the_log_odds(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    model, rows = churn.fit_churn(dataset, day), active(dataset.at(day))
    probability = model.predict(rows)
    log_odds = model.intercept + model.contributions(matrix(rows)).sum(axis=1)
    assert np.allclose(np.log(probability / (1 - probability)), log_odds)
    assert probability.mean() == pytest.approx(churn.anchored_rate(dataset, day, 90))


@pytest.mark.long("models are trained")
def test_the_command_keeps_what_it_found(
    trained: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in FEW.items():
        monkeypatch.setattr(name, value)
    monkeypatch.setattr("sys.argv", ["mergehouse", "train", "-C", str(trained.folder), "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    found = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 0 and found["untrained"] == {}
    of_churn = [t for t in found["tested"] if t["target"] == "churn_90d" and t["group"] == "all"]
    assert {t["method"] for t in of_churn} == set(METHODS) and "clv_90d" in {
        t["target"] for t in found["tested"]
    }
    of_auc = "FROM gold.model_metrics WHERE metric = 'auc' AND customer_group = 'all'"
    kept = trained.rows(f"SELECT count(*), count(DISTINCT cutoff_date), min(low <= high) {of_auc}")
    cutoffs = len({t["cutoff"] for t in of_churn})
    assert kept == [(len(METHODS) * cutoffs, cutoffs, True)]
    churn_model, value_model = found["decisions"]
    assert churn_model["is_champion"] and churn_model["version"]["name"] == "merged-retail-shop-churn"
    assert (
        churn_model["version"]["version"] == 1 and value_model["version"]["name"] == "merged-retail-shop-clv"
    )


RULES = ("recency rule", "RFM rates")


@pytest.fixture
def only_rules_and_regression(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The other methods, reports, and many cut-offs take most of the time; nothing here is about them."""
    for name, value in FEW.items():
        monkeypatch.setattr(name, value)
    monkeypatch.setattr(training, "TASKS", TASKS[:1])
    without_reports(monkeypatch)
    with only(*RULES, "logistic regression"):
        yield


def without_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, nothing in (("_survivals", {}), ("model_cards", []), ("write_reports", [])):
        monkeypatch.setattr(training, name, lambda *_, nothing=nothing: nothing)


@contextmanager
def only(*names: str) -> Iterator[None]:
    """These of the methods alone; then all again, in their order."""
    every = dict(METHODS)
    for name in every.keys() - names:
        del METHODS[name]
    try:
        yield
    finally:
        METHODS.clear()
        METHODS.update(every)


def in_experiment(shop: Shop, name: str) -> Project:
    """The project with models of their own: tests share its lakehouse and its database."""
    config = shop.project.config.model_copy(update={"mlflow": MlflowConfig(experiment=name)})
    return shop.project.model_copy(update={"config": config})


def known_at(dataset: Dataset, day: dt.date) -> Dataset:
    """The dataset as it was at a cut-off."""
    hidden = [
        pl.when(pl.col("cutoff_date") + pl.duration(days=int(c.split("_")[-1][:-1])) <= day)
        .then(pl.col(c))
        .alias(c)
        for c in dataset.rows.columns
        if c.startswith("next_purchases")
    ]
    return Dataset(
        dataset.brand, day, dataset.rows.filter(pl.col("cutoff_date") <= day).with_columns(*hidden)
    )


@pytest.mark.usefixtures("only_rules_and_regression")
def test_what_is_logged_and_that_training_again_adds_no_version(trained: Shop) -> None:
    project = in_experiment(trained, "logged")
    first = train(project)
    [decision] = first.decisions
    assert decision.is_new and decision.is_champion and "beats the RFM rates: ROC AUC" in decision.why
    assert (found := champion(project, "shop", "churn")) and found.version == 1 and found.why == decision.why
    with connected(project) as client:
        [experiment] = [e for e in client.search_experiments() if e.name == "logged"]
        runs = {r.info.run_name: r for r in client.search_runs([experiment.experiment_id])}
        assert set(runs) == {"shop", *(f"shop churn_90d {method}" for method in METHODS)}
        run = runs["shop churn_90d logistic regression"]
        history = client.get_metric_history(run.info.run_id, "auc_by_cutoff")
        assert {f.path for f in client.list_artifacts(runs["shop"].info.run_id)} == {"churn_90d.png"}
    tested = [t for t in first.tested if t.method == "logistic regression" and t.group == "all"]
    assert run.data.metrics["auc"] == pytest.approx(np.mean([t.metrics["auc"] for t in tested]))
    assert [
        (m.step, dt.datetime.fromtimestamp(m.timestamp / 1000, dt.UTC).date(), m.value) for m in history
    ] == [(step, t.cutoff, t.metrics["auc"]) for step, t in enumerate(tested, 1)]
    assert run.data.params["C"] == str(churn.PENALTY) and run.data.params["cutoffs"] == str(len(tested))
    assert run.data.tags["feature_version"] == "1" and run.data.tags["code"] == code_version()
    assert {d.dataset.name: d.dataset.digest for d in runs["shop"].inputs.dataset_inputs} == {
        name: str(trained.lakehouse.delta(name).version())
        for name in ("gold.customer_features", "gold.customer_outcomes")
    }
    [again] = train(project).decisions
    assert (again.is_new, again.is_champion, again.version.version) == (False, True, 1) and len(
        versions(project)
    ) == 1


@pytest.mark.usefixtures("only_rules_and_regression")
def test_a_model_that_does_not_beat_the_rules_is_not_used(
    trained: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = in_experiment(trained, "beaten")
    task = TASKS[0]
    # a tie is not better
    monkeypatch.setattr(training, "TASKS", (replace(task, rules=("logistic regression",)),))
    newest = Lakehouse(trained.lakehouse.location, newest=True)  # as within a run
    [decision] = train_missing(project, newest).decisions
    assert decision.champion is None and "does not beat the logistic regression" in decision.why
    assert champion(project, "shop", "churn") is None and versions(project)[0].aliases == ("challenger",)
    kept = newest.query(
        "SELECT is_promoted, decided_by, better_at, worse_at, value = other_value"
        " FROM gold.model_promotions WHERE model_name LIKE 'beaten%'"
    ).fetchall()
    assert kept == [(False, "backtest", 0, 0, True)]
    # once is enough: `mergehouse train` tries again
    assert train_missing(project, newest).tested == []


@pytest.mark.long("trains twice")
@pytest.mark.usefixtures("only_rules_and_regression")
def test_a_retrained_model_is_compared_with_the_champion_on_days_that_neither_has_seen(
    trained: Shop, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.metrics import roc_auc_score

    project, day = in_experiment(trained, "later"), judged_cutoffs(dataset)[-2]
    monkeypatch.setattr(training, "read_dataset", lambda *_: known_at(dataset, day))
    [first] = train(project).decisions
    assert (
        first.is_champion
        and first.version.as_of == day
        and max(first.version.by_cutoff) + dt.timedelta(90) <= day
    )
    monkeypatch.setattr(training, "read_dataset", lambda *_: dataset)
    [second] = train(project).decisions
    since = [c for c in second.version.by_cutoff if c >= day]
    own = fit_churn_model(known_at(dataset, day), day)
    theirs = {}
    for c in since:
        rows = active(dataset.at(c))
        theirs[c] = roc_auc_score(rows["next_purchases_90d"] == 0, own.of_active[90].predict(rows))
    gains = {c: second.version.by_cutoff[c] - theirs[c] for c in since}
    better, worse = sum(g > 1e-6 for g in gains.values()), sum(g < -1e-6 for g in gains.values())
    assert (
        len(since) == 2
        and f"better at {better} and worse at {worse} of" in second.why
        and "version 1" in second.why
    )
    assert second.is_champion == (sum(gains.values()) > 0 and better > worse)


@pytest.mark.long("models are trained")
@pytest.mark.usefixtures("only_rules_and_regression")
def test_a_champion_whose_file_was_changed_is_replaced(trained: Shop) -> None:
    project = in_experiment(trained, "spoilt")
    train(project)
    [known] = versions(project)
    [file] = [
        f for f in (trained.folder / "mlflow").rglob("model.skops") if digest(f.read_bytes()) == known.sha256
    ]
    file.write_bytes(file.read_bytes() + b" ")
    [decision] = train(project).decisions
    assert (decision.is_new, decision.is_champion, decision.version.version) == (True, True, 2)
    assert "version 1 cannot be used any more" in decision.why and "its file was changed" in decision.why
    assert champion(project, "shop", "churn")


@pytest.mark.usefixtures("only_rules_and_regression")
def test_a_leaking_model_is_not_kept(
    trained: Shop, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows = pl.col("next_purchases_90d").fill_null(0) * 20 + pl.col("purchases_30d")
    leaking = Dataset(dataset.brand, dataset.as_of, dataset.rows.with_columns(purchases_30d=knows))
    monkeypatch.setattr(training, "read_dataset", lambda *_: leaking)
    project = in_experiment(trained, "leaking")
    result = train(project)
    assert result.leaks and not result.decisions and not versions(project)
    [finding] = result.findings
    assert finding.check == "shop: logistic regression knows no future" and not finding.passed
    assert "No churn model is kept" in result.untrained["shop"]


def test_the_origin_is_of_content(dataset: Dataset) -> None:
    assert content(dataset) == content(
        Dataset(dataset.brand, dataset.as_of, dataset.rows.select(reversed(dataset.rows.columns)))
    )
    for change in (
        {"gmv_eur": pl.col("gmv_eur") + 0.01},
        {"region": pl.lit("elsewhere")},
        {"is_cross_brand": ~pl.col("is_cross_brand")},
    ):
        assert content(dataset) != content(
            Dataset(dataset.brand, dataset.as_of, dataset.rows.with_columns(**change))
        )
    assert content(dataset) != content(known_at(dataset, dataset.cutoffs[-2]))


def test_a_short_history_gets_no_model(shop: Shop) -> None:
    shop.deliver_lines(*(text for text in customers(number=30) if text.split(",")[2] < "2024-03-15"))
    shop.run()
    result = train(shop.project)
    assert (
        not result.tested
        and "needs 9" in result.untrained["shop"]
        and not shop.lakehouse.exists("gold.model_metrics")
    )
    assert train_missing(shop.project, shop.lakehouse) == Training()  # a run does not even try


def test_everybody_or_nobody_left(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    for purchases, word in ((0, "all"), (1, "none")):
        rows = dataset.rows.with_columns(next_purchases_90d=pl.lit(purchases))
        with pytest.raises(FitError, match=f"{word} of .* customers left"):
            churn.fit_churn(Dataset(dataset.brand, dataset.as_of, rows), day)


def test_customers_who_cannot_be_told_apart(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody buys once a month until their last day: at one brand nobody leaves, another has one customer,
    and at the third nobody comes back.
    """
    for name, value in FEW.items():
        monkeypatch.setattr(name, value)
    days = {
        "shop": {f"C{n}": range(n % 28, DAYS, 30) for n in range(20)},
        "lonely": {"C0": range(0, 420, 30)},
        # new customers every month, or nobody would be active
        "once": {f"C{n}": range(n % 28, 1, 30) for n in range(20)}
        | {f"C{n}-{day}": [day] for n in range(3) for day in range(0, DAYS, 30)},
    }
    for brand, bought in days.items():
        folder = shop if brand == "shop" else shop.another(brand)
        folder.configure(SHOP_BRAND.replace("label: Shop", f"label: {brand.title()}"))
        folder.deliver_lines(
            *(
                LINE.format(order=f"{customer}-{day}", day=BEGIN + dt.timedelta(day), customer=customer)
                for customer, on in (bought | {"newest": [DAYS]}).items()
                for day in on
            )
        )
    shop.run()
    monkeypatch.setattr("sys.argv", ["mergehouse", "train", "-C", str(shop.folder)])
    with pytest.raises(SystemExit) as stopped:
        main()
    said = capsys.readouterr().out.replace("\n", " ")
    print(said)
    assert stopped.value.code == 0
    for brand, words in (
        ("shop", "none of"),
        ("lonely", "cannot be fitted to"),
        ("once", "none has bought again"),
    ):
        assert re.search(f"{brand}: [^:]*{words}", said), brand


def test_a_constant_feature_adds_nothing(dataset: Dataset) -> None:
    day = judged_cutoffs(dataset)[-1]
    rows = dataset.rows.with_columns(discount_eur=pl.lit(0.0))
    contributions = churn.fit_churn(Dataset(dataset.brand, dataset.as_of, rows), day).contributions(
        matrix(active(dataset.at(day)))
    )
    assert (
        not contributions[:, list(churn.INPUTS).index("discount_share")].any()
        and np.isfinite(contributions).all()
    )


def test_unknown_brand_and_missing_features(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, expected in (
        (["--brand", "nobody"], "expected one of shop"),
        ([], "`mergehouse run` builds them"),
    ):
        monkeypatch.setattr("sys.argv", ["mergehouse", "train", "-C", str(shop.folder), *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 2 and expected in capsys.readouterr().err
