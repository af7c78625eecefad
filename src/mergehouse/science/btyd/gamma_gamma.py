"""Gamma-Gamma: what a purchase of each customer is worth, drawn towards the mean of all where a customer has
few.

FH 2013 is Fader & Hardie, "The Gamma-Gamma Model of Monetary Value", technical note.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, polygamma

from mergehouse.errors import FitError
from mergehouse.science.btyd.inputs import customers_of, distinct, require, same_shape
from mergehouse.science.btyd.maximum_likelihood import Value, covariance, fit, total


def fit_gamma_gamma(
    frequency: ArrayLike, mean_value: ArrayLike, weights: ArrayLike | None = None
) -> GammaGamma:
    """Gamma-Gamma by maximum likelihood (FH 2013, equation 1a).

    Takes one entry a customer, shape (n,): the number of purchases (1 or more), their mean value (above 0),
    and as `weights` the number of customers it stands for (default 1). Raises FitError where an entry is not
    like that, or where every purchase is worth the same.

    >>> model = fit_gamma_gamma(frequency=[5, 5], mean_value=[10.0, 40.0], weights=[60, 40])
    >>> model.customers, model.mean_is_finite
    (100, True)
    >>> fit_gamma_gamma([1, 0], [10.0, 5.0])
    Traceback (most recent call last):
    mergehouse.errors.FitError: Customer 1, counted from 0, has 0; needed is a number of purchases ...
    """
    x, z = same_shape(frequency, mean_value)
    require(np.isfinite(x) & (x >= 1), "a number of purchases of 1 or more", x)
    require(np.isfinite(z) & (z > 0), "a mean value above 0", z)
    data = _Purchases.of(x, z, customers_of(weights, x.shape))
    mean = total(data.w * data.x, data.z) / total(data.w, data.x)
    best = fit(
        _log_likelihood,
        data,
        [np.log([p, q, mean * (q - 1) / p]) for p, q in ((1.0, 3.0), (6.0, 4.0), (1.0, 1.2))],
    )
    p, q, gamma = np.exp(best.theta).tolist()
    reason = (
        ""
        if q > 1
        else (
            f"q = {q:.3g} is not above 1: values spread so widely that their mean over customers is infinite;"
            " look for outliers or cap them"
        )
    )
    return GammaGamma(
        p,
        q,
        gamma,
        best.log_likelihood,
        round(data.w.sum()),
        covariance(best.hessian),
        best.converged,
        _correlation(data),
        q > 1,
        reason,
    )


@dataclass(frozen=True, eq=False)
class GammaGamma:
    """A fitted Gamma-Gamma model (FH 2013, section 1).

    A customer's purchases are worth Gamma(`p`, nu), with nu ~ Gamma(`q`, `gamma`), `gamma` in the unit of
    money. `covariance` (3, 3) is that of the logarithms of p, q, gamma. The model takes value to be
    independent of frequency: `correlation` (Pearson) of the two over the customers fitted says how far that
    holds. Where `mean_is_finite` is False the mean over customers does not exist, and `reason` says so in
    words.
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int
    covariance: np.ndarray
    converged: bool
    correlation: float
    mean_is_finite: bool
    reason: str

    @property
    def parameters(self) -> tuple[float, float, float]:
        """p, q and gamma.

        >>> GammaGamma(6.25, 3.74, 15.44, 0.0, 946, np.zeros((3, 3)), True, 0.0, True, "").parameters
        (6.25, 3.74, 15.44)
        """
        return self.p, self.q, self.gamma

    def expected_value(self, frequency: ArrayLike, mean_value: ArrayLike) -> np.ndarray:
        """E[mean value of a customer's purchases | x of them at `mean_value` on average] (FH 2013, equation
        5).

        With x = 0 it is the mean over customers, and `mean_value` is not read. NaN where the expectation is
        infinite. `frequency` counts the purchases that `mean_value` is the mean of, here as in the fit.

        >>> model = GammaGamma(6.25, 3.74, 15.44, 0.0, 946, np.zeros((3, 3)), True, 0.0, True, "")  # FH 2013
        >>> model.expected_value(frequency=[0, 2, 50], mean_value=[0, 22.35, 22.35]).round(2)
        array([35.22, 24.66, 22.46])
        """
        return expected_value(*self.parameters, *same_shape(frequency, mean_value))


