"""What a run and each of its tables came to, and the same as plain values."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mergehouse import display
from mergehouse.ingest.bronze import IngestResult
from mergehouse.kpi.formula import Values
from mergehouse.quality.checks import CheckResult


@dataclass(repr=False)
class RunResult:
    """Everything a run has to say.

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
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """True where a source stopped, a table was not published, or a check of severity error does not hold.

        >>> mh.run("shop").failed
        False
        """
        return (
            bool(self.ingest.failures)
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
            or any(t.status != "fresh" for t in self.tables)
            or bool(self.ingest.failures)
        )

    def __repr__(self) -> str:
        title, facts, *_ = self._shown()
        return display.as_text(title, facts)

    def _repr_html_(self) -> str:
        return display.as_html(*self._shown())

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
            "checks": f"{sum(c.passed for c in self.checks):,} of {len(self.checks):,} passed"
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
        "ok": not result.failed,
        "deliveries": [
            {"table": f"bronze.{b.source_system}_{b.source_table}", "file": b.source_file, "status": b.status,
             "rows": b.rows, "rejected_rows": b.rejected_rows}
            for b in result.ingest.new
        ],
        "stopped_sources": {name: str(error) for name, error in result.ingest.failures.items()},
        "tables": [vars(t) for t in result.tables],
        "left_out": [
            row | {"amount": None if row["amount"] is None else str(row["amount"])} for row in result.left_out
        ],
        "findings": [
            {"table": c.table, "check": c.check, "severity": c.severity, "failures": c.failures, "why": c.why}
            for c in result.checks if not c.passed
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class TableResult:
    """What a run did with one table. `status`: built (all of it), updated (`changed_rows` of it), fresh,
    failed or blocked.
    """

    table: str
    status: str
    rows: int | None = None
    seconds: float = 0.0
    version: int | None = None
    reason: str = ""
    changed_rows: int | None = None
