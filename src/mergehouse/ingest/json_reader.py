"""A JSON file as a relation of its records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mergehouse.errors import SourceError
from mergehouse.ingest.header import comparable, spellings
from mergehouse.ingest.inspection import transcode
from mergehouse.ingest.json_records import FALSE, read_json
from mergehouse.ingest.landing import named
from mergehouse.ingest.reader import Reader
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.sources import Source

if TYPE_CHECKING:
    import polars

NOTHING = "[]"  # how PHP writes an object without fields


class JsonReader(Reader):
    """Of a JSON file; lines of it that are no record are rejected."""

    def _open(self, path: Path) -> str:
        seen = self.delivery.inspection
        self.encoding = seen.encoding
        transcode(path, seen.encoding, self.readable)
        source = self.delivery.source
        of_numbers = _columns_of_numbers(source)
        with named(self.delivery.file, self.readable):
            rows, numbers, with_false, self._torn = read_json(
                self.readable, source.items, lambda path: comparable(path) in of_numbers
            )
        if self._torn and rows.is_empty():
            raise SourceError(
                f"{path}: no line is a JSON record (line {self._torn[0].line:,}: {self._torn[0].text[:80]})."
            )
        if rows.columns:
            rows = with_empty_objects(rows, source)
        else:  # an empty list
            import polars

            rows = polars.DataFrame(schema=dict.fromkeys(source.columns, polars.String))
        headers = rows.columns
        self._match(headers, str(path))
        self.doubts += _texts_for_objects(rows, source)
        own = zip(self._own_columns, headers, strict=True)
        self.numbers = [name for name, header in own if header in numbers]
        self._expected = len(rows)
        view = self._registered(f"records_{self.delivery.batch_id}", rows)
        relation = f"(SELECT {self._renamed(headers)} FROM {view})"
        declared = self.delivery.source.columns
        for name, header in zip(self._own_columns, headers, strict=True):
            if header in with_false:
                is_empty = name in declared and declared[name].type != "boolean"
                said = "NULL" if is_empty else "'false'"
                if is_empty:
                    self.header.drift.append(f"{name}: `false` beside other values is read as empty")
                value = f"CASE WHEN {quoted(name)} = {text(FALSE)} THEN {said} ELSE {quoted(name)} END"
                relation = f"(SELECT * REPLACE ({value} AS {quoted(name)}) FROM {relation})"
        return relation

    def rejected(self) -> str:
        if not self._torn:
            return ""
        lines = ", ".join(f"({torn.line}, {text(torn.text)})" for torn in self._torn)
        return (
            "SELECT source_line::BIGINT AS source_line, 'broken_json' AS reason_code, 'no JSON record' AS"
            f" detail, raw_text FROM (VALUES {lines}) AS torn(source_line, raw_text)"
        )


def with_empty_objects(rows: polars.DataFrame, source: Source) -> polars.DataFrame:
    """A column that is empty in all records is none where others, or declared headers, are paths below it: an
    object that is there, or not, as the customer of an order, is told by its fields. Those that no record has
    are empty columns.

    >>> import polars
    >>> guests = polars.DataFrame({"id": ["7"], "customer": ["[]"]})
    >>> source = Source(files="*", columns={"id": {}, "who": {"header": "customer.id"}})
    >>> with_empty_objects(guests, source).columns
    ['id', 'customer.id']
    """
    import polars

    above = _above({*rows.columns, *_declared(source)})
    empty = [
        n for n in rows.columns if n in above and rows[n].replace(NOTHING, None).null_count() == len(rows)
    ]
    there = {*rows.columns}
    lacking = [
        column.header[0]
        for column in source.columns.values()
        if column.header and there.isdisjoint(column.header)
        if any(column.header[0].startswith(f"{name}.") for name in (*empty, source.items) if name)
    ]
    nothing = [polars.lit(None, polars.String).alias(path) for path in dict.fromkeys(lacking)]
    return rows.with_columns(nothing).drop(empty)


def _columns_of_numbers(source: Source) -> set[str]:
    numbers = [name for name, column in source.columns.items() if column.type in ("number", "percent")]
    return {comparable(path) for name in numbers for path in spellings(source, name)}


def _texts_for_objects(rows: polars.DataFrame, source: Source) -> list[str]:
    """What is said of columns that hold texts in the place of objects whose fields are declared."""
    declared = _declared(source)
    texts = [name for name in rows.columns if name in _above(declared) and name not in declared]
    return [
        f"{name}: {len(values):,} record(s) have no object there, but `{values[0]}`, of which nothing is read"
        for name in texts
        if len(values := rows[name].replace(NOTHING, None).drop_nulls())
    ]


def _declared(source: Source) -> set[str]:
    return {path for name, column in source.columns.items() for path in (name, *(column.header or []))}


def _above(paths: set[str]) -> set[str]:
    """The paths of what these paths are fields of."""
    return {path[:dot] for path in paths for dot, letter in enumerate(path) if letter == "."}
