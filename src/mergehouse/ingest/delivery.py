"""A delivery as a DuckDB relation of text columns in file order - text, JSON or Parquet file, or sheet -
reconciled by count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from mergehouse.errors import SourceError
from mergehouse.ingest.header import (
    comparable,
    detect_delimiter,
    find_header,
    first_records,
    lines_of,
    match_header,
    named_columns,
    names_by_place,
    quoting,
    with_quotes_found,
    without_lines,
)
from mergehouse.ingest.inspection import Inspection, blank_lines, inspect, is_compressed, transcode
from mergehouse.ingest.json_records import Torn, read_json
from mergehouse.ingest.landing import LandedFile, kind_of, named
from mergehouse.ingest.nested import flattened
from mergehouse.ingest.percent_cells import as_shown, percent_columns
from mergehouse.ingest.text_layout import KEEP_REJECTS, TextLayout, torn_files
from mergehouse.ingest.workbook import (
    FULL,
    LONGEST_CELL,
    as_written,
    first_rows,
    hidden_parts,
    sheets,
    workbook,
)
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.brand import Brand
from mergehouse.project.sources import Source
from mergehouse.storage import one_file

NUMBERS = "U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|DECIMAL|FLOAT|DOUBLE"  # DuckDB's types
REASONS = {
    "MISSING COLUMNS": "too_few_columns",
    "TOO MANY COLUMNS": "too_many_columns",
    "UNQUOTED VALUE": "broken_quotes",
    "LINE SIZE OVER MAXIMUM": "line_too_long",
    "INVALID ENCODING": "bad_bytes",
    "INVALID STATE": "broken_quotes",
}

SIGNATURES = {  # how files begin that are no text
    b"PK\x03\x04": "a workbook or zip file",
    b"\xd0\xcf\x11\xe0": "a workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
}


@dataclass(frozen=True)
class Delivery:
    """A text, JSON or Parquet file or one sheet of a workbook, to be loaded. `path` is where to read it.

    `left_out` are sheets that are not read, of the first that is.
    """

    brand: Brand
    table: str
    source: Source
    file: LandedFile
    path: Path
    inspection: Inspection
    sheet: str | None = None
    left_out: list[str] = field(default_factory=list)

    @property
    def bronze(self) -> str:
        return bronze_table(self.brand.name, self.table)

    @property
    def label(self) -> str:
        return f"{self.file.label}#{self.sheet}" if self.sheet else self.file.label

    @property
    def batch_id(self) -> str:
        """Content decides, and the table it is for: one file may feed two sources. So do the columns that its
        folders are named after.
        """
        return self.batch_of(self.inspection.sha256)

    def batch_of(self, sha256: str) -> str:
        """The batch that it would be if its content had this hash."""
        parts = [self.bronze, sha256, self.sheet or ""]
        parts += [f"{name}={value}" for name, value in self.file.partitions.items()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def keeps_undeclared(self) -> bool:
        return (self.source.undeclared or self.brand.undeclared) == "keep"


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
    content = next((what for mark, what in SIGNATURES.items() if inspection.head.startswith(mark)), None)
    if content and kind_of(path.name) in ("text", "json"):
        raise SourceError(f"{path}: no text, but {content}. Give the file the ending of what it is.")
    if kind_of(path.name) != "workbook":
        yield Delivery(brand, table, source, file, path, inspection)
        return
    read, left_out = sheets(path, source)
    for sheet in read:
        yield Delivery(
            brand, table, source, file, path, inspection, sheet, left_out if sheet == read[0] else []
        )


class Reader:
    """A delivery as a relation of text columns in file order, with an independent count of its rows.

    `layout` is that of text: files of one layout may be read by one statement, and each is accounted for by
    its own reader.
    """

    def __init__(
        self,
        delivery: Delivery,
        cursor: duckdb.DuckDBPyConnection,
        readable: Path,
        earlier: Sequence[str] = (),
    ):
        """`readable` is where a copy in UTF-8 may be, `earlier` the columns that the Bronze table has.

        Raises SourceError where the file cannot be read or lacks columns.
        """
        self.delivery, self.cursor, self.readable, self.earlier = delivery, cursor, readable, earlier
        self.layout: TextLayout | None = None
        self.text_path = delivery.path  # where text is read
        self.may_be_torn = True  # False where what could not be split was looked at, and is of other files
        self.delimiter: str | None = None
        self.encoding: str | None = None
        self.numbers: list[str] = []  # columns that the file holds as numbers
        self.doubts: list[str] = []
        self._torn: list[Torn] = []
        self._views: list[str] = []
        path, kind = delivery.path, kind_of(delivery.path.name)
        if kind == "parquet":
            self._open_parquet(path)
        elif kind == "json":
            self._open_json(path)
        elif delivery.sheet:
            self._open_sheet(path, delivery.sheet)
        else:
            self._open_text(path)

    @property
    def drops(self) -> list[str]:
        """The columns that are never written."""
        return [] if self.delivery.keeps_undeclared else self.header.undeclared

    @property
    def columns(self) -> list[str]:
        """The columns of the relation: those that are kept."""
        return [name for name in self.header.columns if name not in self.drops]

    @property
    def relation(self) -> str:
        """The file's own columns, then those that are one for all of its rows."""
        said = self.constants
        selected = ", ".join(f"{said[n]} AS {quoted(n)}" if n in said else quoted(n) for n in self.columns)
        return f"(SELECT {selected} FROM {self._delivered})"

    @property
    def constants(self) -> dict[str, str]:
        """What its folders are named after, and its titles, as SQL, by the names of the columns."""
        names = self.header.columns[len(self._own_columns) :]
        return {
            name: "NULL::VARCHAR" if value is None else text(value)
            for name, value in zip(names, self._constants.values(), strict=True)
        }

    @property
    def notes(self) -> list[str]:
        """How the delivery differs from the declaration and from those before it, and what is in doubt."""
        called, undeclared = self.header.delivered, self.header.undeclared
        kept = [f"`{called[n]}` kept as `{n}`" for n in undeclared if n not in self.earlier]
        if self.drops:
            said = [f"undeclared column(s) dropped: {', '.join(f'`{called[n]}`' for n in self.drops)}"]
        elif self.earlier:
            said = [f"new column {words}" for words in kept]
        else:
            said = [f"undeclared column(s): {', '.join(kept)}"] if kept else []
        return [*said, *self.header.drift, *self.doubts]

    def _match(self, headers: list[str], where: str, above: Sequence[Sequence[str | None]] = ()) -> None:
        """The header, and after it those columns that folders are named after and the file lacks, and the
        titles above it.
        """
        there = {comparable(h) for h in headers}
        folders = self.delivery.file.partitions.items()
        self._constants = {name: value for name, value in folders if comparable(name) not in there}
        if titles := self.delivery.source.titles:
            lines = (" ".join(cell.strip() for cell in record if cell) for record in above)
            self._constants[titles] = "\n".join(lines).strip() or None
        self.header = match_header([*headers, *self._constants], self.delivery.source, where, above)

    def _names(self, record: Sequence[str | None]) -> list[str]:
        """What a file calls its columns: its header, or, without one, the declared names."""
        source, file = self.delivery.source, self.delivery.file
        if source.header:
            return [cell or "" for cell in record]
        return names_by_place(record, source, self.delivery.path, [*file.partitions, source.titles or ""])

    @property
    def _own_columns(self) -> list[str]:
        """The columns of the file itself."""
        return self.header.columns[: len(self.header.columns) - len(self._constants)]

    def _open_text(self, path: Path) -> None:
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
        self._delivered = self.layout.relation([path])

    def _open_json(self, path: Path) -> None:
        seen = self.delivery.inspection
        self.encoding = seen.encoding
        transcode(path, seen.encoding, self.readable)
        with named(self.delivery.file, self.readable):
            rows, numbers, self._torn = read_json(self.readable, self.delivery.source.items)
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
        self._delivered = f"(SELECT {self._renamed(headers)} FROM {view})"

    def _open_parquet(self, path: Path) -> None:
        file, items = text(one_file(str(path))), self.delivery.source.items
        try:
            rows, types = flattened(self.cursor, f"read_parquet({file}, hive_partitioning = false)", items)
            counted = (
                f"SELECT count(*) FROM ({rows})"
                if items
                else f"SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata({file})"
            )
            ((self._expected,),) = self.cursor.execute(counted).fetchall()
        except duckdb.Error as error:
            raise SourceError(
                f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})."
            ) from None
        self._match(list(types), str(path))
        self.numbers = [
            name
            for name, kind in zip(self._own_columns, types.values(), strict=True)
            if re.match(NUMBERS, kind)
        ]
        instants = self.cursor.execute(
            f"SELECT name FROM parquet_schema({file}) WHERE type = 'INT96'"
        ).fetchall()
        for path_in_row in (p for p in types if (p.split(".")[-1],) in instants):
            # Spark, Hive and Impala keep instants so, in UTC, and DuckDB takes them for local times
            rows = f"SELECT * REPLACE ({quoted(path_in_row)} || 'Z' AS {quoted(path_in_row)}) FROM ({rows})"
        self._delivered = f"(SELECT {self._renamed(list(types))} FROM ({rows}))"

    def _open_sheet(self, path: Path, name: str) -> None:
        book, source, above, place = workbook(path), self.delivery.source, [], 0
        skipped = source.skip_lines
        header: dict[str, int | None] = {} if source.header else {"header_row": None, "skip_rows": skipped}
        sheet = book.load_sheet(name, dtypes="string", **header)
        names = [c.name for c in sheet.selected_columns]
        if skipped or source.header and named_columns(names, source) < len(source.columns):
            records = first_rows(book, name, skipped)  # not before: every load reads the whole sheet
            place = skipped + (find_header(records[skipped:], source) if source.header else 0)
            above = records[:place]
            if source.header and place:
                header = {"header_row": place}
                sheet = book.load_sheet(name, dtypes="string", **header)
                names = [c.name for c in sheet.selected_columns]
        called = as_written(book, name, place, names) if source.header else self._names(names)
        self._match(called, f"{path}, sheet {name}", above)
        self._expected = sheet.total_height - (0 if source.header else skipped)
        view = self._registered(f"sheet_{self.delivery.batch_id}", sheet)
        self._delivered = f"(SELECT {self._renamed(names)} FROM {view})"
        self._show_percent(path, name)
        if self._has_three_decimals():
            typed = book.load_sheet(name, schema_sample_rows=None, **header)
            kinds = zip(self._own_columns, typed.selected_columns, strict=True)
            self.numbers = [column for column, of_sheet in kinds if of_sheet.dtype in ("float", "int")]
        self.doubts += self._doubts_about(sheet, self._expected + place + source.header)

    def _registered(self, view: str, rows: Any) -> str:
        self.cursor.register(view, rows)
        self._views.append(view)
        return view

    def _renamed(self, headers: list[str]) -> str:
        names = zip(headers, self._own_columns, strict=True)
        return ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in names)

    def _has_three_decimals(self) -> bool:
        """True of a sheet with a number such as 1.125, which as text might be a thousand: only a second look
        at the sheet tells whether it is text.
        """
        declared = self.delivery.source.columns.items()
        numbers = {n for n, c in declared if c.type in ("number", "percent")} & set(self._own_columns)
        shows = " OR ".join(
            f"regexp_matches({quoted(n)}, '^-?[1-9][0-9]{{0,2}}[.][0-9]{{3}}$')" for n in numbers
        )
        found = f"SELECT 1 FROM {self._delivered} WHERE {shows} LIMIT 1"
        return bool(numbers) and bool(self.cursor.execute(found).fetchall())

    def _show_percent(self, path: Path, sheet: str) -> None:
        """Cells of columns of percent as they are shown."""
        wanted = {c for c, column in self.delivery.source.columns.items() if column.type == "percent"}
        if not wanted & set(self._own_columns):
            return
        for place, all_of_them in percent_columns(path, sheet).items():
            if (name := self._own_columns[place]) in wanted:
                shown = f"{as_shown(name)} AS {quoted(name)}"
                self._delivered = f"(SELECT * REPLACE ({shown}) FROM {self._delivered})"
                if not all_of_them:
                    self.doubts.append(
                        f"{name}: not all numbers are shown as percent; all are read as if they were"
                    )

    def _doubts_about(self, sheet: Any, lines: int) -> list[str]:
        """What a spreadsheet of so many lines hides or has cut off."""
        filled = " + ".join(
            f"count(*) FILTER (length({quoted(n)}) = {LONGEST_CELL})" for n in self._own_columns
        )
        ((cut,),) = self.cursor.execute(f"SELECT {filled} FROM {self._delivered}").fetchall()
        left_out = ", ".join(self.delivery.left_out)
        found = {
            f"sheet(s) that lack the columns are not read: {left_out}": left_out,
            "the sheet itself is hidden": sheet.visible != "visible",
            f"{lines:,} rows are all that a sheet holds: the rest may be cut off": lines in FULL,
            f"{cut:,} cell(s) are filled to the last of {LONGEST_CELL:,} characters, the rest is lost": cut,
        }
        return [words for words, is_so in found.items() if is_so] + hidden_parts(
            self.delivery.path, sheet.name
        )

    @property
    def accepted(self) -> str:
        """The relation once more, noting nothing of what it leaves out."""
        return self._noting_nothing(self.relation)

    def _noting_nothing(self, relation: str) -> str:
        return relation.replace(KEEP_REJECTS, "ignore_errors = true")

    def reconcile(self, accepted: int, rows: str = "") -> None:
        """Raises SourceError unless every line of the file is accounted for. `rows` are those accepted, as
        the file has them, where they are at hand.

        Text: line ends counted in the bytes = header + accepted rows + line ends inside their values +
        lines of rejected rows + blank lines. Other kinds carry their own row count.
        """
        if self.delimiter is None:
            if accepted != self._expected:
                raise self._mismatch(f"the file says it has {self._expected:,} rows, {accepted:,} were read.")
            return
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
        unexplained = lines - counted - self._embedded_newlines(rows)
        if not 0 <= unexplained <= blank_lines(self.text_path):
            raise self._mismatch(
                f"{lines:,} lines follow the header, {lines - unexplained:,} were accounted for."
            )

    def forget(self) -> None:
        """Lets go of the rows of a file that was read as a whole."""
        for view in self._views:
            self.cursor.unregister(view)

    def rejected(self) -> str:
        """SELECT over what the CSV parser could not split and is a row: source_line, reason_code, detail,
        raw_text, one row a line.

        Empty text where nothing was rejected. To be asked for after the relation was read to its end.
        """
        found = self._unsplit()
        return f"SELECT * EXCLUDE (is_row) FROM ({found}) WHERE is_row" if found else ""

    def _unsplit(self) -> str:
        """The same, with `is_row`, of all lines that could not be split."""
        if self._torn:
            lines = ", ".join(f"({torn.line}, {text(torn.text)})" for torn in self._torn)
            return (
                "SELECT source_line::BIGINT AS source_line, 'broken_json' AS reason_code, 'no JSON record' AS"
                f" detail, raw_text, TRUE AS is_row FROM (VALUES {lines}) AS torn(source_line, raw_text)"
            )
        path = str(self.text_path)
        if self.delimiter is None or not self.may_be_torn or path not in torn_files(self.cursor):
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

    def read_to_the_end(self) -> None:
        """Reads every value and keeps none."""
        every = ", ".join(f"count({quoted(name)})" for name in self.columns)
        self.cursor.execute(f"SELECT {every} FROM {self.relation}").fetchall()

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
        rejected = f"SELECT source_line, reason_code FROM ({self.rejected()}) ORDER BY source_line LIMIT 1"
        line, reason = self.cursor.execute(rejected).fetchall()[0]
        return (
            f"{self.delivery.path}: no line could be split into the {len(self._own_columns)} columns of the"
            f" header (line {line:,}: {reason}). Nothing of this file was loaded. Check its header, delimiter"
            f" and quotes.{self._on_backslashes()}"
        )

    def _on_backslashes(self) -> str:
        r"""What to do where a quote within a cell is written `\"`."""
        is_seen = b'\\"' in self.delivery.inspection.head and not self.delivery.source.escape
        return " Quotes are written `\\\"` here: declare `escape: '\\'`." if is_seen else ""

    def _embedded_newlines(self, rows: str) -> int:
        """Line ends inside quoted values of the accepted rows, those of dropped columns as well."""
        columns = map(quoted, self._own_columns)
        each = " + ".join(f"coalesce(length({c}) - length(replace({c}, chr(10), '')), 0)" for c in columns)
        rows = rows or self._noting_nothing(self._delivered)
        return int(self.cursor.execute(f"SELECT coalesce(sum({each}), 0) FROM {rows}").fetchall()[0][0])

    def _mismatch(self, found: str) -> SourceError:
        return SourceError(
            f"{self.delivery.path}: row counts do not reconcile: {found} Nothing of this file was loaded. "
            "Check the file for unbalanced quotes or have it delivered again."
        )


def _as_expression(pattern: str) -> str:
    """A regular expression of lines, of a pattern in which `*` stands for anything."""
    return ".*".join(map(re.escape, pattern.strip().split("*")))
