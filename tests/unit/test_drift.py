"""The population stability index, against numbers worked out by hand."""

from __future__ import annotations

import datetime as dt
import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from mergehouse.science.evaluation import drift
from mergehouse.science.evaluation.drift import psi
from mergehouse.science.features.dataset import Dataset


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


def test_few_customers_differ_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty and forty of one population have a PSI of 0.45 and more (9 / 40 + 9 / 40), which is no drift;
    where all are of one tenth by now it is one.
    """
    monkeypatch.setattr(drift, "INPUTS", {})
    monkeypatch.setattr(drift, "matrix", lambda rows: rows.select("recency_days").to_numpy())
    model = SimpleNamespace(horizon=90, log_odds=lambda inputs: inputs[:, 0])
    then, now = dt.date(2026, 1, 1), dt.date(2026, 4, 1)
    draw = np.random.default_rng(1)

    def verdict(days: np.ndarray) -> tuple[float, str]:
        recencies = [*draw.uniform(0, 89, 40), *days]
        rows = pl.DataFrame({"cutoff_date": [then] * 40 + [now] * 40, "recency_days": recencies})
        _, found, said = drift.drift(Dataset("shop", now, rows), model, now).row(0)  # type: ignore[arg-type]
        return found, said

    of_chance = [verdict(draw.uniform(0, 89, 40)) for _ in range(20)]
    assert 0.3 < np.mean([found for found, _ in of_chance]) < 0.9  # an empty tenth counts for more
    assert sum(said != "stable" for _, said in of_chance) <= 1
    assert verdict(np.full(40, 1.0))[1] == "drifted"
