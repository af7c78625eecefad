"""Buy till you die: the BG/NBD and Gamma-Gamma models together, what a customer will be worth, and customers
made up from both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mergehouse.science.btyd.bgnbd import BGNBD, expected_purchases, fit_bgnbd
from mergehouse.science.btyd.gamma_gamma import GammaGamma, expected_value, fit_gamma_gamma
from mergehouse.science.btyd.inputs import distinct, histories, same_shape
from mergehouse.science.btyd.maximum_likelihood import log_variance

__all__ = [
    "BGNBD",
    "GammaGamma",
    "LifetimeValue",
    "Simulated",
    "clv",
    "fit_bgnbd",
    "fit_gamma_gamma",
    "simulate",
    "simulate_values",
]

NORMAL_95 = 1.959964


@dataclass(frozen=True, eq=False)
class LifetimeValue:
    """Value expected of each customer, and the interval `low` to `high` that holds this expectation with 95
    %.

    The interval is about how well the parameters are known; what a single customer spends scatters far more.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Simulated:
    """Histories drawn from BG/NBD, shape (n,); whether each customer is `alive` at T, and the purchases
    `later`, in the horizon.
    """

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    alive: np.ndarray
    later: np.ndarray


def clv(
    bgnbd: BGNBD,
    gamma_gamma: GammaGamma,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    mean_value: ArrayLike,
    horizon: float,
    margin: float = 1.0,
) -> LifetimeValue:
    """Value of the purchases expected in (T, T + horizon], times `margin` (share of value that is profit),
    not discounted.

    Takes shape (n,); `mean_value` is that of the x repeat purchases and is not read where x = 0. Expected
    purchases times expected value, as the models are independent. The interval takes the log-parameters to be
    normal with the covariances of the fits (Laplace's approximation), and the result log-normal; its width
    comes from 14 chosen points in place of hundreds of draws (`likelihood.log_variance`), each distinct
    history computed once. NaN where the expected value is infinite, or, in the interval, may be for all that
    the fit leaves open. Raises FitError on an impossible history.

    >>> nobody_leaves = BGNBD(1.0, 9.0, 0.0, 1.0, 0.0, 10, np.zeros((4, 4)), True, False, "")
    >>> worth = GammaGamma(6.0, 4.0, 15.0, 0.0, 10, np.zeros((3, 3)), True, 0.0, True, "")
    >>> clv(nobody_leaves, worth, [0], [0], [9], [0], horizon=36, margin=0.5).value  # half of 2 times 30
    array([30.])
    """
    x, t_x, T = histories(frequency, recency, age)
    x, z = same_shape(x, mean_value)
    (x_once, t_x_once, T_once), of = distinct(x, t_x, T)
    purchases, unsure = log_variance(
        lambda r, alpha, a, b: expected_purchases(r, alpha, a, b, x_once, t_x_once, T_once, horizon),
        bgnbd.parameters,
        bgnbd.covariance,
    )
    each, each_unsure = log_variance(
        lambda p, q, gamma: expected_value(p, q, gamma, x, z), gamma_gamma.parameters, gamma_gamma.covariance
    )
    value = margin * purchases[of] * each
    width = np.exp(NORMAL_95 * np.sqrt(unsure[of] + each_unsure))
    return LifetimeValue(value, value / width, value * width)


def simulate(
    r: float, alpha: float, a: float, b: float, age: ArrayLike, seed: int, horizon: float = 0.0
) -> Simulated:
    """Draws one customer for each `age`, shape (n,), from the BG/NBD process; with `a` = 0 nobody ever
    leaves.

    It follows the process (Fader, Hardie & Lee 2005, section 3, assumptions i to v) and none of the formulas
    derived from it: purchases are a Poisson process, and which of them is the last is geometric. Times are
    not drawn one by one: of a given number they are uniform in (0, T], and the k-th of n uniform times is
    Beta(k, n - k + 1).

    >>> drawn = simulate(r=2.0, alpha=10.0, a=0.0, b=1.0, age=np.full(10_000, 100.0), seed=1)
    >>> bool(drawn.alive.all()), round(float(drawn.frequency.mean()))  # r / alpha * T purchases
    (True, 20)
    """
    rng = np.random.default_rng(seed)
    T = np.asarray(age, dtype=float)
    rate = rng.gamma(r, 1 / alpha, T.shape)
    p = rng.beta(a, b, T.shape) if a > 0 else np.zeros(T.shape)
    with np.errstate(divide="ignore", over="ignore"):
        last = np.maximum(1, np.ceil(rng.exponential(size=T.shape) / -np.log1p(-p)))  # infinite where p = 0
    bought = rng.poisson(rate * T)  # had nobody left
    x = np.minimum(bought, last).astype(int)
    t_x = np.where(x > 0, T * rng.beta(np.maximum(x, 1), bought - x + 1), 0.0)
    later = np.minimum(rng.poisson(rate * horizon), np.maximum(last - bought, 0)).astype(int)
    return Simulated(x, t_x, T, bought < last, later)


def simulate_values(p: float, q: float, gamma: float, frequency: ArrayLike, seed: int) -> np.ndarray:
    """Draws the mean value of each customer's `frequency` purchases from the Gamma-Gamma model, 0 where there
    are none.

    >>> values = simulate_values(6.0, 4.0, 15.0, frequency=np.array([0, *[3] * 100_000]), seed=1)
    >>> float(values[0]), round(float(values[1:].mean()))  # p * gamma / (q - 1)
    (0.0, 30)
    """
    rng = np.random.default_rng(seed)
    x = np.asarray(frequency)
    nu = rng.gamma(q, 1 / gamma, x.shape)
    return np.where(x > 0, rng.gamma(p * np.maximum(x, 1)) / (nu * np.maximum(x, 1)), 0.0)
