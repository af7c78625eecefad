"""The level of predictions: what all customers will do together, by season, before a closed window of a year
ago shows it.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from mergehouse.science.churn.model import anchored_rate, lapsed
from mergehouse.science.churn.seasonal_level import churn_from_purchases
from mergehouse.science.clv.seasonal_level import value_levels
from mergehouse.science.features.dataset import Dataset, active

BEGIN, DAYS, WORTH = dt.date(2024, 1, 1), 760, 10.0
CUTOFFS = [d for d in (BEGIN + dt.timedelta(n) for n in range(60, DAYS - 90)) if d.day == 1]


def season(days: np.ndarray) -> np.ndarray:
    """A quarter of the usual rate in January to March, half as much again in the last three months."""
    month = (days % 365) // 30.5
    return np.where(month < 3, 0.25, np.where(month >= 9, 1.5, 1.0))


def seasonal_shop() -> Dataset:
    """Newcomers all the time; a customer buys once in 40 days where the season is 1, and leaves for good
    after some 250 days.
    """
    rng = np.random.default_rng(5)
    first, stays = rng.uniform(-400, DAYS, 20_000), rng.exponential(250, 20_000)
    bought = rng.poisson(1 / 40 * season(np.arange(DAYS)), (20_000, DAYS)) > 0
    days = np.arange(DAYS)
    bought &= (days >= first[:, None]) & (days < (first + stays)[:, None])
    frames = []
    for cutoff in CUTOFFS:
        at = (cutoff - BEGIN).days
        known = bought[bought[:, :at].any(axis=1)]
        last, before = at - 1 - np.argmax(known[:, at - 1 :: -1], axis=1), np.argmax(known, axis=1)
        counts = {f"purchases_{n}d": known[:, max(at - n, 0) : at].sum(axis=1) for n in (30, 60, 90, 365)}
        later = {f"next_purchases_{n}d": known[:, at : at + n].sum(axis=1) for n in (30, 60, 90)}
        frames.append(
            pl.DataFrame(
                {"recency_days": at - last, "tenure_days": at - before, **counts, **later}
            ).with_columns(
                cutoff_date=pl.lit(cutoff),
                margin_90d_eur=pl.col("purchases_90d") * WORTH,
                margin_365d_eur=pl.col("purchases_365d") * WORTH,
            )
        )
    return Dataset("shop", BEGIN + dt.timedelta(DAYS), pl.concat(frames))


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return seasonal_shop()


def churned(rows: pl.DataFrame, horizon: int = 90) -> float:
    return float((rows[f"next_purchases_{horizon}d"] == 0).mean())


def test_the_first_winter_is_foreseen_from_last_winters_purchases(shop: Dataset) -> None:
    """At the turn of the year no earlier window was in winter: their mean is far off."""
    day = dt.date(2025, 1, 1)
    happened = churned(active(shop.at(day)))
    of_closed = np.mean([churned(active(shop.at(c))) for c in shop.closed_before(day, 90)])
    assert happened - of_closed > 0.3
    assert anchored_rate(shop, day, 90) == pytest.approx(happened, abs=0.1)


def test_all_horizons_and_populations_have_a_rate(shop: Dataset) -> None:
    day = dt.date(2025, 1, 1)
    for population in (active, lapsed):
        rates = [churn_from_purchases(shop, day, horizon, population) for horizon in (30, 60, 90)]
        assert all(r is not None and 0 < r < 1 for r in rates), rates
    assert churn_from_purchases(shop, dt.date(2024, 8, 1), 90, active) is None  # not before a year of history


def test_a_year_old_window_goes_first(shop: Dataset) -> None:
    day = dt.date(2025, 8, 1)
    assert anchored_rate(shop, day, 90) == churned(active(shop.at(dt.date(2024, 8, 1))))


def test_a_sample_at_past_cutoffs_changes_little(shop: Dataset) -> None:
    """Before the as-of date a large brand's customers are looked at in part; the rate is not taken for a jump
    in their number.
    """
    day = dt.date(2025, 1, 1)
    rows = shop.rows.filter(pl.col("cutoff_date") <= day).with_row_index("row")
    sampled = Dataset("shop", day, rows.filter((pl.col("cutoff_date") == day) | (pl.col("row") % 4 == 0)))
    whole = Dataset("shop", day, rows)
    assert churn_from_purchases(sampled, day, 90, active) == pytest.approx(
        churn_from_purchases(whole, day, 90, active), abs=0.05
    )
    assert value_levels(sampled, day, (365,))[365] == pytest.approx(
        value_levels(whole, day, (365,))[365], rel=0.05
    )


def test_value_follows_the_season(shop: Dataset) -> None:
    """In a shop whose customers stay for 250 days only: within 40 % at every cut-off, where sales of a
    quarter vary sixfold.
    """
    days = [day for day in CUTOFFS if value_levels(shop, day, (90,))]
    happened = np.array([shop.at(day)["next_purchases_90d"].sum() * WORTH for day in days])
    said = np.array([value_levels(shop, day, (90,))[90] for day in days])
    assert (
        len(days) == 10
        and (np.abs(said / happened - 1) < 0.4).all()
        and np.mean(said / happened) == pytest.approx(1, abs=0.2)
    )
    assert np.corrcoef(np.log(said), np.log(happened))[0, 1] > 0.9


def test_the_lapsed_of_a_first_year_are_not_taken_for_those_of_the_second(shop: Dataset) -> None:
    """Who had lapsed after four months had done so lately; a year later most are long gone, and fewer come
    back.
    """
    day = dt.date(2025, 5, 1)
    happened, a_year_ago = churned(lapsed(shop.at(day))), churned(lapsed(shop.at(dt.date(2024, 5, 1))))
    assert abs(anchored_rate(shop, day, 90, lapsed) - happened) < abs(a_year_ago - happened)
