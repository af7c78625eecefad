"""Currencies that are written beside numbers where nothing else says them: 10 dollars are no 10 euros."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import duckdb

from mergehouse.ingest.formats import Formats
from mergehouse.ingest.numbers import CURRENCIES
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES
from mergehouse.lakehouse.reader import text
from mergehouse.project.sources import TEXTS, Source

# Beside a number, what is neither digit, mark, sign, bracket nor blank.
BESIDE = r"[^\p{Nd}\p{Z}\p{Pd}\s.,'‘’′´`()+%−٫٬]+"
DOLLARS = (
    "USD ARS AUD BBD BMD BND BSD BZD CAD CLP COP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD UYU"
    " XCD"
)
SIGNS = {  # what a sign or an abbreviation may mean, in capitals; codes mean themselves
    "$": DOLLARS, "US$": "USD", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD",
    "HK$": "HKD", "S$": "SGD", "SG$": "SGD", "NT$": "TWD", "MX$": "MXN", "R$": "BRL",
    "€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP EGP FKP GIP LBP SHP SYP", "¥": "JPY CNY RMB CNH",
    "￥": "JPY CNY RMB CNH", "円": "JPY", "元": "CNY RMB CNH TWD HKD", "₩": "KRW", "원": "KRW", "₹": "INR",
    "₺": "TRY", "TL": "TRY", "₽": "RUB", "РУБ": "RUB", "₴": "UAH", "ГРН": "UAH", "₪": "ILS", "₫": "VND",
    "Đ": "VND", "฿": "THB", "₦": "NGN", "₱": "PHP", "₸": "KZT", "₾": "GEL", "₲": "PYG", "₡": "CRC",
    "KČ": "CZK", "ZŁ": "PLN", "FT": "HUF", "LEI": "RON MDL", "ЛВ": "BGN", "ДЕН": "MKD", "ДИН": "RSD",
    "DIN": "RSD", "KR": "SEK NOK DKK ISK", "FR": "CHF XAF XOF XPF", "SFR": "CHF", "RM": "MYR",
    "RS": "INR PKR LKR NPR MUR", "RP": "IDR",
}  # fmt: skip
CODES = frozenset(CURRENCIES.split("|"))


def other_currencies(
    connection: duckdb.DuckDBPyConnection, source: Source, formats: Sequence[Formats], currency: str
) -> dict[int, list[str]]:
    """By batch what is written beside numbers and is neither the brand's `currency` nor among those of a
    column of currencies, in words. `formats` are those of the batches whose values are in ALL_WRITTEN.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"price": {"type": "number"}})
    >>> rows = "FROM (VALUES ('€ 5.00'), ('$10.00'), ('$12.00')) AS t(price)"
    >>> connection = duckdb.connect()
    >>> _ = written_values(connection, rows, source.columns)
    >>> other_currencies(connection, source, [Formats(".", {})], "EUR")[0]
    ['price: 2 numbers such as `$10.00` count as EUR: ...']
    """
    numbers = {place: n for place, (n, c) in enumerate(source.columns.items()) if c.type == "number"}
    doubtful = [
        f"batch = {batch} AND of_column = {place}"
        for batch, found in enumerate(formats)
        for place, name in numbers.items()
        if name not in found.plain and name not in found.numbers
    ]
    if not doubtful:
        return {}
    rows = connection.execute(
        f"SELECT batch, of_column, upper(regexp_extract(value, {text(BESIDE)})) AS sign, min(trim(value)),"
        f" sum({TIMES})::BIGINT FROM {ALL_WRITTEN} WHERE ({' OR '.join(doubtful)}) GROUP BY 1, 2,"
        " 3 HAVING sign <> '' ORDER BY ALL"
    ).fetchall()
    meant = {
        sign: set(SIGNS.get(sign, sign if sign in CODES else currency).split()) for _, _, sign, *_ in rows
    }
    others = [row for row in rows if currency not in meant[row[2]]]
    told = _told_currencies(connection, source, {batch for batch, *_ in others}) if others else {}
    said: dict[int, list[str]] = defaultdict(list)
    for batch, place, sign, example, times in others:
        if not meant[sign] & told.get(batch, set()):
            said[batch].append(
                f"{numbers[place]}: {times:,} numbers such as `{example[:40]}` count as {currency}: a"
                " currency beside a number is not read. Have order_lines.sql give `currency`, told from this"
                " column declared as text"
            )
    return said


def _told_currencies(
    connection: duckdb.DuckDBPyConnection, source: Source, batches: Collection[int]
) -> dict[int, set[str]]:
    """By batch what its columns of nothing but codes of currencies say."""
    texts = [place for place, c in enumerate(source.columns.values()) if c.type in TEXTS]
    rows = connection.execute(
        f"SELECT batch, list(DISTINCT upper(trim(value))) AS said FROM {ALL_WRITTEN} WHERE trim(value) <> ''"
        f" AND of_column IN ({', '.join(map(str, texts)) or 'NULL'})"
        f" AND batch IN ({', '.join(map(str, batches))}) GROUP BY batch, of_column"
        f" HAVING bool_and(upper(trim(value)) IN ({', '.join(map(text, sorted(CODES)))}))"
    ).fetchall()
    told: dict[int, set[str]] = defaultdict(set)
    for batch, codes in rows:
        told[batch] |= {*codes}
    return told
