"""Whether a new version becomes champion: only where the backtest says that it is better. Decisions are kept in `gold.model_promotions`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from mergehouse.contract import load_contract
from mergehouse.graph import MODELS
from mergehouse.lakehouse import Lakehouse
from mergehouse.science.registry import Version

PROMOTIONS = "gold.model_promotions"
COLUMNS = {
    "decided_ts": "TIMESTAMPTZ", "source_system": "VARCHAR", "target": "VARCHAR", "model_name": "VARCHAR", "model_version": "BIGINT",
    "method": "VARCHAR", "is_promoted": "BOOLEAN", "decided_by": "VARCHAR", "metric": "VARCHAR", "compared_with": "VARCHAR",
    "cutoffs": "BIGINT", "better_at": "BIGINT", "value": "DECIMAL(18,6)", "other_value": "DECIMAL(18,6)", "why": "VARCHAR",
}  # fmt: skip
LOWER_IS_BETTER = {"brier", "log_loss", "ece", "mae", "rmse"}


@dataclass(frozen=True)
class Comparison:
    """One metric of two methods at the same cut-offs. `value` and `other` are means over them; `better_at` of them the first is better."""

    metric: str
    compared_with: str
    cutoffs: int
    better_at: int
    value: float
    other: float

    @property
    def is_better(self) -> bool:
        """True where the mean is better, and so are more than half of the cut-offs: not one lucky month. A tie is not better."""
        better = self.value < self.other if self.metric in LOWER_IS_BETTER else self.value > self.other
        return better and 2 * self.better_at > self.cutoffs

    def __str__(self) -> str:
        word = "beats" if self.is_better else "does not beat"
        return f"{word} {self.compared_with}: {self.metric} {self.value:.4f} against {self.other:.4f}, better at {self.better_at} of {self.cutoffs} cut-offs"


def compare(metric: str, own: dict[dt.date, float], other: dict[dt.date, float], compared_with: str) -> Comparison | None:
    """Two methods by `metric`, each given by cut-off, where both are known; None where that is nowhere."""
    if not (both := sorted(own.keys() & other.keys())):
        return None
    values, others = (np.array([of[day] for day in both]) for of in (own, other))
    gain = others - values if metric in LOWER_IS_BETTER else values - others
    return Comparison(metric, compared_with, len(both), int((gain > 0).sum()), float(values.mean()), float(others.mean()))


def record(
    lakehouse: Lakehouse, version: Version, is_promoted: bool, why: str, comparison: Comparison | None = None, decided_by: str = "backtest"
) -> None:
    """Appends a decision. The caller holds the lakehouse's lock."""
    evidence: list[object] = [None] * 5
    if comparison:
        evidence = [comparison.compared_with, comparison.cutoffs, comparison.better_at, comparison.value, comparison.other]
    now = dt.datetime.now(dt.UTC)
    of_version = [now, version.brand, version.target, version.name, version.version, version.method]
    lakehouse.create(load_contract(MODELS / "gold" / "model_promotions.yml"))
    lakehouse.append_rows(PROMOTIONS, COLUMNS, [[*of_version, is_promoted, decided_by, version.metric, *evidence, why]])
