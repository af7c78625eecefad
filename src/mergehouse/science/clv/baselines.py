"""What the ensemble has to beat: rules of thumb, a random forest, and its own members one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from mergehouse.science.clv.ensemble import HORIZONS, MEMBERS, closed_rows, fit_clv, outcome, window_days
from mergehouse.science.features.dataset import Dataset, matrix
from mergehouse.science.features.rfm import rfm_score

ENSEMBLE = "ensemble"
RULES = ("last year's value", "RFM means")
LEARNED = 10_000  # rows that each tree of the forest sees


def value_methods(dataset: Dataset, day: dt.date) -> Iterator[tuple[str, dict[int, np.ndarray]]]:
    """Predictions of every method on `day`, of all customers known then, by horizon: shape (n,).

    Rules and BG/NBD keep their own level. Regressions, forest and trees, which learn from windows of another
    season, are brought to that of the ensemble.
    """
    rows = dataset.at(day)
    clv = fit_clv(dataset, day)
    members, said = clv.members(rows), clv.predict(rows).value
    level = {h: value.mean() for h, value in said.items()}
    yield RULES[0], {h: members[h][:, 0] for h in HORIZONS}
    yield RULES[1], {h: rfm_means(dataset, day, h) for h in HORIZONS}
    yield MEMBERS[1], {h: members[h][:, 1] for h in HORIZONS}
    forest = {
        days: random_forest(dataset, day, days) for days in {window_days(dataset, day, h) for h in HORIZONS}
    }
    yield "random forest", {h: _at_level(forest[window_days(dataset, day, h)], level[h]) for h in HORIZONS}
    for place in (2, 3):
        yield MEMBERS[place], {h: _at_level(members[h][:, place], level[h]) for h in HORIZONS}
    yield ENSEMBLE, said


def rfm_means(dataset: Dataset, day: dt.date, horizon: int) -> np.ndarray:
    """What customers with the same RFM score brought in earlier windows, drawn to the mean of all by one
    customer's weight.
    """
    days = window_days(dataset, day, horizon)
    past = [dataset.at(c) for c in dataset.closed_before(day, days)]
    score = np.concatenate([rfm_score(rows) for rows in past])
    value = np.concatenate([outcome(rows, days) for rows in past])
    most = int(score.max())
    mean = (np.bincount(score, value, most + 1) + value.mean()) / (np.bincount(score, minlength=most + 1) + 1)
    return mean[rfm_score(dataset.at(day)).clip(max=most)] * horizon / days


def random_forest(dataset: Dataset, day: dt.date, days: int) -> np.ndarray:
    """The baseline: a random forest regression on what closed windows of `days` days brought."""
    from sklearn.ensemble import RandomForestRegressor

    rows = closed_rows(dataset, day, days)
    forest = RandomForestRegressor(
        40, min_samples_leaf=20, max_features=0.3, max_samples=min(LEARNED, len(rows)), random_state=1
    )  # fmt: skip
    return forest.fit(matrix(rows), outcome(rows, days)).predict(matrix(dataset.at(day)))


def _at_level(predicted: np.ndarray, mean: float) -> np.ndarray:
    return predicted * mean / max(float(predicted.mean()), np.finfo(float).tiny)
