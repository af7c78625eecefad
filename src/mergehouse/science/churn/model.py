"""Will a customer buy nothing within so many days: a logistic regression, a boosted challenger, and the rules
to beat.

All learn from cut-offs whose window had closed by the day of the prediction, on one population: customers
active in the 90 days before, by whom methods are judged, or those who have lapsed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.optimize import brentq
from scipy.special import expit, logit

from mergehouse.errors import FitError
from mergehouse.science.btyd.bgnbd import fit_bgnbd
from mergehouse.science.churn.seasonal_level import churn_from_purchases
from mergehouse.science.features.dataset import ACTIVE_DAYS, INPUTS, Dataset, active, fitted_once, matrix
from mergehouse.science.features.rfm import rfm_score

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

HORIZONS = (30, 60, 90)
PENALTY = 0.05  # C of the logistic regression, on standardised inputs
SEASON_WEIGHT = 3.0  # cut-offs' own intercepts are penalised a ninth as much as inputs
YEAR = 365
Population = Callable[[pl.DataFrame], pl.DataFrame]


def lapsed(rows: pl.DataFrame) -> pl.DataFrame:
    """The customers who are not active."""
    return rows.filter(pl.col("recency_days") > ACTIVE_DAYS)


@dataclass(frozen=True, eq=False)
class Churn:
    """A fitted logistic regression: log-odds = intercept + sum of coefficient x (input - mean) / scale, by
    input of `INPUTS`.

    `deviation` is the standard deviation of each coefficient, shape (inputs,): Laplace's approximation, the
    penalty being a normal prior. `customers` counts what was learned from, a customer once for each cut-off.
    """

    horizon: int
    mean: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    deviation: np.ndarray
    customers: int
    intercept: float = 0.0

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        """P(no purchase within the horizon), shape (n,)."""
        return expit(self.log_odds(matrix(rows)))

    def log_odds(self, inputs: np.ndarray) -> np.ndarray:
        """Of a `matrix` of customers (n, inputs): shape (n,)."""
        weights = self.coefficients / self.scale
        return inputs @ weights + (self.intercept - self.mean @ weights)

    def contributions(self, inputs: np.ndarray) -> np.ndarray:
        """What each input of a `matrix` adds to the log-odds of each customer, against an average one: shape
        (n, inputs), exact.
        """
        return (inputs - self.mean) * (self.coefficients / self.scale)

    def anchored(self, dataset: Dataset, day: dt.date, population: Population = active) -> Churn:
        """The same with the level of `day`: its mean prediction is the `anchored_rate`. Without customers it
        stays as it is.
        """
        return self._anchored(matrix(population(dataset.at(day))), dataset, day, population)

    def _anchored(self, inputs: np.ndarray, dataset: Dataset, day: dt.date, population: Population) -> Churn:
        if not len(inputs):
            return self
        rate = anchored_rate(dataset, day, self.horizon, population)
        return replace(self, intercept=intercept_for(replace(self, intercept=0.0).log_odds(inputs), rate))


@dataclass(frozen=True, eq=False)
class ChurnModel:
    """The regressions of every horizon, for active and for lapsed customers, by horizon in days.

    `of_lapsed` is empty where all or none of those who had lapsed came back: there is nothing to tell them
    apart by.
    """

    of_active: dict[int, Churn]
    of_lapsed: dict[int, Churn]

    def predict(self, rows: pl.DataFrame) -> dict[int, np.ndarray]:
        """P(no purchase within the horizon) of active and lapsed customers, shape (n,), by horizon; NaN where
        there is no model.
        """
        is_active = (rows["recency_days"] <= ACTIVE_DAYS).to_numpy()
        of_lapsed = {horizon: model.predict(rows) for horizon, model in self.of_lapsed.items()}
        return {
            horizon: np.where(is_active, model.predict(rows), of_lapsed.get(horizon, np.nan))
            for horizon, model in self.of_active.items()
        }

    def anchored(self, dataset: Dataset, day: dt.date) -> ChurnModel:
        """The same at the level of `day`."""

        def of(models: dict[int, Churn], population: Population) -> dict[int, Churn]:
            inputs = matrix(population(dataset.at(day)))
            return {
                horizon: model._anchored(inputs, dataset, day, population)
                for horizon, model in models.items()
            }

        return ChurnModel(of(self.of_active, active), of(self.of_lapsed, lapsed))


def fit_churn_model(dataset: Dataset, day: dt.date) -> ChurnModel:
    """All regressions as they could be fitted on `day`. Raises FitError where there can be none for active
    customers.
    """
    of_active = {horizon: fit_churn(dataset, day, horizon) for horizon in HORIZONS}
    try:
        of_lapsed = {horizon: fit_churn(dataset, day, horizon, lapsed) for horizon in HORIZONS}
    except FitError:
        of_lapsed = {}
    return ChurnModel(of_active, of_lapsed)


@fitted_once
def fit_churn(dataset: Dataset, day: dt.date, horizon: int = 90, population: Population = active) -> Churn:
    """The logistic regression as it could be fitted on `day`.

    Each cut-off has an intercept of its own, so that the season does not pass for a trait of customers; the
    intercept of the prediction comes from `anchored_rate`. Raises FitError where no window has closed yet or
    all or none left in them.
    """
    from sklearn.linear_model import LogisticRegression  # takes seconds, and most runs fit nothing

    rows, churned = training_rows(dataset, day, horizon, population)
    inputs = matrix(rows)
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[scale <= 1e-9 * np.maximum(1, np.abs(mean))] = (
        1  # a constant input adds nothing, nor does what rounding makes of it
    )
    seasons = rows["cutoff_date"].to_dummies().to_numpy() * SEASON_WEIGHT
    standard = np.hstack([(inputs - mean) / scale, seasons])
    model = LogisticRegression(C=PENALTY, solver="newton-cholesky").fit(standard, churned)
    probability = model.predict_proba(standard)[:, 1]
    information = (standard * (probability * (1 - probability))[:, None]).T @ standard + np.eye(
        standard.shape[1]
    ) / PENALTY
    deviation = np.sqrt(np.diag(np.linalg.inv(information)))
    known = slice(len(INPUTS))
    return Churn(horizon, mean, scale, model.coef_[0][known], deviation[known], len(rows)).anchored(
        dataset, day, population
    )


def boosted(dataset: Dataset, day: dt.date, horizon: int = 90) -> np.ndarray:
    """P(no purchase within the horizon) of the active on `day` by boosted trees, with the same anchor."""
    log_odds = fit_boosted(dataset, day, horizon).decision_function(matrix(active(dataset.at(day))))
    return expit(log_odds + intercept_for(log_odds, anchored_rate(dataset, day, horizon)))


@fitted_once
def fit_boosted(dataset: Dataset, day: dt.date, horizon: int = 90) -> HistGradientBoostingClassifier:
    """The challenger: gradient-boosted trees (scikit-learn's histogram booster) on active customers; its
    level is not anchored.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, churned = training_rows(dataset, day, horizon)
    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.04,
        max_leaf_nodes=8,
        min_samples_leaf=60,
        l2_regularization=10,
        max_features=0.3,
        random_state=1,
    ).fit(matrix(rows), churned)


