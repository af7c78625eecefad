"""Fields that two tables of one brand both carry: counted by key, and shown with the documented
resolution.
"""

from __future__ import annotations

from mergehouse.engine import Engine
from mergehouse.engine.literal import literal
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.sources import FieldReconciliation
from mergehouse.quality.checks import SAMPLE_ROWS, CheckResult

DIFFERENCES = "silver.field_differences"
READS = frozenset({DIFFERENCES})


def reconcile_fields(engine: Engine, brand: Brand, rules: list[FieldReconciliation]) -> list[CheckResult]:
    """One result per field of `rules`; `failures` counts keys whose two values disagree. Reads
    silver.field_differences.
    """
    of_brand = f"FROM {DIFFERENCES} WHERE source_system = '{brand.name}'"
    counts = engine.rows(f"SELECT field, COUNT(DISTINCT key_value) AS failures {of_brand} GROUP BY field")
    found = {row["field"]: row["failures"] for row in counts}
    results = []
    for rule in rules:
        failures = found.get(rule.field, 0)
        shown = f"SELECT key_value AS `{rule.key}`, used, other {of_brand} AND field = {literal(rule.field)}"
        sample = (
            engine.rows(f"{shown} ORDER BY key_value, used, other LIMIT {SAMPLE_ROWS}") if failures else []
        )
        table, why = _about(brand, rule), f"{rule.use} is used. {rule.why}"
        results.append(CheckResult(table, f"{rule.use} = {rule.against}", "warn", failures, why, sample))
    return results


def reconciled(project: Project) -> set[str]:
    """What findings on declared fields are about.

    >>> reconciled(mh.project("shop"))
    set()
    """
    return {_about(brand, rule) for brand in project.brands.values() for rule in brand.reconcile}


def _about(brand: Brand, rule: FieldReconciliation) -> str:
    return f"{brand.name}.{rule.field}"
