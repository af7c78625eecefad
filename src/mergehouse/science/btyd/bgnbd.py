"""BG/NBD: how often customers buy, and whether they still do.

A customer's history is three numbers, the times in one unit (days, weeks) of the caller's choice: `frequency`
x, purchases after the first; `recency` t_x, time from the first purchase to the last, 0 where x = 0; `age` T,
time from the first purchase to the as-of date. Purchases of one day count as one.

FHL 2005 is Fader, Hardie & Lee, "Counting Your Customers" the Easy Way, Marketing Science 24 (2), 275-284.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal
from scipy.special import expit

from mergehouse.errors import FitError
from mergehouse.science.btyd.inputs import customers_of, distinct, histories
from mergehouse.science.btyd.maximum_likelihood import Value, covariance, fit, total

# log-likelihood that drop-out must bring for its two parameters: half the 95 % point of chi-square, 2 d.f.
EVIDENCE = 3.0
MOST_POINTS = (
    2000  # of a quadrature: horizons of 50,000 times alpha, or 500,000 purchases expected of one customer
)


def fit_bgnbd(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None
) -> BGNBD:
    """BG/NBD by maximum likelihood (FHL 2005, equation 6).

    Takes one entry a customer, shape (n,), and as `weights` the number of customers it stands for (default
    1). The unit of time only scales `alpha`. Drop-out counts as identified where it brings EVIDENCE over the
    NBD model, which is fitted beside it. Raises FitError where a history is impossible, where nobody came
    back or where all histories are the same.

    >>> model = fit_bgnbd(frequency=[0, 1, 2], recency=[0, 5, 9], age=[10, 10, 10], weights=[60, 25, 15])
    >>> model.customers, model.dropout_identified
    (100, False)
    >>> fit_bgnbd([0, 0], [0, 0], [10, 20])
    Traceback (most recent call last):
    mergehouse.errors.FitError: BG/NBD cannot be fitted to 2 customers of whom none has bought again. ...
    """
    x, t_x, T = histories(frequency, recency, age)
    data = _Histories.of(x, t_x, T, customers_of(weights, x.shape))
    # starts in the data's own unit of time, so that none is better than another
    rate = total(data.w, data.x) / total(data.w, data.T)
    nbd = fit(_nbd_log_likelihood, data, [np.log([r, r / rate]) for r in (0.3, 3.0)])
    full = fit(
        _log_likelihood,
        data,
        [np.array([*nbd.theta, *np.log(ab)]) for ab in ((0.1, 1.0), (0.5, 3.0), (2.0, 2.0))],
    )
    gain = full.log_likelihood - nbd.log_likelihood
    identified = gain > EVIDENCE
    if identified:
        best, matrix = full, covariance(full.hessian)
        reason = f"drop-out raises the log-likelihood by {gain:.1f} over customers who never leave"
    else:
        best, matrix = replace(nbd, theta=np.array([*nbd.theta, -np.inf, 0.0])), np.zeros((4, 4))
        matrix[:2, :2] = covariance(nbd.hessian)
        reason = (
            f"drop-out raises the log-likelihood by only {max(gain, 0.0):.2f} over customers who never leave,"
            f" {EVIDENCE:g} is needed: these histories do not tell a customer who left from one who has not"
            " come back yet, so that everyone counts as alive; a longer period may tell"
        )
    r, alpha, a, b = np.exp(best.theta).tolist()
    customers = round(data.w.sum())
    return BGNBD(
        r,
        alpha,
        a,
        b,
        best.log_likelihood,
        customers,
        matrix,
        best.converged and full.converged,
        bool(identified),
        reason,
    )


@dataclass(frozen=True, eq=False)
class BGNBD:
    """A fitted BG/NBD model (FHL 2005, section 3).

    A customer buys at rate lambda ~ Gamma(`r`, `alpha`), `alpha` in the unit of time, and after each repeat
    purchase leaves for good with probability p ~ Beta(`a`, `b`). `covariance` (4, 4) is that of the
    logarithms of r, alpha, a, b. Where `dropout_identified` is False the data do not tell drop-out from
    chance: the model is its NBD limit (`a` = 0, `b` = 1 without meaning, both without variance), in which
    everyone stays alive. `reason` says so in words.

    The fit to the CDNOW customers in FHL 2005, table 2 (in weeks):

    >>> model = BGNBD(0.243, 4.414, 0.793, 2.426, -9582.4, 2357, np.zeros((4, 4)), True, True, "")
    >>> model.parameters
    (0.243, 4.414, 0.793, 2.426)
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    covariance: np.ndarray
    converged: bool
    dropout_identified: bool
    reason: str

    @property
    def parameters(self) -> tuple[float, float, float, float]:
        """r, alpha, a and b.

        >>> BGNBD(1.0, 9.0, 0.0, 1.0, 0.0, 10, np.zeros((4, 4)), True, False, "").parameters
        (1.0, 9.0, 0.0, 1.0)
        """
        return self.r, self.alpha, self.a, self.b

    def p_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> np.ndarray:
        """P(has not left by T | x, t_x, T), in [0, 1]; 1 where x = 0, as only a repeat purchase can be the
        last.

        Fader & Hardie (2008), "Computing P(alive) Using the BG/NBD Model". Raises FitError on an impossible
        history.

        >>> model = BGNBD(1.0, 9.0, 1.0, 1.0, 0.0, 10, np.zeros((4, 4)), True, True, "")
        >>> model.p_alive(frequency=[0, 1, 1], recency=[0, 9, 1], age=[9, 9, 11])  # odds that left: 0, 1, 4
        array([1. , 0.5, 0.2])
        """
        return expit(-_log_odds_left(*self.parameters, *histories(frequency, recency, age)))

    def p_no_purchase(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: float
    ) -> np.ndarray:
        """P(no purchase in (T, T + horizon] | x, t_x, T), in [0, 1]: the churn score.

        Has left, or is alive and does not buy. Of a customer alive at T the rate is Gamma(r + x, alpha + T)
        (FHL 2005, appendix); its Laplace transform at the horizon is the chance of no purchase. Raises
        FitError on an impossible history.

        >>> model = BGNBD(1.0, 9.0, 1.0, 1.0, 0.0, 10, np.zeros((4, 4)), True, True, "")
        >>> model.p_no_purchase([0, 1], [0, 9], [9, 9], horizon=18)  # 1/2, and 1/2 + 1/2 * 1/4
        array([0.5  , 0.625])
        """
        x, t_x, T = histories(frequency, recency, age)
        return 1 + self.p_alive(x, t_x, T) * np.expm1(-(self.r + x) * np.log1p(horizon / (self.alpha + T)))

    def expected_purchases(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: float
    ) -> np.ndarray:
        """E[purchases in (T, T + horizon] | x, t_x, T] (FHL 2005, equation 10).

        The paper writes it with the Gauss hypergeometric function, over a - 1. Here the integral that this
        function stands for is computed: nothing happens at a = 1, at hundreds of purchases or as a -> 0.
        Raises FitError on an impossible history, and on a horizon beyond 50,000 times alpha + T.

        >>> model = BGNBD(0.243, 4.414, 0.793, 2.426, -9582.4, 2357, np.zeros((4, 4)), True, True, "")
        >>> model.expected_purchases([2], [30.43], [38.86], horizon=39).round(3)  # FHL 2005 have 1.226
        array([1.226])
        """
        x, t_x, T = histories(frequency, recency, age)
        shape = x.shape
        (x, t_x, T), of = distinct(x.ravel(), t_x.ravel(), T.ravel())
        return expected_purchases(*self.parameters, x, t_x, T, horizon)[of].reshape(shape)


