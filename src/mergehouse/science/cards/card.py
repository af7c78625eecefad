"""Model cards (Mitchell et al. 2019, "Model Cards for Model Reporting"): what a model is for, is made of, and
is worth.

A card is plain data; whoever trains fills it. Each becomes a page, a Markdown text and a JSON file in
`models/` of the lakehouse.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from functools import cached_property

from mergehouse.science.cards.names import METRIC_NAMES
from mergehouse.science.evaluation.calibration import Calibrated
from mergehouse.science.registry.champion import compare

ALL = "all"
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Source:
    """A table that was read: its Delta version, the brand's rows, and the days that they are about."""

    table: str
    version: int
    rows: int
    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True)
class Feature:
    name: str
    meaning: str


@dataclass(frozen=True)
class Judged:
    """One metric of one method at one cut-off and of one customer group, as in `gold.model_metrics`."""

    method: str
    group: str
    cutoff: dt.date
    customers: int
    metric: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Weight:
    """What an input weighs in a model, and the interval that goes with it."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Averaged:
    """A metric over the cut-offs: mean, lowest, highest, and that of the latest cut-off with its interval."""

    method: str
    group: str
    metric: str
    mean: float
    lowest: float
    highest: float
    latest: Judged
    cutoffs: int


@dataclass(frozen=True)
class Card:
    """A model of one brand. `target` is what it predicts, as in `gold.model_metrics`: `churn_90d`,
    `clv_365d`.

    `method` is the name under which it was judged; `rules` are the names of the simple rules to beat;
    `main_metric` decides which is better, the higher the better. `standing` says whether scores come from it,
    and why. `untrained` says why the brand has no model of its own: all about a model is then empty.
    Calibration, gains and lift are those of the cut-off `judged_at`; `best_gains` are those of a prediction
    that knows what came. `weights` are coefficients, `importance` losses by permutation, `contributions` what
    inputs add to predictions, as in `gold.model_explanations`.
    """

    brand: str
    target: str
    purpose: str
    population: str
    label: str
    as_of: dt.date
    trained: dt.datetime
    method: str = ""
    name: str = ""
    version: str = ""
    feature_version: str = ""
    code_version: str = ""
    standing: str = ""
    customers: int = 0
    rules: tuple[str, ...] = ()
    main_metric: str = "auc"
    parameters: dict[str, str] = dataclasses.field(default_factory=dict)
    data: tuple[Source, ...] = ()
    features: tuple[Feature, ...] = ()
    metrics: tuple[Judged, ...] = ()
    calibration: tuple[Calibrated, ...] = ()
    gains: Curve = ()
    best_gains: Curve = ()
    lift: Curve = ()
    judged_at: dt.date | None = None
    weights: tuple[Weight, ...] = ()
    importance: tuple[Weight, ...] = ()
    contributions: tuple[Weight, ...] = ()
    limits: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    untrained: str = ""

    @property
    def file(self) -> str:
        return f"{self.brand}-{self.target}"

    @property
    def is_value(self) -> bool:
        return self.target.startswith("clv")

    @cached_property
    def averages(self) -> list[Averaged]:
        """Every method, group and metric over its cut-offs, in the order in which they were judged."""
        found: dict[tuple[str, str, str], list[Judged]] = {}
        for judged in self.metrics:
            found.setdefault((judged.method, judged.group, judged.metric), []).append(judged)
        return [
            Averaged(
                *key,
                sum(v := [j.value for j in rows]) / len(v),
                min(v),
                max(v),
                max(rows, key=lambda j: j.cutoff),
                len(rows),
            )
            for key, rows in found.items()
        ]

    def shown(self, groups: bool) -> list[str]:
        """The metrics to show, of the whole or of the model's customer groups, in METRIC_NAMES' order."""
        found = {j.metric for j in self.metrics if (j.group != ALL and j.method == self.method) == groups}
        return [name for name in METRIC_NAMES if name in found and name != "observed_mean"]

    def average(self, method: str, metric: str, group: str = ALL) -> Averaged | None:
        return next(
            (a for a in self.averages if (a.method, a.group, a.metric) == (method, group, metric)), None
        )

    @property
    def headline(self) -> str:
        """Whether the model beats the simple rules, in one sentence, by what makes a champion: a better mean
        at one lucky cut-off is not enough.
        """
        if self.untrained:
            return self.untrained
        own = self.average(self.method, self.main_metric)
        rules = [a for rule in self.rules if (a := self.average(rule, self.main_metric))]
        if own is None:
            return "Not judged yet: no past cut-off has closed."
        name, share = (
            METRIC_NAMES.get(self.main_metric, self.main_metric),
            f"{own.mean:.3f} over {own.cutoffs} cut-offs",
        )
        if not rules:
            return f"{name} {share}; there was no rule to compare with."
        best = max(rules, key=lambda a: a.mean)
        both = compare(
            self.main_metric, self._by_cutoff(self.method), self._by_cutoff(best.method), best.method
        )
        verdict = "beats" if both and both.is_better else "does not beat"
        return f"{name} {share}: {verdict} the best simple rule, {best.method}, at {best.mean:.3f}."

    def _by_cutoff(self, method: str) -> dict[dt.date, float]:
        told = (j for j in self.metrics if (j.method, j.group, j.metric) == (method, ALL, self.main_metric))
        return {judged.cutoff: judged.value for judged in told}
