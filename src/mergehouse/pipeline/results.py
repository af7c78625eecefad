"""What a run and each of its tables came to, and the same as plain values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from mergehouse.ingest.bronze import IngestResult
from mergehouse.kpi.catalogue import Values
from mergehouse.quality.checks import CheckResult


@dataclass
class RunResult:
    """Everything a run has to say."""

    run_id: str
    started: dt.datetime
    ingest: IngestResult
    tables: list[TableResult] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    freshness: list[dict[str, Any]] = field(default_factory=list)
    kpis: Values = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return (
            bool(self.ingest.failures)
            or any(t.status in ("failed", "blocked") for t in self.tables)
            or any(c.stops_publication for c in self.checks)
        )

    @property
    def changed(self) -> bool:
        return (
            bool(self.ingest.new)
            or any(t.status != "fresh" for t in self.tables)
            or bool(self.ingest.failures)
        )


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
