"""A contract's promises, checked on the staged rows of its table before they are published."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mergehouse.contracts.contract import ColumnContract, Contract, Severity
from mergehouse.engine import Engine
from mergehouse.lakehouse.files import StagedFile
from mergehouse.lakehouse.repeats import FEW

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


class Condition(NamedTuple):
    """A check on single rows: `holds` is true of every good one, or empty."""

    check: str
    severity: Severity
    why: str
    holds: str


class Query(NamedTuple):
    """A check that is SQL of the rows that break it."""

    check: str
    severity: Severity
    why: str
    failing: str


@dataclass(frozen=True)
class Recheck:
    """What of an updated table is checked again: the rows in the relation `inserted`, if any, and references
    to `changed` tables, which have not only got more rows. `among` holds all rows that there are with the
    keys of those inserted.

    Checks that are SQL of their own always see the whole table.
    """

    inserted: str | None
    among: str
    changed: frozenset[str]


def check_table(
    engine: Engine,
    contract: Contract,
    files: Sequence[StagedFile] = (),
    recheck: Recheck | None = None,
    delivered: str | None = None,
) -> tuple[int, list[CheckResult]]:
    """Row count and results of every check of a table that is attached to the engine.

    Of staged `files` the statistics that their writer kept say which columns hold no NULL and between which
    numbers they are: these are not read again. Of a table that keeps earlier partitions as they were told
    then, the rows in the relation `delivered` alone must refer to what there is: a customer may have another
    id by now, and a brand be gone.
    """
    relation = recheck.inserted if recheck else contract.table
    rows, results = _check_conditions(engine, contract, relation, _proven(contract, files))
    queries = []
    for name, column in contract.columns.items():
        table = str(column.references).rsplit(".", 1)[0] if column.references else None
        source = contract.table if recheck is None or table in recheck.changed else relation
        if contract.replaces == "partitions":
            source = delivered
        if table and source:
            queries.append(_reference(name, column, source))
    queries += [Query(c.name, c.severity, c.why, c.sql) for c in contract.checks if c.sql]
    if not recheck and rows > FEW:
        with ThreadPoolExecutor(1) as pool:  # side by side: to tell keys apart keeps one core busy
            key = pool.submit(_tell_apart, engine, contract, files, rows)
            queried = _check_queries(engine, contract, queries)
        return rows, [*results, key.result(), *queried]
    if not recheck:
        results.append(_tell_apart(engine, contract, files, rows))
    elif relation:
        inserted = f"{recheck.among} AS t LEFT SEMI JOIN {relation} AS n ON {_same(contract.key, 't', 'n')}"
        results.append(_key_check(engine, contract, _repeated_keys(contract, inserted)))
    return rows, results + _check_queries(engine, contract, queries)


def _check_conditions(
    engine: Engine, contract: Contract, relation: str | None, proven: set[str]
) -> tuple[int, list[CheckResult]]:
    """Number of rows of the table, and every condition on rows of a relation, if any; a warning is about all
    rows of the table, since it is published in any case and stands as long as its rows do.
    """
    held_by = {
        condition: contract.table if condition.severity == "warn" else relation
        for condition in _row_conditions(contract)
        if relation or condition.severity == "warn"
    }
    counted = [c for c, source in held_by.items() if c.holds not in proven or source != relation]
    wanted = {contract.table: ["COUNT(*) AS row_count"]}
    for i, c in enumerate(counted):
        count = f"COALESCE(COUNT_IF(NOT COALESCE({c.holds}, TRUE)), 0) AS check_{i}"
        wanted.setdefault(str(held_by[c]), []).append(count)
    totals: dict[str, int] = {}
    for source, counts in wanted.items():
        totals |= engine.rows(f"SELECT {', '.join(counts)} FROM {source}")[0]
    failures = {c: totals[f"check_{i}"] for i, c in enumerate(counted)}
    holding = [c for c in held_by if c not in failures]
    return totals["row_count"], [
        _result(engine, contract, str(held_by[c]), c, failures.get(c, 0)) for c in [*holding, *counted]
    ]


def _proven(contract: Contract, files: Sequence[StagedFile]) -> set[str]:
    """The conditions on single columns that file statistics prove: no NULL, and ranges."""
    counts = [file.stats.get("nullCount", {}) for file in files]
    columns = set.intersection(*(set(c) for c in counts)) if counts else set()
    proven = {f"{name} IS NOT NULL" for name in columns if not any(c[name] for c in counts)}
    for name, column in contract.columns.items():
        low, high = _ends(contract, name, files)
        if low is None:
            continue
        if (column.min is None or low >= column.min) and (column.max is None or high <= column.max):
            proven.add(_range_condition(name, column))
    return proven


def _ends(contract: Contract, name: str, files: Sequence[StagedFile]) -> tuple[Any, Any]:
    """The least and the greatest of an exact number, as files say; (None, None) where one does not."""
    if not contract.columns[name].type.startswith(("int", "bigint", "decimal")):
        return None, None
    lows, highs = (
        [file.stats.get(kind, {}).get(name) for file in files] for kind in ("minValues", "maxValues")
    )
    return (min(lows), max(highs)) if files and None not in [*lows, *highs] else (None, None)


def _tell_apart(engine: Engine, contract: Contract, files: Sequence[StagedFile], rows: int) -> CheckResult:
    """Whether the key does, in a table of so many rows."""
    is_proven = rows < 2 or rows == engine.distinct_keys(contract, _telling_apart(contract, files))
    repeated = "" if is_proven else _repeated_keys(contract, f"{contract.table} AS t")
    return _key_check(engine, contract, repeated)


def _telling_apart(contract: Contract, files: Sequence[StagedFile]) -> list[str]:
    """The columns of the key but numbers that are the same throughout: `line_part` is 1 nearly everywhere."""
    ends = {name: _ends(contract, name, files) for name in contract.key}
    return [c for c, (low, high) in ends.items() if low is None or low != high] or contract.key


def _row_conditions(contract: Contract) -> list[Condition]:
    """What the contract asks of single rows: no nulls, allowed values, ranges, and `expect`."""
    found: list[Condition] = []
    for name, column in contract.columns.items():
        if not column.nullable:
            why = f"{column.meaning}; it must not be empty."
            found.append(Condition(f"{name}_not_null", column.severity, why, f"{name} IS NOT NULL"))
        if column.values:
            allowed = ", ".join(f"'{v}'" for v in column.values)
            why = f"{column.meaning}; expected one of {', '.join(column.values)}."
            found.append(Condition(f"{name}_allowed", column.severity, why, f"{name} IN ({allowed})"))
        if column.min is not None or column.max is not None:
            holds = _range_condition(name, column)
            found.append(Condition(f"{name}_in_range", column.severity, _range_words(column), holds))
    return found + [Condition(c.name, c.severity, c.why, c.expect) for c in contract.checks if c.expect]


def _range_words(column: ColumnContract) -> str:
    low = f"at least {column.min:g}" if column.min is not None else ""
    high = f"at most {column.max:g}" if column.max is not None else ""
    return f"{column.meaning}; expected {' and '.join(filter(None, [low, high]))}."


def _range_condition(name: str, column: ColumnContract) -> str:
    bounds = [f"{name} >= {column.min:.10g}" if column.min is not None else ""]
    bounds.append(f"{name} <= {column.max:.10g}" if column.max is not None else "")
    return " AND ".join(filter(None, bounds))


def _repeated_keys(contract: Contract, rows: str) -> str:
    keys = ", ".join(f"t.{name}" for name in contract.key)
    return f"SELECT {keys}, COUNT(*) AS rows FROM {rows} GROUP BY {keys} HAVING COUNT(*) > 1"


def _same(columns: list[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in columns)


def _key_check(engine: Engine, contract: Contract, repeated: str) -> CheckResult:
    """`repeated` is SQL of the keys that occur more than once, empty where it is known that none does."""
    told = f"One row is {contract.grain}; ({', '.join(contract.key)}) must tell rows apart."
    why = contract.key_why or told
    failures = (
        engine.rows(f"SELECT COUNT(*) AS failures FROM ({repeated}) AS repeated")[0]["failures"]
        if repeated
        else 0
    )
    sample = engine.rows(f"{repeated} LIMIT {SAMPLE_ROWS}") if failures else []
    return CheckResult(contract.table, "key_unique", "error", failures, why, sample)


def _reference(name: str, column: ColumnContract, source: str) -> Query:
    table, key = str(column.references).rsplit(".", 1)
    orphans = (
        f"SELECT DISTINCT t.{name} FROM {source} AS t LEFT ANTI JOIN {table} AS r ON r.{key} = t.{name} WHERE"
        f" t.{name} IS NOT NULL"
    )
    return Query(f"{name}_found", column.severity, f"Every {name} must be found in {table}.", orphans)


def _check_queries(engine: Engine, contract: Contract, queries: Sequence[Query]) -> list[CheckResult]:
    """All are counted by one statement, whose parts an engine computes side by side."""
    counts = " UNION ALL ".join(
        f"SELECT {place} AS place, COUNT(*) AS failures FROM ({query.failing}) AS failing"
        for place, query in enumerate(queries)
    )
    found = {row["place"]: row["failures"] for row in engine.rows(counts)} if queries else {}
    return [
        CheckResult(
            contract.table,
            query.check,
            query.severity,
            found[place],
            query.why,
            engine.rows(f"SELECT * FROM ({query.failing}) AS failing LIMIT {SAMPLE_ROWS}")
            if found[place]
            else [],
        )
        for place, query in enumerate(queries)
    ]


def _result(
    engine: Engine, contract: Contract, relation: str, condition: Condition, failures: int
) -> CheckResult:
    failing = f"SELECT * FROM {relation} WHERE NOT COALESCE({condition.holds}, TRUE) LIMIT {SAMPLE_ROWS}"
    sample = engine.rows(failing) if failures else []
    return CheckResult(contract.table, condition.check, condition.severity, failures, condition.why, sample)
