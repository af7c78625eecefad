"""Buy-till-you-die models against the process they describe, against numerical integration and the textbook's
formulas.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import beta, gammaln, hyp2f1

from mergehouse.errors import FitError
from mergehouse.science.btyd.bgnbd import BGNBD, _Histories, _log_likelihood
from mergehouse.science.btyd.gamma_gamma import GammaGamma, _Purchases
from mergehouse.science.btyd.gamma_gamma import _log_likelihood as gamma_gamma_log_likelihood
from mergehouse.science.btyd.lifetime_value import (
    Simulated,
    clv,
    fit_bgnbd,
    fit_gamma_gamma,
    simulate,
    simulate_values,
)
from mergehouse.science.btyd.maximum_likelihood import climb, log_variance

TRUE = (0.6, 8.0, 0.7, 2.5)  # r, alpha (weeks), a, b
WORTH = (6.0, 4.0, 15.0)  # p, q, gamma (euros)


def model(r: float, alpha: float, a: float, b: float) -> BGNBD:
    return BGNBD(r, alpha, a, b, 0.0, 0, np.zeros((4, 4)), True, True, "")


@pytest.fixture(scope="module")
def drawn() -> Simulated:
    """60,000 customers, seen for 5 to 100 weeks and 26 weeks after that."""
    return simulate(*TRUE, np.random.default_rng(1).uniform(5, 100, 60_000), seed=2, horizon=26)


@pytest.fixture(scope="module")
def fitted(drawn: Simulated) -> BGNBD:
    return fit_bgnbd(drawn.frequency, drawn.recency, drawn.age)


@pytest.fixture(scope="module")
def values(drawn: Simulated) -> np.ndarray:
    return simulate_values(*WORTH, drawn.frequency, seed=3)


@pytest.fixture(scope="module")
def fitted_values(drawn: Simulated, values: np.ndarray) -> GammaGamma:
    again = drawn.frequency > 0
    return fit_gamma_gamma(drawn.frequency[again], values[again])


def likelihood_by_integration(parameters: tuple[float, ...], x: int, t_x: float, T: float) -> float:
    """FHL 2005, equation 3 given lambda and p, integrated over both by hand: no formula of the code's own."""
    r, alpha, a, b = parameters

    def of_rate(p: float) -> float:
        def given(rate: float) -> float:
            weight = np.exp(r * np.log(alpha) + (r - 1) * np.log(rate) - alpha * rate - gammaln(r))
            stayed = (1 - p) ** x * rate**x * np.exp(-rate * T)
            left = p * (1 - p) ** (x - 1) * rate**x * np.exp(-rate * t_x) if x else 0.0
            return weight * (stayed + left)

        return (
            quad(given, 0, np.inf, epsabs=0, epsrel=1e-9)[0] * p ** (a - 1) * (1 - p) ** (b - 1) / beta(a, b)
        )

    return quad(of_rate, 0, 1, epsabs=0, epsrel=1e-8)[0]


def test_simulated_parameters_are_found_again(fitted: BGNBD) -> None:
    """Each log-parameter within 3 of the standard errors that the fit gives for it, and these are small."""
    errors = np.sqrt(np.diag(fitted.covariance))
    assert fitted.converged and fitted.dropout_identified and fitted.customers == 60_000
    assert (errors < 0.04).all()
    assert (np.abs(np.log(fitted.parameters) - np.log(TRUE)) < 3 * errors).all()


def test_standard_errors_are_the_scatter_of_repeated_fits() -> None:
    age = np.random.default_rng(5).uniform(5, 100, 3000)
    fits = []
    for seed in range(60):
        s = simulate(*TRUE, age, seed)
        fits.append(fit_bgnbd(s.frequency, s.recency, s.age))
    scatter = np.std([np.log(m.parameters) for m in fits], axis=0)
    claimed = np.mean([np.sqrt(np.diag(m.covariance)) for m in fits], axis=0)
    assert np.abs(scatter / claimed - 1).max() < 0.3  # 60 fits know a scatter to 9 %


