"""The rows that may share values with others, found by hashes: what repeats is counted among these alone.

Hashes that all differ prove that values do. Sorting them takes a fifth of the time in which DuckDB puts
values into a hash table.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from mergehouse.lakehouse.reader import load, quoted

if TYPE_CHECKING:
    import numpy

FEW = 2**17  # up to so many rows DuckDB is quicker than NumPy is loaded
HASHES_AT_ONCE = 2**24  # 128 MB
MIDDLE = 2**63  # of all hashes


@contextmanager
def suspects(connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> Iterator[str]:
    """What to select from, for the time being: some rows of a relation, among them all that have the same in
    `columns` as another row has. Of few rows these are all.

    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE notes AS SELECT range // 2 AS id FROM range(7)")
    >>> with suspects(connection, "notes", ["id"]) as some:
    ...     connection.sql(f"SELECT count(*) - count(DISTINCT id) FROM {some}").fetchall()
    [(3,)]
    """
    count = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0]
    if count <= FEW:
        yield relation
        return
    import numpy as np

    value, parts = f"hash({', '.join(map(quoted, columns))})", math.ceil(count / HASHES_AT_ONCE)
    table, repeated = f"repeated_{uuid.uuid4().hex}", list[np.ndarray]()
    with ThreadPoolExecutor(2) as pool:
        for part in range(parts):
            kept = f" WHERE {value} % {parts} = {part}" if parts > 1 else ""
            hashes = connection.sql(f"SELECT {value} AS h FROM {relation}{kept}").fetchnumpy()["h"]
            is_high = hashes >= MIDDLE
            repeated += pool.map(_repeated, (hashes[is_high], hashes[~is_high]))  # sorted side by side
    load(connection, f"TEMP TABLE {table}", {"h": np.concatenate(repeated)})
    try:
        yield f"(SELECT * FROM {relation} WHERE {value} IN (SELECT h FROM {table}))"
    finally:
        connection.execute(f"DROP TABLE {table}")


def _repeated(hashes: numpy.ndarray) -> numpy.ndarray:
    """Those that there are several times; the hashes are sorted in place."""
    import numpy as np

    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def distinct_keys(connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> int:
    """How many different values a relation has in columns.

    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE notes AS FROM (VALUES (1), (3), (3)) AS t(id)")
    >>> distinct_keys(connection, "notes", ["id"])
    2
    """
    count = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0]
    with suspects(connection, relation, columns) as some:
        again = f"SELECT count(*) - 1 AS n FROM {some} GROUP BY {', '.join(map(quoted, columns))}"
        return int(count - connection.execute(f"SELECT coalesce(sum(n), 0) FROM ({again})").fetchall()[0][0])
