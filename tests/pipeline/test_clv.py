"""Lifetime value: learned from the past alone, better than rules where there is something to learn, right in
sum, robust to outliers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from tests.conftest import Shop, prepared_shop

from mergehouse.errors import FitError
from mergehouse.science.clv.baselines import ENSEMBLE, RULES, value_methods
from mergehouse.science.clv.ensemble import (
    HORIZONS,
    YEAR,
    Clv,
    ClvFallback,
    ClvPrediction,
    fit_clv,
    fit_clv_fallback,
    outcome,
)
from mergehouse.science.clv.seasonal_level import value_levels
from mergehouse.science.evaluation.backtest import Tested, backtest_clv, groups, judged_cutoffs, last_values
from mergehouse.science.evaluation.metrics import value_metrics
from mergehouse.science.features.dataset import Dataset, read_dataset

pytestmark = [pytest.mark.science, pytest.mark.slow("models are trained")]

LINE = "{order},1,{day} 10:00:00,P1,Mug,{quantity},5.00,{customer},Germany,EUR"
BEGIN, DAYS = dt.date(2023, 1, 1), 1000


def line(customer: str, day: int, quantity: int = 2) -> str:
    order = f"{customer}-{day}"
    return LINE.format(order=order, day=BEGIN + dt.timedelta(day), quantity=quantity, customer=customer)


def customers(seed: int = 1, number: int = 700) -> list[str]:
    """Customers come all the time, buy at a rate and for an amount of their own, and leave for good at some
    day.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for customer in range(number):
        rate, first, amount = rng.gamma(1.5, 1 / 60), int(rng.integers(0, DAYS - 1)), rng.lognormal(2, 0.7)
        last = first + rng.exponential(300)
        day = float(first)
        while day < min(DAYS, last):
            lines.append(line(f"C{customer}", int(day), 1 + int(rng.gamma(4, amount / 4))))
            day += 1 + rng.exponential(1 / rate)
    return lines


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    def fill(shop: Shop) -> None:
        shop.with_science().deliver_lines(*customers())
        assert not shop.run().failed

    return read_dataset(
        prepared_shop("clv", fill, tmp_path_factory.mktemp("clv") / "project").lakehouse, "shop"
    )


