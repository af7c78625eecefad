"""KPIs held against the bounds that the catalogue gives them."""

from __future__ import annotations

from mergehouse.contracts.contract import Severity
from mergehouse.kpi.catalogue import catalogue
from mergehouse.kpi.formula import Values
from mergehouse.quality.checks import CheckResult

# Beyond their bounds by what a brand does: it takes back more than it sells, sells below cost, sells ships.
UNUSUAL = ("aov", "margin_rate", "return_rate")


def check_bounds(values: Values) -> list[CheckResult]:
    """Every KPI with bounds, as `compute` returns them, held against them in every scope."""
    results = []
    for kpi in catalogue():
        if kpi.min is None and kpi.max is None:
            continue
        outside = [
            {"scope": scope, kpi.name: str(value)}
            for scope, named in values.items()
            if (value := named[kpi.name]) is not None
            and ((kpi.min is not None and value < kpi.min) or (kpi.max is not None and value > kpi.max))
        ]
        low, high = (bound if bound is not None else "any" for bound in (kpi.min, kpi.max))
        is_unusual = kpi.name in UNUSUAL
        why = f"{kpi.label} is {'mostly' if is_unusual else 'always'} from {low} to {high} {kpi.unit}."
        severity: Severity = "warn" if is_unusual else "error"
        results.append(CheckResult("kpi", f"{kpi.name}_in_bounds", severity, len(outside), why, outside))
    return results