@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0.0, 30.0), (1, 2.0, 30.0), (4, 25.0, 30.0)])
def test_likelihood_is_the_mixture_integrated(x: int, t_x: float, T: float) -> None:
    parameters = (1.3, 8.0, 1.2, 2.5)
    one = _Histories(np.array([float(x)]), np.array([t_x]), np.array([T]), np.array([1.0]))
    assert _log_likelihood(np.log(parameters), one)[0] == pytest.approx(
        np.log(likelihood_by_integration(parameters, x, t_x, T)), abs=1e-7
    )


@pytest.mark.parametrize("at", [TRUE, (5.0, 0.3, 1.0, 0.2), (0.05, 100.0, 1e-3, 30.0)])
def test_derivatives_of_bgnbd_are_its_differences(at: tuple[float, ...]) -> None:
    s = simulate(*TRUE, np.random.default_rng(7).uniform(5, 100, 300), seed=8)
    data = _Histories.of(s.frequency.astype(float), s.recency, s.age, np.linspace(0.5, 3, 300))
    check_derivatives(lambda theta: _log_likelihood(theta, data), np.log(at))


@pytest.mark.parametrize("at", [WORTH, (0.2, 0.7, 300.0), (50.0, 20.0, 0.5)])
def test_derivatives_of_gamma_gamma_are_its_differences(at: tuple[float, ...]) -> None:
    x = np.random.default_rng(9).integers(1, 9, 300).astype(float)
    data = _Purchases.of(x, simulate_values(*WORTH, x, seed=4), np.linspace(0.5, 3, 300))
    check_derivatives(lambda theta: gamma_gamma_log_likelihood(theta, data), np.log(at))


def check_derivatives(function, theta: np.ndarray) -> None:
    _, gradient, hessian = function(theta)
    for i, step in enumerate(1e-5 * np.eye(len(theta))):
        (up, up_slope, _), (down, down_slope, _) = function(theta + step), function(theta - step)
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-4)
        assert hessian[i] == pytest.approx((up_slope - down_slope) / 2e-5, rel=1e-6, abs=1e-4)


def test_scores_hold_among_simulated_customers(drawn: Simulated) -> None:
    """By groups of history: the share alive, the share that buys nothing and the mean purchases, within 4
    standard errors.
    """
    m, s = model(*TRUE), drawn
    alive, silent = (
        m.p_alive(s.frequency, s.recency, s.age),
        m.p_no_purchase(s.frequency, s.recency, s.age, 26),
    )
    expected = m.expected_purchases(s.frequency, s.recency, s.age, 26)
    groups = np.minimum(s.frequency, 5) * 4 + np.floor(3.99 * s.recency / s.age).astype(int)
    assert len(np.unique(groups)) == 21
    for group in np.unique(groups):
        here = groups == group
        for said, seen in ((alive, s.alive), (silent, s.later == 0), (expected, s.later)):
            error = (seen[here] - said[here]).std() / np.sqrt(here.sum()) + 1e-12
            assert abs(seen[here].mean() - said[here].mean()) < 4 * error
    assert (alive[s.frequency == 0] == 1).all()


def purchases_by_integration(m: BGNBD, x: int, t_x: float, T: float, horizon: float) -> float:
    """E[(1 - e^(-lambda p t)) / p] over p ~ Beta(a, b + x) times P(alive), with p = v^(1/c) so that a < 1 is
    no singularity.
    """
    z, c = horizon / (m.alpha + T), min(m.a, 1.0)

    def at(v: float) -> float:
        p = v ** (1 / c)
        bought = -np.expm1(-(m.r + x) * np.log1p(p * z)) / p if p else (m.r + x) * z
        return bought * p ** (m.a - c) * (1 - p) ** (m.b + x - 1) / c

    turns = [(k / (m.b + x)) ** c for k in (0.01, 0.1, 1, 5, 20) if k < m.b + x]
    integral = quad(at, 0, 1, points=turns, limit=500, epsabs=0, epsrel=1e-11)[0] / beta(m.a, m.b + x)
    return float(m.p_alive(x, t_x, T)) * integral


