"""Cells of a column, read in the formats that are found among them, with what is said of them."""

from __future__ import annotations

import json
from typing import Any

from mergehouse.engine.dialect import to_duckdb
from mergehouse.ingest.cells import instant_value, typed_value
from mergehouse.ingest.detection import detect_formats
from mergehouse.ingest.formats import Written
from mergehouse.ingest.written_values import written_values
from mergehouse.lakehouse.reader import database
from mergehouse.project.sources import Column, Source

BERLIN = "Europe/Berlin"


def read(
    cells: list[str | None],
    delimiter: str | None = None,
    earlier: list[str] | None = None,
    source: dict[str, Any] | None = None,
    **column: Any,
) -> tuple[list[Any], list[str]]:
    """What the cells of one column are read as in Berlin, and what is said of them."""
    values, _, notes = read_both(cells, delimiter, earlier or [], source or {}, column)
    return values, notes


def read_both(
    cells: list[str | None], delimiter: str | None, earlier: list[str], source: dict[str, Any], column: Any
) -> tuple[list[Any], list[Any], list[str]]:
    declared = Source(files="*", columns={"v": Column(**column)}, **source)
    connection = database()
    connection.execute("CREATE TABLE given AS SELECT unnest(?::VARCHAR[]) AS v", [cells])
    written = written_values(connection, "SELECT * FROM given", declared.columns)
    [formats] = detect_formats(connection, written, declared, earlier, [Written(delimiter)])
    found = json.loads(formats.as_json())
    sql = (
        f"SELECT {typed_value('v', declared, found, BERLIN)} AS a, {instant_value('v', declared, found)} AS b"
    )
    rows = connection.execute(to_duckdb(f"{sql} FROM given")).fetchall()
    return [a for a, _ in rows], [b for _, b in rows], formats.notes + formats.doubts
