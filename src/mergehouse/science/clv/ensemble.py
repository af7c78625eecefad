"""What a customer will be worth: net margin over the next 90, 180 and 365 days, an ensemble learned from
closed windows.

Methods differ in what they get right, and their geometric mean ranks better than any of them: last year's
value (how much), BG/NBD and Gamma-Gamma (how often, still there), a hurdle regression (will they buy, and for
how much more or less than the former expect), boosted trees on the logarithm of value (all that is not
linear). The level of all customers together comes from `clv_level`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import expit

from mergehouse.errors import FitError
from mergehouse.science.clv.fallback import HORIZONS, TAIL, YEAR, ClvFallback, ClvPrediction, fit_clv_fallback
from mergehouse.science.clv.seasonal_level import value_levels
from mergehouse.science.features.dataset import Dataset, matrix

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

__all__ = [
    "HORIZONS",
    "MEMBERS",
    "Clv",
    "ClvFallback",
    "ClvPrediction",
    "Window",
    "fit_clv",
    "fit_clv_fallback",
    "outcome",
    "window_days",
]

MEMBERS = ("last year's value", "BG/NBD and Gamma-Gamma", "hurdle regression", "boosted logarithm")
CUTOFFS = 8  # a window's own length is learned from once so many have closed
MOST_ROWS = 100_000  # customers, one for each cut-off, that are learned from
PENALTY = 0.05  # C of the regression of buying, on standardised inputs
SHRINKAGE = 1.0  # L2 penalty of the regression of what is spent
SEASON_WEIGHT = 3.0  # cut-offs' own intercepts are penalised a ninth as much as inputs
MOST_TIMES = (
    20.0  # a regression corrects what BG/NBD and Gamma-Gamma expect of a buyer by no more than this factor
)
FLOOR = (
    0.005  # of the mean: what a member counts at least in the geometric mean, so that none alone says nothing
)
UNIT = 0.01  # of the mean value: from about there on the boosted target is logarithmic
BINS = 20  # of predictions, by which the scatter of what happens is looked up
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Window:
    """Two members, learned from windows of `days` days on inputs less `mean` over `scale`.

    `buys` and `spends` are coefficients, the intercept last: of the log-odds of bringing anything, and of the
    logarithm of the factor by which a buyer brings more than BG/NBD and Gamma-Gamma expect. `boosted`
    predicts log(1 + value / unit).
    """

    days: int
    mean: np.ndarray
    scale: np.ndarray
    buys: np.ndarray
    spends: np.ndarray
    boosted: HistGradientBoostingRegressor
    unit: float

    def members(self, inputs: np.ndarray, given_bought: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Value in EUR of the window, of `_inputs`, by the hurdle regression and by the boosted trees, up to
        a factor each.
        """
        buys, spends = (
            inputs @ (fitted[:-1] / self.scale) + fitted[-1] - self.mean @ (fitted[:-1] / self.scale)
            for fitted in (self.buys, self.spends)
        )
        factor = np.exp(spends.clip(-np.log(MOST_TIMES), np.log(MOST_TIMES)))
        return expit(buys) * given_bought * factor, self.unit * np.expm1(self.boosted.predict(inputs).clip(0))


