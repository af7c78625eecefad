"""Numbers as exports write them: the mark that shows their decimals, and what is said where nothing does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.unit.cells import BERLIN, read

from mergehouse.engine.dialect import to_duckdb
from mergehouse.ingest.cells import typed_value
from mergehouse.ingest.detection import detect_formats
from mergehouse.ingest.formats import Written
from mergehouse.ingest.written_values import written_values
from mergehouse.lakehouse.reader import database
from mergehouse.project.sources import Column, Source


def numbers(cells: list[str | None], **options: Any) -> tuple[list[float | None], list[str]]:
    values, notes = read(cells, type="number", **options)
    return [None if v is None else float(v) for v in values], notes


def test_three_digits_behind_nought_show_the_decimal_mark() -> None:
    assert numbers(["0,750", "1,250", "2,000"], delimiter=";") == ([0.75, 1.25, 2], [])
    assert numbers(["0.750", "1.250"]) == ([0.75, 1.25], [])
    assert numbers(["1.234.567", "1.500"]) == ([1234567, 1500], [])
    assert numbers(["1,234,567", "1,500"]) == ([1234567, 1500], [])
    assert numbers(["1234,500", "1,500"]) == ([1234.5, 1.5], [])


WITHOUT_CENTS = {
    "5.–": 5, "12.--": 12, "Fr. 12.-": 12, "CHF 1’234.—": 1234, "-5.-": -5, "(7.-)": -7, "1,234.-": 1234,
    "5,-": 5, "5,–€": 5, "5.-7": None, "5.- 6.-": None, "5:-": None, ".-": None, "7-": -7, "1’234.50": 1234.5,
}  # fmt: skip


def test_dashes_stand_for_cents_behind_a_decimal_mark() -> None:
    """And show that mark; what else is among digits leaves a number unread."""
    read, said = numbers(list(WITHOUT_CENTS))
    assert dict(zip(WITHOUT_CENTS, read, strict=True)) == WITHOUT_CENTS
    assert any(note.startswith("v: 4 cells such as `.-` cannot be read") for note in said)
    assert numbers(["1.234,-", "2.500"]) == ([1234, 2500], [])
    assert numbers(["1’234.–", "2.500"]) == ([1234, 2.5], [])


@pytest.mark.parametrize("shows", ["12,50", "120,5", "1.234,50", "1 234,50", "1\u00a0234,50 zł", "12'345,00"])
def test_each_number_with_decimals_shows_the_decimal_mark(shows: str) -> None:
    """Among cells of which none is below ten, and whatever is between thousands."""
    assert numbers([shows, "1.500"], delimiter=",") == ([float(shows_digits(shows)), 1500], [])


def shows_digits(cell: str) -> str:
    return re.sub("[^0-9,]", "", cell).replace(",", ".")


def test_a_column_has_the_mark_that_its_own_values_show() -> None:
    """Prices of a till in German, and the weights of its scales: 1.250 kg is no 1,250 kg."""
    declared = Source(files="*", columns={"price": {"type": "number"}, "weight": {"type": "number"}})
    connection = database()
    rows = "FROM (VALUES ('12,99', '0.750'), ('1.200', '1.250'), ('3,50', '2.000')) AS t(price, weight)"
    written = written_values(connection, rows, declared.columns)
    [formats] = detect_formats(connection, written, declared, [], [Written(";")])
    found = json.loads(formats.as_json())
    price, weight = (typed_value(name, declared, found, BERLIN) for name in declared.columns)
    read = connection.execute(to_duckdb(f"WITH given AS ({rows}) SELECT {price}, {weight} FROM given"))
    assert [tuple(map(float, row)) for row in read.fetchall()] == [(12.99, 0.75), (1200, 1.25), (3.5, 2)]
    assert formats.notes == ["weight: written with `.` as the decimal mark, unlike the others"]


@pytest.mark.parametrize(
    ("cell", "delimiter", "number"), [("1.500", ",", 1.5), ("1,500", ",", 1500), ("1,500", ";", 1.5)]
)
def test_a_mark_that_nothing_decides_is_said(cell: str, delimiter: str, number: float) -> None:
    values, (note,) = numbers([cell, "7"], delimiter=delimiter)
    assert values == [number, 7]
    assert f"nothing shows whether `{cell}` has decimals" in note and "Declare `decimal_mark`" in note
    assert numbers([cell, "7"], source={"decimal_mark": ","})[1] == []


def test_a_mark_on_which_earlier_batches_differ_is_said() -> None:
    earlier = [f'{{"decimal_mark": "{mark}", "dates": {{}}}}' for mark in ",."]
    assert numbers(["1.234"], earlier=earlier[:1]) == ([1234], [])
    [value], [doubt] = numbers(["1.234"], earlier=earlier)
    assert value == 1.234 and doubt.startswith("v: nothing shows whether `1.234` has decimals; read with `.`")


def test_an_undecided_batch_decides_nothing_for_the_next() -> None:
    shown, undecided = (
        '{"dates": {}, "decimal_mark": ","}',
        '{"dates": {}, "decimal_mark": ".", "undecided": true}',
    )
    assert numbers(["1,500"], earlier=[shown]) == ([1.5], [])
    assert numbers(["1,500"], earlier=[shown, undecided]) == ([1.5], [])
    assert len(numbers(["1,500"], earlier=[undecided])[1]) == 1


@pytest.mark.parametrize(
    ("kind", "mark", "cells", "is_plain", "values"),
    [
        ("number", ".", ["7", " -12.50 ", "007", "N/A", "", None], True, [7, -12.5, 7, None, None, None]),
        ("number", ".", ["7", "1,234.50"], False, [7, 1234.5]),
        ("number", ".", ["99999999999.5", "999999999999"], False, [99999999999.5, None]),  # of 11 digits
        ("number", ",", ["7", "-12"], True, [7, -12]),
        ("number", ",", ["7", "12.5"], False, [7, 12.5]),
        ("percent", ".", ["25%", "7.5 %", "-3"], False, [25, 7.5, -3]),
        ("percent", ".", ["25%", "7.5%", "-3"], True, [25, 7.5, -3]),
    ],
)
def test_plain_numbers_need_no_more_than_a_cast(
    kind: str, mark: str, cells: list[str | None], is_plain: bool, values: list[float | None]
) -> None:
    source = Source(files="*", columns={"v": Column(type=kind)}, decimal_mark=mark)
    assert read(cells, type=kind, source={"decimal_mark": mark})[0] == values
    connection = database()
    connection.execute("CREATE TABLE given AS SELECT unnest(?::VARCHAR[]) AS v", [cells])
    written = written_values(connection, "SELECT * FROM given", source.columns)
    [formats] = detect_formats(connection, written, source, [])
    assert formats.plain == (["v"] if is_plain else [])
    assert ("RLIKE" in typed_value("v", source, json.loads(formats.as_json()), BERLIN)) is not is_plain


def test_letters_beside_a_number_are_said() -> None:
    values, (note,) = numbers(["40.00 CR", "12.50 EUR", "3 kg"])
    assert values == [None, 12.5, None]
    assert note == "v: 2 cells such as `3 kg` cannot be read as a number and are empty"
