"""What a run and each of its tables came to, and the same as plain values."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mergehouse import display
from mergehouse.ingest.bronze import IngestResult
from mergehouse.kpi.catalogue import as_json_values
from mergehouse.kpi.formula import Values
from mergehouse.quality.checks import CheckResult


@dataclass(frozen=True)
class Setback:
    """What is wrong with a brand's deliveries or its SQL, in words, and some of the rows that show it.

    `left_out`: the brand has no earlier figures to stay with.
    """

    why: str
    sample: list[dict[str, Any]] = field(default_factory=list)
    left_out: bool = False


@dataclass(repr=False)
class RunResult(display.Displayed):
    """Everything a run has to say. `margins` tells how each brand's margin is come by, `faults` are those of
    brands that are held back, `cared` is how files were put in order, `stages` the seconds that each took,
    `healed` the findings on tables that were not as mergehouse wrote them.

    >>> result = mh.run("shop", until="silver")
    >>> {table.status for table in result.tables}
    {'fresh'}
    """

    run_id: str
    started: dt.datetime
    ingest: IngestResult
    tables: list[TableResult] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    freshness: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    kpis: Values = field(default_factory=dict)
    margins: dict[str, str] = field(default_factory=dict)
    faults: dict[str, Setback] = field(default_factory=dict)
    cared: list[Cared] = field(default_factory=list)
    stages: Mapping[str, float] = field(default_factory=dict)
    healed: list[CheckResult] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """That of all stages together.

        >>> mh.run("shop").seconds > 0
        True
        """
        return sum(self.stages.values())

    @property
    def outcomes(self) -> list[CheckResult]:
        """All checks, and as such, too, whether each source was loaded and each table built.

        >>> {"source_is_loaded", "table_is_published"} <= {c.check for c in mh.run("shop").outcomes}
        True
        """
        failures = {name: str(error) for name, error in self.ingest.failures.items()}
        loaded = [
            CheckResult(name, "source_is_loaded", "error", int(name in failures), failures.get(name, ""))
            for name in self.ingest.sources
        ]
        built = [
            CheckResult(
                t.table, "table_is_published", "error", int(t.status in ("failed", "blocked")), t.reason
            )
            for t in self.tables
        ]
        return [*self.checks, *loaded, *built]

    @property
    def failed(self) -> bool:
        """True where a source stopped, a table was not published, or a check of severity error does not hold.

        >>> mh.run("shop").failed
        False
        """
        return (
            bool(self.ingest.failures or self.faults)
            or any(t.status in ("failed", "blocked") for t in self.tables)
            or any(c.stops_publication for c in self.checks)
        )

    @property
    def changed(self) -> bool:
        """True where there was anything to do.

        >>> mh.run("shop").changed
        False
        """
        return (
            bool(self.ingest.new)
            or any(t.status != "fresh" or t.is_looked_at for t in self.tables)
            or bool(self.ingest.failures or self.faults or self.healed)
        )

    def add(self, tables: Sequence[TableResult], checks: Sequence[CheckResult]) -> None:
        """Takes what came of tables; of those that were built before and are fresh now that stays.

        >>> result = mh.run("shop", until="bronze")
        >>> result.add([TableResult("gold.dim_brand", "built", rows=1, version=0)], [])
        >>> result.add([TableResult("gold.dim_brand", "fresh")], [])
        >>> [(table.status, table.rows) for table in result.tables]
        [('built', 1)]
        """
        done = {t.table: t for t in self.tables if t.is_looked_at}
        again = {t.table for t in tables if t.status != "fresh" or t.is_looked_at or t.table not in done}
        self.tables = [t if t.table in again else done[t.table] for t in tables]
        self.checks = [c for c in self.checks if c.table not in again] + list(checks)

    def __repr__(self) -> str:
        title, facts, *_ = self._shown()
        return display.as_text(title, facts)

    def _shown(self) -> display.Shown:
        """In the table: what was not up to date."""
        loaded = [b for b in self.ingest.new if b.status == "loaded"]
        outcome = "failed" if self.failed else "ok"
        title = f"Run {self.run_id} of {self.started:%Y-%m-%d %H:%M} UTC: {outcome}, {self.seconds:.1f} s"
        stopped = {f"stopped {name}": str(error) for name, error in self.ingest.failures.items()}
        failed = {f"{t.status} {t.table}": t.reason for t in self.tables if t.status in ("failed", "blocked")}
        findings = [f"{c.table}: {c.check}" for c in self.checks if not c.passed]
        statuses = Counter(t.status for t in self.tables)
        facts = {
            "deliveries": f"{len(loaded)} new, {sum(b.rows for b in loaded):,} rows" if loaded else "",
            "tables": ", ".join(f"{count} {status}" for status, count in statuses.items()),
            "checks": f"{sum(c.passed for c in self.outcomes):,} of {len(self.outcomes):,} passed"
            if self.checks
            else "",
            "findings": ", ".join(findings),
        }
        rows = [
            [t.table, t.status, "" if t.rows is None else f"{t.rows:,}", f"{t.seconds:.2f}"]
            for t in self.tables
            if t.status != "fresh"
        ]
        return title, stopped | failed | facts, ["table", "status", "rows", "seconds"], rows, 2


def summary(result: RunResult) -> dict[str, Any]:
    """The run as plain values for `--json`."""
    return {
        "run_id": result.run_id,
        "started": result.started.isoformat(),
        "seconds": round(result.seconds, 3),
        "stages": {name: round(seconds, 3) for name, seconds in result.stages.items()},
        "ok": not result.failed,
        "deliveries": [
            {"table": f"bronze.{b.source_system}_{b.source_table}", "file": b.source_file, "status": b.status,
             "rows": b.rows, "rejected_rows": b.rejected_rows, "notes": json.loads(b.drift)}
            for b in result.ingest.new
        ],
        "stopped_sources": {name: str(error) for name, error in result.ingest.failures.items()},
        "held_back": {name: fault.why for name, fault in result.faults.items()},
        "checks_passed": sum(c.passed for c in result.outcomes),
        "tables": [vars(t) for t in result.tables],
        "upkeep": [vars(c) for c in result.cared],
        "kpis": as_json_values(result.kpis),
        "margins": result.margins,
        "last_orders": {row["source_system"]: row["last_order_date"] for row in result.freshness},
        "left_out": [
            row | {"amount": None if row["amount"] is None else str(row["amount"])} for row in result.left_out
        ],
        "findings": [
            {"table": c.table, "check": c.check, "severity": c.severity, "failures": c.failures, "why": c.why,
             "sample": json.loads(json.dumps(c.sample, default=str))}
            for c in result.checks if not c.passed
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class TableResult:
    """What a run did with one table. `status`: built (all of it), updated (`changed_rows` of it), fresh,
    failed or blocked. `notes`: of a table that Python computes, what was done to come by its rows.
    """

    table: str
    status: str
    rows: int | None = None
    seconds: float = 0.0
    version: int | None = None
    reason: str = ""
    changed_rows: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_looked_at(self) -> bool:
        """Whether its checks were asked and let it be published, a fresh one that came out the same, too.

        >>> TableResult("gold.dim_brand", "fresh").is_looked_at
        False
        """
        return self.version is not None


@dataclass(frozen=True)
class Cared:
    """How a table was looked after: whether small files were folded together; of old versions the files that
    were removed, their bytes, and the oldest version that is left.
    """

    table: str
    folded: bool
    files: int = 0
    bytes: int = 0
    oldest: int | None = None
