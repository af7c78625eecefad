"""Cells of a workbook that are shown as percent: 25 % is stored as 0.25."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from mergehouse.ingest.workbook import part_of, pieces
from mergehouse.lakehouse.reader import quoted

_STYLES = "xl/styles.xml"
_OF_EXCEL = {"9", "10"}  # `0%` and `0.00%` have numbers that every workbook knows
_CELL = re.compile(rb'<c\b([^>]*)\br="([A-Z]+)[0-9]+"([^>]*[^/>])?>')
_STYLE, _TEXT = re.compile(rb'\bs="([0-9]+)"'), re.compile(rb'\bt="(?!n")')


def percent_columns(path: Path, sheet: str) -> dict[int, bool]:
    """Columns of an .xlsx file's sheet that have cells shown as percent, counted from the first that is used,
    and whether all their numbers are.

    >>> _ = Path("lines.xls").write_bytes(b"of another kind")
    >>> percent_columns(Path("lines.xls"), "Sheet1")
    {}
    """
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as packed:
        part = part_of(packed, sheet)
        styles = _percent_styles(packed) if part else frozenset()
        if part is None or not styles:
            return {}
        percent: Counter[int] = Counter()
        others: Counter[int] = Counter()
        used: set[int] = set()
        for xml in pieces(packed, part):
            for before, letters, after in _CELL.findall(xml):
                column, attributes = _place(letters), before + after
                used.add(column)
                if not _TEXT.search(attributes):
                    style = _STYLE.search(attributes)
                    (percent if style and style[1] in styles else others)[column] += 1
    return {column - min(used): not others[column] for column in percent}


def as_shown(name: str) -> str:
    """SQL of a column's cells as a spreadsheet shows them: `25%` of 0.25, and text as it is.

    >>> import duckdb
    >>> given = "(VALUES ('0.25'), ('0.075'), ('none')) AS t(rate)"
    >>> duckdb.sql(f"SELECT {as_shown('rate')} FROM {given}").fetchall()
    [('25%',), ('7.5%',), ('none',)]
    """
    hundredths = f"CAST(TRY_CAST({quoted(name)} AS DECIMAL(28, 12)) * 100 AS VARCHAR)"
    return f"coalesce(rtrim(rtrim({hundredths}, '0'), '.') || '%', {quoted(name)})"


def _percent_styles(packed: zipfile.ZipFile) -> frozenset[bytes]:
    """The numbers of the cell styles that show percent."""
    if _STYLES not in packed.namelist():
        return frozenset()
    styles = ElementTree.fromstring(packed.read(_STYLES))
    formats = {f.get("numFmtId") for f in styles.iter() if "%" in f.get("formatCode", "")} | _OF_EXCEL
    cells = (style for group in styles if group.tag.endswith("}cellXfs") for style in group)
    return frozenset(str(n).encode() for n, style in enumerate(cells) if style.get("numFmtId") in formats)


def _place(letters: bytes) -> int:
    """The place of a column: 0 of `A`, 26 of `AA`."""
    place = 0
    for letter in letters:
        place = place * 26 + letter - ord("A") + 1
    return place - 1
