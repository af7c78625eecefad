"""SQL that reads a date or a time as exports write it: what the brand's clock shows, and the instant where
the text tells it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from mergehouse.engine.literal import literal
from mergehouse.project.sources import Column
from mergehouse.project.yaml_file import parse_yaml

ISO_OFFSET = (
    "yyyy-MM-dd'T'HH:mm:ssXXX"  # after the time of some ISO instants: how far their clock is from UTC
)
ZONED, LOOSE = "XXX", "h:mma"  # some other times say their zone; have AM or PM and blanks as nobody else has
NAMED_ZONE = r"[A-Z]\w+(/[A-Z]\w+([_-]\w+)*)+"  # Europe/Berlin; among patterns it stands as `[Europe/Berlin]`
# `2026-02-20T10:00:00Z`, `2026-02-20 10:00:00 -0500`. Letters of zones say too little: EST is not the same
# everywhere, and CET in July is an hour that its clock may not have shown.
_TIME = "[0-9-]{10}[T ]([01]?[0-9]|2[0-3]):[0-9:.]+"
_OFFSET = "[+-][0-9]{2}(:?[0-9]{2})?"
_OFFSET_PARTS = ("([0-9]{1,2})(?::?[0-9]{2})?", "[0-9]{1,2}:?([0-9]{2})")  # hours, minutes
ZONE, HALF_DAY = "Z|(UTC|GMT)?[+-][0-9]{1,2}(:?[0-9]{2})?|UTC|GMT", "[AaPp][.]? ?[Mm][.]?"
HOURS = "([0-9]) ?[hH] ?([0-5][0-9])$"  # 14h05
_AT_THE_END = f" ?({ZONE})$"
_NAME_AT_THE_END = r" ?\[({0})\]$| ({0})$"
_WITH_ZONE = f":[0-9]{{2}}([.][0-9]+)?( ?{HALF_DAY})?{_AT_THE_END}"
_INSTANT = f"^{_TIME} ?(Z|UTC|GMT|{_OFFSET})$"
_LOCAL = f"^[0-9-]{{10}}$|^{_TIME}$"
_END_OF_DAY = "^[0-9-]{10}[T ]24:00(:00([.]0+)?)?$"  # midnight, as ISO 8601 had it until 2019
# Numbers that are instants or days: what they look like, and the milliseconds since 1970 of one.
_MILLISECONDS = {
    "epoch_seconds": ("^-?[0-9]{1,11}([.][0-9]+)?$", "{number} * 1000"),
    "epoch_milliseconds": ("^-?[0-9]{1,14}$", "{number}"),
    "excel_serial": ("^[0-9]{1,5}([.,][0-9]+)?$", "ROUND(({number} - 25569) * 86400) * 1000"),
}
# A month that had a name stands between strokes, so that no day is taken for it.
WITH_NAMES = (
    "d /M/ yyyy", "d /M/ yyyy H:mm", "d /M/ yyyy H:mm:ss", "d /M/ yy", "/M/ d yyyy", "/M/ d yyyy H:mm",
    "/M/ d yy", "yyyy /M/ d",
    "yyyy d /M/",
)  # fmt: skip
_WORD = "(^|[^\\p{{L}}0-9])({})[.]?([^\\p{{L}}0-9]|$)"
_CLOSE = r"^([0-9]{1,2})(\p{L}{3,})([0-9]{4}|[0-9]{2}):?"  # 01MAR2026:10:05
_APART = "[^0-9:/\\p{L}]+"
_BESIDE_NAMES = _WORD.format(  # 2 de marzo de 2026, 14:05 hs.
    "de|del|gada|m|d|r|г|um|uhr|at|à|às|a las|alle ore|alle|ore|om|uur|u|kl|klo|o|godz|v|hod|ob|h|hs|hrs"
)


def clock(value: str, column: Column, patterns: list[str], timezone: str) -> str:
    """DATE or TIMESTAMP_NTZ in the brand's local time, or NULL: ISO first, then the patterns found in the
    batch; or what the column declares.

    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> sold = Column(type="timestamp", timezone="UTC")
    >>> sql = to_duckdb(f"SELECT {clock('v', sold, [], 'Europe/Berlin')} AS t FROM written")
    >>> duckdb.sql(f"WITH written AS (SELECT '2026-02-20 23:30' AS v) {sql}").fetchall()
    [(datetime.datetime(2026, 2, 21, 0, 30),)]
    """
    target = "DATE" if column.type == "date" else "TIMESTAMP_NTZ"
    value, zone, patterns = _of_zone(value, column, patterns)
    value = with_offsets(value, column)
    local = functools.partial(_in_brands_zone, zone=zone, timezone=literal(timezone))
    if moment := _moment(value, column):
        is_shown = column.format == "excel_serial"
        shown = local(moment) if is_shown else f"FROM_UTC_TIMESTAMP({moment}, {literal(timezone)})"
        return f"CAST({shown} AS {target})"
    shown = tidied(value) if LOOSE in patterns else value
    iso = local(f"TRY_CAST({shown} AS TIMESTAMP_NTZ)")
    if column.type == "date":  # a day without a time is that day everywhere
        day = f"TRY_CAST(SUBSTRING({value}, 1, 10) AS DATE)"
        is_day = f"LENGTH({value}) = 10" + ("" if zone is None or zone.of_all else f" OR {zone.sql} IS NULL")
        iso = f"CASE WHEN {is_day} THEN {day} ELSE CAST({iso} AS DATE) END" if zone else day
    tests = [f"WHEN {value} LIKE '____-__-__%' THEN {iso}"]
    if ISO_OFFSET in patterns:
        there = f"CAST(FROM_UTC_TIMESTAMP({_in_utc(value)}, {literal(timezone)}) AS {target})"
        tests = [
            f"WHEN {value} RLIKE {literal(_INSTANT)} THEN {there}",
            f"WHEN {shown} RLIKE {literal(_LOCAL)} THEN {iso}",
            f"WHEN {value} RLIKE {literal(_END_OF_DAY)} THEN CAST({local(_next_day(value))} AS {target})",
        ]
    tries = [] if column.format else [f"CASE {' '.join(tests)} END"]
    for pattern, told in _told(value, column, patterns).items():
        if column.type == "date" and not re.search("[Hhm]", pattern):
            tries.append(told)
        elif ZONED in patterns:
            there = f"FROM_UTC_TIMESTAMP({told} + {_ahead(value)}, {literal(timezone)})"
            tries.append(f"CASE WHEN {value} RLIKE {literal(_WITH_ZONE)} THEN {there} ELSE {local(told)} END")
        else:
            tries.append(local(told))
    iso_first = 0 if column.format else 1
    tries = [t if place < iso_first else f"CAST({t} AS {target})" for place, t in enumerate(tries)]
    found = tries[0] if len(tries) == 1 else f"COALESCE({', '.join(tries)})"
    return f"CAST({found} AS {target})" if zone else found


def instant(value: str, column: Column, patterns: list[str]) -> str:
    """TIMESTAMP_NTZ in UTC where the text, or what is declared of its column, tells the instant, else NULL:
    when the clocks go back, the local clock shows an hour twice.

    >>> instant("v", Column(type="timestamp"), patterns=[])
    'NULL'
    """
    value, zone, patterns = _of_zone(value, column, patterns)
    value = with_offsets(value, column)
    if (moment := _moment(value, column)) and column.format != "excel_serial":
        return moment
    if zone:
        told = clock(
            value, column.model_copy(update={"timezone": None, "type": "timestamp"}), patterns, "UTC"
        )
        zoned = f"TO_UTC_TIMESTAMP({told}, {zone.sql})"
    else:
        zoned = "NULL"
    if column.format or not {ISO_OFFSET, ZONED} & {*patterns}:
        return zoned
    found = [f"WHEN {value} RLIKE {literal(_INSTANT)} THEN {_in_utc(value)}"]
    if ZONED in patterns:
        read = [*_told(value, column, patterns).values(), "CAST(NULL AS TIMESTAMP_NTZ)"]
        told = f"COALESCE({', '.join(read)})"
        found.append(f"WHEN {value} RLIKE {literal(_WITH_ZONE)} THEN {told} + {_ahead(value)}")
    rest = "" if zoned == "NULL" else f" ELSE {zoned}"
    return f"CASE {' '.join(found)}{rest} END"


class _Zone(NamedTuple):
    """The zone whose clock the times of a column show, as SQL; unless it is `of_all`, NULL where a time names
    none, which shows the brand's.
    """

    sql: str
    of_all: bool


def _of_zone(value: str, column: Column, patterns: list[str]) -> tuple[str, _Zone | None, list[str]]:
    """A time without the zone that it names, the zone, None where all times are of the brand's, and the other
    patterns.
    """
    names = [pattern[1:-1] for pattern in patterns if pattern.startswith("[")]
    declared = literal(column.timezone) if column.timezone else None
    if not names:
        return value, _Zone(declared, of_all=True) if declared else None, patterns
    named = " ".join(
        f"WHEN {value} RLIKE {literal(_NAME_AT_THE_END.format(name))} THEN {literal(name)}" for name in names
    )
    zone = _Zone(f"CASE {named} ELSE {declared or 'NULL'} END", of_all=bool(declared))
    return without_names(value, names), zone, [p for p in patterns if not p.startswith("[")]


def without_names(value: str, zones: Collection[str]) -> str:
    """A time without the names of these zones behind it.

    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> written = "(VALUES ('2026-07-01T10:15Z[Asia/Tokyo]'), ('31.7.2026 10:15 Asia/Tokyo')) AS t(v)"
    >>> duckdb.sql(to_duckdb(f"SELECT {without_names('v', ['Asia/Tokyo'])} FROM {written}")).fetchall()
    [('2026-07-01T10:15Z',), ('31.7.2026 10:15',)]
    """
    if not zones:
        return value
    return f"REGEXP_REPLACE({value}, {literal(_NAME_AT_THE_END.format('|'.join(zones)))}, '')"


def _told(value: str, column: Column, patterns: list[str]) -> dict[str, str]:
    """By pattern, besides ISO, what a clock showed: TIMESTAMP_NTZ, or NULL."""
    value = without_zone(value) if ZONED in patterns else value
    value = tidied(value) if LOOSE in patterns else value
    others = [p for p in patterns if p not in (ISO_OFFSET, ZONED, LOOSE)]
    named = numbers_for_names(value, column)
    return {  # else DuckDB reads 24 as the year 24
        p: _in_its_century(
            f"TRY_TO_TIMESTAMP({named if p in (*WITH_NAMES, column.format) else value}, '{p}')", p
        )
        for p in sorted([column.format] if column.format else others, key=lambda p: "yyyy" in p)
    }


def _next_day(value: str) -> str:
    day = f"TRY_CAST(SUBSTRING({value}, 1, 10) AS DATE)"
    return f"CAST({day} + INTERVAL 1 DAY AS TIMESTAMP_NTZ)"


def _in_its_century(time: str, pattern: str) -> str:
    """Of years with two digits 69 to 99 are those of 1969 to 1999; Spark takes them for 2069 to 2099."""
    if "yyyy" in pattern:
        return time
    return f"CASE WHEN YEAR({time}) > 2068 THEN {time} - INTERVAL '100' YEAR ELSE {time} END"


def without_zone(value: str) -> str:
    """A time without the zone behind it.

    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> written = "(VALUES ('31.12.2025 10:15 UTC')) AS t(v)"
    >>> duckdb.sql(to_duckdb(f"SELECT {without_zone('v')} FROM {written}")).fetchall()
    [('31.12.2025 10:15',)]
    """
    zone = f"REGEXP_REPLACE({value}, {literal(_AT_THE_END)}, '')"
    return f"CASE WHEN {value} RLIKE {literal(_WITH_ZONE)} THEN {zone} ELSE {value} END"


def tidied(value: str) -> str:
    """A time with ` AM` and ` PM`, however they are written, a colon behind its hours, and single blanks.

    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> written = "(VALUES ('1/31/2026  10:15 p. m.'), ('1/31/2026 9:15am'), ('31/1/2026 9h15')) AS t(v)"
    >>> duckdb.sql(to_duckdb(f"SELECT {tidied('v')} FROM {written}")).fetchall()
    [('1/31/2026 10:15 PM',), ('1/31/2026 9:15 AM',), ('31/1/2026 9:15',)]
    """
    value = f"REGEXP_REPLACE({value}, ' +', ' ')"
    value = f"REGEXP_REPLACE({value}, '{HOURS}', '$1:$2')"
    halves = " ".join(
        f"WHEN {value} RLIKE '[0-9]{half}' THEN CONCAT(REGEXP_REPLACE({value}, '{half}', ''), ' {half_day}')"
        for half, half_day in ((" ?[aA][.]? ?[mM][.]?$", "AM"), (" ?[pP][.]? ?[mM][.]?$", "PM"))
    )
    return f"CASE {halves} ELSE {value} END"


@functools.cache
def month_names() -> dict[str, list[list[str]]]:
    """By language, the names of each month, in small letters.

    >>> month_names()["de"][2]
    ['maerz', 'märz', 'mrz', 'mär']
    """
    names = parse_yaml(Path(__file__).with_name("month_names.yml").read_text(encoding="utf-8"))
    assert isinstance(names, dict)
    return names


def _moment(value: str, column: Column) -> str:
    """TIMESTAMP_NTZ of a number that is an instant, or a day and its share; empty where the column is no
    such number.
    """
    if column.format not in _MILLISECONDS:
        return ""
    looks, milliseconds = _MILLISECONDS[column.format]
    number = f"TRY_CAST(REPLACE({value}, ',', '.') AS DECIMAL(28, 10))"
    return (
        f"CASE WHEN {value} RLIKE '{looks}' THEN CAST(TIMESTAMP_MILLIS(CAST("
        f"{milliseconds.format(number=number)} AS BIGINT)) AS TIMESTAMP_NTZ) END"
    )


def _in_brands_zone(clock: str, zone: _Zone | None, timezone: str) -> str:
    """What the brand's clock shows when one in the zone shows this."""
    if zone is None or zone.sql == timezone:
        return clock
    shown = f"FROM_UTC_TIMESTAMP(TO_UTC_TIMESTAMP({clock}, {zone.sql}), {timezone})"
    return shown if zone.of_all else f"CASE WHEN {zone.sql} IS NULL THEN {clock} ELSE {shown} END"


