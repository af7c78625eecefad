"""Model cards: curves worked out by hand, what a card says, and that it is complete, self-contained and
escaped.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.conftest import Shop, prepared_shop

from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append, append_rows
from mergehouse.science.cards.card import Card, Judged, Weight
from mergehouse.science.cards.contents import churn_card, untrained_card, value_card
from mergehouse.science.cards.pages import metric_value, title, write_cards
from mergehouse.science.evaluation.calibration import calibrated_chances, calibrated_values, gains, lift
from mergehouse.science.evaluation.metrics_table import METRICS
from mergehouse.science.features.dataset import Dataset, read_dataset
from mergehouse.science.registry.versions import Version
from mergehouse.science.reports import model_cards, write_reports
from mergehouse.science.survival.page import brand_survival
from mergehouse.science.tasks import TASKS

pytestmark = [pytest.mark.science, pytest.mark.slow("models are trained")]

NOW, AS_OF = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), dt.date(2026, 1, 1)


def judged(method: str, metric: str, *values: float, group: str = "all") -> tuple[Judged, ...]:
    """One value a month from July 2025 on, with intervals 0.02 to either side."""
    days = [dt.date(2025, 7 + n, 1) for n in range(len(values))]
    return tuple(
        Judged(method, group, day, 100, metric, v, v - 0.02, v + 0.02)
        for day, v in zip(days, values, strict=True)
    )


METRICS_FOUND = (
    *judged("regression", "auc", 0.78, 0.80), *judged("old rule", "auc", 0.70, 0.74),
    *judged("other rule", "auc", 0.60, 0.60),
    *judged("regression", "brier", 0.2, 0.18), *judged("regression", "auc", 0.70, 0.76,
    group="region: <North>"),
)  # fmt: skip
CARD = Card(
    "shop", "churn_90d", "To rank <b>customers</b>", "Active customers", "No purchase in 90 days", AS_OF, NOW,
    method="regression",
    name="shop-churn", version="7", feature_version="1", rules=("old rule", "other rule"),
    metrics=METRICS_FOUND,
    importance=(Weight("recency", 0.04, 0.03, 0.05),), parameters={"C": "0.05"},
    not_for=("Credit decisions",),
)  # fmt: skip


def test_gains_and_lift_by_hand() -> None:
    """Ten customers, the three who left predicted first, second and fourth: 2 of 3 in the first fifth, all of
    them in the first 40 %.
    """
    left = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    curve = {round(share, 3): held for share, held in gains(left, np.linspace(0.9, 0.1, 10))}
    assert (
        curve[0] == 0
        and curve[0.2] == pytest.approx(2 / 3)
        and curve[0.3] == pytest.approx(2 / 3)
        and curve[0.4] == curve[1] == 1
    )
    assert dict(lift(tuple(curve.items())))[0.2] == pytest.approx(2 / 3 / 0.2)
    assert gains(np.zeros(5), np.arange(5.0)) == ()


def test_equal_predictions_hold_their_share_whatever_the_order() -> None:
    truth = np.array([5.0, 0, 0, 0, -3.0])
    for order in (np.arange(5), np.arange(5)[::-1]):
        assert np.allclose([share - held for share, held in gains(truth[order], np.ones(5))], 0)


def test_wilson_intervals_of_calibration() -> None:
    """100 of 400 in each tenth: Wilson's interval of a quarter of 400 is 0.2101 to 0.2947 (Newcombe 1998 has
    the formula).
    """
    happened = np.tile(np.repeat([1, 0], [100, 300]), 10)
    points = calibrated_chances(happened, np.repeat(np.arange(10) / 10, 400))
    assert len(points) == 10 and points[3].predicted == pytest.approx(0.3) and points[3].observed == 0.25
    assert (points[3].low, points[3].high) == (
        pytest.approx(0.2101, abs=1e-4),
        pytest.approx(0.2947, abs=1e-4),
    )
    nobody = calibrated_chances(np.zeros(50, dtype=int), np.linspace(0, 1, 50))
    assert all(p.low == pytest.approx(0, abs=1e-12) and p.high > 0.3 for p in nobody)


def test_values_are_calibrated_in_tenths() -> None:
    value = np.repeat(np.arange(10.0), 4) + np.tile([0, 0, 2, 2], 10)
    points = calibrated_values(value, np.repeat(np.arange(10.0), 4))
    assert [p.observed for p in points] == list(np.arange(10.0) + 1)
    assert points[0].high - points[0].observed == pytest.approx(1.959964 * np.std([0, 0, 2, 2], ddof=1) / 2)
    assert calibrated_values(np.array([7.0]), np.array([1.0]))[0].low == 7


def test_what_a_card_says() -> None:
    assert CARD.headline == "ROC AUC 0.790 over 2 cut-offs: beats the best simple rule, old rule, at 0.720."
    beaten = dataclasses.replace(
        CARD, metrics=(*judged("regression", "auc", 0.6), *judged("old rule", "auc", 0.7))
    )
    assert "does not beat the best simple rule" in beaten.headline
    lucky = dataclasses.replace(  # a better mean, and better at one of three cut-offs
        CARD,
        metrics=(*judged("regression", "auc", 0.9, 0.6, 0.6), *judged("old rule", "auc", 0.7, 0.61, 0.61)),
    )
    assert lucky.headline.startswith("ROC AUC 0.700 over 3 cut-offs: does not beat the best simple rule")
    assert dataclasses.replace(CARD, metrics=()).headline == "Not judged yet: no past cut-off has closed."
    assert (
        untrained_card("shop", "clv_365d", AS_OF, NOW, "75 days are too few.").headline
        == "75 days are too few."
    )
    found = CARD.average("regression", "auc")
    assert found is not None and (found.lowest, found.highest, found.latest.value) == (0.78, 0.80, 0.80)
    assert (title("churn_90d"), title("clv_365d")) == (
        "Churn within 90 days",
        "Customer value within 365 days",
    )
    assert (metric_value(1023.4, "mae"), metric_value(0.7841, "auc")) == ("1,023", "0.784")


def test_cards_are_written_and_the_index_keeps_those_of_others(shop: Shop) -> None:
    other = untrained_card(
        "other", "churn_90d", AS_OF, NOW, "other: 75 days of history are too short. No model is trained."
    )
    write_cards(shop.project, [other])
    first, *rest = write_cards(shop.project, [CARD])
    assert [Path(p).name for p in (first, *rest)] == [
        "index.html",
        "shop-churn_90d.html",
        "shop-churn_90d.md",
        "shop-churn_90d.json",
    ]
    index, page, text = (Path(p).read_text() for p in (first, *rest[:2]))
    assert "75 days of history are too short" in index and "beats the best simple rule" in index
    assert 'href="other-churn_90d.html"' in index and (Path(first).parent / "other-churn_90d.html").exists()
    for written in (index, page):
        assert (
            "<script" not in written
            and "@import" not in written
            and "url(" not in written
            and " src=" not in written
        )
    assert "&lt;b&gt;customers" in page and "&lt;North&gt;" in page and "<North>" not in page
    for words in (
        "Credit decisions",
        "shop-churn",
        "0.790",
        "Not judged by group",
        "ROC AUC lost where the input is shuffled",
    ):
        assert (words in page) == (words != "Not judged by group")
    assert (
        "| **regression** | 0.790 (0.780 to 0.800) | 0.190 (0.180 to 0.200) |" in text
        and "| old rule | 0.720" in text
    )
    assert re.search(r"\| region: <North> \| 100 \| 0.730 \| 0.760 \| 0.740 to 0.780 \|", text)
    assert json.loads(Path(rest[2]).read_text())["headline"] == CARD.headline


def test_a_card_without_anything_says_so(shop: Shop) -> None:
    _, page, text, _ = write_cards(
        shop.project, [untrained_card("shop", "churn_90d", AS_OF, NOW, "Too short. No model is trained.")]
    )
    written = Path(page).read_text()
    assert (
        "Too short. No model is trained." in written
        and "Scores are a fallback" in written
        and "<svg" not in written
    )
    assert "No table was read." in Path(text).read_text()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Features of 60 customers are published; nothing is judged."""
    return prepared_shop("published", sixty_customers, tmp_path_factory.mktemp("published") / "project")


