"""Whether Bronze has what was delivered: the rows of each batch against the ledger's count.

Where each data file holds rows of one batch, their number is in the table's log; files of several are read
only where the sums do not agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mergehouse.ingest.brand_source import brand_sources, bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import needs_safe_reader
from mergehouse.lakehouse.reader import select, shared
from mergehouse.project.config import Project


def loaded_into(project: Project, ledger: Sequence[Batch]) -> dict[str, list[Batch]]:
    """By the project's tables in Bronze the batches that were loaded.

    >>> from mergehouse.ingest.bronze import read_batches
    >>> found = loaded_into(mh.project("shop"), read_batches(mh.open("shop")))
    >>> {table: len(batches) for table, batches in found.items()}
    {'bronze.shop_lines': 1}
    """
    found: dict[str, list[Batch]] = {source.bronze: [] for source in brand_sources(project)}
    for batch in ledger:
        name = bronze_table(batch.source_system, batch.source_table)
        if batch.status != "repeat" and name in found:
            found[name].append(batch)
    return found


def differing(
    lakehouse: Lakehouse, name: str, batches: Sequence[Batch], exactly: bool = False
) -> dict[str | None, int]:
    """Rows that a table has of the batches, by id, of which it has not as many as the ledger says, and of
    others. `batches` are those that the ledger says were loaded into it. `exactly`: whatever the sums say.

    >>> from mergehouse.ingest.bronze import read_batches
    >>> lakehouse = mh.open("shop")
    >>> batches = read_batches(lakehouse)
    >>> differing(lakehouse, "bronze.shop_lines", batches)
    {}
    >>> differing(lakehouse, "bronze.shop_lines", [])
    {'...': 4}
    """
    wanted: dict[str | None, int] = {batch.batch_id: batch.rows for batch in batches}
    found = _counted(lakehouse, name, sum(wanted.values()), exactly)
    if found is None:
        return {}
    return {id_: found.get(id_, 0) for id_ in {**wanted, **found} if found.get(id_, 0) != wanted.get(id_, 0)}


def _counted(lakehouse: Lakehouse, name: str, expected: int, exactly: bool) -> dict[str | None, int] | None:
    """Rows by batch; None where only their sum is known, and it is as expected."""
    if not lakehouse.exists(name):
        return {}
    delta = lakehouse.delta(name)
    if not needs_safe_reader(delta):
        actions = delta.get_add_actions(flatten=True)
        there = set(actions.schema.names)
        columns = ["num_records", *(c for c in ("min.batch_id", "max.batch_id") if c in there)]
        files = list(zip(*(actions.column(column).to_pylist() for column in columns), strict=True))
        if len(columns) == 3 and all(not n or (low is not None and low == high) for n, low, high in files):
            counted: Counter[str | None] = Counter()
            for rows, batch, _ in files:
                counted[batch] += rows or 0
            return dict(counted)
        if not exactly and sum(rows or 0 for rows, *_ in files) == expected:
            return None
    connection = shared()
    sql = f"SELECT batch_id, count(*) FROM ({select(connection, delta)}) GROUP BY batch_id"
    return dict(connection.execute(sql).fetchall())
