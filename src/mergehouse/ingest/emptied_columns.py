"""Columns that a file leaves empty from its first row to its last, and that all files before it fill: an
export that was set up anew, whose customers are all guests and whose pounds are the brand's own currency.
"""

from __future__ import annotations

import json
from collections import defaultdict

import duckdb

from mergehouse.ingest.formats import Formats
from mergehouse.ingest.odd_cells import NULL_WORDS, UNUSUAL
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES
from mergehouse.lakehouse.reader import text
from mergehouse.project.sources import Source

FEWEST_ROWS = 10  # fewer may be without a customer by chance


def note_emptied(
    connection: duckdb.DuckDBPyConnection, source: Source, found: list[Formats], earlier: list[str]
) -> None:
    """Says of each batch which columns are `filled`, in half of its rows at least, and puts in doubt those
    that it leaves empty and all `earlier` ones, which say it, fill. Of small batches nothing is said.

    >>> from mergehouse.ingest.odd_cells import set_unusual_apart
    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"number": {"type": "code"}, "customer": {"type": "code"}})
    >>> connection, rows = duckdb.connect(), "SELECT range::TEXT AS number, NULL AS customer FROM range(12)"
    >>> _ = written_values(connection, rows, source.columns), set_unusual_apart(connection)
    >>> found = [Formats(".", {})]
    >>> note_emptied(connection, source, found, ['{"filled": ["customer"]}'])
    >>> found[0].filled, found[0].doubts[0][:31]
    (['number'], 'customer: empty in all 12 rows,')
    """
    names = list(source.columns)
    said = _cells(connection, ALL_WRITTEN)
    empty = ", ".join(map(text, {*NULL_WORDS, *(source.null_values or []), ""}))
    nothing = _cells(connection, f"{UNUSUAL} WHERE upper(trim(value)) IN ({empty})")
    before = [set(filled) for formats in earlier if (filled := json.loads(formats).get("filled"))]
    for batch, formats in enumerate(found):
        rows = max(said[batch].values(), default=0)
        if rows < FEWEST_ROWS:
            continue
        cells = {name: said[batch][place] - nothing[batch][place] for place, name in enumerate(names)}
        always = set.intersection(*before) if before else set()
        formats.doubts.extend(
            f"{name}: empty in all {rows:,} rows, and filled in earlier files; see what the export calls it"
            for name in names
            if name in always and not cells[name]
        )
        formats.filled.extend(name for name in names if 2 * cells[name] >= rows)
        before.append(set(formats.filled))


def _cells(connection: duckdb.DuckDBPyConnection, written: str) -> dict[int, dict[int, int]]:
    """By batch and column, how many cells there are of such values."""
    cells: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    counted = f"SELECT batch, of_column, sum({TIMES})::BIGINT FROM {written} GROUP BY ALL"
    for batch, place, times in connection.execute(counted).fetchall():
        cells[batch][place] = times
    return cells
