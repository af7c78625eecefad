"""The demonstration's customers are what BG/NBD, Gamma-Gamma and the shop's calendar say, by the literature's
formulas.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from scipy.special import hyp2f1

from mergehouse.demo.population import TradingTime, one_of, population
from mergehouse.science.btyd.bgnbd import fit_bgnbd

R, ALPHA, A, B = 0.5, 30.0, 0.8, 2.4
SPEC = {
    "years_before": 1,
    "growth": 0.3,
    "purchases": {"r": R, "alpha": ALPHA},
    "leaving": {"a": A, "b": B},
    "spend": {"p": 5, "q": 6, "gamma": 4_000},
    "wholesalers": {"share": 0, "every": 20, "spend": 3, "leaving": 0.5},
    "lines_per_order": 3,
    "most_lines": 20,
    "returns": {"share": 0.2, "after": 10, "whole": 0.25, "lines": 0.5},
    "months": [1, 1, 1, 1, 1, 1, 0.5, 0.5, 1, 1, 2, 2],
    "weekdays": [1, 1, 1, 1, 1, 0, 0.5],
    "closed": [1225, 101],
}
START, END = dt.date(2022, 1, 1), dt.date(2023, 12, 31)
Drawn = tuple[TradingTime, pl.DataFrame, pl.DataFrame]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    time = TradingTime.of(SPEC, START, END)
    customers, orders = population(SPEC, time, 100_000, np.random.default_rng(5))
    assert orders["size"].sum() + orders["back"].sum() == 100_000
    return time, customers.with_row_index("customer"), orders


def won(drawn: Drawn) -> pl.DataFrame:
    """Customers whose first purchase the data show, but for the last, who is cut: their purchases after it,
    the last one and the `age`, both from it.
    """
    time, customers, orders = drawn
    of = pl.col("time") >= 0
    repeats = orders.filter(of).group_by("customer").agg(repeats=pl.len() - 1, last=pl.col("time").max())
    return (
        customers[:-1]
        .filter(pl.col("born") >= 0)
        .join(repeats.with_columns(pl.col("customer").cast(pl.UInt32)), on="customer")
        .with_columns(
            age=time.end - pl.col("born"),
            recency=pl.when(pl.col("repeats") > 0).then(pl.col("last") - pl.col("born")).otherwise(0),
        )
    )


def test_as_many_leave_as_bg_nbd_says(drawn: Drawn) -> None:
    """A customer of rate lambda and chance p is still there after T with exp(-lambda p T): over both,
    2F1(r, a; a + b; -T / alpha).
    """
    customers = won(drawn)
    stays = hyp2f1(R, A, A + B, -customers["age"].to_numpy() / ALPHA)
    error = np.sqrt((stays * (1 - stays)).sum())
    assert customers.height > 5_000
    assert abs((~customers["left"]).sum() - stays.sum()) < 4 * error
    assert 0.3 < customers["left"].mean() < 0.4


def test_they_buy_as_often_as_bg_nbd_says(drawn: Drawn) -> None:
    """Fader, Hardie & Lee (2005), equation 9."""
    customers = won(drawn)
    t = customers["age"].to_numpy()
    part = (ALPHA / (ALPHA + t)) ** R * hyp2f1(R, B, A + B - 1, t / (ALPHA + t))
    expected = (A + B - 1) / (A - 1) * (1 - part)
    error = customers["repeats"].std() / np.sqrt(customers.height)
    assert abs(customers["repeats"].mean() - expected.mean()) < 4 * error


def test_the_fitted_model_finds_the_parameters(drawn: Drawn) -> None:
    """What the science makes of them is what they were drawn from, and so many have left as it thinks."""
    customers = won(drawn)
    history = [customers[name].to_numpy() for name in ("repeats", "recency", "age")]
    model = fit_bgnbd(*history)
    off = np.log(model.parameters) - np.log([R, ALPHA, A, B])
    assert (abs(off) < 4 * np.sqrt(np.diag(model.covariance))).all()
    assert (1 - model.p_alive(*history)).sum() == pytest.approx(customers["left"].sum(), rel=0.05)


def test_spend_is_gamma_gamma(drawn: Drawn) -> None:
    """Mean p gamma / (q - 1); of a customer's mean, the variance p^2 gamma^2 / ((q - 1)^2 (q - 2))."""
    spend = drawn[2].unique("customer", keep="first", maintain_order=True)["spend"]
    mean = 5 * 4_000 / 5
    between, within = mean**2 / 4, 5 * 4_000**2 / (5 * 4)
    error = np.sqrt((between + within) / len(spend))
    assert abs(spend.mean() - mean) < 4 * error


def test_trade_follows_the_calendar(drawn: Drawn) -> None:
    """Days are as long as their month and weekday weigh, and nobody buys where the shop is closed."""
    time, _, orders = drawn
    day = np.floor(time.days(np.random.default_rng(6).uniform(0, time.end, 200_000))).astype(int)
    dates = [START + dt.timedelta(days=n) for n in range((END - START).days + 1)]
    closed = [d.weekday() == 5 or (d.month, d.day) in {(12, 25), (1, 1)} for d in dates]
    weight = [
        {7: 0.5, 8: 0.5, 11: 2, 12: 2}.get(d.month, 1) * (0.5 if d.weekday() == 6 else 1) for d in dates
    ]
    share = np.where(closed, 0, weight) / np.sum(weight, where=np.invert(closed))
    found = np.bincount(day, minlength=len(dates))
    assert abs(found - 200_000 * share).max() < 5 * np.sqrt(200_000 * share.max())
    assert found[closed].sum() == 0
    bought = np.floor(time.days(orders["time"].filter(orders["time"] >= 0).to_numpy())).astype(int)
    assert bought.max() == len(dates) - 1 and not np.array(closed)[bought].any()
    # customers are the same from June to July, but for a month's growth; from October to November, too
    month = np.array([d.month for d in dates])[bought]
    assert 0.4 < (month == 7).sum() / (month == 6).sum() < 0.6
    assert 1.8 < (month == 11).sum() / (month == 10).sum() < 2.3


def test_more_are_won_each_year(drawn: Drawn) -> None:
    time, customers, _ = drawn
    day = time.days(won(drawn)["born"].to_numpy())
    first, second = (day < 365).sum(), (day >= 365).sum()
    assert second / first == pytest.approx(1.3, rel=0.08)
    assert customers.filter(pl.col("born") < 0).height > 0


def test_a_fifth_of_the_orders_comes_back_in_part(drawn: Drawn) -> None:
    time, _, orders = drawn
    sold = orders.filter(pl.col("time").is_between(0, time.end - 100))
    back = sold.filter(pl.col("back") > 0)
    assert back.height / sold.height == pytest.approx(0.2, rel=0.1)
    assert (back["returned"] >= back["time"]).all() and (back["back"] <= back["size"]).all()
    assert (back["returned"] - back["time"]).mean() == pytest.approx(10, rel=0.1)
    # of an order of n lines, a quarter wholly and the others one line and half of the rest
    expected = 0.25 * back["size"] + 0.75 * (1 + (back["size"] - 1) * 0.5)
    assert back["back"].mean() == pytest.approx(expected.mean(), rel=0.05)
    assert orders.filter(pl.col("time") < 0)["size"].sum() == 0  # sold before the data, returned in them


def test_the_mix_is_even_over_any_customers() -> None:
    shares = np.bincount(one_of(np.array([70, 20, 10]), np.arange(500, 1_500))) / 1_000
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.005)
