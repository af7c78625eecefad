"""Texts, codes and words in cells: what they are read as, and what is said of it."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.cells import BERLIN, read

from mergehouse.ingest.cells import typed_value
from mergehouse.ingest.detection import detect_formats
from mergehouse.ingest.odd_cells import NULL_WORDS, PLAIN_WORD
from mergehouse.ingest.written_values import written_values
from mergehouse.lakehouse.reader import database
from mergehouse.project.sources import Column, Source


@pytest.mark.parametrize(
    ("kind", "cells", "is_verbatim", "values"),
    [
        ("text", ["Mug", "rot  blau", "Größe M", None], True, ["Mug", "rot  blau", "Größe M", None]),
        ("text", ["Mug", " Mug"], False, ["Mug", "Mug"]),
        ("text", ["Mug", ""], False, ["Mug", None]),
        ("text", ["Mug", "n/a"], False, ["Mug", None]),
        ("text", ["Mug", "Mug\u200b"], False, ["Mug", "Mug"]),
        ("text", ["12.0", "mug"], True, ["12.0", "mug"]),
        ("id", ["a1", "A1", "1.05"], True, ["a1", "A1", "1.05"]),
        ("id", ["a1", "12.0"], False, ["a1", "12"]),
        ("code", ["A1", "7", "A-1/X.5"], True, ["A1", "7", "A-1/X.5"]),
        ("code", ["A1", "a1"], False, ["A1", "A1"]),
        ("code", ["A1", "STRAßE"], False, None),  # engines differ in what its capitals are
        ("code", ["A1", "1.2E+05"], False, ["A1", None]),
    ],
)
def test_texts_that_are_read_as_they_are_written_are_not_typed(
    kind: str, cells: list[str | None], is_verbatim: bool, values: list[str | None] | None
) -> None:
    source = Source(files="*", columns={"v": Column(type=kind)})
    connection = database()
    connection.execute("CREATE TABLE given AS SELECT unnest(?::VARCHAR[]) AS v", [cells])
    written = written_values(connection, "SELECT * FROM given", source.columns)
    [formats] = detect_formats(connection, written, source, [])
    assert formats.verbatim == (["v"] if is_verbatim else [])
    assert (typed_value("v", source, json.loads(formats.as_json()), BERLIN) == "`v`") is is_verbatim
    assert values is None or read(cells, type=kind)[0] == values
    # what any cell could be is read the same
    assert values is None or read([*cells, " x "], type=kind)[0][:-1] == values


EMPTY = ["NULL", "null", "nan", "NaN", "N/A", "#N/A", "None", "#REF!", "#DIV/0!", "\\N", " NULL "]


@pytest.mark.parametrize("kind", ["code", "id", "text", "number", "date", "timestamp", "boolean"])
def test_words_that_say_empty_are_empty_and_listed(kind: str) -> None:
    values, (note,) = read(EMPTY, type=kind)
    assert values == [None] * len(EMPTY)
    assert "`NULL` (3 cells)" in note and "`#REF!` (1 cells)" in note and "read as empty" in note


def test_declared_words_take_the_place_of_the_usual_ones() -> None:
    values, (note,) = read(["NULL", "-", "A1"], type="code", source={"null_values": ["-"]})
    assert values == ["NULL", None, "A1"]
    assert "`NULL` (1 cells)" in note and "not among the declared" in note


@pytest.mark.parametrize(
    ("countries", "prices", "is_doubtful"),
    [
        (["DE", "NA", "FR"], ["1", "2", "3"], False),  # a country among others
        (["DE", "NA", "FR"], ["1", "NA", "3"], True),  # as R writes whatever is missing
        (["Germany", "NA", "France"], ["1", "2", "3"], True),
        (["NA", "NA", "NA"], ["1", "2", "3"], True),
    ],
)
def test_what_may_be_namibia_is_said(countries: list[str], prices: list[str], is_doubtful: bool) -> None:
    source = Source(files="*", columns={"country": Column(type="text"), "price": Column(type="number")})
    connection = database()
    given = "SELECT unnest(?::VARCHAR[]) AS country, unnest(?::VARCHAR[]) AS price"
    connection.execute(f"CREATE TABLE given AS {given}", [countries, prices])
    for declared in (source, source.model_copy(update={"null_values": ["NA"]})):
        written = written_values(connection, "FROM given", declared.columns)
        [formats] = detect_formats(connection, written, declared, [])
        found = [said.startswith("country: `NA`") for said in (*formats.doubts, "", *formats.notes)]
        expected = [True, False] if is_doubtful else [False, True]
        assert [any(found[: len(formats.doubts)]), any(found[len(formats.doubts) :])] == (
            expected if declared is source else [False, False]
        )


UNSEEN = {
    "\u00a0A1\u00a0": "A1", "A1\u200b": "A1", "\ufeffA1": "A1", "A\u00ad1": "A1", "A1\u202f": "A1",
    "\tA1\r": "A1",
    "A\u200b\u200d1": "A1", "\u200eA1\u200f": "A1", '="00123"': "00123", ' ="A1" ': "A1", "A\u00a01": "A 1",
    "\u300013085.0\u3000": "13085", "ä1": "Ä1",
}  # fmt: skip


def test_what_nobody_sees_is_no_part_of_a_code() -> None:
    assert read(list(UNSEEN), type="code")[0] == list(UNSEEN.values())
    assert read(["A1", *UNSEEN], type="id")[0][1:-1] == list(UNSEEN.values())[:-1]
    assert read(["\ufeffMug\u00a0"], type="text")[0] == ["Mug"]
    assert read(['="12.50"', "\u200b7"], type="number")[0] == [12.5, 7]
    assert read(["\ufeff2026-02-20"], type="date")[0] == [dt.date(2026, 2, 20)]


def test_accents_that_are_characters_of_their_own_are_letters() -> None:
    values, (note,) = read(["Cafe\u0301", "Caf\u00e9", "Vie\u0323\u0302t", "\u0915\u093f"], type="text")
    assert values == ["Caf\u00e9", "Caf\u00e9", "Vi\u1ec7t", "\u0915\u093f"]
    assert note.startswith("v: in 2 values accents are characters of their own")
    assert read(["CAFE\u0301"], type="code")[0] == ["CAF\u00c9"]


def test_codes_that_a_spreadsheet_shortened_are_unusable_and_said() -> None:
    cells = ["4.50001E+12", "4,50001E+12", "4E+12", "4.5E12", "4E12", "E1", "45000123"]
    values, (note,) = read(cells, type="code")
    assert values == [None, None, None, None, "4E12", "E1", "45000123"]
    assert note.startswith("v: 4 cells such as `4,50001E+12` are codes that a spreadsheet has shortened")


def test_codes_of_which_a_spreadsheet_kept_fifteen_digits_are_said() -> None:
    rounded = [f"1234567890123{n}000" for n in (45, 46, 47)]
    values, (doubt,) = read(list(rounded), type="code")
    assert values == rounded
    assert doubt.startswith("v: 3 codes such as `123456789012345000` have noughts behind their 15th digit")
    assert read([*rounded, "123456789012345678"], type="code")[1] == []


@pytest.mark.parametrize(
    ("cells", "is_said"),
    [
        (["123456789012345000"], True), (["12345678901234500", "12345678901234600"], True),
        (["1234567890123450", "1234567890123460"], False), (["100000000000000000"], False),
    ],
)  # fmt: skip
def test_one_code_or_two_are_said_where_chance_would_seldom_give_their_noughts(
    cells: list[str | None], is_said: bool
) -> None:
    """A digit of a code is a nought once in ten times: three are, once in a thousand."""
    assert bool(read(cells, type="code")[1]) is is_said


def test_codes_that_differ_in_case_only_are_said_or_kept() -> None:
    values, (note,) = read(["0015xA", "0015Xa", "B1", "b1", "C1"], type="code")
    assert values == ["0015XA", "0015XA", "B1", "B1", "C1"]
    assert note.startswith("v: 2 codes come in capital and in small letters, such as `0015Xa` and `0015xA`")
    assert read(["0015xA", "0015Xa"], type="id") == (["0015xA", "0015Xa"], [])
    assert read(["ab1", "cd2"], type="code") == (["AB1", "CD2"], [])


def test_yes_and_no_in_many_languages() -> None:
    yes = ["Tak", "EVET", "Sim", "igen", "да", "Kyllä", "-1", "✓", "J", "Vrai"]
    no = ["Nie", "Hayır", "não", "NEM", "нет", "ei", "0", "off", "N", "Faux"]
    assert read([*yes, *no], type="boolean") == ([True] * len(yes) + [False] * len(no), [])
    values, (note,) = read(["perhaps", "yes"], type="boolean")
    assert values == [None, True] and "`perhaps` cannot be read as yes or no" in note


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            {"type": "code", "timezone": "UTC"},
            "`timezone` is for columns of type date or timestamp, not code",
        ),
        ({"type": "date", "timezone": "Europe/Berln"}, "unknown IANA time zone 'Europe/Berln'"),
        ({"type": "date", "format": "excel"}, "neither excel_serial, epoch_seconds"),
        ({"type": "timestamp", "zones": {"CET": "1"}}, "expected letters and an offset"),
        ({"type": "date", "language": "xx"}, "Input should be 'bg'"),
    ],
)
def test_what_cannot_be_declared_is_named(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Column(**column)


def test_a_plain_word_is_read_as_it_is_written() -> None:
    """What `detect_formats` looks at no further: nothing to trim or put in capitals, or that is "empty"."""
    plain = re.compile(PLAIN_WORD)
    assert not [word for word in NULL_WORDS if plain.fullmatch(word)]
    assert all(map(plain.fullmatch, ["C489434", "85123A", "7", "2010-12-01 08:26", "POST/A_1"]))
    odd = ["", " A1", "A1 ", "a1", "12.0", "1.2E+10", "1E+10", '="1"', "A\t1", "É1", "\ufeff1", "A\u00a01"]
    assert not [value for value in odd if plain.fullmatch(value)]