@pytest.fixture(scope="module")
def tested(dataset: Dataset) -> list[Tested]:
    """At every third cut-off. Groups of any size are judged, and intervals, which are not what is tested
    here, come from few draws.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mergehouse.science.evaluation.metrics.DRAWS", 10)
        patch.setattr("mergehouse.science.evaluation.backtest.SMALLEST", 1)
        patch.setattr(
            "mergehouse.science.evaluation.backtest.judged_cutoffs",
            lambda dataset: judged_cutoffs(dataset)[::-3],
        )
        return list(backtest_clv(dataset))


@pytest.fixture(scope="module")
def day(dataset: Dataset) -> dt.date:
    """The last cut-off after which a year is known."""
    return dataset.closed_before(dataset.as_of, YEAR)[-1]


@pytest.fixture(scope="module")
def fitted(dataset: Dataset, day: dt.date) -> Clv:
    return fit_clv(dataset, day)


def same(one: ClvPrediction, other: ClvPrediction) -> bool:
    arrays = [
        (one.low, other.low),
        (one.high, other.high),
        *((one.value[h], other.value[h]) for h in HORIZONS),
    ]
    return all(np.array_equal(a, b) for a, b in arrays)


def test_it_learns_from_closed_windows_alone(dataset: Dataset, day: dt.date, fitted: Clv) -> None:
    """Outcomes not known on the day are deleted, and so is every later cut-off: nothing changes."""
    known = [
        pl.when(pl.col("cutoff_date") + pl.duration(days=h) <= day)
        .then(pl.col(f"next_margin_{h}d_eur"))
        .alias(f"next_margin_{h}d_eur")
        for h in HORIZONS
    ]
    past = Dataset(
        dataset.brand, dataset.as_of, dataset.rows.filter(pl.col("cutoff_date") <= day).with_columns(known)
    )
    assert same(fitted.predict(dataset.at(day)), fit_clv(past, day).predict(dataset.at(day)))
    for (name, predicted), (_, unknowing) in zip(
        value_methods(dataset, day), value_methods(past, day), strict=True
    ):
        assert all(np.array_equal(predicted[h], unknowing[h]) for h in HORIZONS), name


def test_it_beats_the_rules_and_its_level_is_right(dataset: Dataset, tested: list[Tested]) -> None:
    assert {t.target for t in tested} == {"clv_90d", "clv_365d"}
    assert {t.cutoff for t in tested if t.target == "clv_90d"} == set(judged_cutoffs(dataset)[::-3])

    def mean(method: str, target: str, metric: str) -> float:
        return float(
            np.mean(
                [
                    t.metrics[metric]
                    for t in tested
                    if (t.method, t.target, t.group) == (method, target, "all")
                ]
            )
        )

    for target in ("clv_90d", "clv_365d"):
        for rule in RULES:
            assert mean(ENSEMBLE, target, "spearman") > mean(rule, target, "spearman"), (target, rule)
            assert mean(ENSEMBLE, target, "mae") < mean(rule, target, "mae"), (target, rule)
        # a shop without seasons, as many newcomers as ever
        assert mean(ENSEMBLE, target, "bias") == pytest.approx(1, abs=0.15)
    assert mean(RULES[0], "clv_365d", "bias") > 1.4  # last year's value knows nothing of those who leave


def test_deciles_and_groups_are_of_the_customers_judged(dataset: Dataset, tested: list[Tested]) -> None:
    cutoff = judged_cutoffs(dataset)[-1]
    rows = dataset.at(cutoff)
    last = [t for t in tested if (t.cutoff, t.method, t.target) == (cutoff, ENSEMBLE, "clv_90d")]
    everybody = next(t for t in last if t.group == "all")
    value = outcome(rows, 90)
    assert sum(n for *_, n in everybody.deciles) == everybody.customers == len(rows)
    assert sum(happened * n for _, happened, n in everybody.deciles) == pytest.approx(value.sum())
    of_card = last_values(dataset, 90)  # what the card's curves are made of
    assert of_card and of_card[0] == cutoff and np.array_equal(of_card[1], value)
    assert value_metrics(value, of_card[2])["gini"] == pytest.approx(everybody.metrics["gini"], abs=1e-12)
    tiers = [t for t in last if t.group.startswith("spend: ")]
    assert sum(t.rate * t.customers for t in tiers) == pytest.approx(value.sum())
    assert [name for name, _ in groups(rows)] == [
        "region: North Europe",
        "spend: top tenth",
        "spend: next four",
        "spend: lower half",
    ]
    assert sum(chosen for name, chosen in groups(rows) if name.startswith("spend")).tolist() == [1] * len(
        rows
    )


def test_longer_is_not_worth_less_and_intervals_leave_out_a_tenth_at_each_end(
    dataset: Dataset, day: dt.date, fitted: Clv
) -> None:
    rows = dataset.at(day)
    said, value = fitted.predict(rows), outcome(rows, YEAR)
    assert (
        (said.value[90] >= 0).all()
        and (said.value[180] >= said.value[90]).all()
        and (said.value[365] >= said.value[180]).all()
    )
    assert (said.low <= said.value[365]).all() and (said.value[365] <= said.high).all()
    assert (value < said.low).mean() <= 0.1 and (value > said.high).mean() == pytest.approx(0.1, abs=0.07)


def test_intervals_from_closed_years(dataset: Dataset) -> None:
    """On the as-of date years have closed, and their scatter is taken. Where more than a tenth bring nothing,
    the lower end is 0.
    """
    fitted = fit_clv(dataset, dataset.as_of)
    assert {h: w.days for h, w in fitted.windows.items()} == {
        90: 90,
        180: 180,
        365: 365,
    } and fitted.scatter.shape == (3, 20)
    learned = dataset.closed_before(dataset.as_of, YEAR)
    outside = []
    for cutoff in learned:
        said, value = (
            fitted.anchored(dataset, cutoff).predict(dataset.at(cutoff)),
            outcome(dataset.at(cutoff), YEAR),
        )
        outside.append(((value < said.low).mean(), (value > said.high).mean()))
    below, above = np.mean(outside, axis=0)
    assert below <= 0.1 and above == pytest.approx(0.1, abs=0.03)


def test_the_level_is_what_known_customers_brought(dataset: Dataset) -> None:
    """Over all days on which it can be said: a year's sales, less what newcomers take."""
    assert value_levels(dataset, dataset.cutoffs[0], HORIZONS) == {}  # not before a year of history
    ratios = []
    for cutoff in dataset.closed_before(dataset.as_of, YEAR):
        if level := value_levels(dataset, cutoff, HORIZONS):
            ratios.append(level[YEAR] / dataset.at(cutoff)["next_margin_365d_eur"].sum())
    assert len(ratios) > 5 and np.mean(ratios) == pytest.approx(1, abs=0.15)