def expected_value(p: float, q: float, gamma: float, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """As the method, at parameters of one's own.

    >>> expected_value(6.0, 4.0, 15.0, x=np.array([0, 1]), z=np.array([0.0, 60.0]))  # 6 * 15 / 3, 6 * 75 / 9
    array([30., 50.])
    """
    spent = np.where(x > 0, x * z, 0.0)
    freedom = p * x + q - 1
    return np.where(freedom > 0, p * (gamma + spent) / np.where(freedom > 0, freedom, 1.0), np.nan)


@dataclass(frozen=True, eq=False)
class _Purchases:
    """Distinct numbers of purchases `x` and mean values `z`, in that order, and how many customers `w` have
    each.
    """

    x: np.ndarray
    z: np.ndarray
    w: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, z: np.ndarray, customers: np.ndarray) -> _Purchases:
        if not len(z) or np.ptp(z) == 0:
            found = (
                f"{len(z):,} customers whose purchases are all worth {z[0]:g}" if len(z) else "no customers"
            )
            raise FitError(
                f"Gamma-Gamma cannot be fitted to {found}. Needed are customers who differ: take more, or a"
                " longer period."
            )
        once, which = distinct(x, z)
        return cls(once[0], once[1], np.bincount(which, customers))

    def __len__(self) -> int:
        return len(self.x)

    def thinned(self, step: int) -> _Purchases:
        return _Purchases(self.x[::step], self.z[::step], self.w[::step])

    @cached_property
    def by_x(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Different x, where the entries of each begin, and the customers of each."""
        x, begin = np.unique(self.x, return_index=True)
        return x, begin, np.add.reduceat(self.w, begin)


def _log_likelihood(theta: np.ndarray, data: _Purchases) -> Value:
    """FH 2013, equation 1a, over all customers; first and second derivatives in theta = log (p, q, gamma).

    With s = p x and u = x z / gamma, of a customer - log B(s, q) - s log (1 + 1/u) - q log (1 + u) - log z:
    all that is special in it depends on x only and is computed once for each.
    """
    p, q, gamma = np.exp(theta)
    x, begin, n = data.by_x
    s = p * x
    u, w = data.x * data.z / gamma, data.w
    low, high, share = np.log1p(1 / u), np.log1p(u), u / (1 + u)
    w_low, w_share = np.add.reduceat(w * low, begin), np.add.reduceat(w * share, begin)
    w_high = total(w, high)
    psi, psi_1 = digamma(s + q), polygamma(1, s + q)

    value = -n @ betaln(s, q) - s @ w_low - q * w_high - total(w, np.log(data.z))
    by_s, by_q = n * (psi - digamma(s)) - w_low, n @ (psi - digamma(q)) - w_high
    gradient = np.array([s @ by_s, q * by_q, q * w_share.sum() - s @ (n - w_share)])
    hessian = np.empty((3, 3))
    hessian[0, 0] = gradient[0] + (n * s**2) @ (psi_1 - polygamma(1, s))
    hessian[0, 1] = hessian[1, 0] = q * ((n * s) @ psi_1)
    hessian[1, 1] = gradient[1] + q**2 * (n @ (psi_1 - polygamma(1, q)))
    hessian[0, 2] = hessian[2, 0] = -s @ (n - w_share)
    hessian[1, 2] = hessian[2, 1] = q * w_share.sum()
    hessian[2, 2] = -(s + q) @ np.add.reduceat(w * share * (1 - share), begin)
    return float(value), gradient, hessian


def _correlation(data: _Purchases) -> float:
    """Pearson's, of number and mean value of purchases; 0 where all customers have the same number."""
    x, z = (v - np.average(v, weights=data.w) for v in (data.x, data.z))
    norm = np.sqrt(total(data.w, x**2) * total(data.w, z**2))
    return float(total(data.w, x * z) / norm) if norm else 0.0