@dataclass(frozen=True, eq=False)
class Clv:
    """A fitted ensemble. `windows` maps each horizon to what was learned for it, `means` to the mean of each
    member of MEMBERS and `levels` to the factor that brings the geometric mean to the level of `day`.

    `scatter`, shape (3, bins): logarithms of predictions for a year, and the factors of them that a tenth
    fell short of and a tenth exceeded; empty where no window of a year had closed. There BG/NBD's own scatter
    is taken.
    """

    day: dt.date
    buying: ClvFallback
    windows: dict[int, Window]
    means: dict[int, np.ndarray]
    levels: dict[int, float]
    scatter: np.ndarray

    def predict(self, rows: pl.DataFrame) -> ClvPrediction:
        """Of all customers of `rows` (columns of `gold.customer_features`), active or not."""
        value = self.values(self.members(rows))
        year = value[YEAR]
        if self.scatter.size:
            at, least, most = self.scatter
            low, high = (year * np.interp(np.log(year + TINY), at, factor) for factor in (least, most))
        else:
            each = year / np.maximum(self.buying.purchases(rows, YEAR), TINY)
            low, high = (count * each for count in self.buying.scatter(rows))
        return ClvPrediction(value, np.minimum(low, year), np.maximum(high, year))

    def values(self, members: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Value of the customers of `members`, shape (customers,), by horizon: never less for longer."""
        value = {h: self.levels[h] * _geometric(members[h] / self.means[h]) for h in sorted(members)}
        for shorter, longer in pairwise(value):
            value[longer] = np.maximum(value[longer], value[shorter])
        return value

    def members(self, rows: pl.DataFrame) -> dict[int, np.ndarray]:
        """Value by each member of MEMBERS, shape (customers, members), by horizon: as they are, without a
        common level.
        """
        features, each = matrix(rows), self.buying.each(rows)
        expected = {h: self.buying.purchases(rows, h) * each for h in self.windows}
        windows = {window.days: window for window in self.windows.values()}
        learned = {
            days: w.members(*_inputs(features, expected[days], self.buying.silent(rows, days)))
            for days, w in windows.items()
        }
        return {
            h: np.column_stack([last_years_value(rows, h), expected[h], *learned[self.windows[h].days]])
            for h in self.windows
        }

    def anchored(self, dataset: Dataset, day: dt.date) -> Clv:
        """The same at the level of `day`: its predictions of all customers known then add up to that of
        `value_levels`.

        Before a brand has a year of history, the level is BG/NBD's and Gamma-Gamma's.
        """
        known = dataset.at(day)
        rows = known.sample(min(len(known), MOST_ROWS), seed=1)
        members, levels = self.members(rows), value_levels(dataset, day, tuple(self.windows))
        means = {h: np.maximum(members[h].mean(axis=0), TINY) for h in self.windows}
        wanted = {h: levels[h] / len(known) if h in levels else means[h][1] for h in self.windows}
        factors = {h: float(wanted[h] / _geometric(members[h] / means[h]).mean()) for h in self.windows}
        return replace(self, day=day, means=means, levels=factors)


def fit_clv(dataset: Dataset, day: dt.date) -> Clv:
    """The ensemble as it could be fitted on `day`, from windows that had closed by then; as `fit_values`."""
    fitted = fit_values(dataset, day, fit_clv_fallback(dataset, day), HORIZONS)
    return replace(fitted, scatter=_scatter(dataset, day, fitted))


def fit_values(dataset: Dataset, day: dt.date, buying: ClvFallback, horizons: tuple[int, ...]) -> Clv:
    """The ensemble for the first of HORIZONS, all or some, with BG/NBD's own scatter; `buying` as fitted on
    `day`.

    For each horizon from windows of its own length once CUTOFFS of them have closed, else of the next
    shorter; 90 days at least. Raises FitError where none has closed or nobody brought anything in them, and
    where purchases cannot be told apart at all.
    """
    learned = {
        days: _fit_window(dataset, day, days, buying)
        for days in sorted({window_days(dataset, day, h) for h in horizons})
    }
    windows = {h: learned[window_days(dataset, day, h)] for h in horizons}
    return Clv(day, buying, windows, {}, {}, np.empty((3, 0))).anchored(dataset, day)


def last_years_value(rows: pl.DataFrame, days: int) -> np.ndarray:
    """What customers brought in the last year, for so many days."""
    return rows["margin_365d_eur"].to_numpy().clip(0) / YEAR * days


def outcome(rows: pl.DataFrame, days: int) -> np.ndarray:
    """What customers brought in a window. A margin below 0 counts as 0: who only returns, returns what was
    bought before.
    """
    return rows[f"next_margin_{days}d_eur"].to_numpy().clip(0)


def window_days(dataset: Dataset, day: dt.date, horizon: int) -> int:
    """The length of window that a horizon is learned from on `day`."""
    return max(
        (h for h in HORIZONS if h <= horizon and len(dataset.closed_before(day, h)) >= CUTOFFS),
        default=HORIZONS[0],
    )


def closed_rows(dataset: Dataset, day: dt.date, days: int) -> pl.DataFrame:
    """Customers at all cut-offs whose window had closed by `day`, at most MOST_ROWS, drawn by a seed."""
    rows = dataset.rows.filter(pl.col("cutoff_date").is_in(dataset.closed_before(day, days)))
    return rows.sample(min(len(rows), MOST_ROWS), seed=1)


def _fit_window(dataset: Dataset, day: dt.date, days: int, buying: ClvFallback) -> Window:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, TweedieRegressor

    rows = closed_rows(dataset, day, days)
    if rows.is_empty():
        raise FitError(
            f"{dataset.brand}: no {days}-day window had closed by {day}: its history begins too late for a"
            " model of its own."
        )
    value = outcome(rows, days)
    bought = value > 0
    if not bought.any():
        raise FitError(
            f"{dataset.brand}: none of {len(rows):,} customers brought any margin within {days} days; there"
            " is nothing to learn."
        )
    inputs, given_bought = _inputs(matrix(rows), buying.expected(rows, days), buying.silent(rows, days))
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[scale <= 1e-9 * np.maximum(1, np.abs(mean))] = 1  # a constant input adds nothing
    seasons = rows["cutoff_date"].to_dummies().to_numpy() * SEASON_WEIGHT
    standard = np.hstack([(inputs - mean) / scale, seasons])
    spending = TweedieRegressor(power=2, alpha=SHRINKAGE, link="log", max_iter=1000)
    spending.fit(standard[bought], value[bought] / given_bought[bought])
    spends = _without_seasons(spending.coef_, spending.intercept_, inputs.shape[1])
    if bought.all():
        buys = np.append(np.zeros(inputs.shape[1]), np.log(MOST_ROWS))
    else:
        buying_at_all = LogisticRegression(C=PENALTY, max_iter=1000).fit(standard, bought)
        buys = _without_seasons(buying_at_all.coef_[0], buying_at_all.intercept_[0], inputs.shape[1])
    unit = UNIT * float(value.mean())
    boosted = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=60, l2_regularization=10,
        max_features=0.3, early_stopping=False, random_state=1,
    ).fit(inputs, np.log1p(value / unit))  # fmt: skip
    return Window(days, mean, scale, buys, spends, boosted, unit)


def _inputs(features: np.ndarray, expected: np.ndarray, silent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is learned from, shape (n, inputs): features and what BG/NBD and Gamma-Gamma say; and what they
    expect of a buyer, in EUR.
    """
    expected = np.maximum(expected, TINY)
    return np.column_stack([features, np.log(expected), silent]), expected / np.maximum(1 - silent, TINY)


def _without_seasons(coefficients: np.ndarray, intercept: float, inputs: int) -> np.ndarray:
    """Coefficients of inputs, and the intercept of a mean season last."""
    return np.append(coefficients[:inputs], intercept + SEASON_WEIGHT * coefficients[inputs:].mean())


def _geometric(members: np.ndarray) -> np.ndarray:
    """Of members over their means, shape (n, members)."""
    return np.exp(np.log(members + FLOOR).mean(axis=1))


def _scatter(dataset: Dataset, day: dt.date, fitted: Clv) -> np.ndarray:
    """See `Clv.scatter`: quantiles of what happened over what is predicted, at the level of each cut-off, by
    bins of the prediction.
    """
    rows = closed_rows(dataset, day, YEAR)
    if len(rows) < BINS:
        return np.empty((3, 0))
    year = fitted.predict(rows).value[YEAR]
    frame = pl.DataFrame({"cutoff": rows["cutoff_date"], "predicted": year, "value": outcome(rows, YEAR)})
    level = pl.col("value").mean().over("cutoff") / pl.col("predicted").mean().over("cutoff")
    ordered = (
        frame.with_columns(ratio=pl.col("value") / (pl.col("predicted") * level))
        .filter(pl.col("ratio").is_finite())
        .sort("predicted")
    )
    parts = [p for p in np.array_split(ordered.select("predicted", "ratio").to_numpy(), BINS) if len(p)]
    found = np.array(
        [[np.log(p[:, 0].mean() + TINY), *np.quantile(p[:, 1], [TAIL, 1 - TAIL])] for p in parts]
    )
    return found.T if len(found) else np.empty((3, 0))
