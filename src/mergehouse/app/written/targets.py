"""Targets as rows, of files and for programs."""

from __future__ import annotations

from typing import Any

from mergehouse.app.figures.targets import Target


def target_row(each: Target) -> dict[str, Any]:
    """A target, what there is of it, and what that comes to."""
    return {
        "brand": each.name,
        "kpi": each.kpi.name,
        "unit": each.kpi.unit,
        "period": each.period,
        "period_days": each.days,
        "since": each.window.since if each.window else None,
        "until": each.window.until if each.window else None,
        "target": each.value,
        "value": each.actual,
        "reached": round(each.reached, 6) if each.reached is not None else None,
        "outcome": each.outcome,
        "cost": each.method,
        "why": each.absence.word if each.absence else None,
    }
