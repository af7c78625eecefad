"""Survival: curves of customers whose law is known, of a few worked out by hand, against lifelines; hazard
ratios; what is written.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.conftest import Shop

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import FitError, LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.published import republishing
from mergehouse.lakehouse.writing import replace_brand
from mergehouse.project.config import load_project
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.project.templates import TEMPLATES
from mergehouse.science.btyd.lifetime_value import simulate
from mergehouse.science.survival import cox as hazards
from mergehouse.science.survival.cox import TRAITS, fit_cox
from mergehouse.science.survival.curves import Survival, Watch, hazard, survivals, watch, words
from mergehouse.science.survival.inactivity import inactivity
from mergehouse.science.survival.kaplan_meier import kaplan_meier
from mergehouse.science.survival.outlook import outlook
from mergehouse.science.survival.page import page, write_survival
from mergehouse.science.survival.tables import BrandSurvival

pytestmark = pytest.mark.science

FIRST, AS_OF = dt.date(2024, 1, 1), dt.date(2025, 6, 1)
SEGMENTS = mapping_tables(load_project(TEMPLATES))["rfm_segments"][1]


def counts(days: np.ndarray, happened: np.ndarray, groups: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Events and censored by group and day, customers dealt to groups in turn."""
    events, censored = (np.zeros((groups, days.max() + 1)) for _ in range(2))
    parts = np.arange(len(days)) % groups
    np.add.at(events, (parts[happened], days[happened]), 1)
    np.add.at(censored, (parts[~happened], days[~happened]), 1)
    return events, censored


