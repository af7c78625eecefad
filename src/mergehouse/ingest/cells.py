"""SQL that reads the text of one cell as its column's type."""

from __future__ import annotations

import unicodedata
from typing import Any

from mergehouse.engine.literal import capitals, literal
from mergehouse.ingest.instants import clock, instant
from mergehouse.ingest.numbers import CURRENCIES, DIGITS, OTHER_DIGITS, number, plain_number, with_cents
from mergehouse.project.sources import Source

# Yes and no, true and false in the languages of Europe, and as programs and forms write them.
TRUE_WORDS = (
    "1 1.0 -1 true t yes y on x \u2713 \u2714 ja j jah jā oui si sí sì s sim tak ano áno igen da да ναι kyllä"
    " taip evet wahr vrai vero verdadero verdadeiro waar sand sann sant tosi prawda pravda igaz はい 是"
)
FALSE_WORDS = (
    "0 0.0 false f no n off nein nee non não nao nie ne nem nu не нет όχι ei nej nei nē hayır hayir"
    " falsch faux falso onwaar falsk usann epätosi fałsz nepravda hamis いいえ 否"
)
# Without width: soft hyphens, joiners, marks of direction and of byte order.
UNSEEN = "\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
BLANKS = "\t\r\n\u00a0\u2000-\u200a\u202f\u205f\u3000"
SHORTENED = "^[0-9][.,][0-9]+[eE][+]?[0-9]+$|^[0-9][eE][+][0-9]+$"  # a code that was long, in a spreadsheet

# What days and times have of other scripts, and of full width.
OF_DATES = OTHER_DIGITS + "\uff0d\uff0f\uff0e\uff1a"
_IN_DATES = DIGITS + "-/.:"

# GBp is a penny, and no pound: in capitals it would be a hundred times too much.
MINOR_UNITS = [f"{code[:2]}{code[2].lower()}" for code in CURRENCIES.split("|")]


def typed_value(name: str, source: Source, formats: dict[str, Any], timezone: str) -> str:
    """The expression over Bronze that reads one declared column in the formats of a batch; NULL where it
    cannot be read.

    >>> source = mh.project("shop").brands["shop"].sources["lines"]
    >>> print(typed_value("title", source, {}, "UTC"))
    NULLIF(TRIM(`title`), '')
    >>> import duckdb
    >>> from mergehouse.engine.dialect import to_duckdb
    >>> price = to_duckdb(f"SELECT {typed_value('price', source, {'decimal_mark': ','}, 'UTC')} FROM given")
    >>> duckdb.sql(f"WITH given AS (SELECT '1.234,50 EUR' AS price) {price}").fetchall()
    [(Decimal('1234.500000000'),)]
    """
    column = source.columns[name]
    if name in formats.get("verbatim", []):
        return f"`{name}`"
    value = cell(name, source, formats)
    patterns = formats.get("dates", {}).get(name, [])
    match column.type:
        case "text":
            return f"NULLIF({value}, '')"
        case "code" | "id":
            return _code(value, name, column.type, formats)
        case "boolean":
            yes, no = (", ".join(map(literal, words.split())) for words in (TRUE_WORDS, FALSE_WORDS))
            return (
                f"CASE WHEN LOWER({value}) IN ({yes}) THEN TRUE WHEN LOWER({value}) IN ({no}) THEN FALSE END"
            )
        case "number" | "percent":
            digits = f"REPLACE({value}, '%', '')" if column.type == "percent" else value
            if name in formats.get("plain", []):
                return plain_number(digits)
            mark = formats.get("marks", {}).get(name, formats.get("decimal_mark", "."))
            return number(digits, "." if name in formats.get("numbers", []) else mark)
    return clock(value, column, patterns, timezone)


def instant_value(name: str, source: Source, formats: dict[str, Any]) -> str:
    """The expression over Bronze of the instant, in UTC, that a cell of a time tells; NULL where it tells a
    local time.

    >>> source = Source(files="*", columns={"sold": {"type": "timestamp"}})
    >>> instant_value("sold", source, {"dates": {"sold": ["d.M.yyyy H:mm"]}})
    'NULL'
    """
    patterns = formats.get("dates", {}).get(name, [])
    return instant(cell(name, source, formats), source.columns[name], patterns)


def is_unread(name: str, source: Source, formats: dict[str, Any]) -> str:
    """The condition over Bronze that a cell of a number or of a yes or no says something and cannot be read.

    >>> source = Source(files="*", columns={"paid": {"type": "boolean"}, "price": {"type": "number"}})
    >>> is_unread("price", source, {"plain": ["price"]})  # every value that came was read
    'FALSE'
    >>> import duckdb
    >>> paid = is_unread("paid", source, {}).replace("`", '"')
    >>> given = "FROM (VALUES ('yes'), ('perhaps'), (' '), (NULL)) AS t(paid)"
    >>> duckdb.sql(f"SELECT {paid} AS unread {given}").fetchall()
    [(False,), (True,), (False,), (False,)]
    """
    if name in formats.get("plain", []):
        return "FALSE"
    value = cell(name, source, formats)
    return f"(COALESCE({value}, '') <> '' AND {typed_value(name, source, formats, '')} IS NULL)"


def cell(name: str, source: Source, formats: dict[str, Any]) -> str:
    """A cell's text without what surrounds it, and without words that mean "empty"; what is rare is looked
    for where the batch has it.
    """
    value = f"TRIM(`{name}`)"
    if name in formats.get("cleaned", []):
        seen = f"REGEXP_REPLACE(REGEXP_REPLACE(`{name}`, '[{UNSEEN}]', ''), '[{BLANKS}]', ' ')"
        if source.columns[name].type in ("date", "timestamp"):
            seen = f"TRANSLATE({seen}, '{OF_DATES}', '{_IN_DATES}')"
        value = (
            f"TRIM(CASE WHEN `{name}` LIKE '%=\"%\"%' AND {seen} RLIKE '^ *=\".*\" *$' THEN"
            f" REGEXP_REPLACE({seen}, '^ *=\"|\" *$', '') ELSE {seen} END)"
        )
    if name in formats.get("dashed", []):
        value = with_cents(value)
    for letter in formats.get("composed", {}).get(name, []):
        value = f"REPLACE({value}, {literal(letter)}, {literal(unicodedata.normalize('NFC', letter))})"
    if source.null_values is not None:
        nulls = ", ".join(literal(v) for v in ["", *source.null_values])
        return f"CASE WHEN {value} IN ({nulls}) THEN NULL ELSE {value} END" if source.null_values else value
    if words := formats.get("nulls", {}).get(name):
        nulls = ", ".join(map(literal, words))
        return f"CASE WHEN UPPER({value}) IN ({nulls}) THEN NULL ELSE {value} END"
    return value


def _code(value: str, name: str, kind: str, formats: dict[str, Any]) -> str:
    given = value if name in formats.get("cleaned", []) else f"`{name}`"
    whole = f"{given} LIKE '%.0' AND {value} RLIKE '^[0-9]+[.]0$'"
    code = capitals(value) if kind == "code" else value
    if kind == "code" and (units := formats.get("minor_units", {}).get(name)):
        code = f"CASE WHEN {value} IN ({', '.join(map(literal, units))}) THEN {value} ELSE {code} END"
    shortened = f"WHEN {value} RLIKE '{SHORTENED}' THEN NULL " if name in formats.get("shortened", []) else ""
    return f"NULLIF(CASE {shortened}WHEN {whole} THEN SPLIT_PART({value}, '.', 1) ELSE {code} END, '')"
