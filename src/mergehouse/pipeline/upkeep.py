"""What a run does last: it looks after the tables that it wrote, so that the thousandth delivery costs what
the first did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from mergehouse.contracts.registry import contracts
from mergehouse.errors import LakehouseError
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import BATCHES, REJECTED
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.folding import fold
from mergehouse.lakehouse.retention import let_go
from mergehouse.pipeline.results import Cared, RunResult
from mergehouse.project.settings import Retention
from mergehouse.quality.checks import CheckResult
from mergehouse.storage import storage_errors

TABLES_AT_ONCE = 4  # of an object store all of it is waiting


def look_after(
    lakehouse: Lakehouse, names: Iterable[str], retention: Retention, needed: Mapping[str, int]
) -> tuple[list[Cared], list[CheckResult]]:
    """Folds small files where they are too many, and lets go of old versions that are due. Versions that are
    `needed`, by table, and newer ones stay.

    What cannot be done is a finding: no figure depends on it, and the next run tries again.

    >>> look_after(mh.open("shop"), ["gold.sales_daily"], mh.project("shop").config.retention, needed={})
    ([], [])
    """
    findings: list[CheckResult] = []

    def one(name: str) -> Cared | None:
        try:
            with storage_errors(lakehouse.location, name):
                if is_folded := fold(lakehouse.delta(name)):
                    lakehouse.committed(name)
                gone = let_go(lakehouse, name, retention.hours, retention.copies, needed.get(name))
        except LakehouseError as error:
            why = f"Its files could not be put in order: {error} No figure depends on it."
            findings.append(CheckResult(name, "files_are_in_order", "warn", 1, why))
            return None
        if gone:
            return Cared(name, is_folded, gone.files, gone.bytes, gone.oldest)
        return Cared(name, is_folded) if is_folded else None

    with ThreadPoolExecutor(TABLES_AT_ONCE) as pool:
        return [cared for cared in pool.map(one, names) if cared], findings


def written_by(result: RunResult, lakehouse: Lakehouse) -> list[str]:
    """The tables that a run wrote, its log among them; but for built ones of a first version, which has
    nothing to let go of and was written at once.

    >>> written_by(mh.run("shop"), mh.open("shop"))
    []
    """
    if not result.changed:
        return []
    loaded = {bronze_table(b.source_system, b.source_table) for b in result.ingest.new}
    built = [table.table for table in result.tables if table.version]
    log = [contract.table for contract in contracts("monitor")]
    return [n for n in (*sorted(loaded), BATCHES, REJECTED, *built, *log) if lakehouse.exists(n)]