def exponential(number: int, mean: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Days until a purchase, rounded up, so that S(t) = exp(-t / mean) on whole days; each watched for 1 to
    200 days.
    """
    rng = np.random.default_rng(seed)
    days, watched = np.ceil(rng.exponential(mean, number)).astype(int), rng.integers(1, 201, number)
    return np.minimum(days, watched), days <= watched


def test_exponential_gaps_have_the_median_of_their_law() -> None:
    curve = kaplan_meier(*counts(*exponential(6000, 50)))
    median, early, late = curve.median()
    assert median is not None and abs(median - 50 * np.log(2)) < 2 and early <= 50 * np.log(2) <= late + 1
    law = np.exp(-curve.day / 50)
    assert ((curve.low <= law) & (law <= curve.high))[1:151].mean() > 0.8
    chances = [chance for _, chance, exposure in hazard(curve, 10) if exposure > 5000]
    assert np.allclose(chances, 1 - np.exp(-1 / 50), rtol=0.15)


def test_against_lifelines() -> None:
    from lifelines import KaplanMeierFitter

    days, happened = exponential(3000, 60, seed=2)
    curve, theirs = kaplan_meier(*counts(days, happened)), KaplanMeierFitter().fit(days, happened)
    assert np.allclose(curve.survival, theirs.predict(curve.day))
    table = theirs.event_table
    assert np.array_equal(curve.at_risk[1:], table["at_risk"].to_numpy()[1:]) and np.array_equal(
        curve.events, table["observed"]
    )
    assert curve.median()[0] == theirs.median_survival_time_
    greenwood = theirs.confidence_interval_.loc[curve.day].to_numpy()
    middle = slice(10, 150)
    assert np.allclose((curve.high - curve.low)[middle], np.diff(greenwood, axis=1)[middle, 0], rtol=0.35)
    assert (curve.high - curve.low)[middle].mean() == pytest.approx(
        np.diff(greenwood, axis=1)[middle, 0].mean(), rel=0.12
    )


def test_counting_a_customer_five_times_does_not_narrow_the_interval() -> None:
    events, censored = counts(*exponential(500, 50))
    once, often = kaplan_meier(events, censored), kaplan_meier(5 * events, 5 * censored)
    assert (
        np.allclose(once.survival, often.survival)
        and np.allclose(once.low, often.low)
        and np.allclose(once.high, often.high)
    )


@pytest.mark.parametrize(
    ("days", "happened", "customers", "said"),
    [
        (
            [40] * 50,
            [False] * 50,
            50,
            "Fewer than half of At risk buy again within the 40 days observed: 0.0%.",
        ),
        ([7], [True], 1, "Only 1 customer is counted among At risk: too few to tell."),
        (
            [*range(1, 31), *[40] * 70],
            [True] * 30 + [False] * 70,
            100,
            "Fewer than half of At risk buy again within the 40 days",
        ),
        ([10] * 60 + [40] * 40, [True] * 60 + [False] * 40, 100, "Half of At risk buy again within 10 days"),
    ],
    ids=["all censored", "one customer", "fewer than half", "more than half"],
)
def test_what_a_curve_says(days: list[int], happened: list[bool], customers: int, said: str) -> None:
    curve = kaplan_meier(*counts(np.array(days), np.array(happened)))
    assert words(
        Survival("cutoff_to_purchase", "segment: At risk", customers, customers, None, curve), 90
    ).startswith(said)
    assert curve.survival[0] == 1 and (np.diff(curve.survival) <= 0).all()


def test_nobody_left_to_lapse() -> None:
    found = Survival("cutoff_to_lapse", "segment: Lost", 0, 0, 1.0, None)
    assert (
        words(found, 90)
        == "100.0% of Lost had lapsed already, silent for more than 90 days. Nobody is left to lapse."
    )
    assert not found.is_told and found.events == 0


def connection_with(
    days: dict[str, list[int]], first: dt.date = FIRST, as_of: dt.date = AS_OF
) -> duckdb.DuckDBPyConnection:
    """The tables that survival reads, of customers who bought for 10 EUR on days counted from the first."""
    connection = duckdb.connect()
    rows = [(customer, first + dt.timedelta(day)) for customer, bought in days.items() for day in bought]
    orders = pl.DataFrame(rows, schema=["customer_id", "day"], orient="row")
    connection.register("given", orders)
    connection.execute(f"""
        CREATE SCHEMA silver; CREATE SCHEMA gold; CREATE SCHEMA mapping;
        CREATE TABLE silver.customer_days AS
          SELECT DISTINCT 'shop' AS source_system, customer_id, day AS order_date, true AS is_purchase FROM
          given;
        CREATE TABLE gold.dim_brand AS SELECT 'shop' AS source_system, DATE '{first}' AS first_order_date,
        DATE '{as_of}' AS as_of_date;
        CREATE TABLE mapping.rfm_segments (r_score VARCHAR, f_score VARCHAR, segment VARCHAR);
        CREATE TABLE gold.customer_features AS
        SELECT customer_id, 'shop' AS source_system, cutoff_date, cutoff_date = DATE '{as_of}' AS is_as_of,
          (cutoff_date - max(day))::INT AS recency_days, (cutoff_date - min(day))::INT AS tenure_days,
          count(*) AS purchases,
          10.0 * count(*) AS gmv_eur, 4.0 * count(*) AS margin_eur, 0.0 AS returns_eur, 0.0 AS discount_eur,
          false AS is_cross_brand
        FROM given JOIN (
          SELECT unnest(generate_series(DATE '{first}', DATE '{as_of}', INTERVAL 1 MONTH))::DATE AS
          cutoff_date UNION SELECT DATE '{as_of}'
        ) ON day < cutoff_date GROUP BY customer_id, cutoff_date;
        """)
    connection.executemany("INSERT INTO mapping.rfm_segments VALUES ($1, $2, $3)", SEGMENTS)
    return connection


def curves_of(connection: duckdb.DuckDBPyConnection) -> tuple[Watch, dict[tuple[str, str], Survival]]:
    seen = watch(connection, "shop", 90)
    assert seen is not None
    return seen, {(s.clock, s.group): s for s in survivals(connection, seen)}


def test_clocks_worked_out_by_hand() -> None:
    """The cut-offs are 1 April (day 91) and 1 May (day 121) 2024, the as-of date is 15 May (day 135).

    Ann buys on days 80, 95 and 130. From day 91 it takes her 5 days (day 95 is the fifth), from day 121 ten.
    Bob buys on day 10 alone: at day 91 silent for 81, he lapses on day 101, after 10 days; at day 121 he had
    lapsed. Neither is lapsed otherwise.
    """
    seen, found = curves_of(
        connection_with({"Ann": [80, 95, 130], "Bob": [10]}, as_of=FIRST + dt.timedelta(135))
    )
    again = found["cutoff_to_purchase", "all"]
    assert (again.customers, again.observations) == (2, 4) and again.curve is not None
    assert dict(zip(again.curve.day, again.curve.events, strict=True)) == {0: 0, 5: 1, 10: 1, 14: 0, 44: 0}
    assert np.allclose(again.curve.survival, [1, 3 / 4, 1 / 2, 1 / 2, 1 / 2])
    lapse = found["cutoff_to_lapse", "all"]
    assert (lapse.customers, lapse.observations, lapse.lapsed_share) == (
        2,
        3,
        0.25,
    ) and lapse.curve is not None
    assert dict(zip(lapse.curve.day, lapse.curve.events, strict=True)) == {0: 0, 10: 1, 14: 0, 44: 0}
    gaps = found["purchase_to_purchase", "all"]
    assert gaps.curve is not None and (gaps.observations, gaps.events) == (4, 2)
    assert dict(zip(gaps.curve.day, gaps.curve.events, strict=True)) == {0: 0, 5: 0, 15: 1, 35: 1, 125: 0}
    assert found["purchase_to_purchase", "purchase: first"].observations == 2
    assert np.isnan(gaps.curve.low).all() and seen.as_of == FIRST + dt.timedelta(135)


def test_a_lapse_between_purchases_counts_although_the_customer_came_back() -> None:
    """Bought on days 85 and 300: at day 91 silent for 6, lapsed on day 176, the 85th day after."""
    _, found = curves_of(connection_with({"Ann": [85, 300]}))
    curve = found["cutoff_to_lapse", "all"].curve
    assert curve is not None and curve.events[curve.day == 85] == [1]


def test_a_lapse_is_seen_on_the_as_of_date_and_not_a_day_before() -> None:
    """Silent for 91 days on the as-of date is lapsed, for 90 is not: as in gold.customer_brand_360. Watched
    from two cut-offs.
    """
    for last, lapsed in ((131 - 91, 2), (131 - 90, 0)):
        _, found = curves_of(connection_with({"Ann": [last]}, as_of=FIRST + dt.timedelta(131)))
        assert found["cutoff_to_lapse", "all"].events == lapsed


def test_segments_are_those_of_the_cut_off() -> None:
    """Whoever bought last on day 90 of many is most recent at the first cut-off, and least at the last."""
    days = {f"C{n:03}": [*range(n % 80, 400, 40)] for n in range(100)} | {"Ann": [5, 20, 35, 50, 65, 90]}
    connection = connection_with(days)
    curves_of(connection)
    found = dict(
        connection.sql("SELECT cutoff_date, segment FROM looked_at WHERE customer_id = 'Ann'").fetchall()
    )
    assert found[dt.date(2024, 4, 1)] == "Champions" and found[dt.date(2025, 5, 1)] == "Lost"


def test_no_cut_off_and_no_customer() -> None:
    _, found = curves_of(connection_with({"Ann": [1, 20]}, as_of=FIRST + dt.timedelta(60)))
    assert {clock for clock, _ in found} == {"purchase_to_purchase"}
    assert watch(connection_with({"Ann": [1]}), "nobody", 90) is None


def hazard_frame(early: float, late: float, number: int = 4000) -> pd.DataFrame:
    """Half of the customers buy so many times as often as the others, who buy with a chance of 2 % a day,
    before and after day 30.
    """
    rng = np.random.default_rng(4)
    twice = np.arange(number) % 2
    before = rng.exponential(1 / (0.02 * np.where(twice, early, 1)))
    after = 30 + rng.exponential(1 / (0.02 * np.where(twice, late, 1)))
    days = np.ceil(np.where(before > 30, after, before))
    cutoff = rng.choice(["a", "b", "c"], number)
    return pd.DataFrame(
        {
            "day": np.minimum(days, 120),
            "happened": days <= 120,
            "cutoff": cutoff,
            "trait": twice.astype(float),
        }
    )


def test_hazard_ratios_of_known_customers() -> None:
    ratios, p_values, _ = fit_cox(hazard_frame(2, 2))
    assert (
        ratios["trait"].low < 2 < ratios["trait"].high and ratios["trait"].high - ratios["trait"].low < 0.35
    )
    assert p_values["trait"] > 0.01
    _, p_values, _ = fit_cox(hazard_frame(2, 0.4))
    assert p_values["trait"] < 1e-6


def test_a_duplicated_index_does_not_change_concordance() -> None:
    frame = hazard_frame(2, 2, 1000)
    stacked = pd.concat([frame.iloc[:500].reset_index(drop=True), frame.iloc[500:].reset_index(drop=True)])
    assert stacked.index.has_duplicates
    assert (
        fit_cox(stacked)[2] == pytest.approx(concordance(frame)) == pytest.approx(fit_cox(frame)[2])
        and concordance(frame) > 0.55
    )


def concordance(frame: pd.DataFrame) -> float:
    """Harrell's C within cut-offs, pair by pair: of two customers of whom one bought first, those with the
    trait should have.
    """
    right = pairs = 0.0
    for _, rows in frame.groupby("cutoff"):
        day, trait, happened = rows["day"].to_numpy(), rows["trait"].to_numpy(), rows["happened"].to_numpy()
        first = happened[:, None] & ((day[:, None] < day) | ((day[:, None] == day) & ~happened))
        pairs += first.sum()
        right += (first * (trait[:, None] > trait)).sum() + 0.5 * (first * (trait[:, None] == trait)).sum()
    return right / pairs


def test_a_trait_that_splits_buyers_from_others_is_refused() -> None:
    frame = hazard_frame(1, 1, 400)
    with pytest.raises(FitError, match="cannot be fitted"):
        fit_cox(frame.assign(twin=frame["trait"]))


def test_a_trait_that_hardly_differs_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ratio would be one of astronomers, which no DECIMAL holds."""
    frame = hazard_frame(2, 2)
    frame["happened"] = frame["happened"].astype(bool)
    nearly_same = np.random.default_rng(1).normal(2, 1e-4, len(frame))
    traits = dict.fromkeys(TRAITS, 0.0) | {"days silent": frame["trait"], "discount": nearly_same}
    monkeypatch.setattr(hazards, "sample", lambda *_: frame[["day", "happened", "cutoff"]].assign(**traits))
    found = hazards.fit_hazards(duckdb.connect(), Watch("shop", FIRST, FIRST, 90))
    assert [effect.trait for effect in found.effects] == ["days silent"] and "discount" in found.left_out
    assert found.effects[0].ratio.low < 2 < found.effects[0].ratio.high


def brand_survival_of(connection: duckdb.DuckDBPyConnection) -> BrandSurvival:
    seen, found = curves_of(connection)
    try:
        expected = outlook(connection, seen)
    except FitError as error:
        expected = str(error)
    lapse = inactivity(connection, seen.first, seen.as_of, 90)
    names = tuple(dict.fromkeys(row[2] for row in SEGMENTS))
    return BrandSurvival(seen, names, tuple(found.values()), "too few", expected, lapse)


def test_drop_out_that_is_not_identified_is_said_and_not_drawn(shop: Shop) -> None:
    """Customers of a brand of 60 days who never leave: every chance to be alive would be a guess."""
    drawn = simulate(1.0, 20.0, 0.0, 1.0, np.full(400, 60.0), seed=3)
    histories = zip(drawn.frequency, drawn.recency, strict=True)
    days = {
        f"C{n}": sorted({int(day) for day in np.linspace(0, t, x + 1)}) for n, (x, t) in enumerate(histories)
    }
    found = brand_survival_of(connection_with(days, as_of=FIRST + dt.timedelta(60)))
    assert not isinstance(found.outlook, str) and not found.outlook.dropout_identified
    text = page(shop.project, found)
    assert (
        "Not drawn: this history does not tell" in text and "Chance of not having left for good" not in text
    )
    assert (
        "Purchases expected in 90 days" in text
        and "no first of a month" not in text.split("Time to lapse</h2>")[0]
    )


def test_one_customer_has_a_page(shop: Shop) -> None:
    text = page(shop.project, brand_survival_of(connection_with({"Ann": [1]})))
    assert (
        "No expectation: BG/NBD cannot be fitted to" in text
        and "No hazard ratios" in text
        and "there is no curve to draw" in text
    )


def test_rows_of_one_brand_replace_its_own_alone(tmp_path: Path) -> None:
    lakehouse, contract = Lakehouse(tmp_path), contract_of("gold.hazard_ratios")

    def rows(brand: str, *traits: str) -> pl.DataFrame:
        columns = {
            "source_system": brand,
            "step": "more",
            "period": "whole",
            "hazard_ratio": 1.5,
            "low": 1.0,
            "high": 2.0,
        }
        frame = pl.DataFrame({"trait": list(traits)}, schema={"trait": pl.String})
        return frame.with_columns(
            **{k: pl.lit(v) for k, v in columns.items()}, p_proportional=None, customers=9, words=pl.lit("")
        )

    for brand, traits in (("one", ("a", "b")), ("two", ("c",)), ("one", ("d",)), ("two", ())):
        replace_brand(lakehouse, contract, rows(brand, *traits), brand)
    found = lakehouse.query("SELECT source_system, trait, hazard_ratio FROM gold.hazard_ratios").fetchall()
    assert [(b, t, float(r)) for b, t, r in found] == [("one", "d", 1.5)]


LINE = "{order},1,{day} 10:00:00,P1,Mug,2,5.00,{customer},Germany,EUR"


def bought(number: int = 150, seed: int = 5) -> list[str]:
    """Customers who buy at rates of their own and leave, over 500 days."""
    rng = np.random.default_rng(seed)
    lines = []
    for customer in range(number):
        day, last, rate = float(rng.integers(0, 150)), rng.exponential(600), rng.gamma(1.5, 1 / 60)
        while day < min(500, last + 1):
            lines.append(
                LINE.format(
                    order=f"A{len(lines)}", day=FIRST + dt.timedelta(int(day)), customer=f"C{customer}"
                )
            )
            day += 1 + rng.exponential(1 / rate)
    return lines


@pytest.mark.long("models are trained")
def test_training_keeps_survival_in_gold_and_on_a_page(shop: Shop) -> None:
    with pytest.raises(LakehouseError, match="not published yet"):
        write_survival(shop.project, "shop")
    shop.deliver_lines(*bought())
    assert not shop.run().failed
    told: list[str] = []
    with republishing(shop.lakehouse):  # as training does
        first = Path(write_survival(shop.project, "shop", told.append))
    assert told == ["shop: survival"] and first.name == "shop-survival.html"
    kept = [
        f"SELECT count(*) FROM gold.{table}"
        for table in ("survival_curves", "survival_summary", "hazard_ratios", "segment_outlook")
    ]
    once = [shop.rows(sql)[0][0] for sql in kept]
    with republishing(shop.lakehouse):
        write_survival(shop.project, "shop")
    assert [shop.rows(sql)[0][0] for sql in kept] == once and min(once) > 0
    rising = (
        "SELECT survival > lag(survival) OVER (PARTITION BY clock, customer_group ORDER BY day) AS rises FROM"
        " gold.survival_curves"
    )
    assert shop.rows(f"SELECT count(*) FROM ({rising}) WHERE rises") == [(0,)]
    # by another query: share of first purchases that were followed by a second within 30 days, none of them
    # censored before
    expected = shop.rows("""
        SELECT count_if(second - first <= 30) / count(*) FROM (
          SELECT min(order_date) AS first, list_sort(list(DISTINCT order_date))[2] AS second FROM
          silver.orders GROUP BY customer_id
        )
        """)[0][0]
    share = shop.rows("SELECT share_30d FROM gold.survival_summary WHERE customer_group = 'purchase: first'")[
        0
    ][0]
    assert float(share) == pytest.approx(expected, abs=1e-6)
    text = first.read_text()
    assert "<script" not in text and "@import" not in text and "url(" not in text and " src=" not in text
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert all(link[1:] in anchors for link in re.findall(r'href="(#[^"]+)"', text))
    assert all(
        re.match(r'<svg [^>]*role="img" aria-label="[^"]+">', figure)
        for figure in re.findall(r"<svg.*?</svg>", text)
    )
    assert "days of silence" in text and "Say <b>lapsed</b>" in text
