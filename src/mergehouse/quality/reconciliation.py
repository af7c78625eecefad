"""Fields that two tables of one source both carry: compared, counted, and shown with the documented resolution."""

from __future__ import annotations

from mergehouse.engine import Engine
from mergehouse.project import Brand, FieldReconciliation
from mergehouse.quality.checks import SAMPLE_ROWS, CheckResult


def reconcile_fields(engine: Engine, brand: Brand) -> list[CheckResult]:
    """One result per declared field; `failures` counts keys whose two values disagree."""
    return [_compare(engine, brand, rule) for rule in brand.reconcile]


def _compare(engine: Engine, brand: Brand, rule: FieldReconciliation) -> CheckResult:
    table, column = rule.use.split(".")
    other_table, other_column = rule.against.split(".")
    key = f"`{rule.key}`"
    left = f"SELECT DISTINCT {key}, `{column}` AS used FROM typed.{brand.name}_{table}"
    if rule.sum_over:  # rows delivered twice count once
        rows = ", ".join(f"`{c}`" for c in dict.fromkeys([rule.key, *rule.sum_over, column]))
        left = f"SELECT {key}, SUM(`{column}`) AS used FROM (SELECT DISTINCT {rows} FROM typed.{brand.name}_{table}) AS once GROUP BY {key}"
    differing = (
        f"SELECT l.{key}, l.used, r.`{other_column}` AS other FROM ({left}) AS l "
        f"JOIN typed.{brand.name}_{other_table} AS r ON r.{key} = l.{key} "
        f"WHERE l.used IS DISTINCT FROM r.`{other_column}`"
    )
    failures = engine.rows(f"SELECT COUNT(DISTINCT {key}) AS failures FROM ({differing}) AS d")[0]["failures"]
    sample = engine.rows(f"{differing} ORDER BY {key} LIMIT {SAMPLE_ROWS}") if failures else []
    return CheckResult(
        f"{brand.name}.{rule.field}",
        f"{rule.use} = {rule.against}",
        "warn",
        failures,
        f"{rule.use} is used. {rule.why}",
        sample,
    )
