"""Maximum likelihood in a handful of log-parameters: Newton's method, and what its curvature says about
uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np

STEPS = 200
LONGEST_STEP = (
    2.0  # in the logarithm: no parameter changes by more than a factor of 7.4 at once, or overflows
)
ENOUGH = 1e-11  # stops after a step that was worth less than this share of the log-likelihood
ROUNDING = 1e-13  # share of the log-likelihood by which a step may seem to go down
FIRST_LOOK = 20_000  # entries among which the start is looked for
FLAT = 10.0  # standard deviation of a log-parameter from which on the data say nothing about it
TINY = np.finfo(float).tiny

Value = tuple[float, np.ndarray, np.ndarray]  # log-likelihood, gradient (k,), Hessian (k, k)


class Entries(Protocol):
    """Data that can be thinned to every `step`-th entry."""

    def __len__(self) -> int: ...
    def thinned(self, step: int) -> Self: ...


Data = TypeVar("Data", bound=Entries)


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where Newton's method ended: `theta` (k,), log-likelihood, Hessian (k, k), and whether no step was left
    to go.
    """

    theta: np.ndarray
    log_likelihood: float
    hessian: np.ndarray
    converged: bool


def fit(
    log_likelihood: Callable[[np.ndarray, Data], Value], data: Data, starts: Iterable[np.ndarray]
) -> Maximum:
    """The highest maximum reached from several starts. On much data they run on a part of it, and the best
    goes on with all.

    >>> class Counts(list):
    ...     def thinned(self, step):
    ...         return Counts(self[::step])
    >>> def poisson(theta, data):
    ...     rate, n, found = np.exp(theta[0]), len(data), sum(data)
    ...     return found * theta[0] - n * rate, np.array([found - n * rate]), np.array([[-n * rate]])
    >>> np.exp(fit(poisson, Counts([2, 3, 7]), [np.zeros(1)]).theta).round(6)
    array([4.])
    """
    part = data.thinned(-(-len(data) // FIRST_LOOK))
    best = max(
        (climb(lambda theta: log_likelihood(theta, part), start) for start in starts),
        key=lambda m: m.log_likelihood,
    )
    return climb(lambda theta: log_likelihood(theta, data), best.theta)


def total(weights: np.ndarray, values: np.ndarray) -> float:
    """Sum of weights * values, both (n,). A dot product would lose more digits and give the cores' BLAS
    threads to wait for.

    >>> total(np.array([1.0, 2.0]), np.array([10.0, 5.0]))
    20.0
    """
    return float((weights * values).sum())


def climb(function: Callable[[np.ndarray], Value], theta: np.ndarray) -> Maximum:
    """From `theta` (k,) to a maximum of `function`, which returns value, gradient and Hessian.

    Newton's method on the absolute eigenvalues of the Hessian, so that every step goes uphill; a step is
    halved until it does. Where the likelihood only rises towards a limit (a parameter to 0 or to infinity),
    it stops once the rise that is left is next to nothing.

    >>> best = climb(lambda t: (-((t[0] - 3) ** 2), -2 * (t - 3), np.array([[-2.0]])), np.array([0.0]))
    >>> best.theta, best.converged
    (array([3.]), True)
    """
    value, gradient, hessian = function(theta)
    for _ in range(STEPS):
        size = max(1.0, abs(value))
        curvature, axes = np.linalg.eigh(hessian)
        step = axes @ (axes.T @ gradient / np.maximum(np.abs(curvature), ROUNDING * size))
        step *= LONGEST_STEP / max(float(np.linalg.norm(step)), LONGEST_STEP)
        share = 1.0
        while not (trial := function(theta + share * step))[0] >= value - ROUNDING * size:
            share /= 2
            if share < ENOUGH:
                return Maximum(theta, value, hessian, False)
        gain = trial[0] - value
        theta, (value, gradient, hessian) = theta + share * step, trial
        if gain <= ENOUGH * size:
            return Maximum(theta, value, hessian, share == 1)
    return Maximum(theta, value, hessian, False)


def covariance(hessian: np.ndarray) -> np.ndarray:
    """Inverse of the observed information (k, k), without the directions in which the likelihood is flat.

    Such a direction is a ridge along which the model's predictions do not change either (two parameters that
    grow together, say), so that it adds nothing to their uncertainty.

    >>> covariance(np.array([[-4.0, 0.0], [0.0, 0.0]]))  # nothing is known of the second
    array([[0.25, 0.  ],
           [0.  , 0.  ]])
    """
    information, axes = np.linalg.eigh(-hessian)
    known = information > FLAT**-2
    return (axes[:, known] / information[known]) @ axes[:, known].T


def log_variance(
    function: Callable[..., np.ndarray], parameters: tuple[float, ...], covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`function` at the parameters, and the variance of its logarithm if the log-parameters have the
    `covariance` (k, k).

    The variance is a mean over 2k points in place of draws from the normal law: the third-degree cubature
    points of Arasaratnam & Haykin (2009), "Cubature Kalman Filters", IEEE Trans. Automatic Control 54 (6),
    section IV.

    >>> middle, variance = log_variance(lambda a, b: np.array([a * b]), (2.0, 5.0), np.diag([0.04, 0.09]))
    >>> middle, variance.round(6)  # of a product the variances of the logarithms add up
    (array([10.]), array([0.13]))
    """
    with np.errstate(divide="ignore"):
        theta = np.log(parameters)  # -inf for a parameter that is 0 and without variance
    variance, axes = np.linalg.eigh(covariance)
    moves = (axes * np.sqrt(np.maximum(variance, 0) * len(theta))).T
    middle = function(*parameters)
    spread = np.zeros_like(middle)
    for move in (*moves, *-moves):
        spread += np.log(np.maximum(function(*np.exp(theta + move)), TINY) / np.maximum(middle, TINY)) ** 2
    return middle, spread / (2 * len(theta))
