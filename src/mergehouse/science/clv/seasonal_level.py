"""What all customers known on a day will bring together: last year's sales of the season, less what newcomers
will take of them.

A year of history shows the season, and how the share of customers known on a day fades in the sales that
follow: newcomers come, the known leave. Neither needs a closed window of a year. Growth is not foreseen: the
next year is taken to be as large as the last.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from scipy.special import expit, logit

from mergehouse.science.features.dataset import Dataset

YEAR, WINDOW = 365, 90
STEP = 30  # days between the ages at which the share of known customers is looked at
BEGUN = 30  # days of history that those known must at least have
SHORT_OF_A_YEAR = 15  # days that the first year may lack: cut-offs are a month apart


def value_levels(dataset: Dataset, day: dt.date, horizons: tuple[int, ...]) -> dict[int, float]:
    """Net margin in EUR to expect of all customers known on `day` together, by horizon; empty before a year
    of history.

    For each 90 days ahead: margin of the last 365 days, times the share of it that the same 90 days had a
    year earlier, times the share of them that is to come from customers known today (`_kept`).
    """
    rows, past = dataset.at(day), [c for c in dataset.cutoffs if c <= day and c < dataset.as_of]
    history, last_year = _tenure(rows), float(rows["margin_365d_eur"].sum())
    if history < YEAR - SHORT_OF_A_YEAR or not past or last_year <= 0:
        return {}
    brought = {c: float(dataset.at(c)["margin_90d_eur"].sum()) for c in past}
    quarters = np.array([brought[_nearest(past, day - dt.timedelta(YEAR - WINDOW * n))] for n in range(1, 5)])
    if (quarters <= 0).any():
        return {}
    kept = _kept(dataset, past, history)
    if kept is None:
        return {}
    ahead = last_year * quarters / quarters.sum() * kept
    return {
        horizon: float(ahead[: (n := -(-horizon // WINDOW))][:4].sum()) * horizon / (WINDOW * min(n, 4))
        for horizon in horizons
    }


def _tenure(rows: pl.DataFrame) -> int:
    """Days since the first of all purchases."""
    return int(rows["tenure_days"].to_numpy().max())


def _kept(dataset: Dataset, past: list[dt.date], history: int) -> np.ndarray | None:
    """The share of sales that customers known today keep in the first to fourth 90 days ahead, shape (4,).

    Looked up in the past: of the margin of 90 days, the share of those who had been customers for longer than
    `age` days, hence known when the history was so many days shorter. Its log-odds are taken to be linear in
    the logarithms of that history and of the age: the longer the history, the fewer newcomers are old
    customers who had not been seen yet.
    """
    seen = []
    for cutoff in past:
        rows = dataset.at(cutoff)
        begun = _tenure(rows)
        ages = range(WINDOW, begun - BEGUN + 1, STEP)
        margin = rows["margin_90d_eur"]
        if not ages or (all_of := margin.sum()) <= 0:
            continue
        older = rows.select(
            pl.col("margin_90d_eur").filter(pl.col("tenure_days") >= age).sum().alias(str(age))
            for age in ages
        ).row(0)
        seen += [(begun - age, age, share / all_of) for age, share in zip(ages, older, strict=True)]
    if len(seen) < 4:
        return None
    known_for, age, share = np.array(seen).T
    terms = [np.ones(len(share)), np.log(known_for), np.log(age - WINDOW / 2)]
    fitted = np.linalg.lstsq(np.column_stack(terms), logit(share.clip(0.01, 0.99)), rcond=None)[0]
    ahead = np.arange(1, 5) * WINDOW
    return expit(fitted[0] + fitted[1] * np.log(history) + fitted[2] * np.log(ahead - WINDOW / 2))


def _nearest(cutoffs: list[dt.date], day: dt.date) -> dt.date:
    return min(cutoffs, key=lambda c: abs((c - day).days))
