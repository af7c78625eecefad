"""Newer euro rates, fetched by a run that misses some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mergehouse.errors import ConfigError
from mergehouse.progress import Progress
from mergehouse.project.config import Project
from mergehouse.project.ecb_rates import edition, update
from mergehouse.quality.checks import CheckResult

if TYPE_CHECKING:
    from mergehouse.pipeline.results import RunResult


def fetch_missing(
    project: Project, missing: Sequence[CheckResult], result: RunResult, progress: Progress
) -> bool:
    """True where order lines lack rates that the European Central Bank may have published since, as
    `missing_rates` found, and newer ones are there now. Where they cannot be had, that is a finding of the
    run.
    """
    may_be_there = any(row["can_be_fetched"] for check in missing for row in check.sample)
    if not project.config.rates.fetch or not may_be_there:
        return False
    progress("newer euro rates", "rates")
    before = edition(project).last_day
    try:
        return update(project).last_day > before
    except ConfigError as error:
        result.checks.append(CheckResult("rates", "newer_rates_can_be_had", "warn", 1, str(error)))
        return False