@pytest.mark.parametrize("a", [0.02, 0.7, 0.999999, 1.0, 1.000001, 3.0])
def test_expected_purchases_are_the_integral(a: float) -> None:
    for r, alpha, b in ((0.243, 4.414, 2.426), (5.0, 50.0, 1.1)):
        m = model(r, alpha, a, b)
        for x, t_x, T, horizon in (
            (0, 0, 0, 52),
            (0, 0, 39, 39),
            (2, 30.43, 38.86, 39),
            (30, 38, 39, 400),
            (500, 98, 100, 52),
        ):
            expected = float(m.expected_purchases(x, t_x, T, horizon))
            assert expected == pytest.approx(purchases_by_integration(m, x, t_x, T, horizon), rel=1e-8)


def test_expected_purchases_are_the_textbooks_away_from_a_of_1() -> None:
    """FHL 2005, equation 10, as printed; at x = 500 its hypergeometric function is no longer to be trusted,
    so x stays small.
    """
    for r, alpha, a, b in (TRUE, (0.243, 4.414, 0.793, 2.426), (2.0, 30.0, 1.8, 4.0)):
        for x, t_x, T, t in ((0, 0.0, 20.0, 52.0), (3, 15.0, 20.0, 10.0), (12, 38.0, 39.0, 39.0)):
            whole = (a + b + x - 1) / (a - 1)
            series = hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
            odds = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x else 0.0
            printed = whole * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * series) / (1 + odds)
            assert float(model(r, alpha, a, b).expected_purchases(x, t_x, T, t)) == pytest.approx(
                printed, rel=1e-9
            )


def test_nothing_happens_at_a_of_1() -> None:
    at = [float(model(0.6, 8.0, a, 2.5).expected_purchases(3, 20, 30, 26)) for a in (1 - 1e-9, 1.0, 1 + 1e-9)]
    assert at[1] == pytest.approx((at[0] + at[2]) / 2, rel=1e-12) and at[0] > at[1] > at[2]


def test_no_purchase_follows_from_the_rate_of_who_is_alive() -> None:
    """Over horizon 0 nobody buys; over an endless one all who are alive do; a customer with x = 0: (alpha +
    T)^r / (alpha + T + h)^r.
    """
    m = model(*TRUE)
    assert m.p_no_purchase([0, 3], [0, 20], [30, 30], 0.0).tolist() == [1, 1]
    assert m.p_no_purchase(3, 20, 30, 1e30) == pytest.approx(1 - m.p_alive(3, 20, 30))
    assert m.p_no_purchase(0, 0, 30, 10) == pytest.approx((38 / 48) ** 0.6)


def test_p_alive_by_hand() -> None:
    """x = 1, T = 2 t_x, r = 1, alpha = 10, t_x = 10, a = 1, b = 2: 1 / (1 + 1/2 (30/20)^2) = 8/17."""
    assert model(1, 10, 1, 2).p_alive(1, 10, 20) == pytest.approx(8 / 17, rel=1e-14)
    assert model(1, 10, 1, 2).p_alive(800, 1, 1000) == 0  # the odds are beyond what a float can hold


def test_hundreds_of_purchases() -> None:
    s = simulate(8.0, 2.0, 0.02, 1.5, np.random.default_rng(3).uniform(20, 100, 2000), seed=6, horizon=26)
    assert s.frequency.max() > 500
    m = fit_bgnbd(s.frequency, s.recency, s.age)
    assert m.converged
    assert np.log(m.parameters) == pytest.approx(np.log([8.0, 2.0, 0.02, 1.5]), abs=0.5)
    assert m.expected_purchases(s.frequency, s.recency, s.age, 26).sum() == pytest.approx(
        s.later.sum(), rel=0.02
    )


