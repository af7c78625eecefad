"""What a run's time was spent on."""

from __future__ import annotations

import time
from collections import Counter

from mergehouse.contracts.contract import Contract


class Stages:
    """Seconds by stage, in the order in which these began. They add up to the time since the first.

    >>> stages = Stages()
    >>> stages.spent("loading")
    >>> stages.spent("silver", "gold")
    >>> list(stages.seconds), stages.seconds["silver"] == stages.seconds["gold"]
    (['loading', 'silver', 'gold'], True)
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._last = time.perf_counter()

    def spent(self, *stages: str) -> None:
        """The time since the last call was spent on these, side by side: each gets an equal part."""
        now = time.perf_counter()
        for stage in stages:
            self.seconds[stage] += (now - self._last) / len(stages)  # type: ignore[assignment]
        self._last = now


def stage_of(contract: Contract) -> str:
    """The stage that a table is built in: its layer, or the part of mergehouse that it is for.

    >>> from mergehouse.contracts.registry import contract_of
    >>> stage_of(contract_of("gold.dim_brand")), stage_of(contract_of("gold.customer_scores_gold"))
    ('gold', 'science')
    """
    return contract.part or contract.table.split(".")[0]