def test_predictions_add_up_to_the_level_of_the_day(dataset: Dataset, fitted: Clv) -> None:
    later = judged_cutoffs(dataset)[-1]
    total = fitted.anchored(dataset, later).predict(dataset.at(later)).value[90].sum()
    assert total == pytest.approx(value_levels(dataset, later, HORIZONS)[90])


def test_one_wholesaler_does_not_move_the_others(dataset: Dataset, day: dt.date, fitted: Clv) -> None:
    """A customer who spends a thousand times as much is worth more than anyone else, and not more than ten
    times last year's value.
    """
    columns = [c for c in dataset.rows.columns if c.endswith("_eur")]
    whale = dataset.at(day).filter(pl.col("purchases") > 5)["customer_id"][0]
    times = pl.when(pl.col("customer_id") == whale).then(1000.0).otherwise(1.0)
    huge = Dataset(
        dataset.brand, dataset.as_of, dataset.rows.with_columns(pl.col(c) * times for c in columns)
    )
    said = fit_clv(huge, day).predict(huge.at(day)).value[YEAR]
    is_whale = (huge.at(day)["customer_id"] == whale).to_numpy()
    last_year = huge.at(day)["margin_365d_eur"].to_numpy()
    assert said[is_whale][0] == said.max() and said[is_whale][0] < 10 * last_year[is_whale][0]
    others, before = said[~is_whale], fitted.predict(dataset.at(day)).value[YEAR][~is_whale]
    assert np.isfinite(said).all() and np.corrcoef(np.log(others + 1), np.log(before + 1))[0, 1] > 0.95


def test_last_years_loss_is_worth_nothing_not_less(dataset: Dataset, day: dt.date, fitted: Clv) -> None:
    rows = dataset.at(day).with_columns(margin_eur=-50.0, margin_365d_eur=-50.0, margin_90d_eur=-50.0)
    said = fitted.predict(rows)
    assert (
        all(np.isfinite(said.value[h]).all() and (said.value[h] >= 0).all() for h in HORIZONS)
        and (said.low >= 0).all()
    )


def test_purchases_that_are_all_worth_the_same(dataset: Dataset, day: dt.date) -> None:
    """Gamma-Gamma has nothing to tell apart; a purchase is worth what it always was."""
    ten = dataset.rows.with_columns(margin_eur=pl.col("purchases") * 10.0)
    fallback = fit_clv_fallback(Dataset(dataset.brand, dataset.as_of, ten), day)
    assert fallback.gamma_gamma is None and fallback.worth == pytest.approx(10)
    assert fallback.each(
        dataset.at(day).with_columns(margin_eur=pl.col("purchases") * 10.0)
    ) == pytest.approx(10)