def test_the_unit_of_time_only_scales_alpha(drawn: Simulated, fitted: BGNBD) -> None:
    days = fit_bgnbd(drawn.frequency, 7 * drawn.recency, 7 * drawn.age)
    r, alpha, a, b = fitted.parameters
    assert days.parameters == pytest.approx((r, 7 * alpha, a, b), rel=1e-9)
    assert days.covariance == pytest.approx(fitted.covariance, rel=1e-6, abs=1e-9)
    assert days.log_likelihood == pytest.approx(
        fitted.log_likelihood - np.log(7) * drawn.frequency.sum(), rel=1e-12
    )


def test_a_weight_is_a_repetition() -> None:
    s = simulate(*TRUE, np.random.default_rng(4).uniform(5, 100, 2000), seed=5)
    weights = np.random.default_rng(6).integers(1, 5, 2000)
    repeated = np.repeat(np.column_stack([s.frequency, s.recency, s.age]), weights, axis=0).T
    weighted, plain = fit_bgnbd(s.frequency, s.recency, s.age, weights), fit_bgnbd(*repeated)
    assert weighted.customers == plain.customers == weights.sum()
    assert weighted.parameters == pytest.approx(plain.parameters, rel=1e-9)
    assert weighted.parameters != pytest.approx(fit_bgnbd(s.frequency, s.recency, s.age).parameters, rel=1e-3)
    x, z = s.frequency[s.frequency > 0], simulate_values(*WORTH, s.frequency, seed=1)[s.frequency > 0]
    weights = weights[s.frequency > 0]
    weighted, plain = (
        fit_gamma_gamma(x, z, weights),
        fit_gamma_gamma(np.repeat(x, weights), np.repeat(z, weights)),
    )
    assert weighted.parameters == pytest.approx(plain.parameters, rel=1e-9)
    assert (
        weighted.correlation
        == pytest.approx(plain.correlation)
        == pytest.approx(np.corrcoef(np.repeat([x, z], weights, axis=1))[0, 1])
    )


def test_drop_out_that_nobody_could_see_is_reported() -> None:
    """Six weeks in which nobody leaves: the model says so, everyone counts as alive, and the rest is the NBD
    model's.
    """
    s = simulate(0.6, 8.0, 0.0, 1.0, np.random.default_rng(11).uniform(1, 6, 3000), seed=12, horizon=6)
    m = fit_bgnbd(s.frequency, s.recency, s.age)
    assert not m.dropout_identified and m.converged
    assert "everyone counts as alive" in m.reason
    assert (m.p_alive(s.frequency, s.recency, s.age) == 1).all()
    assert (m.a, m.covariance[2:].any(), m.covariance[:, 2:].any()) == (0, False, False)
    nbd = (m.r + s.frequency) * 6 / (m.alpha + s.age)
    assert m.expected_purchases(s.frequency, s.recency, s.age, 6) == pytest.approx(nbd, rel=1e-12)
    assert m.p_no_purchase(2, 3.0, 5.0, 6.0) == pytest.approx(((m.alpha + 5) / (m.alpha + 11)) ** (m.r + 2))
    errors = np.sqrt(np.diag(m.covariance))[:2]
    assert (np.abs(np.log([m.r, m.alpha]) - np.log([0.6, 8.0])) < 3 * errors).all() and (errors < 0.2).all()


def test_drop_out_is_seldom_found_where_there_is_none_and_always_in_a_year_of_it() -> None:
    def found(a: float, seed: int) -> bool:
        s = simulate(0.6, 8.0, a, 2.5, np.random.default_rng(seed).uniform(1, 52, 1000), seed)
        return fit_bgnbd(s.frequency, s.recency, s.age).dropout_identified

    assert sum(found(0.0, seed) for seed in range(40)) <= 3
    assert all(found(0.7, seed) for seed in range(10))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "parameters", [(0.6, 8.0, 2e4, 8e4), (5e5, 5e6, 0.6, 2.0), (0.6, 8.0, 1e-3, 1e-3), (1.0, 5.0, 50.0, 0.5)]
)
def test_fits_that_run_to_a_limit_end_there(parameters: tuple[float, ...], fitted_values: GammaGamma) -> None:
    """One p for all, one rate for all, p only 0 or 1, p always 1: parameters grow without end, predictions
    and intervals hold.
    """
    s = simulate(*parameters, np.random.default_rng(0).uniform(10, 100, 3000), seed=5, horizon=20)
    m = fit_bgnbd(s.frequency, s.recency, s.age)
    assert m.converged and m.dropout_identified and np.isfinite(m.covariance).all()
    assert m.expected_purchases(s.frequency, s.recency, s.age, 20).sum() == pytest.approx(
        s.later.sum(), rel=0.1
    )
    assert m.p_alive(s.frequency, s.recency, s.age).sum() == pytest.approx(s.alive.sum(), rel=0.01)
    v = clv(m, fitted_values, s.frequency, s.recency, s.age, 30.0, 20)
    assert (v.high < 5 * v.value).all()


