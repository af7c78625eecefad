"""A file's header against the columns that brand.yml declares: delimiter, drift, missing columns."""

from __future__ import annotations

import csv
import functools
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from mergehouse.errors import SourceError
from mergehouse.ingest.landing import kind_of
from mergehouse.project.sources import ADDED_COLUMNS, Source
from mergehouse.project.validation import nearest

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x01")
# records among which the header is looked for; characters shown of what stands above it, names of columns
SEARCHED, SHOWN, SHOWN_NAMES = (30, 200, 10)


@dataclass(frozen=True)
class Header:
    """`delivered` has the Bronze names in file order and what the file calls them, `undeclared` those that
    nobody declared; `drift` says what else differs from the declaration, in words.
    """

    delivered: dict[str, str]
    undeclared: list[str]
    drift: list[str]

    @property
    def columns(self) -> list[str]:
        return list(self.delivered)


def detect_delimiter(head: str, source: Source) -> str:
    r"""The declared delimiter, or the one that finds most of the declared columns in the header.

    >>> source = Source(files="*", columns={"order": {}, "price": {}})
    >>> detect_delimiter("Order;Price;Note, long\nA1;5,00;x\n", source)
    ';'
    """
    if source.delimiter:
        return source.delimiter

    best, most = DELIMITERS[0], -1
    for delimiter in DELIMITERS:
        records = first_records(head, delimiter, source)
        named = _most_named(records, source)[0] if source.header else len(records[0])
        if named == len(source.columns):
            return delimiter
        if named > most:
            best, most = delimiter, named
    return best


def without_lines(head: str, count: int, where: str | Path) -> tuple[str, str]:
    r"""(the first lines of a file, what is below them). Raises SourceError where it has no more.

    >>> without_lines("Report\nMarch\nA1,5\n", 2, "lines.csv")
    ('Report\nMarch', 'A1,5\n')
    """
    *lines, rest = head.split("\n", count)
    if len(lines) < count or not rest:
        raise SourceError(
            f"{where}: nothing stands below the {count} lines that `skip_lines` of its source leaves out."
            " Nothing of this source was loaded."
        )
    return "\n".join(lines), rest


def first_records(head: str, delimiter: str, source: Source, most: int | None = SEARCHED) -> list[list[str]]:
    r"""The records among which a header is looked for; one without cells where there is none.

    >>> first_records("order,price\nA1,5\n", ",", Source(files="*", columns={}))
    [['order', 'price'], ['A1', '5']]
    """
    return list(islice(_records(head, delimiter, source), most)) or [[]]


def with_quotes_found(records: Sequence[Sequence[str]], source: Source) -> Source:
    """The source, with single quotes where it declares none and each cell of the header is in them.

    >>> with_quotes_found([["'order'", "'price'"]], Source(files="*", columns={"order": {}})).quote
    "'"
    """
    header = records[find_header(records, source)]
    if source.quote is None and header and all(re.fullmatch("'.+'", cell.strip()) for cell in header):
        return source.model_copy(update={"quote": "'"})
    return source


def find_header(records: Sequence[Sequence[str | None]], source: Source) -> int:
    """Place of the record that names most of the declared columns, the first of equals: an export may begin
    with a title.

    >>> source = Source(files="*", columns={"order": {}, "price": {}})
    >>> find_header([["Export of March"], ["Order", "Price"], ["A1", "5"]], source)
    1
    """
    return _most_named(records, source)[1]


def _most_named(records: Sequence[Sequence[str | None]], source: Source) -> tuple[int, int]:
    """How many declared columns the record names that names most, and its place. One that names all is the
    last that is looked at: 10,000 files have as many headers.
    """
    most, best = -1, 0
    for place, record in enumerate(records):
        if (named := named_columns(record, source)) > most:
            most, best = named, place
        if named == len(source.columns):
            break
    return most, best


def names_by_place(
    record: Sequence[str | None], source: Source, where: str | Path, folders: Collection[str]
) -> list[str]:
    """The names of the columns of a file without a header, by its first record: those declared, in their
    order, but for columns that `folders` are named after. Further ones have a number.

    Raises SourceError where the record has fewer cells.

    >>> source = Source(files="*", columns={"order": {}, "price": {}}, header=False)
    >>> names_by_place(["A1", "5", "x"], source, "lines.csv", folders=[])
    ['order', 'price', 'column 3']
    >>> names_by_place(["A1"], source, "lines.csv", folders=[])
    Traceback (most recent call last):
    mergehouse.errors.SourceError: lines.csv: its first row has 1 cell(s), and 2 columns are declared. ...
    """
    of_folders = {comparable(name) for name in folders}
    names = [name for name in source.columns if comparable(name) not in of_folders]
    if len(record) < len(names):
        raise SourceError(
            f"{where}: its first row has {len(record)} cell(s), and {len(names)} columns are declared. With"
            " `header: false` the cells of a row are those of the declared columns, in their order; say in"
            " brand.yml how many lines of titles stand above them, `skip_lines: 3`, and give an unusual"
            " `delimiter`. Nothing of this source was loaded."
        )
    return names + [f"column {number}" for number in range(len(names) + 1, len(record) + 1)]