def expected_purchases(
    r: float, alpha: float, a: float, b: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, horizon: float
) -> np.ndarray:
    """As the method, at parameters of one's own and for histories of shape (n,) in the order of x.

    Of a customer alive at T, p is Beta(a, b + x), lambda is Gamma(r + x, alpha + T), and (1 - e^(-lambda p
    t)) / p purchases are expected of known lambda and p (FHL 2005, appendix). The mean over lambda is closed,
    that over p a Gauss-Jacobi sum.

    >>> once = np.array([0.0]), np.array([0.0]), np.array([9.0])
    >>> expected_purchases(1.0, 9.0, 0.0, 1.0, *once, horizon=36)  # nobody leaves: r / (alpha + T) * 36
    array([2.])
    """
    alive = expit(-_log_odds_left(r, alpha, a, b, x, t_x, T))
    z = horizon / (alpha + T)
    expected = np.zeros(len(x))
    starts = np.flatnonzero(np.diff(x, prepend=-1))
    for begin, end in zip(starts, [*starts[1:], len(x)], strict=True):
        same = slice(begin, end)
        shape = r + x[begin]
        for p, weight in zip(*_beta_quadrature(a, b + x[begin], _points(z[same].max(), shape)), strict=True):
            expected[same] -= weight / p * np.expm1(-shape * np.log1p(p * z[same]))
    return alive * expected