@pytest.mark.filterwarnings("error")
def test_a_climb_from_where_the_curvature_is_nothing_does_not_overflow() -> None:
    """-(e^t - 5)^2 from its turning point t = log 2.5, where Newton's step would be endless, to its maximum
    at log 5.
    """

    def function(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        u = np.exp(theta)
        return float(-((u[0] - 5) ** 2)), -2 * u * (u - 5), np.array([-2 * u * (2 * u - 5)])

    top = climb(function, np.log([2.5]))
    assert top.converged and top.theta[0] == pytest.approx(np.log(5), abs=1e-9)
    assert top.hessian[0, 0] == pytest.approx(-50)


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        (([], [], []), "no customers"),
        (([3], [2], [5]), "1 customers with one and the same history"),
        (([2, 2, 2], [4, 4, 4], [5, 5, 5]), r"3 customers with one and the same history \(x 2, t_x 4, T 5\)"),
        (([0, 0, 0], [0, 0, 0], [5, 6, 7]), "3 customers of whom none has bought again.*longer period"),
        (([0, 2], [0, 7], [5, 6]), "Customer 1, .* has 7; needed is a recency between 0 and the age"),
        (([0, 1.5], [0, 3], [5, 6]), "has 1.5; needed is a whole number"),
        (([0, -1], [0, 3], [5, 6]), "has -1; needed is a whole number"),
        (([0, 1], [0, 0], [5, 6]), "has 0; needed is a recency of 0 where there is no repeat purchase"),
        (([0, 1], [2, 3], [5, 6]), "Customer 0, .* has 2; needed is a recency of 0 where"),
        (([0, 1], [0, 3], [5, np.nan]), "has nan; needed is an age"),
        (([0, 1], [0, 3], [5, 6, 7]), "One entry a customer"),
        (([0, 1], [0, 3], [5, 6], [1, 0]), "has 0; needed is a weight above 0"),
    ],
)
def test_histories_that_cannot_be_fitted(histories: tuple, message: str) -> None:
    with pytest.raises(FitError, match=message):
        fit_bgnbd(*histories)


def test_predictions_refuse_what_cannot_be() -> None:
    m = model(*TRUE)
    for ask in (m.p_alive, lambda *h: m.p_no_purchase(*h, 26), lambda *h: m.expected_purchases(*h, 26)):
        with pytest.raises(FitError, match="a recency between 0 and the age"):
            ask([2], [7], [6])
    with pytest.raises(FitError, match="take a shorter one"):
        m.expected_purchases(0, 0, 0, 1e9)


def test_gamma_gamma_is_found_again(fitted_values: GammaGamma) -> None:
    errors = np.sqrt(np.diag(fitted_values.covariance))
    assert fitted_values.converged and fitted_values.mean_is_finite and (errors < 0.06).all()
    assert (np.abs(np.log(fitted_values.parameters) - np.log(WORTH)) < 3 * errors).all()
    assert abs(fitted_values.correlation) < 0.02  # drawn without one


def test_gamma_gamma_likelihood_is_the_mixture_integrated() -> None:
    (p, q, gamma), x, z = WORTH, 3, 20.0

    def at(nu: float) -> float:
        of_nu = q * np.log(gamma) + (q - 1) * np.log(nu) - gamma * nu - gammaln(q)
        of_mean = p * x * np.log(nu * x) + (p * x - 1) * np.log(z) - nu * x * z - gammaln(p * x)
        return np.exp(of_nu + of_mean)

    one = _Purchases(np.array([3.0]), np.array([20.0]), np.array([1.0]))
    assert gamma_gamma_log_likelihood(np.log(WORTH), one)[0] == pytest.approx(
        np.log(quad(at, 0, 10, points=[0.3])[0]), abs=1e-8
    )


