"""Figures and dates as readers of different places write them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from babel import Locale
from babel.localedata import locale_identifiers

from mergehouse.app.writing import MINUS, Writing, accepted

HARD = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (Decimal("1234567.89"), "€1.23m", f"1,23{HARD}Mio.{HARD}€"),
        (999_999, "€1.00m", f"1,00{HARD}Mio.{HARD}€"),
        (-45_678, f"{MINUS}€45.7k", f"{MINUS}45.700{HARD}€"),
        (999.4, "€999.40", f"999,40{HARD}€"),
        (0, "€0", f"0{HARD}€"),
        (None, "no data", "no data"),
    ],
)
def test_money_on_cards(value: Decimal | None, english: str, german: str) -> None:
    assert Writing("en_GB").compact(value) == english
    assert Writing("de_DE").compact(value) == german


def test_money_on_cards_is_as_much_in_every_language() -> None:
    """Also where words are for ten or a hundred thousand; Babel's short Swahili is of ten times as much."""
    values, told = (1900, 150_000, 2_340_000), {}
    for locale in ("en_GB", "en_IN", "ja_JP", "sw"):
        told[locale] = [Writing(locale).compact(value).replace(HARD, " ") for value in values]
    assert told == {
        "en_GB": ["€1.90k", "€150k", "€2.34m"],
        "en_IN": ["€1.90K", "€1.50L", "€23.4L"],
        "ja_JP": ["€1,900", "€15.0万", "€234万"],
        "sw": ["€ 1,900", "€ 150,000", "€ 2,340,000"],
    }


def test_money_in_tables_is_rounded_half_up() -> None:
    assert [Writing().money(value) for value in (1234.5, 1235.5, 0.125, 999.995, Decimal("-0.005"))] == [
        "€1,235", "€1,236", "€0.13", "€1,000.00", f"{MINUS}€0.01",
    ]  # fmt: skip


def test_shares_and_differences() -> None:
    write = Writing("fr_FR")
    assert write.share(0.5) == f"50,0{HARD}%"
    assert write.points(Decimal("-0.0213")) == f"{MINUS}2,1{HARD}pp"
    assert write.delta(0.1) == f"+10,0{HARD}%"
    assert Writing().delta(0) == "0.0%"
    assert Writing().delta(None, "not comparable") == "not comparable"


def test_an_instant_is_told_in_utc() -> None:
    berlin = dt.timezone(dt.timedelta(hours=2))
    assert Writing().instant(dt.datetime(2026, 7, 1, 1, 30, tzinfo=berlin)) == "30 Jun 2026, 23:30 UTC"


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("de-AT,de;q=0.9", "de_AT"), ("en", "en_GB"), ("en-US", "en_US"), ("tlh,sv;q=0.5", "sv"),
        ("zz", "en_GB"), ("../../etc/passwd", "en_GB"), ("x" * 10_000, "en_GB"), ("fr;q=0.1,it;q=0.2", "it"),
        ("", "en_GB"), ("EN", "en_GB"), ("de;q=0", "en_GB"), ("xx-YY", "en_GB"), ("xx_YY", "en_GB"),
        ("de-XX", "de"), ("en-XX", "en_GB"), ("pt-BR-x-foo", "pt_BR"), ("und", "en_GB"),
        ("i-klingon", "en_GB"),
        ("zh-TW", "zh_Hant_TW"), ("ar-EG", "en_GB"), ("he,fr;q=0.3", "fr"), ("\r\nX: y", "en_GB"),
        ("*", "en_GB"),
    ],
)  # fmt: skip
def test_the_locale_is_the_first_that_is_known(header: str, locale: str) -> None:
    assert accepted(header) == locale


def test_every_locale_writes_the_same_figures() -> None:
    """Digits are those of the pages' English; a percent sign in front takes no decimal away."""
    for tag in map(str, locale_identifiers()):
        write = Writing(accepted(tag.replace("_", "-")))
        assert [re.sub(r"[^0-9]", "", text) for text in (
            write.share(Decimal("0.1234")), write.exact(Decimal("0.123456"), "percent"), write.money(-12.5),
            write.money(1_234_567), write.count(12_431),
        )] == ["123", "1235", "1250", "1234567", "12431"], tag  # fmt: skip
        assert Locale.parse(write.locale).text_direction == "ltr", tag