def lines_of(head: str, delimiter: str, source: Source, count: int) -> int:
    r"""How many lines the first records take.

    >>> source = Source(files="*", columns={})
    >>> lines_of('"a title\nof two lines"\norder,price\nA1,5\n', ",", source, count=2)
    3
    """
    records = _records(head, delimiter, source)
    for _ in range(count):
        next(records, None)
    return records.line_num


def quoting(source: Source) -> tuple[str, str]:
    """(quote, escape) of a source's text files; both empty where nothing is quoted.

    >>> quoting(Source(files="*", columns={}, quote="'")), quoting(Source(files="*", columns={}, quote=""))
    (("'", "'"), ('', ''))
    """
    quote = '"' if source.quote is None else source.quote
    return quote, (source.escape or quote) if quote else ""


def _records(head: str, delimiter: str, source: Source) -> Any:
    quote, escape = quoting(source)
    return csv.reader(
        io.StringIO(head.lstrip("\ufeff")),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        doublequote=escape == quote,
        escapechar=None if escape == quote else escape,
    )


def named_columns(record: Sequence[str | None], source: Source) -> int:
    """How many declared columns a record names.

    >>> source = Source(files="*", columns={"order": {}, "price": {"header": "unit_price"}})
    >>> named_columns(["ORDER", "Unit Price", None], source)
    2
    """
    cells = [comparable(cell) for cell in record if cell]
    known = {*cells, *_numbered(cells)} if len({*cells}) < len(cells) else {*cells}
    return sum(any(comparable(h) in known for h in spellings(source, name)) for name in source.columns)


def match_header(
    headers: list[str], source: Source, where: str | Path, above: Sequence[Sequence[str | None]] = ()
) -> Header:
    """Maps a delivered header to Bronze names.

    Reordered columns are fine and records `above` the header are passed over, both are drift; a missing one
    raises SourceError, with the likely new name of a renamed column, and so does one that several headers may
    be. Undeclared ones may repeat each other: they are told apart by number.

    >>> source = Source(files="*", columns={"price": {}, "order": {}})
    >>> match_header(["Price", "Order", "Gift Wrap"], source, "lines.csv").columns
    ['price', 'order', 'gift_wrap']
    >>> match_header(["Order", "Prices"], source, "lines.csv")
    Traceback (most recent call last):
    mergehouse.errors.SourceError: lines.csv: column(s) `price` missing from the header. `Prices` is new: ...
    >>> match_header(["Order", "Price", "Price"], source, "lines.csv")
    Traceback (most recent call last):
    mergehouse.errors.SourceError: lines.csv: `Price` is there 2 times. Say which of them `price` is: ...
    """
    names: list[str | None] = [None] * len(headers)
    for name in source.columns:
        places = _places(headers, spellings(source, name))
        if len(places) > 1:
            raise SourceError(_ambiguous_message(where, name, [headers[place] for place in places]))
        for place in places:
            names[place] = names[place] or name
    new = {place: headers[place] for place, known in enumerate(names) if known is None}
    missing = [name for name in source.columns if name not in names]
    if missing:
        raise SourceError(
            _missing_message(
                where, missing, list(new.values()), source, found_any=len(missing) < len(source.columns)
            )
        )
    kept: list[str] = []
    for header, known in zip(headers, names, strict=True):
        kept.append(known or _new_name(header, {*kept, *source.columns}))
    declared_order = [n for n in kept if n in source.columns]
    drift = []
    if declared_order != list(source.columns):
        drift.append("columns arrive in another order than declared")
    if above:
        said = " ".join(cell.strip() for record in above for cell in record if cell and cell.strip())
        drift.append(f"{len(above)} line(s) above the header passed over: {said[:SHOWN]}")
    return Header(dict(zip(kept, headers, strict=True)), [kept[place] for place in new], drift)


def _places(headers: Sequence[str], declared: Sequence[str]) -> list[int]:
    """Where a column is: of several columns with one name by its number (`Amount 2`), as it is written, or
    as what differs in case, blanks and punctuation alone.
    """
    keys = [comparable(h) for h in headers]
    wanted = {comparable(d) for d in declared}
    found = [place for place, key in enumerate(keys) if key in wanted]
    if len({*keys}) == len(keys):
        return found
    numbers = [place for place, key in enumerate(_numbered(keys)) if key in wanted]
    written = [place for place in found if headers[place].strip() in declared]
    return next((places for places in (numbers, written) if len(places) == 1), found or numbers)


