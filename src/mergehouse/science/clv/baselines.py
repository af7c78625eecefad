"""What the ensemble has to beat: rules of thumb, a random forest, and its own members one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from mergehouse.science.attempt import or_why
from mergehouse.science.clv.ensemble import (
    HORIZONS,
    MEMBERS,
    ClvFallback,
    closed_rows,
    fit_clv_fallback,
    fit_values,
    last_years_value,
    outcome,
    window_days,
)
from mergehouse.science.features.dataset import Dataset, matrix
from mergehouse.science.features.rfm import rfm_score

ENSEMBLE = "ensemble"
RULES = ("last year's value", "RFM means")
LEARNED = 10_000  # rows that each tree of the forest sees
Values = dict[int, np.ndarray]


def value_methods(
    dataset: Dataset, day: dt.date, horizons: tuple[int, ...] = HORIZONS
) -> Iterator[tuple[str, Values | str]]:
    """Predictions of every method on `day`, of all customers known then, for some of HORIZONS: shape (n,), by
    horizon; in words why there are none, where one cannot be fitted.

    Rules and BG/NBD keep their own level. Regressions, forest and trees, which learn from windows of another
    season, are brought to that of the ensemble.
    """
    rows = dataset.at(day)

    @cache
    def buying() -> ClvFallback:
        return fit_clv_fallback(dataset, day)

    @cache
    def fitted() -> tuple[Values, Values]:
        # a longer horizon's value is never below a shorter one's
        until = tuple(h for h in HORIZONS if h <= max(horizons))
        clv = fit_values(dataset, day, buying(), until)
        members = clv.members(rows)
        return members, clv.values(members)

    def member(place: int) -> Values:
        members, said = fitted()
        return {h: _at_level(members[h][:, place], said[h].mean()) for h in horizons}

    def forest() -> Values:
        level = or_why(lambda: {h: float(fitted()[1][h].mean()) for h in horizons})
        windows = {h: window_days(dataset, day, h) for h in horizons}
        of_days = {days: random_forest(dataset, day, days) for days in set(windows.values())}
        if isinstance(level, str):  # there is no ensemble whose level it could have
            return {h: of_days[windows[h]] for h in horizons}
        return {h: _at_level(of_days[windows[h]], level[h]) for h in horizons}

    methods: dict[str, Callable[[], Values]] = {
        RULES[0]: lambda: {h: last_years_value(rows, h) for h in horizons},
        RULES[1]: lambda: {h: rfm_means(dataset, day, h) for h in horizons},
        MEMBERS[1]: lambda: {h: buying().expected(rows, h) for h in horizons},
        "random forest": forest,
        MEMBERS[2]: partial(member, 2),
        MEMBERS[3]: partial(member, 3),
        ENSEMBLE: lambda: fitted()[1],
    }
    for name, method in methods.items():
        yield name, or_why(method)


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
