"""The run log: what ran, on what, with what result. Appended to `monitor.*` by every run that did
something.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from mergehouse.contracts.registry import contract_of
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.loading import just_after
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import scan, shared
from mergehouse.lakehouse.summary import RUNS
from mergehouse.lakehouse.writing import append_rows

if TYPE_CHECKING:
    from mergehouse.pipeline.results import RunResult


def record_run(lakehouse: Lakehouse, result: RunResult) -> None:
    """Appends the run, its check results, any schema drift, and how old each brand's data is.

    The last run is the one that started last, whatever the clock showed.
    """
    result.started = just_after(result.started, _last_started(lakehouse))
    tables = result.tables
    run = [
        result.run_id, result.started, result.seconds, not result.failed, len(result.ingest.new),
        sum(t.status in ("built", "updated") for t in tables),
        sum(t.status in ("failed", "blocked") for t in tables),
        sum(not c.passed for c in result.checks), json.dumps([vars(t) for t in tables]),
    ]  # fmt: skip
    append_rows(lakehouse, contract_of(RUNS), [run])
    checks = [
        [
            result.run_id,
            result.started,
            c.table,
            c.check,
            c.severity,
            c.failures,
            c.passed,
            c.why,
            json.dumps(c.sample, default=str),
        ]
        for c in result.outcomes
    ]
    append_rows(lakehouse, contract_of("monitor.quality_results"), checks)
    drifts = []
    delivered = {(b.source_system, b.source_table) for b in result.ingest.known}
    for b in result.ingest.new:
        source = b.source_system, b.source_table
        if source in delivered:  # the first delivery differs from none
            drifts += [
                [result.run_id, result.started, bronze_table(*source), b.source_file, sentence]
                for sentence in json.loads(b.drift)
            ]
        delivered.add(source)
    append_rows(lakehouse, contract_of("monitor.schema_history"), drifts)
    seen = [[result.run_id, result.started, *record.values()] for record in result.freshness]
    append_rows(lakehouse, contract_of("monitor.freshness"), seen)


def _last_started(lakehouse: Lakehouse) -> list[dt.datetime]:
    """When the last run started; empty where there was none."""
    if not lakehouse.exists(RUNS):
        return []
    runs = scan(shared(), lakehouse.delta(RUNS)).project("started AT TIME ZONE 'UTC' AS started")
    ((last,),) = runs.max("started").fetchall()
    return [last.replace(tzinfo=dt.UTC)] if last else []