def test_expected_value_holds_among_simulated_customers() -> None:
    """Two halves of a customer's purchases: the second is worth what the first lets expect. Without any: p
    gamma / (q - 1) = 30.
    """
    rng = np.random.default_rng(13)
    p, q, gamma = WORTH
    nu = rng.gamma(q, 1 / gamma, 200_000)
    x = rng.integers(1, 6, len(nu))
    first, second = rng.gamma(p * x) / (nu * x), rng.gamma(p, size=len(nu)) / nu
    g = GammaGamma(*WORTH, 0.0, 0, np.zeros((3, 3)), True, 0.0, True, "")
    expected = g.expected_value(x, first)
    for here in [
        (x == k) & (first > low) & (first <= high)
        for k in range(1, 6)
        for low, high in ((0, 20), (20, 40), (40, 1e9))
    ]:
        assert abs((second - expected)[here].mean()) < 4 * (second - expected)[here].std() / np.sqrt(
            here.sum()
        )
    assert g.expected_value([0, 0], [np.nan, 5.0]) == pytest.approx(30)


def test_a_mean_that_does_not_exist_is_reported() -> None:
    x = np.random.default_rng(1).integers(1, 6, 2000)
    g = fit_gamma_gamma(x, simulate_values(2.0, 0.6, 10.0, x, seed=2))
    assert not g.mean_is_finite and "not above 1" in g.reason and g.q == pytest.approx(0.6, abs=0.06)
    assert np.isnan(g.expected_value([0, 3], [0.0, 5.0])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("purchases", "message"),
    [
        (([], []), "no customers"),
        (([1, 2, 3], [9.5, 9.5, 9.5]), "3 customers whose purchases are all worth 9.5"),
        (([1, 0], [5.0, 6.0]), "Customer 1, .* has 0; needed is a number of purchases of 1 or more"),
        (([1, 2], [5.0, 0.0]), "has 0; needed is a mean value above 0"),
        (([1, 2], [np.inf, 3.0]), "Customer 0, .* has inf; needed is a mean value"),
    ],
)
def test_purchases_that_cannot_be_fitted(purchases: tuple, message: str) -> None:
    with pytest.raises(FitError, match=message):
        fit_gamma_gamma(*purchases)


@pytest.mark.long("hundreds of fits")
def test_lifetime_value_is_purchases_times_value_within_what_random_draws_leave_open() -> None:
    """300 customers to fit, so that the parameters are poorly known; 1,000 draws of them, and their 2.5 and
    97.5 % points.
    """
    s = simulate(*TRUE, np.random.default_rng(14).uniform(20, 100, 300), seed=15)
    z = simulate_values(*WORTH, s.frequency, seed=16)
    m, g = fit_bgnbd(s.frequency, s.recency, s.age), fit_gamma_gamma(s.frequency[z > 0], z[z > 0])
    asked = [0, 1, 4, 4, 10], [0, 5, 8, 70, 60], [30, 60, 75, 75, 61]
    got = clv(m, g, *asked, [np.nan, 20, 50, 50, 10], 52, margin=0.4)
    product = m.expected_purchases(*asked, 52) * g.expected_value(asked[0], [np.nan, 20, 50, 50, 10]) * 0.4
    assert got.value == pytest.approx(product, rel=1e-12)
    rng, draws = np.random.default_rng(17), []
    for of_m, of_g in zip(
        np.exp(rng.multivariate_normal(np.log(m.parameters), m.covariance, 1000)),
        np.exp(rng.multivariate_normal(np.log(g.parameters), g.covariance, 1000)),
        strict=True,
    ):
        drawn_m = replace(m, **dict(zip(("r", "alpha", "a", "b"), of_m, strict=True)))
        drawn_g = replace(g, p=of_g[0], q=of_g[1], gamma=of_g[2])
        draws.append(
            0.4
            * drawn_m.expected_purchases(*asked, 52)
            * drawn_g.expected_value(asked[0], [np.nan, 20, 50, 50, 10])
        )
    low, high = np.nanquantile(draws, [0.025, 0.975], axis=0)
    assert np.log(got.high / got.low) == pytest.approx(np.log(high / low), rel=0.2)
    assert got.low == pytest.approx(low, rel=0.15) and got.high == pytest.approx(high, rel=0.15)