def sixty_customers(shop: Shop) -> None:
    shop.with_science().deliver_lines(
        *(
            f"A{n},1,2026-0{1 + n % 4}-0{1 + n % 9} 10:00:00,P1,Mug,2,5.00,C{n % 60},Germany,EUR"
            for n in range(240)
        )
    )
    assert not shop.run().failed


@pytest.fixture(scope="module")
def dataset(published: Shop) -> Dataset:
    return read_dataset(published.lakehouse, "shop")


def test_reports_of_a_brand_with_a_champion_and_without(
    published: Shop, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is about the champion, though a later version is there; without any version it says why there
    is none.
    """
    metrics = {"metric": "auc", "metrics": {}, "by_cutoff": {}}
    common = {
        "brand": "shop",
        "target": "churn",
        "method": "logistic regression",
        "feature_version": "1",
        "as_of": AS_OF,
        "trained_ts": NOW,
    }
    known = [
        Version(
            **common,
            **metrics,
            fingerprint="f",
            code="c0de",
            why=why,
            name="m",
            version=number,
            aliases=aliases,
        )
        for number, why, aliases in (
            (1, "beats the RFM rates", ("champion",)),
            (2, "does not beat version 1", ("challenger",)),
        )
    ]
    monkeypatch.setattr("mergehouse.science.reports.versions", lambda project, brand: known)
    told: list[str] = []
    survival = brand_survival(published.project, "shop", told.append)
    cards = model_cards(published.project, "shop", dataset, TASKS[:1], "")
    pages = write_reports(
        published.project, {"shop": survival, "new": "new: nobody has bought."}, cards, told.append
    )
    assert [Path(p).name for p in pages] == [
        "index.html", "shop-churn_90d.html", "shop-churn_90d.md", "shop-churn_90d.json", "shop-survival.html",
    ]  # fmt: skip
    assert (
        "Champion, scores come from it: beats the RFM rates." in Path(pages[1]).read_text()
        and "version 1" in Path(pages[1]).read_text()
    )
    assert 'href="shop-survival.html"' in Path(pages[0]).read_text() and told == [
        "shop: survival",
        "new: nobody has bought.",
    ]
    monkeypatch.setattr("mergehouse.science.reports.versions", lambda project, brand: [])
    why = "Too short. No model is trained."
    pages = write_reports(
        published.project, {}, model_cards(published.project, "shop", dataset, TASKS[:1], why)
    )
    assert "Too short. No model is trained." in Path(pages[1]).read_text()


def test_a_brand_of_returns_alone_has_no_card_and_stops_no_other(sold: Shop) -> None:
    other = sold.another("other")
    other.deliver_lines("R1,1,2026-03-01 10:00:00,P1,Mug,-2,5.00,77,Germany,EUR")
    assert not sold.run().ingest.failures
    assert sold.rows("SELECT as_of_date FROM gold.dim_brand WHERE source_system = 'other'") == [(None,)]
    assert list(model_cards(sold.project, "other", None, TASKS, "nobody has bought")) == []


def test_a_card_is_filled_from_what_is_published(published: Shop, dataset: Dataset) -> None:
    head = {"source_system": "shop", "target": "clv_90d", "customer_group": "all", "method": "forest"}
    tail = {"cutoff_date": dt.date(2026, 3, 1), "feature_version": "1", "customers": 60, "metric": "gini"}
    for trained, value in ((NOW, 0.5), (NOW + dt.timedelta(1), 0.7)):
        append_rows(
            published.lakehouse,
            contract_of(METRICS),
            [[trained, *head.values(), *tail.values(), value, 0.4, 0.9]],
        )
    predicted = np.arange(60.0)
    found = value_card(
        Lakehouse(published.lakehouse.location, newest=True),
        dataset,
        90,
        "forest",
        (),
        NOW,
        judged=(dt.date(2026, 3, 1), predicted * 2, predicted),
    )
    assert [(j.metric, j.value) for j in found.metrics] == [("gini", 0.7)]  # the latest training's
    assert found.headline == "Normalised Gini 0.700 over 1 cut-offs; there was no rule to compare with."
    tables = {s.table: s for s in found.data}
    assert tables["silver.orders"].rows == 240 and tables["silver.orders"].first == dt.date(2026, 1, 1)
    assert (
        tables["gold.customer_features"].version
        == published.lakehouse.delta("gold.customer_features").version()
    )
    assert (
        found.calibration[9].observed == pytest.approx(2 * found.calibration[9].predicted)
        and found.gains == found.best_gains
    )
    meanings = {f.name: f.meaning for f in found.features}
    assert (
        meanings["recency"] == "Days since the last purchase"
        and meanings["basket"] == "Merchandise sold; Purchases: days with a sale"
    )
    churn = churn_card(published.lakehouse, dataset, "logistic regression", (), NOW)
    assert churn.metrics == churn.gains == () and churn.customers == 60 and churn.judged_at is None
    write_cards(published.project, [found, churn])


def test_what_a_registered_model_goes_by(published: Shop, dataset: Dataset) -> None:
    """Of the champion's version, by the method that is registered, at the longest horizon."""
    names = [
        "source_system",
        "model_name",
        "model_version",
        "method",
        "population",
        "horizon_days",
        "kind",
        "input",
        "value",
        "low",
        "high",
    ]
    rows = [
        ("shop", "m", 2, method, "active", days, kind, name, value, value - 1, value + 1)
        for method, days, kind, name, value in (
            ("logistic regression", 90, "coefficient", "recency", 0.2),
            ("logistic regression", 90, "coefficient", "tenure", -0.5),
            ("logistic regression", 30, "coefficient", "recency", 9.0),
            ("gradient boosting", 90, "permutation", "recency", 0.3),
            ("logistic regression", 90, "permutation", "recency", 0.1),
        )
    ]  # fmt: skip
    append(published.lakehouse, "gold.model_explanations", pl.DataFrame(rows, schema=names, orient="row"))
    newest = Lakehouse(published.lakehouse.location, newest=True)
    card = churn_card(newest, dataset, "logistic regression", (), NOW, "m", "2")
    assert [(w.name, w.value) for w in card.weights] == [("tenure", -0.5), ("recency", 0.2)]
    assert [(w.name, w.value) for w in card.importance] == [("recency", 0.1)]
    assert churn_card(newest, dataset, "logistic regression", (), NOW, "m", "1").weights == ()
