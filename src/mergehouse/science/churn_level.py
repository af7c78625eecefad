"""How many of a population will leave, before a year-old window shows it: from last year's purchases of the same season."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
from scipy.special import expit, logit

from mergehouse.science.dataset import Dataset

YEAR = 365
SHORT_OF_A_YEAR = 15  # days that the first year may lack: cut-offs are a month apart
LEAST = 4  # closed windows to learn two lines from


def churn_from_purchases(dataset: Dataset, day: dt.date, horizon: int, population: Callable[[pl.DataFrame], pl.DataFrame]) -> float | None:
    """The share of the population on `day` that buys nothing within the horizon; None before a year of history.

    Two lines are fitted to closed windows, on log scales: the share of all purchases that the population made, by its size against
    these purchases (the rest are newcomers'); and the odds of buying at all, by purchases per customer. Both are read off at
    the purchases of the same days a year ago, in the expectation of as many.
    """
    past = [c for c in dataset.cutoffs if c <= day and c < dataset.as_of]
    today = dataset.at(day)
    if not past or today["tenure_days"].max() < YEAR - SHORT_OF_A_YEAR:
        return None

    def bought_until(end: dt.date) -> float:
        """Purchases of all customers in a window that ends about then."""
        return float(dataset.at(min(past, key=lambda c: abs((c - end).days)))[f"purchases_{horizon}d"].sum())

    size, mean, share, odds = [], [], [], []
    for cutoff in dataset.closed_before(day, horizon):
        later = population(dataset.at(cutoff))[f"next_purchases_{horizon}d"]
        made, of_all, buyers = later.sum(), bought_until(cutoff + dt.timedelta(horizon)), (later > 0).sum()
        if 0 < made < of_all and buyers < len(later):
            size.append(np.log(len(later) / of_all))
            mean.append(np.log(made / len(later)))
            share.append(logit(made / of_all))
            odds.append(logit(buyers / len(later)))
    wanted, expected = population(today), bought_until(day + dt.timedelta(horizon - YEAR))
    if len(size) < LEAST or np.ptp(size) == 0 or np.ptp(mean) == 0 or wanted.is_empty() or not expected:
        return None
    expected *= today["purchases_365d"].sum() / max(dataset.at(past[-1])["purchases_365d"].sum(), 1)  # past cut-offs may be a sample
    kept = expit(np.polyval(np.polyfit(size, share, 1), np.log(len(wanted) / expected)))
    return float(1 - expit(np.polyval(np.polyfit(mean, odds, 1), np.log(expected * kept / len(wanted)))))