@pytest.mark.long("hundreds of fits")
def test_intervals_hold_the_truth_nineteen_times_in_twenty() -> None:
    """100 companies of 1,000 customers: the interval of the same customer's value, against the value at the
    true parameters.
    """
    asked = [3], [40], [50]
    true_g = GammaGamma(*WORTH, 0.0, 0, np.zeros((3, 3)), True, 0.0, True, "")
    truth = model(*TRUE).expected_purchases(*asked, 52) * true_g.expected_value(3, 25.0)
    held = 0
    for seed in range(100):
        s = simulate(*TRUE, np.random.default_rng(seed).uniform(20, 100, 1000), seed)
        z = simulate_values(*WORTH, s.frequency, seed + 1000)
        v = clv(
            fit_bgnbd(s.frequency, s.recency, s.age),
            fit_gamma_gamma(s.frequency[z > 0], z[z > 0]),
            *asked,
            25.0,
            52,
        )
        held += bool(v.low[0] <= truth[0] <= v.high[0])
    assert 88 <= held <= 100


def test_log_variance_is_exact_for_powers() -> None:
    """log (u^2 / v) is linear in the log-parameters: its variance is 4 var u + var v - 4 cov."""
    value, variance = log_variance(
        lambda u, v: np.array([u**2 / v]), (3.0, 2.0), np.array([[0.04, 0.01], [0.01, 0.09]])
    )
    assert value[0] == 4.5
    assert variance[0] == pytest.approx(4 * 0.04 + 0.09 - 4 * 0.01)


def test_lifetime_value_of_the_unidentified(fitted_values: GammaGamma) -> None:
    s = simulate(0.6, 8.0, 0.0, 1.0, np.random.default_rng(11).uniform(1, 6, 3000), seed=12)
    m = fit_bgnbd(s.frequency, s.recency, s.age)
    v = clv(m, fitted_values, s.frequency, s.recency, s.age, 30.0, 52)
    assert (
        not m.dropout_identified
        and (v.low < v.value).all()
        and (v.value < v.high).all()
        and (v.high < 2 * v.low).all()
    )


def test_the_simulator_follows_the_process_purchase_by_purchase() -> None:
    """The same customers, purchase after purchase with a coin after each: as many purchases, as recent, as
    often alive.
    """
    rng = np.random.default_rng(20)
    x, t_x, alive = np.zeros(20_000), np.zeros(20_000), np.ones(20_000, dtype=bool)
    rate, p = rng.gamma(0.6, 1 / 8, 20_000), rng.beta(0.7, 2.5, 20_000)
    clock = np.zeros(20_000)
    while (buying := alive & (clock < 50)).any():
        clock[buying] += rng.exponential(size=buying.sum()) / rate[buying]
        bought = buying & (clock < 50)
        x[bought] += 1
        t_x[bought] = clock[bought]
        alive[bought] = rng.random(bought.sum()) > p[bought]
    s = simulate(*TRUE, np.full(20_000, 50.0), seed=21)
    again = (x > 0, s.frequency > 0)
    for by_hand, drawn in (
        (x, s.frequency),
        (t_x[again[0]], s.recency[again[1]]),
        (alive, s.alive),
        (x == 1, s.frequency == 1),
    ):
        error = np.hypot(by_hand.std() / len(by_hand) ** 0.5, drawn.std() / len(drawn) ** 0.5)
        assert abs(by_hand.mean() - drawn.mean()) < 4 * error
