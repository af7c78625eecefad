"""A sheet of a workbook as a relation, its cells as they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergehouse.ingest.header import find_header, named_columns
from mergehouse.ingest.numbers import LONGEST_POWER
from mergehouse.ingest.percent_cells import as_shown, percent_columns
from mergehouse.ingest.reader import Reader
from mergehouse.ingest.workbook import FULL, LONGEST_CELL, as_written, first_rows, hidden_parts, workbook
from mergehouse.lakehouse.reader import quoted
from mergehouse.project.sources import TEXTS

if TYPE_CHECKING:
    import polars

DAY_NOUGHT = "1899-12-3_ __:__:__"  # 30 or 31, as the workbook's calendar has it
THREE_DECIMALS = "^-?[1-9][0-9]{0,2}[.][0-9]{3}$"


class SheetReader(Reader):
    """Of one sheet; what a spreadsheet hides or has cut off is a doubt."""

    def _open(self, path: Path) -> str:
        name = self.delivery.sheet
        assert name
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
        rows = self._with_percent(f"(SELECT {self._renamed(names)} FROM {view})", path, name)
        rows = self._with_times_of_day(rows)
        if three_decimals := self._with_three_decimals(rows):
            typed = book.load_sheet(name, schema_sample_rows=None, **header)
            kinds = zip(self._own_columns, typed.selected_columns, strict=True)
            self.numbers = [column for column, of_sheet in kinds if of_sheet.dtype in ("float", "int")]
            if beside_text := three_decimals - {*self.numbers}:
                places = [place for place, column in enumerate(self._own_columns) if column in beside_text]
                told = book.load_sheet(name, dtypes=dict.fromkeys(places, "datetime"), **header)
                self._registered(view, with_numbers_told(sheet.to_polars(), told.to_polars(), places))
        self.doubts += self._doubts_about(sheet, rows, self._expected + place + source.header)
        return rows

    def _with_times_of_day(self, rows: str) -> str:
        """The rows, a time without a day as a clock shows it: to a workbook it is one of the day nought."""
        declared = self.delivery.source.columns
        shown = [
            f"CASE WHEN {quoted(n)} LIKE '{DAY_NOUGHT}' THEN substring({quoted(n)}, 12) ELSE {quoted(n)} END"
            f" AS {quoted(n)}"
            for n in self._own_columns
            if n in declared and declared[n].type in TEXTS
        ]
        return f"(SELECT * REPLACE ({', '.join(shown)}) FROM {rows})" if shown else rows

    def _with_three_decimals(self, rows: str) -> set[str]:
        """Columns of numbers with a cell such as 1.125, which as text might be a thousand: only a second look
        at the sheet tells whether it is text.
        """
        declared = self.delivery.source.columns.items()
        numbers = [n for n, c in declared if c.type in ("number", "percent") and n in self._own_columns]
        if not numbers:
            return set()
        shown = ", ".join(f"bool_or(regexp_matches({quoted(n)}, '{THREE_DECIMALS}'))" for n in numbers)
        (found,) = self.cursor.execute(f"SELECT {shown} FROM {rows}").fetchall()
        return {name for name, is_there in zip(numbers, found, strict=True) if is_there}

    def _with_percent(self, rows: str, path: Path, sheet: str) -> str:
        """The rows, cells of columns of percent as they are shown."""
        wanted = {c for c, column in self.delivery.source.columns.items() if column.type == "percent"}
        if not wanted & set(self._own_columns):
            return rows
        for place, all_of_them in percent_columns(path, sheet).items():
            if (name := self._own_columns[place]) in wanted:
                shown = f"{as_shown(name)} AS {quoted(name)}"
                rows = f"(SELECT * REPLACE ({shown}) FROM {rows})"
                if not all_of_them:
                    self.doubts.append(
                        f"{name}: not all numbers are shown as percent; all are read as if they were"
                    )
        return rows

    def _doubts_about(self, sheet: Any, rows: str, lines: int) -> list[str]:
        """What a spreadsheet of so many lines hides or has cut off."""
        filled = " + ".join(
            f"count(*) FILTER (length({quoted(n)}) = {LONGEST_CELL})" for n in self._own_columns
        )
        ((cut,),) = self.cursor.execute(f"SELECT {filled} FROM {rows}").fetchall()
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


def with_numbers_told(shown: polars.DataFrame, told: polars.DataFrame, places: list[int]) -> polars.DataFrame:
    """A sheet of texts in which a number such as 12.345 has no decimal mark: beside texts it says nothing of
    theirs, and is no thousand where they have a decimal comma. `told` has the same sheet, the columns at
    these `places` as times: a number is one to a workbook, and a text is none.

    >>> import datetime as dt
    >>> import polars
    >>> shown = polars.DataFrame({"price": ["12.345", "12.345", "7,50"]})
    >>> told = polars.DataFrame({"price": [dt.datetime(1900, 1, 12), None, None]})
    >>> with_numbers_told(shown, told, [0])["price"].to_list()
    ['12345E-3', '12.345', '7,50']
    """
    import polars

    for place in places:
        cells, times = shown.to_series(place), told.to_series(place)
        decimals = cells.str.extract("[.]([0-9]+)$").str.len_chars().cast(polars.String)
        digits = cells.str.replace(".", "", literal=True)
        is_short = digits.str.contains(f"^-?[0-9]{{1,{LONGEST_POWER}}}$")
        is_number = (times.is_not_null() & decimals.is_not_null() & is_short).fill_null(False)
        said = (digits + "E-" + decimals).zip_with(is_number, cells)
        shown = shown.with_columns(said.alias(cells.name))
    return shown