def _numbered(keys: Sequence[str]) -> list[str]:
    """Names of columns with their number among those of one name; nothing of a name that is there once.

    >>> _numbered(["amount", "day", "amount"])
    ['amount1', '', 'amount2']
    """
    times, seen, numbered = Counter(keys), Counter[str](), []
    for key in keys:
        seen[key] += 1
        numbered.append(f"{key}{seen[key]}" if key and times[key] > 1 else "")
    return numbered


def spellings(source: Source, name: str) -> list[str]:
    """Headers that a column may arrive under.

    >>> spellings(Source(files="*", columns={"price": {"header": ["Unit Price", "Preis"]}}), "price")
    ['price', 'Unit Price', 'Preis']
    """
    return [name, *(source.columns[name].header or [])]


@functools.lru_cache(maxsize=4096)
def comparable(header: str) -> str:
    """Headers that differ in case, blanks or punctuation only, or in how accents are written, are the same
    header; one of nothing else is itself.

    >>> comparable("Re\u0301f. ") == comparable("R\u00e9f")
    True
    >>> comparable("Order-ID ") == comparable("order_id"), comparable("#") == comparable("%")
    (True, False)
    """
    letters = unicodedata.normalize("NFC", header).casefold()
    return re.sub(r"[\W_]", "", letters) or header.strip()


def _new_name(header: str, taken: set[str]) -> str:
    """A column name for a header that nobody declared: lower case, words joined by `_`, never one of ours nor
    of those `taken`.
    """
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", header.strip()).lower()
    name = re.sub(r"\W+", "_", words).strip("_")
    if not name or name[0].isdigit():
        name = f"column_{name}" if name else "unnamed"
    name = f"{name}_delivered" if name in ADDED_COLUMNS else name
    return next(free for n in count(1) if (free := f"{name}_{n}" if n > 1 else name) not in taken)


def _ambiguous_message(where: str | Path, name: str, headers: list[str]) -> str:
    if len({*headers}) == 1:
        first = headers[0].strip()
        return (
            f"{where}: `{first}` is there {len(headers)} times. Say which of them `{name}` is: give that"
            f" column `header: {first} 1`, or 2, ... in brand.yml. Nothing of this source was loaded."
        )
    own = next((h for h in headers if comparable(h) == comparable(name)), None)
    otherwise = (
        f" Where it is not `{own}`, call the column otherwise: its own name is a header, too." if own else ""
    )
    return (
        f"{where}: {_listed(headers)} may all be `{name}`. Give that column the `header` that is meant, just"
        f" as it is written, in brand.yml.{otherwise} Nothing of this source was loaded."
    )


def _missing_message(
    where: str | Path, missing: list[str], new: list[str], source: Source, found_any: bool
) -> str:
    message = f"{where}: column(s) {_listed(missing)} missing from the header"
    if not found_any:
        hint = (
            "Is it the right file? Give an unusual `delimiter` in brand.yml, and `header: false` where it"
            " begins with a row instead of names."
        )
        if kind_of(Path(where).name) in ("json", "parquet"):
            there = _listed(new[:SHOWN_NAMES])
            hint = (
                f"It has {there}. Where one of these is the list of rows, name it in `items` of this source."
            )
        elif source.delimiter and len(new) == 1:
            hint = (
                f"The declared `delimiter`, `{source.delimiter}`, parts nothing here: leave it out, or name"
                " the one that does."
            )
        elif len(new) == 1 and any(named_columns(new[0].split(d), source) for d in DELIMITERS):
            hint = "Each line is in quotes as a whole: deliver the file as it was exported."
        return f"{message}; no declared column was found. {hint}"
    for name in missing:
        inner = next((s for s in spellings(source, name) for h in new if s.startswith(f"{h}.")), None)
        if inner:
            hint = f". `{inner.rpartition('.')[0]}` is a list: name it in `items` of this source"
            message += "" if hint in message else hint
            continue
        candidates = {comparable(h): h for h in new}
        best = nearest(comparable(name), candidates) or next(
            (nearest(comparable(s), candidates) for s in spellings(source, name)), None
        )
        if not best:  # `line_items.sku` of a JSON record
            best = next((key for key, h in candidates.items() if h.lower().endswith(f".{name}")), None)
        if best:
            header = candidates[best]
            message += (
                f". `{header}` is new: if it is `{name}`, add it to that column's `header` in brand.yml"
            )
    return f"{message}. Nothing of this source was loaded."


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)