def _points(z: float, shape: float) -> int:
    """Enough points for twelve digits: the integrand has a pole of order `shape` at -1 / z, and falls off
    over 1 / (shape z).
    """
    points = int(16 + 8 * np.sqrt(z) + 2 * np.sqrt(shape * z))
    if points > MOST_POINTS:
        raise FitError(
            f"The horizon is {z:,.0f} times what is known of a customer (alpha + T), too far to expect"
            " anything: take a shorter one."
        )
    return points


def _beta_quadrature(a: float, b: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points in (0, 1] and weights (sum 1) of the Gauss rule for the mean over Beta(a, b), a >= 0, b > 0.

    Golub & Welsch (1969) on the recurrence of the Jacobi polynomials on [0, 1], whose coefficients are
    written as sums and products of positive terms: exact down to a = 0, where all weight is on p = 0.
    """
    n = np.arange(points)
    up = np.append(
        a / (a + b), (n[1:] + a) * (n[1:] + a + b - 1) / ((2 * n[1:] + a + b - 1) * (2 * n[1:] + a + b))
    )
    down = np.append(0.0, n[1:] * (n[1:] - 1 + b) / ((2 * n[1:] + a + b - 2) * (2 * n[1:] + a + b - 1)))
    p, vectors = eigh_tridiagonal(up + down, np.sqrt(up[:-1] * down[1:]))
    return np.maximum(p, np.finfo(float).tiny), vectors[0] ** 2


@dataclass(frozen=True, eq=False)
class _Histories:
    """Distinct histories in the order of x, t_x, T, and how many customers `w` have each."""

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    w: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, customers: np.ndarray) -> _Histories:
        once, which = distinct(x, t_x, T)
        data = cls(once[0], once[1], once[2], np.bincount(which, customers))
        found = ""
        if not len(data):
            found = "no customers"
        elif not data.x.any():
            found = f"{len(x):,} customers of whom none has bought again"
        elif len(data) == 1:
            found = (
                f"{len(x):,} customers with one and the same history (x {x[0]:.0f}, t_x {t_x[0]:g}, T"
                f" {T[0]:g})"
            )
        if found:
            raise FitError(
                f"BG/NBD cannot be fitted to {found}. Needed are customers who differ, some of them with"
                " repeat purchases: take a longer period, or more customers."
            )
        return data

    def __len__(self) -> int:
        return len(self.x)

    def thinned(self, step: int) -> _Histories:
        return _Histories(self.x[::step], self.t_x[::step], self.T[::step], self.w[::step])

    @cached_property
    def repeaters(self) -> slice:
        """Histories with x > 0: they come last."""
        return slice(int(np.searchsorted(self.x, 1)), None)

    @cached_property
    def beyond(self) -> np.ndarray:
        """Customers with more than k repeat purchases, for k = 0 ... max x - 1."""
        return np.cumsum(np.bincount(self.x.astype(int), self.w)[:0:-1])[::-1]


def _nbd_log_likelihood(theta: np.ndarray, data: _Histories) -> Value:
    """The limit a = 0 of BG/NBD; theta = log (r, alpha)."""
    value, gradient, hessian = _log_likelihood(np.array([*theta, -np.inf, 0.0]), data)
    return value, gradient[:2], hessian[:2, :2]


def _log_likelihood(theta: np.ndarray, data: _Histories) -> Value:
    """FHL 2005, equation 6, over all customers; first and second derivatives in theta = log (r, alpha, a, b).

    Of a customer log [ (r)_x alpha^r / (alpha + T)^(r + x) * (b)_x / (a + b)_x * (1 + odds of having left) ],
    where (r)_x is r (r + 1) ... (r + x - 1). The products become sums over k < x, in which no two large
    log-gammas or digammas are subtracted; as they depend on x only, each k is computed once for all customers
    who reach it.
    """
    r, alpha, a, b = np.exp(theta)
    x, T, w, n = data.x, data.T, data.w, data.beyond
    k = np.arange(len(n))
    c, mixed = a + b + k, a * b / ((b + k) * (a + b + k))
    log_s, u = -np.log1p(T / alpha), T / (alpha + T)  # s = alpha / (alpha + T) and 1 - s
    wx = w * (r + x)
    hessian = np.zeros((4, 4))

    value = n @ (np.log(r + k) - np.log1p(a / (b + k))) + total(wx, log_s) - theta[1] * total(w, x)
    gradient = np.array(
        [r * (n @ (1 / (r + k)) + total(w, log_s)), total(wx, u) - total(w, x), -n @ (a / c), n @ mixed]
    )
    hessian[0, 0] = r * (n @ (k / (r + k) ** 2) + total(w, log_s))
    hessian[0, 1] = hessian[1, 0] = r * total(w, u)
    hessian[1, 1] = -total(wx, u * (1 - u))
    hessian[2, 2] = -n @ (a * (b + k) / c**2)
    hessian[2, 3] = hessian[3, 2] = n @ (a * b / c**2)
    hessian[3, 3] = n @ (mixed * (k / (b + k) - b / c))

    again = data.repeaters
    x, t_x, T, w, u = x[again], data.t_x[again], T[again], w[again], u[again]
    log_odds = _log_odds_left(r, alpha, a, b, x, t_x, T)
    left = w * expit(log_odds)
    idle = (T - t_x) / (alpha + t_x)
    fade = (1 - u) * idle  # = alpha / (alpha + t_x) - alpha / (alpha + T)
    slope = np.stack([r * np.log1p(idle), -(r + x) * fade, np.ones(len(x)), -b / (b + (x - 1))])
    value += total(w, np.logaddexp(0, log_odds))
    gradient += (slope * left).sum(axis=1)
    hessian += np.einsum("in,jn->ij", slope * (left * expit(-log_odds)), slope)
    hessian[0, 0] += total(slope[0], left)
    hessian[0, 1] -= r * total(fade, left)
    hessian[1, 0] = hessian[0, 1]
    hessian[1, 1] += total(slope[1] * (2 * u - 1 - fade), left)
    hessian[3, 3] += total(slope[3] * (x - 1) / (b + (x - 1)), left)
    return float(value), gradient, hessian


def _log_odds_left(
    r: float, alpha: float, a: float, b: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """Log-odds of having left by T, after the last purchase: a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r
    + x); x = 0: never.
    """
    with np.errstate(divide="ignore"):
        odds = np.log(a) - np.log(b + np.maximum(x - 1, 0)) + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
    return np.where(x > 0, odds, -np.inf)
