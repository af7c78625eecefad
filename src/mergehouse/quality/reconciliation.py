"""Fields that two tables of one source both carry: compared, counted, and shown with the documented resolution."""

from __future__ import annotations

from collections import defaultdict

from mergehouse.engine import Engine
from mergehouse.project import Brand, FieldReconciliation
from mergehouse.quality.checks import SAMPLE_ROWS, CheckResult


def reconcile_fields(engine: Engine, brand: Brand, rules: list[FieldReconciliation]) -> list[CheckResult]:
    """One result per field of `rules`; `failures` counts keys whose two values disagree.

    Rules over the same two tables are counted in one pass.
    """
    together: dict[tuple[str, ...], list[FieldReconciliation]] = defaultdict(list)
    for rule in rules:
        tables = sorted(side.split(".")[0] for side in (rule.use, rule.against))
        together[(*tables, rule.key, *rule.sum_over)].append(rule)
    results = {rule.field: result for group in together.values() for rule, result in _compare(engine, brand, group)}
    return [results[rule.field] for rule in rules]


def _compare(engine: Engine, brand: Brand, rules: list[FieldReconciliation]) -> list[tuple[FieldReconciliation, CheckResult]]:
    key = f"`{rules[0].key}`"
    tables = sorted(side.split(".")[0] for side in (rules[0].use, rules[0].against))
    sides = " JOIN ".join(f"({_side(brand, table, rules)}) AS {table}" for table in tables)
    values = ", ".join(f"{_column(r.use)} AS used_{n}, {_column(r.against)} AS other_{n}" for n, r in enumerate(rules))
    differ = " OR ".join(f"{_column(rule.use)} IS DISTINCT FROM {_column(rule.against)}" for rule in rules)
    differing = f"differing.{brand.name}_{'_'.join(tables)}"
    engine.keep(
        differing,
        f"SELECT {tables[0]}.{key}, {values} FROM {sides} ON {tables[0]}.{key} = {tables[1]}.{key} WHERE {differ}",
    )
    tests = [f"used_{n} IS DISTINCT FROM other_{n}" for n in range(len(rules))]
    counts = ", ".join(f"COUNT(DISTINCT CASE WHEN {test} THEN {key} END) AS rule_{n}" for n, test in enumerate(tests))
    found = engine.rows(f"SELECT {counts} FROM {differing}")[0]
    results = []
    for n, (rule, test) in enumerate(zip(rules, tests, strict=True)):
        failures = found[f"rule_{n}"]
        both = f"{key}, used_{n} AS used, other_{n} AS other"
        sample = engine.rows(f"SELECT DISTINCT {both} FROM {differing} WHERE {test} ORDER BY 1 LIMIT {SAMPLE_ROWS}") if failures else []
        name, why = f"{rule.use} = {rule.against}", f"{rule.use} is used. {rule.why}"
        results.append((rule, CheckResult(f"{brand.name}.{rule.field}", name, "warn", failures, why, sample)))
    return results


def _side(brand: Brand, table: str, rules: list[FieldReconciliation]) -> str:
    """One table's compared columns by key: the different values there are, or their sum over rows that count once."""
    names = [side.split(".")[1] for rule in rules for side in (rule.use, rule.against) if side.split(".")[0] == table]
    key, source = rules[0].key, f"typed.{brand.name}_{table}"
    summed = rules[0].sum_over if rules[0].use.split(".")[0] == table else []
    columns = ", ".join(f"`{c}`" for c in dict.fromkeys([key, *summed, *names]))
    rows = f"SELECT DISTINCT {columns} FROM {source}"
    if not summed:
        return rows
    sums = ", ".join(f"SUM(`{c}`) AS `{c}`" for c in names)
    return f"SELECT `{key}`, {sums} FROM ({rows}) AS once GROUP BY `{key}`"


def _column(side: str) -> str:
    table, column = side.split(".")
    return f"{table}.`{column}`"
