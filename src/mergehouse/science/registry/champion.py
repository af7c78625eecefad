"""Whether a new version becomes champion: only where the backtest says that it is better. Decisions are kept
in `gold.model_promotions`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import republishing
from mergehouse.lakehouse.writing import append_rows
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.validation import nearest
from mergehouse.science.cards.names import METRIC_NAMES
from mergehouse.science.customer_scores import PROMOTIONS
from mergehouse.science.registry.versions import Version, load, promote, versions

LOWER_IS_BETTER = {"brier", "log_loss", "ece", "mae", "rmse"}
TIE = 1e-6  # metrics of versions are kept to six digits


@dataclass(frozen=True)
class Comparison:
    """One metric of two methods at the same cut-offs. `value` and `other` are means over them; at `better_at`
    of them the first is better, at `worse_at` the second.
    """

    metric: str
    compared_with: str
    cutoffs: int
    better_at: int
    worse_at: int
    value: float
    other: float

    @property
    def is_better(self) -> bool:
        """True where the mean is better and so are more cut-offs than are worse: not one lucky month. A tie
        is not better.
        """
        gain = self.other - self.value if self.metric in LOWER_IS_BETTER else self.value - self.other
        return gain > TIE and self.better_at > self.worse_at

    @property
    def is_no_worse(self) -> bool:
        """True unless the mean is worse and so are more cut-offs than are better: not one unlucky month."""
        gain = self.other - self.value if self.metric in LOWER_IS_BETTER else self.value - self.other
        return gain >= -TIE or self.better_at >= self.worse_at

    def __str__(self) -> str:
        verb = "beats" if self.is_better else "does not beat"
        metric = METRIC_NAMES.get(self.metric, self.metric)
        return (
            f"{verb} {self.compared_with}: {metric} {self.value:.4f} against {self.other:.4f}, "
            f"better at {self.better_at} and worse at {self.worse_at} of {self.cutoffs} cut-offs"
        )


def compare(
    metric: str, own: dict[dt.date, float], other: dict[dt.date, float], compared_with: str
) -> Comparison | None:
    """Two methods by `metric`, each given by cut-off, where both are known; None where that is nowhere."""
    if not (both := sorted(own.keys() & other.keys())):
        return None
    values, others = (np.array([of[day] for day in both]) for of in (own, other))
    gain = others - values if metric in LOWER_IS_BETTER else values - others
    better, worse = int((gain > TIE).sum()), int((gain < -TIE).sum())
    return Comparison(
        metric, compared_with, len(both), better, worse, float(values.mean()), float(others.mean())
    )


def verdict(comparisons: list[Comparison]) -> tuple[bool, str]:
    """True where the first says better and none of the others worse, and why in words.

    >>> auc = Comparison("auc", "the rule", 4, 3, 1, value=0.8, other=0.7)
    >>> brier = Comparison("brier", "the rule", 4, 1, 3, value=0.24, other=0.2)
    >>> verdict([auc])[0], verdict([auc, brier])
    (True, (False, 'beats the rule: ROC AUC 0.8000 against 0.7000, better at 3 and worse at 1 of 4 cut-offs;
    but its Brier score is worse than that of the rule, 0.2400 against 0.2000'))
    """
    first, *others = comparisons
    worse = [
        f"its {METRIC_NAMES.get(c.metric, c.metric)} is worse than that of {c.compared_with},"
        f" {c.value:.4f} against {c.other:.4f}"
        for c in others
        if not c.is_no_worse
    ]
    if first.is_better and worse:
        return False, f"{first}; but {', and '.join(worse)}"
    return first.is_better, str(first)


def promote_by_hand(
    project: Project, name: str, number: int, why: str, progress: Progress = silent
) -> Version:
    """Makes a version the champion because a person says so, and returns it as it was before.

    Raises RegistryError where there is no such version, or where it cannot be used: it is loaded first.
    """
    lakehouse = Lakehouse(project.lakehouse_location)
    with exclusive(lakehouse, "models promote", wait=True, progress=progress), republishing(lakehouse):
        known = versions(project)
        chosen = next((v for v in known if (v.name, v.version) == (name, number)), None)
        if chosen is None:
            of_name = [str(v.version) for v in known if v.name == name]
            best = nearest(name, {v.name for v in known})
            hint = (
                f"it has {', '.join(reversed(of_name))}"
                if of_name
                else f"did you mean `{best}`?"
                if best
                else "`mergehouse models` lists them"
            )
            raise RegistryError(f"there is no version {number} of a model `{name}`; {hint}.")
        load(project, chosen)
        promote(project, chosen, f"by a person: {why}")
        record(lakehouse, chosen, True, why, decided_by="person")
    return chosen


def record(
    lakehouse: Lakehouse,
    version: Version,
    is_promoted: bool,
    why: str,
    comparison: Comparison | None = None,
    decided_by: str = "backtest",
) -> None:
    """Appends a decision. The caller holds the lakehouse's lock."""
    c = comparison
    evidence = [c.compared_with, c.cutoffs, c.better_at, c.worse_at, c.value, c.other] if c else [None] * 6
    now = dt.datetime.now(dt.UTC)
    of_version = [now, version.brand, version.target, version.name, version.version, version.method]
    append_rows(
        lakehouse,
        contract_of(PROMOTIONS),
        [[*of_version, is_promoted, decided_by, version.metric, *evidence, why]],
    )