def with_offsets(value: str, column: Column) -> str:
    """Letters of zones that the column declares, as offsets."""
    for letters, offset in column.zones.items():
        value = (
            f"CASE WHEN {value} LIKE {literal('% ' + letters)} THEN"
            f" CONCAT(SUBSTRING({value}, 1, LENGTH({value}) - {len(letters) + 1}), {literal(offset)})"
            f" ELSE {value} END"
        )
    return value


def numbers_for_names(value: str, column: Column) -> str:
    """`31 /12/ 2025 10:15` of `31. Dezember 2025, 10:15 Uhr`; other words stay, and so it is no time.

    >>> numbers_for_names("v", Column(type="date"))
    'v'
    """
    if not column.language:
        return value
    text = f"REPLACE(LOWER({value}), '1er ', '1 ')"  # 1er janvier
    text = f"REGEXP_REPLACE({text}, {literal(_CLOSE)}, '$1 $2 $3 ')"
    for number, names in enumerate(month_names()[column.language], start=1):
        text = f"REGEXP_REPLACE({text}, {literal(_WORD.format('|'.join(names)))}, ' /{number}/ ')"
    text = f"REGEXP_REPLACE({text}, {literal(_BESIDE_NAMES)}, ' ')"
    return f"TRIM(REGEXP_REPLACE({text}, {literal(_APART)}, ' '))"


def _in_utc(value: str) -> str:
    """TIMESTAMP_NTZ, in UTC, of an ISO instant that says how far its clock is from it."""
    time = f"TRY_CAST(REGEXP_EXTRACT({value}, '^({_TIME})', 1) AS TIMESTAMP_NTZ)"
    return f"{time} + {_ahead(value)}"


def _ahead(value: str) -> str:
    """How far UTC is ahead of the clock that a time's offset tells of: INTERVAL."""
    hours, minutes = (
        f"COALESCE(TRY_CAST(REGEXP_EXTRACT({value}, '[+-]{part}$', 1) AS INT), 0)" for part in _OFFSET_PARTS
    )
    sign = f"CASE WHEN {value} RLIKE '-[0-9]{{1,2}}(:?[0-9]{{2}})?$' THEN 1 ELSE -1 END"
    return f"{sign} * ({hours} * 60 + {minutes}) * INTERVAL 1 MINUTE"
