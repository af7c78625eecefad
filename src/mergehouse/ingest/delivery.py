"""A delivery as a DuckDB relation of text columns in file order - text file, Parquet file or sheet -
reconciled by count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from mergehouse.errors import SourceError
from mergehouse.ingest.header import (
    SEARCHED,
    detect_delimiter,
    find_header,
    first_records,
    lines_above,
    match_header,
    named_columns,
)
from mergehouse.ingest.inspection import Inspection, blank_lines, inspect, transcode
from mergehouse.ingest.landing import TEXT_SUFFIXES, LandedFile
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.config import Brand, Source

NUMBERS = "U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|DECIMAL|FLOAT|DOUBLE"  # types of DuckDB's
ZULU = " || 'Z'"
MAX_LINE_BYTES = 2 * 2**20
MAX_REJECTED_TEXT = 16 * 2**20
REASONS = {
    "MISSING COLUMNS": "too_few_columns",
    "TOO MANY COLUMNS": "too_many_columns",
    "UNQUOTED VALUE": "broken_quotes",
    "LINE SIZE OVER MAXIMUM": "line_too_long",
    "INVALID ENCODING": "bad_bytes",
    "INVALID STATE": "broken_quotes",
}


@dataclass(frozen=True)
class Delivery:
    """A text file, a Parquet file or one sheet of a workbook, to be loaded. `path` is where to read it."""

    brand: Brand
    table: str
    source: Source
    file: LandedFile
    path: Path
    inspection: Inspection
    sheet: str | None = None

    @property
    def bronze(self) -> str:
        return bronze_table(self.brand.name, self.table)

    @property
    def label(self) -> str:
        return f"{self.path.name}#{self.sheet}" if self.sheet else self.path.name

    @property
    def batch_id(self) -> str:
        """Content decides, and the table it is for: one file may feed two sources."""
        return hashlib.sha256(
            f"{self.bronze}\0{self.inspection.sha256}\0{self.sheet or ''}".encode()
        ).hexdigest()[:16]


def bronze_table(brand: str, table: str) -> str:
    """The Bronze table of a brand's source.

    >>> bronze_table("shop", "lines")
    'bronze.shop_lines'
    """
    return f"bronze.{brand}_{table}"


def deliveries(
    brand: Brand, table: str, source: Source, file: LandedFile, path: Path, inspection: Inspection
) -> Iterator[Delivery]:
    """What one file holds: itself, or the sheets of a workbook that have the source's columns.

    Raises SourceError where a workbook cannot be read or a declared sheet is not there.
    """
    if path.name.lower().endswith((*TEXT_SUFFIXES, ".parquet")):
        yield Delivery(brand, table, source, file, path, inspection)
        return
    book = workbook(path)
    unknown = [s for s in source.sheets if s not in book.sheet_names]
    if unknown:
        raise SourceError(
            f"{path}: sheet `{unknown[0]}` not found; the workbook has: {', '.join(book.sheet_names)}."
        )
    fitting = [s for s in book.sheet_names if _has_declared_columns(book, s, source)]
    for sheet in source.sheets or fitting or book.sheet_names:
        yield Delivery(brand, table, source, file, path, inspection, sheet)


class Reader:
    """A delivery as a relation of text columns in file order, with an independent count of its rows."""

    _keep_rejects = f"store_rejects = true, rejects_limit = 0, rejects_line_size_limit = {MAX_REJECTED_TEXT}"

    def __init__(self, delivery: Delivery, cursor: duckdb.DuckDBPyConnection, readable: Path):
        self.delivery, self.cursor, self.readable = delivery, cursor, readable
        self.delimiter: str | None = None
        self.encoding: str | None = None
        self.numbers: list[str] = []  # columns that the file holds as numbers

    def __enter__(self) -> Reader:
        path = self.delivery.path
        if path.suffix == ".parquet":
            self._open_parquet(path)
        elif self.delivery.sheet:
            self._open_sheet(path, self.delivery.sheet)
        else:
            self._open_text(path)
        return self

    def __exit__(self, *_: object) -> None:
        self.cursor.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")

    def _open_text(self, path: Path) -> None:
        seen = self.delivery.inspection
        if seen.encoding != "utf-8" or seen.odd_line_ends:
            transcode(path, seen.encoding, self.readable)
            path, self.encoding = self.readable, seen.encoding
            seen = inspect(path)
        self.encoding = self.encoding or "utf-8"
        head, source = seen.head.decode("utf-8", errors="replace"), self.delivery.source
        self.delimiter = detect_delimiter(head, source)
        records = first_records(head, self.delimiter)
        place = find_header(records, source)
        above = lines_above(head, self.delimiter, place)
        self.header = match_header(records[place], source, self.delivery.path, records[:place])
        self._lines, self._path = seen.lines - above, path
        columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in self.header.columns)
        self.relation = (
            f"read_csv({text(str(path))}, auto_detect = false, skip = {place}, header = true, columns ="
            f" {{{columns}}}, delim = {text(self.delimiter)}, quote = '\"', escape = '\"',"
            f" {self._keep_rejects}, max_line_size ="
            f" {MAX_LINE_BYTES}{', compression = ' + text('gzip') if path.suffix == '.gz' else ''})"
        )

    def _open_parquet(self, path: Path) -> None:
        try:
            described = self.cursor.execute(f"DESCRIBE FROM read_parquet({text(str(path))})").fetchall()
            ((self._expected,),) = self.cursor.execute(
                f"SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata({text(str(path))})"
            ).fetchall()
        except duckdb.Error as error:
            raise SourceError(
                f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})."
            ) from None
        self.header = match_header([d[0] for d in described], self.delivery.source, path)
        stored = dict(zip(self.header.columns, (d[1] for d in described), strict=True))
        self.numbers = [name for name, kind in stored.items() if re.match(NUMBERS, kind)]
        # Spark, Hive and Impala keep instants so, in UTC, and DuckDB takes them for local times
        instants = self.cursor.execute(
            f"SELECT name FROM parquet_schema({text(str(path))}) WHERE type = 'INT96'"
        ).fetchall()
        casts = ", ".join(
            f"CAST({quoted(d[0])} AS VARCHAR){ZULU if (d[0],) in instants else ''} AS {quoted(name)}"
            for d, name in zip(described, self.header.columns, strict=True)
        )
        self.relation = f"(SELECT {casts} FROM read_parquet({text(str(path))}))"

    def _open_sheet(self, path: Path, name: str) -> None:
        book, source, above = workbook(path), self.delivery.source, []
        sheet = book.load_sheet(name, dtypes="string")
        if named_columns([c.name for c in sheet.selected_columns], source) < len(
            source.columns
        ):  # every load reads the whole sheet
            records = _first_rows(book, name)
            if place := find_header(records, source):
                above = records[:place]
                sheet = book.load_sheet(name, header_row=place, dtypes="string")
        names = [c.name for c in sheet.selected_columns]
        self.header = match_header(names, source, f"{path}, sheet {name}", above)
        self._expected = sheet.total_height
        view = f"sheet_{self.delivery.batch_id}"
        self.cursor.register(view, sheet)
        renames = ", ".join(
            f"{quoted(old)} AS {quoted(new)}" for old, new in zip(names, self.header.columns, strict=True)
        )
        self.relation = f"(SELECT {renames} FROM {view})"

    @property
    def accepted(self) -> str:
        """The relation once more, noting nothing of what it leaves out."""
        return self.relation.replace(self._keep_rejects, "ignore_errors = true")

    def reconcile(self, accepted: int) -> None:
        """Raises SourceError unless every line of the file is accounted for.

        Text: line ends counted in the bytes = header + accepted rows + line ends inside their values +
        lines of rejected rows + blank lines. Parquet and workbooks carry their own row count.
        """
        if self.delimiter is None:
            if accepted != self._expected:
                raise self._mismatch(f"the file says it has {self._expected:,} rows, {accepted:,} were read.")
            return
        rejected_lines, quote_line, swallowed = self._rejected_lines()
        if swallowed:
            raise self._mismatch(
                f"a quote opened on line {quote_line:,} is not closed and swallows {swallowed:,} lines."
            )
        if rejected_lines and not accepted:
            raise SourceError(self._all_torn())
        lines, counted = self._lines - 1, accepted + rejected_lines
        if lines == counted:
            return
        unexplained = lines - counted - self._embedded_newlines()
        if not 0 <= unexplained <= blank_lines(self._path):
            raise self._mismatch(
                f"{lines:,} lines follow the header, {lines - unexplained:,} were accounted for."
            )

    def rejected(self) -> str:
        """SELECT over what the CSV parser could not split: source_line, reason_code, detail, raw_text, one
        row a line.

        Empty text where nothing was rejected. To be asked for after the relation was read to its end.
        """
        there = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"
        if self.delimiter is None or not self.cursor.execute(there).fetchall()[0][0]:
            return ""
        if not self.cursor.execute("SELECT count(*) FROM reject_errors").fetchall()[0][0]:
            return ""
        reasons = " ".join(f"WHEN {text(kind)} THEN {text(reason)}" for kind, reason in REASONS.items())
        return f"""
            SELECT line::BIGINT AS source_line,
              CASE arg_min(kind, place) {reasons}
                ELSE lower(replace(arg_min(kind, place), ' ', '_')) END AS reason_code,
              split_part(arg_min(error_message, place), chr(10), 1) AS detail,
              trim(arg_min(csv_line, place), chr(13) || chr(10)) AS raw_text
            FROM (SELECT *, coalesce(column_idx, 0) AS place, error_type::VARCHAR AS kind FROM reject_errors)
            GROUP BY line"""

    def read_to_the_end(self) -> None:
        """Reads every value and keeps none."""
        every = ", ".join(f"count({quoted(name)})" for name in self.header.columns)
        self.cursor.execute(f"SELECT {every} FROM {self.relation}").fetchall()

    def _rejected_lines(self) -> tuple[int, int, int]:
        """(lines of the file in rejected rows, first line with an open quote, lines after it that the quote
        swallows).
        """
        if not (rejected := self.rejected()):
            return 0, 0, 0
        newlines = "length(raw_text) - length(replace(raw_text, chr(10), ''))"
        return self.cursor.execute(
            f"SELECT sum(1 + {newlines})::BIGINT, coalesce(min(source_line) FILTER (torn), 0),"
            f" coalesce(arg_min({newlines}, source_line) FILTER (torn), 0) FROM (SELECT *, reason_code ="
            f" 'broken_quotes' AND contains(raw_text, chr(10)) AS torn FROM ({rejected}))"
        ).fetchall()[0]

    def _all_torn(self) -> str:
        rejected = f"SELECT source_line, reason_code FROM ({self.rejected()}) ORDER BY source_line LIMIT 1"
        line, reason = self.cursor.execute(rejected).fetchall()[0]
        return (
            f"{self.delivery.path}: no line could be split into the {len(self.header.columns)} columns of the"
            f" header (line {line:,}: {reason}). Nothing of this file was loaded. Check its header, delimiter"
            " and quotes."
        )

    def _embedded_newlines(self) -> int:
        """Line ends inside quoted values of the accepted rows."""
        columns = map(quoted, self.header.columns)
        each = " + ".join(f"coalesce(length({c}) - length(replace({c}, chr(10), '')), 0)" for c in columns)
        return int(
            self.cursor.execute(f"SELECT coalesce(sum({each}), 0) FROM {self.accepted}").fetchall()[0][0]
        )

    def _mismatch(self, found: str) -> SourceError:
        return SourceError(
            f"{self.delivery.path}: row counts do not reconcile: {found} Nothing of this file was loaded. "
            "Check the file for unbalanced quotes or have it delivered again."
        )


def workbook(path: Path) -> Any:
    """The open workbook. Raises SourceError where it is none.

    >>> _ = Path("lines.xlsx").write_bytes(b"no workbook")
    >>> workbook(Path("lines.xlsx"))
    Traceback (most recent call last):
    mergehouse.errors.SourceError: lines.xlsx: not a readable workbook (...).
    """
    import fastexcel

    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise SourceError(f"{path}: not a readable workbook ({str(error).splitlines()[0]}).") from None


def _first_rows(book: Any, sheet: str) -> list[tuple[str | None, ...]]:
    """The cells among which a sheet's header is."""
    return (
        book.load_sheet(sheet, header_row=None, skip_rows=0, n_rows=SEARCHED, dtypes="string")
        .to_polars()
        .rows()
    )


def _has_declared_columns(book: Any, sheet: str, source: Source) -> bool:
    """True where the sheet's first row names a declared column, or a later one most of them: notes and pivot
    sheets do not.
    """
    records = _first_rows(book, sheet)
    place = find_header(records, source)
    return bool(records) and named_columns(records[place], source) > (len(source.columns) / 2 if place else 0)
