"""What came of a training: the methods judged, what was decided about each model, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mergehouse.quality.checks import CheckResult
from mergehouse.science.evaluation.backtest import Tested
from mergehouse.science.evaluation.metrics_table import METRICS
from mergehouse.science.registry.versions import Version
from mergehouse.science.registry.versions import as_json as version_as_json


@dataclass(frozen=True)
class Decision:
    """What became of a training: its version, and `why` it is champion or is not. `is_new` is False where it
    was there already.

    `champion` is the number of the version that scores come from now; None where there is none.
    """

    version: Version
    is_new: bool
    champion: int | None
    why: str

    @property
    def is_champion(self) -> bool:
        return self.champion == self.version.version

    def __str__(self) -> str:
        return f"{self.version}, {'champion' if self.is_champion else 'challenger'}: {self.why}"


@dataclass
class Training:
    """`tested` are all methods at all cut-offs; `untrained` maps a brand to why it has no model of its own,
    or no new one; `seconds` are what each brand took.

    `pages` are model cards and pages on survival, the index first.
    """

    tested: list[Tested] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    untrained: dict[str, str] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def leaks(self) -> list[Tested]:
        return [t for t in self.tested if t.leaks]

    @property
    def findings(self) -> list[CheckResult]:
        """A finding for each leak: the model is not kept, and what it learned from is to be looked at."""
        return [
            CheckResult(
                METRICS,
                f"{leak.brand}: {leak.method} knows no future",
                "warn",
                1,
                f"An AUC of {leak.metrics['auc']:.3f} is too good to be true where rules reach"
                f" {leak.best_rule:.3f}; no model was kept. Look at what changed in gold.customer_features.",
                [{"cutoff_date": leak.cutoff}],
            )
            for leak in {(t.brand, t.method): t for t in self.leaks}.values()
        ]

    @property
    def unfitted(self) -> list[str]:
        """Methods that could not be fitted, with their cut-offs and the reason at the first; those with one
        reason together.
        """
        found: dict[tuple[str, str, str], list[Tested]] = {}
        for t in self.tested:
            if t.why:
                found.setdefault((t.brand, t.target, t.method), []).append(t)
        alike: dict[tuple[str, str, str], list[str]] = {}
        for (brand, target, method), missed in found.items():
            said = f"left out at {len(missed)} cut-offs, first {missed[0].cutoff}: {missed[0].why}"
            alike.setdefault((brand, target, said), []).append(method)
        return [
            f"{brand}: {target}: {', '.join(methods)} {said}"
            for (brand, target, said), methods in alike.items()
        ]

    @property
    def notes(self) -> list[str]:
        """What was trained, how long it took, what came of it or why nothing did: a sentence each."""
        took = {brand: f"{seconds:.0f} s" for brand, seconds in self.seconds.items()}
        return [
            *(f"{d.version.brand}: trained in {took[d.version.brand]}: {d}" for d in self.decisions),
            *self.untrained.values(),
            *self.unfitted,
        ]


def as_json(result: Training) -> dict[str, Any]:
    """A training as values for `--json`."""
    decided = [
        {
            "is_new": d.is_new,
            "is_champion": d.is_champion,
            "champion": d.champion,
            "why": d.why,
            "version": version_as_json(d.version),
        }
        for d in result.decisions
    ]
    return {
        "tested": result.tested,
        "decisions": decided,
        "untrained": result.untrained,
        "pages": result.pages,
    }
