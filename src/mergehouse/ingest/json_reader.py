"""A JSON file as a relation of its records."""

from __future__ import annotations

from pathlib import Path

from mergehouse.errors import SourceError
from mergehouse.ingest.inspection import transcode
from mergehouse.ingest.json_records import FALSE, read_json
from mergehouse.ingest.landing import named
from mergehouse.ingest.reader import Reader
from mergehouse.lakehouse.reader import quoted, text


class JsonReader(Reader):
    """Of a JSON file; lines of it that are no record are rejected."""

    def _open(self, path: Path) -> str:
        seen = self.delivery.inspection
        self.encoding = seen.encoding
        transcode(path, seen.encoding, self.readable)
        with named(self.delivery.file, self.readable):
            rows, numbers, with_false, self._torn = read_json(self.readable, self.delivery.source.items)
        if self._torn and rows.is_empty():
            raise SourceError(
                f"{path}: no line is a JSON record (line {self._torn[0].line:,}: {self._torn[0].text[:80]})."
            )
        if not rows.columns:  # an empty list
            import polars

            rows = polars.DataFrame(schema=dict.fromkeys(self.delivery.source.columns, polars.String))
        headers = rows.columns
        self._match(headers, str(path))
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
