"""What customers are worth by their purchases alone: BG/NBD and Gamma-Gamma, where need be with another
brand's fit.

The stand-in where a brand's history closes no window to learn from, and the base that regressions of value
correct.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from mergehouse.errors import FitError
from mergehouse.science.btyd.bgnbd import BGNBD, fit_bgnbd
from mergehouse.science.btyd.gamma_gamma import GammaGamma, fit_gamma_gamma
from mergehouse.science.btyd.inputs import distinct
from mergehouse.science.churn.model import history
from mergehouse.science.features.dataset import Dataset

HORIZONS = (90, 180, 365)
YEAR = 365
TAIL = 0.1  # left out at each end of an interval
LEAST = 0.01  # of the mean purchase's margin: what a purchase counts at least, as Gamma-Gamma knows no losses


@dataclass(frozen=True, eq=False)
class ClvPrediction:
    """Net margin expected of each customer by horizon in days, in EUR, shape (n,): never negative, never less
    for longer.

    Of customers like this one, a tenth bring less than `low` in 365 days and a tenth more than `high`: an 80
    % interval of what the customer will bring, not of the expectation, and wide. Where more than a tenth
    bring nothing, `low` is 0.
    """

    value: dict[int, np.ndarray]
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class ClvFallback:
    """BG/NBD for how often customers buy, Gamma-Gamma for what a purchase brings, `worth` EUR on average.

    Without a Gamma-Gamma of the brand's own (purchases that are all worth the same, too few to tell, or so
    far apart that their mean is infinite) `worth` is that of the typical customer's, the median: one who buys
    wholesale says nothing of the others. Without any, a customer's purchases are worth their mean, drawn to
    `worth` by the weight of one purchase.
    """

    bgnbd: BGNBD
    gamma_gamma: GammaGamma | None
    worth: float

    def predict(self, rows: pl.DataFrame) -> ClvPrediction:
        """Of all customers of `rows` (columns of `gold.customer_features`)."""
        each = self.each(rows)
        value = {horizon: self.purchases(rows, horizon) * each for horizon in HORIZONS}
        low, high = (np.multiply(count, each) for count in self.scatter(rows))
        return ClvPrediction(value, np.minimum(low, value[YEAR]), np.maximum(high, value[YEAR]))

    def expected(self, rows: pl.DataFrame, horizon: int) -> np.ndarray:
        """Net margin expected within the horizon."""
        return self.purchases(rows, horizon) * self.each(rows)

    def purchases(self, rows: pl.DataFrame, horizon: int) -> np.ndarray:
        return self.bgnbd.expected_purchases(*history(rows), horizon)

    def silent(self, rows: pl.DataFrame, horizon: int) -> np.ndarray:
        """P(no purchase within the horizon)."""
        return self.bgnbd.p_no_purchase(*history(rows), horizon)

    def each(self, rows: pl.DataFrame) -> np.ndarray:
        """The margin to expect of a purchase of each customer."""
        x, mean = rows["purchases"].to_numpy(), purchase_margin(rows, self.worth)
        if self.gamma_gamma is None:
            return (self.worth + x * mean) / (1 + x)
        return self.gamma_gamma.expected_value(x, mean)

    def scatter(self, rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Purchases within a year that a customer falls short of, and exceeds, with 10 %.

        Who is alive buys negative-binomially often (a Poisson process whose rate is Gamma-distributed), here
        with the mean that drop-out in the year leaves of it; who is not, never.
        """
        from scipy.stats import nbinom

        (x, t_x, T), of = distinct(*history(rows))
        alive = self.bgnbd.p_alive(x, t_x, T)
        shape = self.bgnbd.r + x
        mean = self.bgnbd.expected_purchases(x, t_x, T, YEAR) / np.maximum(alive, np.finfo(float).tiny)
        chance = shape / (shape + mean)
        quantiles = [
            nbinom.ppf(((q - (1 - alive)) / np.maximum(alive, q)).clip(0, 1), shape, chance).clip(0)
            for q in (TAIL, 1 - TAIL)
        ]
        return quantiles[0][of], quantiles[1][of]


def fit_clv_fallback(dataset: Dataset, day: dt.date, prior: ClvFallback | None = None) -> ClvFallback:
    """What can be said on `day` of a brand's customers from their purchases alone.

    The brand's own rate of purchase where it can be fitted; what its history does not tell comes from
    `prior`, another brand's fit: drop-out, which has no unit, and how far apart customers' purchases are in
    value, around the brand's own typical customer. Where nobody has come back, the prior's rate too. Raises
    FitError where a rate is known from neither.
    """
    rows = dataset.at(day)
    bgnbd = _bgnbd(dataset, rows, prior)
    x = rows["purchases"].to_numpy()
    worth = max(float(rows["margin_eur"].sum()) / max(int(rows["purchases"].sum()), 1), 0.0)
    if worth <= 0:
        return ClvFallback(bgnbd, None, worth)
    if own := _gamma_gamma(x, purchase_margin(rows, worth)):
        return ClvFallback(bgnbd, own, worth)
    typical = float(np.median(purchase_margin(rows, 0.0)))
    of_prior = prior.gamma_gamma if prior and typical > 0 else None
    spread = replace(of_prior, gamma=typical * (of_prior.q - 1) / of_prior.p) if of_prior else None
    return ClvFallback(bgnbd, spread, typical)


def purchase_margin(rows: pl.DataFrame, worth: float) -> np.ndarray:
    """Mean margin of each customer's purchases; a loss counts as LEAST of the `worth` of a purchase."""
    mean = rows["margin_eur"].to_numpy() / rows["purchases"].to_numpy()
    return np.maximum(mean, LEAST * worth).round(4)  # equal purchases stay equal


def _bgnbd(dataset: Dataset, rows: pl.DataFrame, prior: ClvFallback | None) -> BGNBD:
    try:
        own = fit_bgnbd(*history(rows))
    except FitError as error:
        if prior is None:
            raise FitError(
                f"{dataset.brand}: {error} There is no other brand whose customers could stand in."
            ) from None
        return prior.bgnbd
    if prior is None or own.dropout_identified or not prior.bgnbd.dropout_identified:
        return own
    return replace(own, a=prior.bgnbd.a, b=prior.bgnbd.b)


def _gamma_gamma(x: np.ndarray, mean: np.ndarray) -> GammaGamma | None:
    """That of the brand's own purchases; None where these do not tell how far apart customers are."""
    with suppress(FitError):  # purchases are all worth the same
        own = fit_gamma_gamma(x, mean)
        if own.converged and own.mean_is_finite:
            return own
    return None
