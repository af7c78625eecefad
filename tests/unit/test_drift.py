"""The population stability index, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mergehouse.science.evaluation.drift import psi


def test_the_same_customers_have_not_drifted() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    assert psi(values, values) == 0.0


def test_two_values_whose_shares_change() -> None:
    """Half and half becomes one fifth and four fifths: 0.3 ln 2.5 + 0.3 ln 1.6."""
    before, after = np.repeat([0.0, 1.0], 500), np.repeat([0.0, 1.0], [200, 800])
    assert psi(before, after) == pytest.approx(0.3 * math.log(2.5) + 0.3 * math.log(1.6))


def test_a_decile_that_empties() -> None:
    """The highest tenth is gone and the lowest has it; a share of nothing counts as one in ten thousand."""
    before = np.arange(1000.0)
    after = np.where(before >= 900, 0.0, before)
    expected = 0.1 * math.log(2) + (0.1 - 1e-4) * math.log(0.1 / 1e-4)
    assert psi(before, after) == pytest.approx(expected, rel=1e-3)


def test_a_constant_cannot_drift() -> None:
    assert psi(np.zeros(50), np.zeros(70)) == 0.0
