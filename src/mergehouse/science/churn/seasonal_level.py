"""How many of a population will leave, before a year-old window shows it: from last year's purchases of the
same season.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
from scipy.special import expit, logit

from mergehouse.science.features.dataset import Dataset

YEAR = 365
SHORT_OF_A_YEAR = 15  # days that the first year may lack: cut-offs are a month apart
LEAST = 4  # closed windows to learn from


def churn_from_purchases(
    dataset: Dataset, day: dt.date, horizon: int, population: Callable[[pl.DataFrame], pl.DataFrame]
) -> float | None:
    """The share of the population on `day` that buys nothing within the horizon; None before a year of
    history.

    As many purchases are expected of all customers as on the same days a year ago, and of the population the
    share of them that it made in closed windows on average; the rest are newcomers' and other customers'. How
    many do not buy at all follows from purchases per customer, by the line that closed windows show between
    the logarithms of these and of the odds of buying.
    """
    past = [c for c in dataset.cutoffs if c <= day and c < dataset.as_of]
    today = dataset.at(day)
    if not past or not (today["tenure_days"] >= YEAR - SHORT_OF_A_YEAR).any():
        return None

    def bought_until(end: dt.date) -> float:
        """Purchases of all customers in a window that ends about then."""
        return float(dataset.at(min(past, key=lambda c: abs((c - end).days)))[f"purchases_{horizon}d"].sum())

    share, mean, odds = [], [], []
    for cutoff in dataset.closed_before(day, horizon):
        later = population(dataset.at(cutoff))[f"next_purchases_{horizon}d"]
        made, buyers = int(later.sum()), int((later > 0).sum())
        of_all = bought_until(cutoff + dt.timedelta(horizon))
        if 0 < made <= of_all and buyers < len(later):
            share.append(made / of_all)
            mean.append(np.log(made / len(later)))
            odds.append(logit(buyers / len(later)))
    wanted = len(population(today)) / _times_as_many(dataset, past[-1], today, day)
    expected = bought_until(day + dt.timedelta(horizon - YEAR))
    if len(share) < LEAST or np.ptp(mean) == 0 or not wanted or not expected:
        return None
    return float(1 - expit(np.polyval(np.polyfit(mean, odds, 1), np.log(expected * np.mean(share) / wanted))))


def _times_as_many(dataset: Dataset, cutoff: dt.date, today: pl.DataFrame, day: dt.date) -> float:
    """Customers looked at on `day` for each one of a past cut-off, where they may be a sample; of those known
    then.
    """
    known_then = int((today["tenure_days"] > (day - cutoff).days).sum())
    return max(known_then / max(len(dataset.at(cutoff)), 1), 1e-9)