def bgnbd(dataset: Dataset, day: dt.date, horizon: int = 90) -> np.ndarray:
    """BG/NBD's P(no purchase within the horizon) of the active on `day`, fitted on all known then."""
    known = dataset.at(day)
    model = fit_bgnbd(*history(known))
    return model.p_no_purchase(*history(active(known)), horizon)


def history(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Repeat purchases, days from first to last purchase, days since the first: what buy-till-you-die models
    see.
    """
    tenure, recency = rows["tenure_days"].to_numpy(), rows["recency_days"].to_numpy()
    return rows["purchases"].to_numpy() - 1, tenure - recency, tenure


def recency_rule(dataset: Dataset, day: dt.date, horizon: int = 90) -> np.ndarray:
    """The rule "silent longer, gone likelier": churn rate by weeks of silence at earlier cut-offs."""
    return _past_rates(dataset, day, horizon, lambda rows: rows["recency_days"].to_numpy() // 7)


def rfm_rates(dataset: Dataset, day: dt.date, horizon: int = 90) -> np.ndarray:
    """The churn rate of customers with the same RFM score (three quintiles, summed) at earlier cut-offs."""
    return _past_rates(dataset, day, horizon, rfm_score)


def anchored_rate(dataset: Dataset, day: dt.date, horizon: int, population: Population = active) -> float:
    """The churn rate to expect on `day`: that of the same season a year earlier where it is known, else of
    all closed windows.

    Rates follow the season: after Christmas twice as many stay away as in autumn. A year counts from the
    brand's first 90 days on, when those who were active can be told from those who are new, and for the
    lapsed from its first year on, when they are as long gone as ever; until then, last year's purchases show
    the season (`churn_from_purchases`).
    """
    closed = {c: rows for c in dataset.closed_before(day, horizon) if len(rows := population(dataset.at(c)))}
    begin = dataset.cutoffs[0] + dt.timedelta((ACTIVE_DAYS if population is active else YEAR) - 60)
    a_year_ago = [c for c in closed if c >= begin and abs((day - c).days - YEAR) <= 31]
    nearest = min(a_year_ago, key=lambda c: abs((day - c).days - YEAR), default=None)
    if nearest is None and (rate := churn_from_purchases(dataset, day, horizon, population)) is not None:
        return min(max(rate, 0.001), 0.999)
    rates = [float(_churned(closed[c], horizon).mean()) for c in ([nearest] if nearest else closed)]
    return min(max(float(np.mean(rates)), 0.001), 0.999)


def training_rows(
    dataset: Dataset, day: dt.date, horizon: int, population: Population = active
) -> tuple[pl.DataFrame, np.ndarray]:
    """Customers at the cut-offs whose window had closed by `day`, and which of them left: what can be learned
    from on that day.

    Raises FitError where no window has closed yet or all or none left in them.
    """
    closed = dataset.closed_before(day, horizon)
    if not closed:
        raise FitError(
            f"{dataset.brand}: no {horizon}-day window had closed by {day}: its history begins too late for a"
            " model of its own."
        )
    rows = population(dataset.rows.filter(pl.col("cutoff_date").is_in(closed)))
    churned = _churned(rows, horizon)
    if churned.all() or not churned.any():
        found = "all" if churned.all() else "none"
        raise FitError(
            f"{dataset.brand}: {found} of {len(rows):,} customers left within {horizon} days; there is"
            " nothing to tell apart."
        )
    return rows, churned


def _churned(rows: pl.DataFrame, horizon: int) -> np.ndarray:
    return (rows[f"next_purchases_{horizon}d"] == 0).to_numpy()


def intercept_for(log_odds: np.ndarray, rate: float) -> float:
    """What to add to log-odds so that their mean probability is `rate`."""
    return float(
        brentq(
            lambda x: expit(log_odds + x).mean() - rate,
            logit(rate) - log_odds.max() - 1,
            logit(rate) - log_odds.min() + 1,
        )
    )


def _past_rates(
    dataset: Dataset, day: dt.date, horizon: int, group: Callable[[pl.DataFrame], np.ndarray]
) -> np.ndarray:
    """The churn rate of each customer's group at earlier cut-offs, drawn to that of all by one customer's
    weight.
    """
    past = [active(dataset.at(c)) for c in dataset.closed_before(day, horizon)]
    groups = np.concatenate([group(rows) for rows in past])
    churned = np.concatenate([_churned(rows, horizon) for rows in past])
    wanted = group(active(dataset.at(day)))
    known, place = np.unique(groups, return_inverse=True)
    rate = (np.bincount(place, churned) + churned.mean()) / (np.bincount(place) + 1)
    return rate[np.searchsorted(known, wanted).clip(max=len(known) - 1)]
