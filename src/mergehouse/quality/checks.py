"""A contract's promises, checked on the staged rows of its table before they are published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mergehouse.contract import ColumnContract, Contract, Severity
from mergehouse.engine import Engine
from mergehouse.lakehouse import StagedFile

SAMPLE_ROWS = 5


@dataclass(frozen=True)
class CheckResult:
    """One check on one table. `failures` counts rows (or keys) that break it; `sample` shows some."""

    table: str
    check: str
    severity: Severity
    failures: int
    why: str
    sample: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.failures == 0

    @property
    def stops_publication(self) -> bool:
        return not self.passed and self.severity == "error"


@dataclass(frozen=True)
class Recheck:
    """What of an updated table is checked again: the rows in the relation `inserted`, if any, and references to `changed` tables.

    Checks that are SQL of their own always see the whole table.
    """

    inserted: str | None
    changed: frozenset[str]


def check_table(
    engine: Engine, contract: Contract, files: Sequence[StagedFile] = (), recheck: Recheck | None = None
) -> tuple[int, list[CheckResult]]:
    """Row count and results of every check of a table that is attached to the engine.

    Of staged `files` the statistics that their writer kept say which columns hold no NULL: these are not read again.
    """
    relation = recheck.inserted if recheck else contract.table
    results = _check_conditions(engine, contract, relation, _without_nulls(files)) if relation else []
    unique = _repeated_keys(contract, relation if recheck else None)
    failing = [unique] if recheck and relation else []
    failing += [*_orphans(contract, relation, recheck), *(_Failing(c.name, c.severity, c.why, c.sql) for c in contract.checks if c.sql)]
    rows, *counts = _counts(engine, [f"SELECT * FROM {contract.table}", *(f.sql for f in failing)])
    if recheck is None:
        failing.insert(0, unique)
        counts.insert(0, 0 if rows == engine.distinct_keys(contract) else _counts(engine, [unique.sql])[0])
    return rows, results + [_result(engine, contract, f, count) for f, count in zip(failing, counts, strict=True)]


@dataclass(frozen=True)
class _Failing:
    """A check and SQL of the rows, or keys, that break it."""

    check: str
    severity: Severity
    why: str
    sql: str


def _counts(engine: Engine, queries: list[str]) -> list[int]:
    """Numbers of rows of several queries, counted by one."""
    counted = (f"SELECT {number} AS number, COUNT(*) AS found FROM ({sql}) AS q{number}" for number, sql in enumerate(queries))
    found = {row["number"]: row["found"] for row in engine.rows(" UNION ALL ".join(counted))}
    return [found[number] for number in range(len(queries))]


def _result(engine: Engine, contract: Contract, failing: _Failing, failures: int) -> CheckResult:
    sample = engine.rows(f"SELECT * FROM ({failing.sql}) AS failing LIMIT {SAMPLE_ROWS}") if failures else []
    return CheckResult(contract.table, failing.check, failing.severity, failures, failing.why, sample)


def _check_conditions(engine: Engine, contract: Contract, relation: str, without_nulls: set[str]) -> list[CheckResult]:
    """Every condition on single rows, counted in one pass."""
    found = _row_conditions(contract)
    results = [CheckResult(contract.table, name, severity, 0, why) for name, severity, why, test in found if test in without_nulls]
    conditions = [c for c in found if c[3] not in without_nulls]
    if not conditions:
        return results
    counts = ", ".join(
        f"COALESCE(COUNT_IF(NOT COALESCE({condition}, TRUE)), 0) AS check_{i}" for i, (_, _, _, condition) in enumerate(conditions)
    )
    totals = engine.rows(f"SELECT {counts} FROM {relation}")[0]
    failing = (
        _Failing(name, severity, why, f"SELECT * FROM {relation} WHERE NOT COALESCE({test}, TRUE)")
        for name, severity, why, test in conditions
    )
    return results + [_result(engine, contract, f, totals[f"check_{i}"]) for i, f in enumerate(failing)]


def _without_nulls(files: Sequence[StagedFile]) -> set[str]:
    """The `IS NOT NULL` conditions that file statistics prove."""
    counts = [file.stats.get("nullCount", {}) for file in files]
    columns = set.intersection(*(set(c) for c in counts)) if counts else set()
    return {f"{name} IS NOT NULL" for name in columns if not any(c[name] for c in counts)}


def _row_conditions(contract: Contract) -> list[tuple[str, Severity, str, str]]:
    """(name, severity, why, condition that every row meets) for nulls, allowed values, ranges and `expect`."""
    found: list[tuple[str, Severity, str, str]] = []
    for name, column in contract.columns.items():
        if not column.nullable:
            found.append(
                (
                    f"{name}_not_null",
                    column.severity,
                    f"{column.meaning}; it must not be empty.",
                    f"{name} IS NOT NULL",
                )
            )
        if column.values:
            allowed = ", ".join(f"'{v}'" for v in column.values)
            why = f"{column.meaning}; expected one of {', '.join(column.values)}."
            found.append((f"{name}_allowed", column.severity, why, f"{name} IN ({allowed})"))
        if column.min is not None or column.max is not None:
            found.append((f"{name}_in_range", column.severity, _range_words(column), _range_condition(name, column)))
    found += [(c.name, c.severity, c.why, c.expect) for c in contract.checks if c.expect]
    return found


def _range_words(column: ColumnContract) -> str:
    low = f"at least {column.min:g}" if column.min is not None else ""
    high = f"at most {column.max:g}" if column.max is not None else ""
    return f"{column.meaning}; expected {' and '.join(filter(None, [low, high]))}."


def _range_condition(name: str, column: ColumnContract) -> str:
    bounds = [f"{name} >= {column.min:.10g}" if column.min is not None else ""]
    bounds.append(f"{name} <= {column.max:.10g}" if column.max is not None else "")
    return " AND ".join(filter(None, bounds))


def _repeated_keys(contract: Contract, inserted: str | None) -> _Failing:
    """Keys that occur more than once, among those of `inserted` rows only where given."""
    keys = ", ".join(f"t.{name}" for name in contract.key)
    same = " AND ".join(f"t.{name} = n.{name}" for name in contract.key)
    among = f" LEFT SEMI JOIN {inserted} AS n ON {same}" if inserted else ""
    sql = f"SELECT {keys}, COUNT(*) AS rows FROM {contract.table} AS t{among} GROUP BY {keys} HAVING COUNT(*) > 1"
    return _Failing("key_unique", "error", f"One row is {contract.grain}; ({', '.join(contract.key)}) must tell rows apart.", sql)


def _orphans(contract: Contract, relation: str | None, recheck: Recheck | None) -> Iterator[_Failing]:
    """Values without a row in the table that they refer to: of all rows, of new ones where that table has not changed."""
    for name, column in contract.columns.items():
        if not column.references:
            continue
        table, key = column.references.rsplit(".", 1)
        if source := contract.table if recheck is None or table in recheck.changed else relation:
            absent = f"LEFT ANTI JOIN {table} AS r ON r.{key} = t.{name} WHERE t.{name} IS NOT NULL"
            sql = f"SELECT DISTINCT t.{name} FROM {source} AS t {absent}"
            yield _Failing(f"{name}_found", column.severity, f"Every {name} must be found in {table}.", sql)
