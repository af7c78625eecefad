"""Workbooks: their sheets, and what a spreadsheet hides from whoever looks at it, or cuts off."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from mergehouse.errors import SourceError
from mergehouse.ingest.header import SEARCHED, find_header, named_columns
from mergehouse.project.sources import Source

FULL = (1_048_576, 65_536)  # lines of a sheet: of Excel, and of its format until 2003
LONGEST_CELL = 32_767
CHUNK = 1 << 20
# What is looked for in a sheet's XML, a cheap sign of it first: (sign, pattern, words)
_NO_VALUE = rb'<c\b(?![^>]*\bt="str")[^>]*><f\b(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>'
MARKS = (
    (b"hidden=", rb'<(?:\w+:)?row\b[^>]*\bhidden="(?:1|true)"', "{} hidden row(s) are read as well"),
    (b"hidden=", rb'<(?:\w+:)?col\b[^>]*\bhidden="(?:1|true)"', "hidden columns are read as well"),
    (b"<mergeCell ", rb"<mergeCell ", "{} merged cell(s): only the first cell of each has the value"),
    (b't="e"', rb'<(?:\w+:)?c\b[^>]*\bt="e"', "{} cell(s) show an error such as #REF! and are read as empty"),
    (b"<f", _NO_VALUE, "{} formula(s) were saved without their result and are read as empty"),
)


def workbook(path: Path) -> Any:
    """The open workbook. Raises SourceError where it is none.

    >>> _ = Path("lines.xlsx").write_bytes(b"no workbook")
    >>> workbook(Path("lines.xlsx"))
    Traceback (most recent call last):
    mergehouse.errors.SourceError: lines.xlsx: not a readable workbook (...). It seems to be text: ...
    """
    import fastexcel

    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise SourceError(
            f"{path}: not a readable workbook ({str(error).splitlines()[0]}). {_instead(path)}"
        ) from None


def _instead(path: Path) -> str:
    """What to do with a file that is called a workbook and is none, as many systems write them."""
    with path.open("rb") as file:
        head = file.read(CHUNK).replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if head.startswith((b"<", b"MIME-Version")):
        return "It is a web page or XML: open it in a spreadsheet and save it as .xlsx or .csv."
    if head and not re.search(rb"[\x01-\x08\x0e-\x1f]", head):
        return "It seems to be text: give it the ending .csv or .txt, here and in `files`."
    return "Have it delivered again, or save it once more as .xlsx."


def sheets(path: Path, source: Source) -> tuple[list[str], list[str]]:
    """(sheets to read, sheets left out): read are those declared, else those that have the source's columns,
    else all. A declaration leaves out on purpose. Sheets that lack a column come first: they stop the
    source before anything of the workbook is loaded.

    Raises SourceError where a workbook cannot be read or a declared sheet is not there.
    """
    book = workbook(path)
    unknown = [s for s in source.sheets if s not in book.sheet_names]
    if unknown:
        raise SourceError(
            f"{path}: sheet `{unknown[0]}` not found; the workbook has: {', '.join(book.sheet_names)}."
        )
    names = source.sheets or list(book.sheet_names)
    if len(names) == 1:
        return names, []
    heads = {name: _head(book, name, source) for name in names}
    read = source.sheets or [name for name in names if heads[name].fits] or names
    left_out = [name for name in names if name not in read and heads[name].is_filled]
    return sorted(read, key=lambda name: heads[name].has_all), left_out


def first_rows(book: Any, sheet: str, below: int = 0) -> list[tuple[str | None, ...]]:
    """The cells among which a sheet's header is, and those of the rows above, `below` which it is."""
    return (
        book.load_sheet(sheet, header_row=None, skip_rows=0, n_rows=below + SEARCHED, dtypes="string")
        .to_polars()
        .rows()
    )


def as_written(book: Any, sheet: str, place: int, names: list[str]) -> list[str]:
    """A sheet's header, which is its row `place`, with the `names` that the reader has told apart by number
    (`Amount_1`) as the sheet has them.
    """
    if not any(name.rpartition("_")[0] in names for name in names):
        return names
    header = first_rows(book, sheet, place)[place]
    return [cell or name for cell, name in zip(header, names, strict=True)]


def hidden_parts(path: Path, sheet: str) -> list[str]:
    """What a sheet of an .xlsx file hides or lacks, in words; of other kinds nothing is known."""
    if not zipfile.is_zipfile(path):
        return []
    found = [0] * len(MARKS)
    with zipfile.ZipFile(path) as packed:
        if (part := part_of(packed, sheet)) is None:
            return []
        for xml in pieces(packed, part):
            for place, (sign, pattern, _) in enumerate(MARKS):
                if sign in xml:
                    found[place] += len(re.findall(pattern, xml))
    return [words.format(count) for count, (_, _, words) in zip(found, MARKS, strict=True) if count]


def part_of(packed: zipfile.ZipFile, sheet: str) -> str | None:
    """Where the XML of a sheet is; None in a file that is no .xlsx.

    >>> with zipfile.ZipFile("lines.ods", "w") as packed:
    ...     print(part_of(packed, "Sheet1"))
    None
    """
    try:
        book = ElementTree.fromstring(packed.read("xl/workbook.xml"))
        links = ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))
    except KeyError:
        return None
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for each in book.iter():
        if each.tag.endswith("}sheet") and each.get("name") == sheet:
            link = next((value for name, value in each.items() if name.endswith("}id")), None)
            return posixpath.normpath(posixpath.join("/xl", targets.get(link, ""))).lstrip("/")
    return None


def pieces(packed: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """A sheet's XML, cut between its rows.

    >>> with zipfile.ZipFile("lines.xlsx", "w") as packed:
    ...     packed.writestr("sheet1.xml", "<row>1</row><row>2</row>")
    ...     list(pieces(packed, "sheet1.xml"))
    [b'<row>1</row><row>2</row>', b'']
    """
    rest = b""
    with packed.open(part) as xml:
        while chunk := xml.read(CHUNK):
            head, end, tail = (rest + chunk).rpartition(b"row>")
            yield head + end
            rest = tail
    yield rest


class _Head(NamedTuple):
    """Of a sheet's first rows: whether there are any, whether its header is that of the source, whether it
    has all columns.
    """

    is_filled: bool
    fits: bool
    has_all: bool


def _head(book: Any, sheet: str, source: Source) -> _Head:
    """A sheet fits where its first row names a declared column, or a later one most of them: notes and pivot
    sheets do not.
    """
    records = first_rows(book, sheet, source.skip_lines)[source.skip_lines :]
    if not records:
        return _Head(False, False, False)
    place = find_header(records, source)
    named, declared = named_columns(records[place], source), len(source.columns)
    return _Head(True, named > (declared / 2 if place else 0), named == declared)
