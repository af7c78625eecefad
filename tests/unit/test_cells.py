"""Cells as exports write them: what they are read as in the formats found among them, and what is said of it.
The figures are worked out by hand.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from mergehouse.engine.dialect import to_duckdb
from mergehouse.ingest.cells import instant_value, typed_value
from mergehouse.ingest.detection import detect_formats
from mergehouse.ingest.formats import Written
from mergehouse.ingest.instants import month_names
from mergehouse.ingest.odd_cells import NULL_WORDS, PLAIN_WORD
from mergehouse.ingest.written_values import written_values
from mergehouse.lakehouse.reader import database
from mergehouse.project.sources import Column, Language, Source

BERLIN = "Europe/Berlin"


def read(
    cells: list[str | None],
    delimiter: str | None = None,
    earlier: list[str] | None = None,
    source: dict[str, Any] | None = None,
    **column: Any,
) -> tuple[list[Any], list[str]]:
    """What the cells of one column are read as in Berlin, and what is said of them."""
    values, _, notes = _read(cells, delimiter, earlier or [], source or {}, column)
    return values, notes


def told(cells: list[str], **column: Any) -> list[str]:
    """The instants, in UTC, that the cells of a time tell."""
    return [str(instant) for instant in _read(cells, None, [], {}, {"type": "timestamp", **column})[1]]


def _read(
    cells: list[str | None], delimiter: str | None, earlier: list[str], source: dict[str, Any], column: Any
) -> tuple[list[Any], list[Any], list[str]]:
    declared = Source(files="*", columns={"v": Column(**column)}, **source)
    connection = database()
    connection.execute("CREATE TABLE given AS SELECT unnest(?::VARCHAR[]) AS v", [cells])
    written = written_values(connection, "SELECT * FROM given", declared.columns)
    [formats] = detect_formats(connection, written, declared, earlier, [Written(delimiter)])
    found = json.loads(formats.as_json())
    sql = (
        f"SELECT {typed_value('v', declared, found, BERLIN)} AS a, {instant_value('v', declared, found)} AS b"
    )
    rows = connection.execute(to_duckdb(f"{sql} FROM given")).fetchall()
    return [a for a, _ in rows], [b for _, b in rows], formats.notes + formats.doubts


def numbers(cells: list[str | None], **options: Any) -> tuple[list[float | None], list[str]]:
    values, notes = read(cells, type="number", **options)
    return [None if v is None else float(v) for v in values], notes


def test_three_digits_behind_nought_show_the_decimal_mark() -> None:
    assert numbers(["0,750", "1,250", "2,000"], delimiter=";") == ([0.75, 1.25, 2], [])
    assert numbers(["0.750", "1.250"]) == ([0.75, 1.25], [])
    assert numbers(["1.234.567", "1.500"]) == ([1234567, 1500], [])
    assert numbers(["1,234,567", "1,500"]) == ([1234567, 1500], [])
    assert numbers(["1234,500", "1,500"]) == ([1234.5, 1.5], [])


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


def test_letters_beside_a_number_are_said() -> None:
    values, (note,) = numbers(["40.00 CR", "12.50 EUR", "3 kg"])
    assert values == [None, 12.5, None]
    assert note == "v: 2 cells such as `3 kg` cannot be read as a number and are empty"


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


def test_codes_that_differ_in_case_only_are_said_or_kept() -> None:
    values, (note,) = read(["0015xA", "0015Xa", "B1", "b1", "C1"], type="code")
    assert values == ["0015XA", "0015XA", "B1", "B1", "C1"]
    assert note.startswith("v: 2 codes come in capital and in small letters, such as `0015Xa` and `0015xA`")
    assert read(["0015xA", "0015Xa"], type="id") == (["0015xA", "0015Xa"], [])
    assert read(["ab1", "cd2"], type="code") == (["AB1", "CD2"], [])


def times(cells: list[str | None], **column: Any) -> list[str]:
    return [str(t) for t in read(cells, **{"type": "timestamp", **column})[0]]


def test_numbers_that_are_instants_are_read_where_declared() -> None:
    """1,771,583,400 seconds after 1970 it is 10:30 UTC on 20 February 2026, day 46,073 of a spreadsheet."""
    noon = ["2026-02-20 11:30:00"]
    assert times(["1771583400"], format="epoch_seconds") == noon
    assert times(["1771583400000"], format="epoch_milliseconds") == noon
    assert told(["1771583400"], format="epoch_seconds") == ["2026-02-20 10:30:00"]
    assert times(["46073.4791666667"], format="excel_serial") == noon
    assert times(["46073,5"], format="excel_serial", timezone="UTC") == ["2026-02-20 13:00:00"]
    assert read(["46073"], type="date", format="excel_serial")[0] == [dt.date(2026, 2, 20)]
    assert read(["1771631999"], type="date", format="epoch_seconds")[0] == [dt.date(2026, 2, 21)]
    assert times(["2026-20-02 11:30"], format="yyyy-dd-MM HH:mm") == noon


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("1771583400", "epoch_seconds"), ("1771583400000", "epoch_milliseconds"), ("46073.5", "excel_serial"),
        ("46073", "excel_serial"), ("31. Dezember 2025", "language"), ("2026-02-20 10:00 CET", "zones"),
    ],
)  # fmt: skip
def test_times_that_are_not_declared_are_said(cell: str, hint: str) -> None:
    values, (note,) = read([cell], type="timestamp")
    assert (
        values == [None]
        and f"`{cell}` cannot be read as a time" in note
        and f"`{hint}" in note.replace("format: ", "")
    )


def test_a_day_that_no_calendar_has_is_said() -> None:
    values, (note,) = read(["2011-02-29 10:00:00"], type="timestamp")
    assert values == [None] and "no calendar or clock has it" in note


MONTHS = {
    ("de", "31. Dezember 2025"): "2025-12-31 00:00:00", ("de",
    "1. März 2026, 10:15 Uhr"): "2026-03-01 10:15:00",
    ("de", "05-MAI-26"): "2026-05-05 00:00:00", ("fr", "1er janvier 2026"): "2026-01-01 00:00:00",
    ("fr", "14 août 2025 08:05:09"): "2025-08-14 08:05:09", ("es",
    "2 de marzo de 2026"): "2026-03-02 00:00:00",
    ("it", "15 gen 2026"): "2026-01-15 00:00:00", ("nl", "3 mrt. 2026"): "2026-03-03 00:00:00",
    ("pt", "7 de fevereiro de 2026"): "2026-02-07 00:00:00", ("fi",
    "24. joulukuuta 2025"): "2025-12-24 00:00:00",
    ("el", "25 Μαρτίου 2026"): "2026-03-25 00:00:00", ("sl", "8. februar 2026"): "2026-02-08 00:00:00",
    ("hr", "5. svibnja 2026"): "2026-05-05 00:00:00", ("lv", "2026. gada 5. janvāris"): "2026-01-05 00:00:00",
    ("et", "24. veebruar 2026"): "2026-02-24 00:00:00", ("sk", "1. mája 2026"): "2026-05-01 00:00:00",
    ("es", "2 de marzo de 2026 10:15 p"): "None", ("de", "31. Foo 2025"): "None",
    ("de", "März 5, 2026"): "2026-03-05 00:00:00", ("lt", "2026 m. kovo 11 d."): "2026-03-11 00:00:00",
    ("de", "2026-02-20"): "2026-02-20 00:00:00",
    ("de", "20.02.2026"): "2026-02-20 00:00:00",
}  # fmt: skip


@pytest.mark.parametrize("language", sorted({language for language, _ in MONTHS}))
def test_names_of_months(language: str) -> None:
    expected = {cell: time for (of, cell), time in MONTHS.items() if of == language}
    assert dict(zip(expected, times(list(expected), language=language), strict=True)) == expected


def test_every_language_names_twelve_months() -> None:
    assert set(month_names()) == set(get_args(Language))
    for names in month_names().values():
        known = [name for of_month in names for name in of_month]
        assert len(names) == 12 and len(set(known)) == len(known)


@pytest.mark.parametrize("language", [None, "en"])
def test_dates_without_marks_between_their_parts(language: str | None) -> None:
    cells = ["01MAR2026:10:05:22", "31DEC2025:23:59:59"]
    assert times(cells, language=language) == ["2026-03-01 10:05:22", "2025-12-31 23:59:59"]


def test_a_day_without_a_time_is_that_day_in_every_zone() -> None:
    """Half past eleven in New York is of the next day in Berlin."""
    cells = ["2026-03-01", "2026-03-01 23:30", "13.03.2026", "13.03.2026 23:30"]
    days, _ = read(list(cells), type="date", timezone="America/New_York")
    assert [day.day for day in days] == [1, 2, 13, 14]


def test_a_zone_that_a_column_declares() -> None:
    """Half past eleven at night in UTC is half past midnight in Berlin, in winter."""
    cells: list[str | None] = ["2026-02-20 23:30:00", "20.02.2026 23:30", "2026-02-20T23:30:00+01:00"]
    assert times(cells, timezone="UTC") == [
        "2026-02-21 00:30:00",
        "2026-02-21 00:30:00",
        "2026-02-20 23:30:00",
    ]
    assert told(["2026-02-20 23:30:00", "2026-02-20T23:30:00+01:00"], timezone="UTC") == [
        "2026-02-20 23:30:00",
        "2026-02-20 22:30:00",
    ]
    assert read(["2026-02-20 23:30"], type="date", timezone="UTC")[0] == [dt.date(2026, 2, 21)]
    zones = {"CET": "+01:00", "EST": "-05:00"}
    assert times(["2026-02-20 23:30 CET", "2026-02-20 20:00:00 EST"], zones=zones) == [
        "2026-02-20 23:30:00",
        "2026-02-21 02:00:00",
    ]


def test_an_instant_with_an_offset_stays_that_instant() -> None:
    """On 25 October 2026 half past two comes twice in Berlin."""
    twice = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00+02:00"]
    assert times(twice) == ["2026-10-25 02:30:00"] * 3
    assert told(twice) == ["2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 00:30:00"]
    assert told(["2026-10-25T00:30:00Z", "2026-10-25 02:30:00"])[1] == "None"


def test_times_with_offsets_of_which_none_is_read_are_empty() -> None:
    written = "Sun, 01 Mar 2026 14:05:00 +0100"
    assert times([written]) == told([written]) == ["None"]
    assert "else read it in the brand's SQL" in read([written], type="timestamp")[1][0]


AS_EXPORTED = {  # what a clock in Berlin shows, in January an hour ahead of UTC
    "31.01.2026 10:00:00 UTC": "2026-01-31 11:00:00",
    "31.01.2026 10:15": "2026-01-31 10:15:00",
    "31/01/2026 10:00:00 -0500": "2026-01-31 16:00:00",
    "31 Jan 2026 10:11:12 GMT+00:00": "2026-01-31 11:11:12",
    "Jan 31, 2026 10:11:12 PM PST": "2026-02-01 07:11:12",
    "31/01/2026 10:15 UTC+1": "2026-01-31 10:15:00",
    "31/01/2026 10:15:00 p. m.": "2026-01-31 22:15:00",
    "31/01/2026 10:15am": "2026-01-31 10:15:00",
    "31/01/2026  9:05 A.M.": "2026-01-31 09:05:00",
    "31/01/2026 10:15 pm Z": "2026-01-31 23:15:00",
    "31-01-2026": "2026-01-31 00:00:00",
    "Jan-31-26": "2026-01-31 00:00:00",
    "Jan 31 2026 10:15": "2026-01-31 10:15:00",
    "31. 1. 2026 9:05": "2026-01-31 09:05:00",
    "2026. 01. 31.": "2026-01-31 00:00:00",
    "2026.1.31. 9:05": "2026-01-31 09:05:00",
    "2026年1月31日 9:05": "2026-01-31 09:05:00",
    "2026년 1월 31일": "2026-01-31 00:00:00",
    "31/01/2026 10:15 CET": "None",
    "31/01/2026 10:15 xm": "None",
}


def test_zones_and_halves_of_the_day_behind_any_date() -> None:
    read = times(list(AS_EXPORTED), zones={"PST": "-08:00"})
    assert dict(zip(AS_EXPORTED, read, strict=True)) == AS_EXPORTED
    assert told(["31.01.2026 10:00:00 UTC", "31.01.2026 10:00"]) == ["2026-01-31 10:00:00", "None"]
    assert told(["25.10.2026 02:30 +0200", "25.10.2026 02:30 +0100"]) == [
        "2026-10-25 00:30:00", "2026-10-25 01:30:00",
    ]  # fmt: skip


def test_two_digits_of_the_year_come_first_where_they_stay_as_they_are() -> None:
    values, (note,) = read(["24-01-05", "24-01-31", "24-02-01"], type="date")
    assert values == [dt.date(2024, 1, 5), dt.date(2024, 1, 31), dt.date(2024, 2, 1)]
    assert "`24-01-05` seems to begin with the year; read as yy-M-d" in note
    assert read(["24-01-05"], type="date", source={"date_order": "ymd"}) == ([dt.date(2024, 1, 5)], [])
    # as the batches before it; else nothing shows it
    assert (
        read(["24-01-05"], type="date", earlier=['{"dates": {"v": ["yy-M-d"]}, "decimal_mark": "."}'])[0]
        == values[:1]
    )
    values, (note,) = read(["24-01-05"], type="date")
    assert values == [dt.date(2005, 1, 24)] and "nothing shows whether `24-01-05` is day-first" in note
    assert read(["24.01.26", "25.01.26"], type="date") == ([dt.date(2026, 1, 24), dt.date(2026, 1, 25)], [])
    assert read(["05/04/2026"], type="date", source={"date_order": "ymd"})[0] == [dt.date(2026, 4, 5)]


def test_yes_and_no_in_many_languages() -> None:
    yes = ["Tak", "EVET", "Sim", "igen", "да", "Kyllä", "-1", "✓", "J", "Vrai"]
    no = ["Nie", "Hayır", "não", "NEM", "нет", "ei", "0", "off", "N", "Faux"]
    assert read([*yes, *no], type="boolean") == ([True] * len(yes) + [False] * len(no), [])
    values, (note,) = read(["perhaps", "yes"], type="boolean")
    assert values == [None, True] and "`perhaps` cannot be read as yes or no" in note


@pytest.mark.parametrize(
    ("days", "earlier", "is_told"),
    [
        (
            ["04/01/2026", "04/02/2026", "04/03/2026"],
            "d/M/yyyy",
            True,
        ),  # April, or the fourth of three months
        (["1.4.2026", "2.4.2026", "3.4.2026"], "M.d.yyyy", True),
        (["01/01/2026", "01/02/2026", "01/03/2026"], "d/M/yyyy", False),  # as sums of months are dated
        (["04/01/2026", "04/02/2026", "05/03/2026"], "d/M/yyyy", False),
        (["04/01/2026", "04/02/2026", "04/13/2026"], "d/M/yyyy", False),  # the last one decides it
    ],
)
def test_the_days_of_a_month_read_as_one_day_of_many_are_told(
    days: list[str], earlier: str, is_told: bool
) -> None:
    """What a delivery does not decide is read as the one before it."""
    before = json.dumps({"decimal_mark": ".", "dates": {"v": [earlier]}})
    for declared in ({}, {"date_order": "dmy"}):
        notes = _read(days, None, [before], declared, {"type": "date"})[2]
        assert any("one day of several months" in said for said in notes) == (is_told and not declared)


def test_no_year_is_of_two_digits() -> None:
    assert times(["Jan-31-24", "Feb. 1, 2024"], language="en") == [
        "2024-01-31 00:00:00",
        "2024-02-01 00:00:00",
    ]


def test_two_digits_are_a_year_of_the_last_century_from_69_on() -> None:
    days, _ = read(["31/12/75", "30/12/69", "31/12/68"], type="date")
    assert [day.year for day in days] == [1975, 1969, 2068]


MARCH_13 = dt.datetime(2026, 3, 13, 14, 5)


@pytest.mark.parametrize(
    ("cells", "language"),
    [
        (
            [
                "2026-03-13 14h05",
                "2026-03-13 14:05",
                "13/03/2026 14h05",
                "13.03.2026 14 H 05",
                "2026/03/13 14h05",
                "13/03/2026\u00a014:05",
            ],
            None,
        ),
        (["١٣/٠٣/٢٠٢٦ ١٤:٠٥", "۱۳.۰۳.۲۰۲۶ ۱۴:۰۵", "２０２６／０３／１３　１４：０５"], None),
        (["２０２６-０３-１３ １４:０５", "２０２６年３月１３日 14:05"], None),
        (
            ["13 de marzo de 2026 14:05 hs.", "13 de marzo de 2026 a las 14:05", "13 marzo 2026, 14:05 h"],
            "es",
        ),
        (["13 mars 2026 à 14h05", "13 mars 2026, 14 h 05"], "fr"),
        (["13 marca 2026 r., godz. 14:05", "13 marca 2026 o 14:05"], "pl"),
        (["13 mars 2026 kl. 14:05"], "sv"),
        (["March 13, 2026 at 14:05"], "en"),
    ],
)
def test_days_and_times_as_few_write_them(cells: list[str | None], language: str | None) -> None:
    values, notes = read(cells, type="timestamp", language=language)
    assert values == [MARCH_13] * len(cells)
    assert [note for note in notes if "different formats" not in note] == []


@pytest.mark.parametrize(
    ("cell", "looks"),
    [
        ("2569-03-13", "the Buddhist era"),
        ("13/03/2569", "the Buddhist era"),
        ("22/12/1404", "the Persian or Islamic calendar"),
        ("0008-03-13", "an era, as in Taiwan and Japan, or one without its century"),
    ],
)
def test_years_of_other_calendars_are_said(cell: str, looks: str) -> None:
    _, notes = read([cell, "13/03/2026"], type="date")
    assert f"v: the year of 1 cells such as `{cell}` looks like one of {looks}" in " ".join(notes)
    assert not any("looks like" in note for note in read(["1899-12-30", "9999-12-31", ""], type="date")[1])


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
