"""Models shows what Gold has of them, and words where it has nothing."""

from __future__ import annotations

import pytest
from tests.app.trusted import House

from mergehouse.app.figures.models import Point, _of_enough, _size, models


def test_figures_are_those_of_gold(trusted: House) -> None:
    found = models(trusted.reader("executive"), "shop", "Shop")
    (card,) = found.cards
    assert (card.method, card.version, card.headline.split(":")[0]) == (
        "logistic regression", 2, "Not judged yet"
    )  # fmt: skip
    assert [(m.name, m.is_model, m.mean("auc")) for m in card.methods] == [
        ("logistic regression", True, pytest.approx(0.65)),
        ("RFM rates", False, pytest.approx(0.55)),
    ]
    assert [(p.x, p.y, p.low, p.high) for p in card.calibration] == [
        (0.2, 0.1, 0.05, 0.3),
        (0.7, 0.9, 0.6, 0.95),
    ]
    assert card.lift == ((0.1, 2.0), (0.2, 2.0), (0.3, pytest.approx(5 / 3)))


def test_silence_is_read_off_the_curve(trusted: House) -> None:
    """S is 1 until day 99, 0.5 until 399, then 0.25, and from 500 on 0.2: within 365 days of day 0 half come
    back, of day 60 three quarters, of day 120 half of those who are left.
    """
    survival = models(trusted.reader("executive"), "shop", "Shop").survival
    assert survival and survival.within == 365 and survival.observed == 500
    told = {silence.days: silence.comes_back for silence in survival.silences}
    assert told == {0: 0.5, 30: 0.5, 60: 0.75, 90: 0.75, 120: 0.5}


def test_few_customers_are_told_to_those_who_may_see_persons(trusted: House) -> None:
    all_told = models(trusted.reader("executive"), "shop", "Shop").survival
    some = models(trusted.reader("marketing"), "shop", "Shop").survival
    assert all_told and some
    assert [group.name for group in all_told.groups] == ["all", "segment: Few"]
    assert [group.name for group in some.groups] == ["all"]
    assert [p.x for p in all_told.curves["all"]] == [0, 100, 400, 500]
    assert [p.x for p in some.curves["all"]] == [0, 100, 400]  # three are left at 500


@pytest.mark.parametrize("came", [0.04, 0.95])  # 2 of 50 did, and 2 or 3 of 50 did not
def test_a_tenth_of_whom_few_did_or_did_not_is_not_told(came: float) -> None:
    gains = [Point(n / 40, n / 40) for n in range(41)]
    enough = {"calibration": [Point(0.1, 0.1, customers=50), Point(0.5, 0.5, customers=50)], "gains": gains}
    told = _of_enough(enough, is_share=True)
    assert [point.x for point in told["gains"]] == [n / 10 for n in range(11)]  # none of fewer than a tenth
    few = enough | {"calibration": [*enough["calibration"], Point(came, came, customers=50)]}
    assert _of_enough(few, is_share=True) == {"calibration": [], "gains": []}
    assert _of_enough(few, is_share=False)["calibration"] == few["calibration"]  # euros
    metric = {"target": "churn_90d", "metric": "observed_mean", "customers": 50, "value": came}
    assert _size(metric) < 5 < _size(metric | {"metric": "auc"})


def test_the_page_has_the_card_and_escapes_it(trusted: House) -> None:
    page = trusted.browser("executive").get("/models").text
    assert "Models of Shop" in page and "Churn within 90 days" in page and "Champion." in page
    assert "To rank &lt;i&gt;customers&lt;/i&gt;." in page and "Knows purchases alone." in page
    assert "not observable yet" in page  # the upper end of the median


def test_a_brand_without_scores_says_so(trusted: House) -> None:
    page = trusted.browser("brand_manager_zebra").get("/models")
    assert page.status_code == 200 and "No scores yet." in page.text and "shop" not in page.text.lower()


@pytest.mark.parametrize(
    "query", ["target=nothing", "curve=x", "customers=segment: Nobody", "target=churn_90d'"]
)
def test_what_a_brand_has_not_is_refused(query: str, trusted: House) -> None:
    assert trusted.browser("executive").get(f"/models?{query}").status_code == 422


def test_a_download_has_every_method(trusted: House) -> None:
    answer = trusted.browser("executive").get("/models/export?of=metrics&target=churn_90d")
    lines = [line for line in answer.content.decode("utf-8-sig").splitlines() if not line.startswith("#")]
    assert lines[0].startswith("Target,Method,Metric,Cut-off") and len(lines) == 5
    assert lines[1] == "churn_90d,logistic regression,auc,2024-01-01,0.6,0.5,0.7,10"
