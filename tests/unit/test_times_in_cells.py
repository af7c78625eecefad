"""Dates and times as exports write them: which day and instant each is, worked out by hand."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, get_args

import duckdb
import pytest
from tests.unit.cells import read, read_both

from mergehouse.ingest.date_formats import days_moved
from mergehouse.ingest.instants import month_names
from mergehouse.ingest.written_values import written_values
from mergehouse.project.sources import Column, Language, Source


def told(cells: list[str], **column: Any) -> list[str]:
    """The instants, in UTC, that the cells of a time tell."""
    return [str(instant) for instant in read_both(cells, None, [], {}, {"type": "timestamp", **column})[1]]


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


def test_midnight_at_the_end_of_a_day_is_that_of_the_next() -> None:
    """As ISO 8601 had it until 2019."""
    cells = ["2026-02-28 24:00:00", "2028-02-28T24:00", "2026-12-31 24:00:00.000", "2026-03-01 10:00"]
    midnights = ["2026-03-01 00:00:00", "2028-02-29 00:00:00", "2027-01-01 00:00:00"]
    assert times([*cells]) == [*midnights, "2026-03-01 10:00:00"]
    assert times([*cells], timezone="UTC")[0] == "2026-03-01 01:00:00"
    assert told(cells[:1], timezone="UTC") == ["2026-03-01 00:00:00"]
    assert [str(day) for day in read([*cells], type="date")[0][:3]] == [time[:10] for time in midnights]
    others = ["2026-02-28 24:01", "2026-02-30 24:00", "2026-02-28 23:58:60", "2026-02-28 24:00:00Z"]
    assert times([*others]) == ["None"] * len(others)


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


@pytest.mark.parametrize(
    ("cells", "here", "is_said"),
    [
        (
            ["2026-03-01T00:00:00Z", "2026-07-01T00:00:00.000Z"],
            "America/New_York",
            True,
        ),  # at 19:00
        (["2026-03-01 00:00:00+00:00", "2026-02-30T00:00:00Z"], "America/New_York", True),
        (["2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z"], "Europe/Berlin", False),  # 01:00 and 02:00
        (["2026-03-01T00:00:00+01:00"], "Europe/Berlin", False),
        (["2026-03-01T00:00:00Z", "2026-03-01T00:00:01Z"], "America/New_York", False),
        (["2026-03-01", "2026-03-02 00:00:00"], "America/New_York", False),
    ],
)
def test_days_written_as_midnight_of_another_zone_are_said(
    cells: list[str], here: str, is_said: bool
) -> None:
    connection = duckdb.connect()
    source = Source(files="*", columns={"sold": Column(type="timestamp")})
    rows = ", ".join(f"('{cell}')" for cell in cells)
    written_values(connection, f"FROM (VALUES {rows}) AS t(sold)", source.columns)
    assert (days_moved(connection, source, here) != {}) is is_said


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


NAMED_ZONES = {  # in summer New York is six hours behind Berlin, for two weeks in spring five
    "2026-07-01 23:30 America/New_York": ("2026-07-02 05:30:00", "2026-07-02 03:30:00"),
    "2026-03-20 23:30:15 America/New_York": ("2026-03-21 04:30:15", "2026-03-21 03:30:15"),
    "2026-07-01T10:00:00 Europe/Berlin": ("2026-07-01 10:00:00", "2026-07-01 08:00:00"),
    "2026-10-25T02:30+01:00[Europe/Berlin]": ("2026-10-25 02:30:00", "2026-10-25 01:30:00"),
    "2026-07-01T10:00:00Z[Etc/UTC]": ("2026-07-01 12:00:00", "2026-07-01 10:00:00"),
    "31/07/2026 10:15 PM Asia/Tokyo": ("2026-07-31 15:15:00", "2026-07-31 13:15:00"),
    "2026-07-01 10:00": ("2026-07-01 10:00:00", "None"),
    "2026-07-01 10:00 EST": ("None", "None"),  # of New York's clock, or that of Brisbane
    "2026-07-01 10:00 CET": ("None", "None"),  # which shows 11:00 in July, unless nobody heeded that
    "2026-07-01 10:00 Europe/Atlantis": ("None", "None"),
    "2026-02-30 10:00 Asia/Tokyo": ("None", "None"),
}


def test_a_time_is_of_the_zone_that_it_names() -> None:
    shown, instants = times(list(NAMED_ZONES)), told(list(NAMED_ZONES))
    assert dict(zip(NAMED_ZONES, zip(shown, instants, strict=True), strict=True)) == NAMED_ZONES
    assert read(["2026-07-01 23:30 America/New_York"], type="date")[0] == [dt.date(2026, 7, 2)]
    assert times(["2026-07-01 10:00 Europe/Berlin", "2026-07-01 10:00"], timezone="UTC") == [
        "2026-07-01 10:00:00", "2026-07-01 12:00:00",
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
        notes = read_both(days, None, [before], declared, {"type": "date"})[2]
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
