"""JSON as rows of text: nested fields by their paths, a list of items as a row each, numbers as written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mergehouse.errors import SourceError
from mergehouse.ingest.numbers import without_mark

if TYPE_CHECKING:
    import polars

ROWS_AT_ONCE = 50_000
Row = dict[str, str | None]


class Number(str):
    """A number as it is written: 5.250 is not 5.25."""

    __slots__ = ()


FALSE = "\x00false"  # of JSON, where it may be none: some programs write it where a field is empty


class Torn(NamedTuple):
    """What is no record, and on which line."""

    line: int
    text: str


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):  # of two values, one would be lost
        raise ValueError("a name occurs more than once")
    return fields


DECODER = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_fields
)


class Read(NamedTuple):
    """Rows, the columns in which JSON has nothing but numbers, those in which FALSE stands beside what is
    neither yes nor no, and what could not be read.
    """

    rows: polars.DataFrame
    numbers: list[str]
    with_false: list[str]
    torn: list[Torn]


def read_json(file: Path, items: str | None, is_number: Callable[[str], bool] = lambda _path: False) -> Read:
    r"""Rows of a UTF-8 file of JSON lines, of one list or of one record after another, all text. Where
    `items` names a list, its members are rows, and a record without any is one. Numbers among the texts of a
    column that `is_number` says is one of numbers have no decimal mark, which might be another than theirs.

    Raises SourceError where a list or a record of several lines is cut off.

    >>> _ = Path("orders.jsonl").write_text('{"id": 7, "to": {"city": "Bo"}, "lines": [{"price": 5.250}]}\n')
    >>> found = read_json(Path("orders.jsonl"), items="lines")
    >>> found.numbers, found.rows.rows(named=True)
    (['id', 'lines.price'], [{'id': '7', 'to.city': 'Bo', 'lines.price': '5.250'}])
    """
    import polars

    torn: list[Torn] = []
    texts: set[str] = set()
    frames, rows = [polars.DataFrame()], []
    for record in _records(file):
        if isinstance(record, Torn):
            torn.append(record)
            continue
        rows += _rows(_of_change(record), "", items)
        if len(rows) >= ROWS_AT_ONCE:
            frames.append(_frame(rows, texts, is_number))
            rows = []
    frame = polars.concat([*frames, _frame(rows, texts, is_number)], how="diagonal")
    numbers = [name for name in frame.columns if name not in texts]
    false = polars.col(polars.String) == FALSE
    among = frame.select(false.any() & ((~false & (polars.col(polars.String) != "true")).any()))
    with_false = [name for name in frame.columns if frame.width and among[name].item()]
    others = [name for name in frame.columns if name not in with_false]
    frame = frame.with_columns(polars.col(others).replace(FALSE, "false")) if others else frame
    return Read(frame, numbers, with_false, torn)


def _frame(rows: list[Row], texts: set[str], is_number: Callable[[str], bool]) -> polars.DataFrame:
    """The rows as a table; names of columns that have other values than numbers are added to `texts`."""
    import polars

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    with_texts = {name for name, values in columns.items() if any(type(value) is str for value in values)}
    columns |= {
        name: [without_mark(v) if type(v) is Number else v for v in columns[name]]
        for name in with_texts
        if is_number(name)
    }
    texts |= with_texts
    return polars.DataFrame(columns, schema=dict.fromkeys(names, polars.String))


def _records(file: Path) -> Iterator[dict[str, Any] | Torn]:
    with file.open("rb") as content:
        lines = ((n, _decoded(line)) for n, line in enumerate(content, start=1))
        filled = ((n, text) for n, text in lines if text)
        _, first = next(filled, (0, "[]"))
        if (record := _record(first)) is None:
            yield from _one_after_another(file)
            return
        yield record
        for number, text in filled:
            yield Torn(number, text) if (record := _record(text)) is None else record


def _decoded(line: bytes) -> str:
    return line.decode(errors="replace").replace("\ufeff", "").strip()


def _record(text: str) -> dict[str, Any] | None:
    try:
        found = DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and "\ufffd" not in text else None


def _one_after_another(file: Path) -> Iterator[dict[str, Any] | Torn]:
    """The records of a list, or such as take several lines."""
    text = file.read_text(encoding="utf-8", errors="replace").replace("\ufeff", "").strip()
    blank = re.compile(r"[\s,]*")
    is_list = text.startswith("[")
    place, end = int(is_list), len(text) - int(is_list and text.endswith("]"))
    if is_list and end == len(text):
        raise SourceError(f"{file}: the list has no end; the file was cut off. Deliver it again.")
    while (place := blank.match(text, place, end).end()) < end:  # type: ignore[union-attr]
        start = place
        try:
            record, place = DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{file}: no sound JSON in line {text.count(chr(10), 0, start) + 1:,} ({error})."
                " Deliver it again."
            ) from None
        is_sound = isinstance(record, dict)
        yield record if is_sound else Torn(text.count("\n", 0, start) + 1, text[start:place])


def _of_change(record: dict[str, Any]) -> dict[str, Any]:
    """The record; of a change that took a row away with the row that was, which Debezium writes as `before`,
    with null as `after`.
    """
    change = record.get("payload", record)
    if isinstance(change, dict) and change.get("after", change) is None and "before" in change:
        change["after"] = change["before"]
    return record


def _rows(value: Any, path: str, items: str | None) -> list[Row]:
    """The rows that a value at a path comes to."""
    if isinstance(value, list) and items and (items == path or items.startswith(f"{path}.")):
        return [row for member in value for row in _rows(member, path, items)] or [{}]
    if not isinstance(value, dict):
        return [{path: _text(value)}]
    rows: list[Row] = [{}]
    for key, inner in value.items():
        name = f"{path}.{key}" if path else key
        if isinstance(inner, dict | list):
            found = _rows(inner, name, items)
            rows = [row | more for row in rows for more in found]
        else:
            text = _text(inner)
            for row in rows:
                row[name] = text
    return rows


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return FALSE if value is False else _json(value)


def _json(value: Any) -> str:
    """JSON again, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)}: {_json(inner)}' for key, inner in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
