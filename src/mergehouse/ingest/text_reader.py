"""A text file as a relation: what cuts it into columns is found, and each of its lines is accounted for."""

from __future__ import annotations

import re
from pathlib import Path

from mergehouse.errors import SourceError
from mergehouse.ingest.header import (
    detect_delimiter,
    find_header,
    first_records,
    lines_of,
    quoting,
    with_quotes_found,
    without_lines,
)
from mergehouse.ingest.inspection import blank_lines, inspect, is_compressed, transcode
from mergehouse.ingest.reader import Reader
from mergehouse.ingest.text_layout import TextLayout, torn_files
from mergehouse.ingest.workbook import FULL
from mergehouse.lakehouse.reader import quoted, text

REASONS = {
    "MISSING COLUMNS": "too_few_columns",
    "TOO MANY COLUMNS": "too_many_columns",
    "UNQUOTED VALUE": "broken_quotes",
    "LINE SIZE OVER MAXIMUM": "line_too_long",
    "INVALID ENCODING": "bad_bytes",
    "INVALID STATE": "broken_quotes",
}


class TextReader(Reader):
    """Of a text file; what the CSV parser cannot split is told apart from its rows."""

    def _open(self, path: Path) -> str:
        seen = self.delivery.inspection
        if seen.encoding != "utf-8" or seen.odd_line_ends or path.suffix.lower() in (".bz2", ".xz"):
            transcode(path, seen.encoding, self.readable)
            path, self.encoding = self.readable, seen.encoding
            seen = inspect(path)
        self.encoding = self.encoding or "utf-8"
        skipped = self.delivery.source.skip_lines
        titles, head = without_lines(seen.head.decode("utf-8", errors="replace"), skipped, path)
        self.delimiter = detect_delimiter(head, self.delivery.source)
        records = first_records(head, self.delimiter, self.delivery.source)
        source = with_quotes_found(records, self.delivery.source)
        records = first_records(head, self.delimiter, source)
        place = find_header(records, source) if source.header else 0
        is_guess = self.encoding == "cp1252" and not source.encoding
        try:
            above = first_records(titles, self.delimiter, source, most=None) if skipped else []
            self._match(self._names(records[place]), str(self.delivery.path), above + records[:place])
        except SourceError as error:
            if is_guess and not "".join(map(str, records[place])).isascii():
                raise SourceError(
                    f"{error} The file is no UTF-8 and was read as cp1252: declare its `encoding`, such as"
                    " cp1250, cp1251, cp1253 or shift_jis."
                ) from None
            raise
        self._lines = seen.lines - skipped - lines_of(head, self.delimiter, source, place + source.header)
        self.text_path = path
        if is_guess:
            guessed = re.search(r"[^\W\d_]*[\x80-\uffff][^\W\d_]*", head)
            example = f", such as `{guessed[0]}`" if guessed else ""
            self.header.drift.append(
                f"not UTF-8, read as cp1252{example}: declare `encoding` where its letters are wrong"
            )
        if seen.open_end:
            self.header.drift.append("the last line has no end: see that the file is whole")
        if seen.lines in FULL:
            self.doubts.append(f"{seen.lines:,} lines are all that a sheet holds: the rest may be cut off")
        if seen.nul_bytes:
            self.doubts.append(f"{seen.nul_bytes:,} NUL byte(s) are kept within values")
        self.layout = TextLayout(
            tuple(self._own_columns),
            skipped + place,
            self.delimiter,
            *quoting(source),
            is_compressed(path),
            source.header,
        )
        return self.layout.relation([path])

    def reconcile(self, accepted: int, rows: str = "") -> None:
        """Line ends counted in the bytes = header + accepted rows + line ends inside their values + lines of
        rejected rows + blank lines.
        """
        rejected_lines, quote_line, swallowed, no_rows = self._rejected_lines()
        if swallowed:
            raise self._mismatch(
                f"a quote opened on line {quote_line:,} is not closed and swallows {swallowed:,} lines."
                f"{self._on_backslashes()}"
            )
        if no_rows:
            self.header.drift.append(f"{no_rows:,} line(s) that are no rows passed over")
        if rejected_lines > no_rows and not accepted:
            raise SourceError(self._all_torn())
        if rejected_lines > no_rows and (advice := self._on_backslashes()):
            self.doubts.append(f"{rejected_lines:,} line(s) could not be split.{advice}".rstrip("."))
        lines, counted = self._lines, accepted + rejected_lines
        if lines == counted:
            return
        within, holding_lines = self._embedded_newlines(rows)
        if holding_lines:
            self.doubts.append(
                f"{holding_lines:,} cell(s) in quotes hold whole lines of the file, which are no rows then:"
                " where a quote is a letter like others, declare `quote: ''`"
            )
        unexplained = lines - counted - within
        if not 0 <= unexplained <= blank_lines(self.text_path):
            raise self._mismatch(
                f"{lines:,} lines follow the header, {lines - unexplained:,} were accounted for."
            )

    def rejected(self) -> str:
        found = self._unsplit()
        return f"SELECT * EXCLUDE (is_row) FROM ({found}) WHERE is_row" if found else ""

    def _unsplit(self) -> str:
        """The same of all lines that could not be split, and `is_row`."""
        path = str(self.text_path)
        if not self.may_be_torn or path not in torn_files(self.cursor):
            return ""
        is_row = "regexp_matches(raw_text, '[\\p{L}\\p{N}]')"
        if ignored := "|".join(map(_as_expression, self.delivery.source.ignore_lines)):
            is_row += f" AND NOT regexp_full_match(trim(raw_text), {text(f'(?is){ignored}')})"
        reasons = " ".join(f"WHEN {text(kind)} THEN {text(reason)}" for kind, reason in REASONS.items())
        return f"""
            SELECT *, {is_row} AS is_row FROM (
              SELECT line::BIGINT AS source_line,
              CASE arg_min(kind, place) {reasons}
                ELSE lower(replace(arg_min(kind, place), ' ', '_')) END AS reason_code,
              split_part(arg_min(error_message, place), chr(10), 1) AS detail,
              trim(arg_min(csv_line, place), chr(13) || chr(10)) AS raw_text
            FROM (
              SELECT e.*, coalesce(column_idx, 0) AS place, error_type::VARCHAR AS kind
              FROM reject_errors AS e JOIN reject_scans USING (scan_id, file_id)
              WHERE file_path = {text(path)}
            ) GROUP BY line)"""

    def _rejected_lines(self) -> tuple[int, int, int, int]:
        """(lines of the file in rejected rows, first line with an open quote, lines after it that the quote
        swallows, lines that are no rows).
        """
        if not (rejected := self._unsplit()):
            return 0, 0, 0, 0
        newlines = "length(raw_text) - length(replace(raw_text, chr(10), ''))"
        return self.cursor.execute(
            f"SELECT sum(1 + {newlines})::BIGINT, coalesce(min(source_line) FILTER (torn), 0),"
            f" coalesce(arg_min({newlines}, source_line) FILTER (torn), 0), count(*) FILTER (NOT is_row) FROM"
            " (SELECT *, reason_code = 'broken_quotes' AND contains(raw_text, chr(10)) AS torn FROM"
            f" ({rejected}))"
        ).fetchall()[0]

    def _all_torn(self) -> str:
        rejected = f"SELECT * FROM ({self.rejected()}) ORDER BY source_line LIMIT 1"
        line, reason, _, written = self.cursor.execute(rejected).fetchall()[0]
        return (
            f"{self.delivery.path}: no line could be split into the {len(self._own_columns)} columns of the"
            f" header (line {line:,}: {reason}). Nothing of this file was loaded. Check its header, delimiter"
            f" and quotes.{self._on_one_cell(written)}{self._on_backslashes()}"
        )

    def _on_one_cell(self, written: str) -> str:
        """What to do where lines have a cell less than the header, or more."""
        assert self.delimiter
        cells, columns = written.count(self.delimiter) + 1, self._own_columns
        if cells == len(columns) - 1 and columns[-1].startswith("unnamed"):
            return " The header ends with a delimiter that its lines lack: take it away."
        if cells == len(columns) + 1:
            return (
                " Its lines have a cell more than the header, as where R's `write.table` numbers rows:"
                " name that column in the header (`col.names = NA`)."
            )
        return ""

    def _on_backslashes(self) -> str:
        r"""What to do where a quote within a cell is written `\"`."""
        is_seen = b'\\"' in self.delivery.inspection.head and not self.delivery.source.escape
        return " Quotes are written `\\\"` here: declare `escape: '\\'`." if is_seen else ""

    def _embedded_newlines(self, rows: str) -> tuple[int, int]:
        """(line ends inside quoted values of the accepted rows, those of dropped columns as well, values that
        have as many delimiters as so many lines: what a quote in one row and one in a later row are around).
        """
        assert self.delimiter
        most = len(self._own_columns) - 1
        counts = [
            tuple(f"length({c}) - length(replace({c}, {text(mark)}, ''))" for mark in ("\n", self.delimiter))
            for c in map(quoted, self._own_columns)
        ]
        ends = " + ".join(f"coalesce({lines}, 0)" for lines, _ in counts)
        whole = " OR ".join(f"{lines} > 0 AND {marks} = {most} * ({lines})" for lines, marks in counts)
        rows = rows or self._noting_nothing(self._delivered)
        found = f"coalesce(sum({ends}), 0)::BIGINT, count(*) FILTER ({whole if most > 1 else 'false'})"
        return self.cursor.execute(f"SELECT {found} FROM {rows}").fetchall()[0]


def _as_expression(pattern: str) -> str:
    """A regular expression of lines, of a pattern in which `*` stands for anything."""
    return ".*".join(map(re.escape, pattern.strip().split("*")))