def test_nobody_brought_anything(dataset: Dataset, day: dt.date) -> None:
    nothing = dataset.rows.with_columns(pl.lit(0.0).alias(f"next_margin_{h}d_eur") for h in HORIZONS)
    with pytest.raises(FitError, match="shop: none of .* customers brought any margin within 90 days"):
        fit_clv(Dataset(dataset.brand, dataset.as_of, nothing), day)


def test_a_history_too_short(dataset: Dataset) -> None:
    with pytest.raises(FitError, match="no 90-day window had closed"):
        fit_clv(dataset, dataset.cutoffs[0])


@pytest.fixture(scope="module")
def prior(dataset: Dataset) -> ClvFallback:
    return fit_clv_fallback(dataset, dataset.as_of)


def two_weeks() -> list[str]:
    rng = np.random.default_rng(4)
    days = [(f"C{n}", int(d)) for n in range(60) for d in np.unique(rng.integers(0, 14, 1 + n % 3))]
    return [line(c, d, int(rng.integers(1, 9))) for c, d in days]


@pytest.fixture(scope="module")
def young_brands(open_shop: Callable[[], Shop]) -> dict[str, Dataset]:
    """By brand, what is known of one that has begun."""
    shop = open_shop().with_science()
    lines = {
        "one_customer": [line("C1", 0), line("C1", 5), line("C1", 9)],
        "nobody_came_back": [line(f"C{n}", n) for n in range(14)],
        "two_weeks": two_weeks(),
    }
    for brand, delivered in zip(shop.brands(*lines), lines.values(), strict=True):
        brand.deliver_lines(*delivered)
    assert not shop.run().failed
    return {name: read_dataset(shop.lakehouse, name) for name in lines}


@pytest.mark.parametrize(
    ("brand", "words"),
    [
        ("one_customer", "1 customers with one and the same history"),
        ("nobody_came_back", "none has bought again"),
    ],
)
def test_a_brand_that_tells_nothing_takes_the_priors_customers(
    young_brands: dict[str, Dataset], prior: ClvFallback, brand: str, words: str
) -> None:
    young = young_brands[brand]
    with pytest.raises(FitError, match=f"{brand}: .*{words}.*no other brand"):
        fit_clv_fallback(young, young.as_of)
    fallback = fit_clv_fallback(young, young.as_of, prior)
    said = fallback.predict(young.at(young.as_of))
    assert (
        fallback.bgnbd is prior.bgnbd
        and np.isfinite(said.value[365]).all()
        and (said.value[365] > said.value[90]).all()
    )
    mean = young.at(young.as_of)["margin_eur"].sum() / young.at(young.as_of)["purchases"].sum()
    g = fallback.gamma_gamma
    # its spread is the prior's, its mean the brand's own
    assert g is not None and g.p * g.gamma / (g.q - 1) == pytest.approx(mean)


def test_two_weeks_of_history_borrow_drop_out(young_brands: dict[str, Dataset], prior: ClvFallback) -> None:
    young = young_brands["two_weeks"]
    own, borrowed = (fit_clv_fallback(young, young.as_of, p) for p in (None, prior))
    assert not own.bgnbd.dropout_identified and prior.bgnbd.dropout_identified
    # the rate is the brand's own
    assert (borrowed.bgnbd.r, borrowed.bgnbd.alpha) == (own.bgnbd.r, own.bgnbd.alpha)
    assert (borrowed.bgnbd.a, borrowed.bgnbd.b) == (prior.bgnbd.a, prior.bgnbd.b)
    rows = young.at(young.as_of)
    assert (borrowed.predict(rows).value[365] < own.predict(rows).value[365]).all()  # some leave


def test_the_fallback_ranks_customers(dataset: Dataset, day: dt.date) -> None:
    rows = dataset.at(day)
    said, value = fit_clv_fallback(dataset, day).predict(rows), outcome(rows, YEAR)
    assert value_metrics(value, said.value[YEAR])["spearman"] > 0.3
    assert (value < said.low).mean() <= 0.1 and (value > said.high).mean() < 0.2
