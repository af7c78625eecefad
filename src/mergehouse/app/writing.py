"""How figures and dates are written: by the reader's locale, and never a blank for what is not there."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_interval, format_skeleton
from babel.numbers import format_compact_currency, format_currency, format_decimal, format_percent

Number = float | Decimal
Absent = Literal["no data", "fewer than 5", "not comparable", "not observable yet"]  # beside "0", a value
NO_DATA: Absent = "no data"
FALLBACK = "en_GB"
UNDETERMINED = "und"  # ISO 639-2 for a language that is not known
MINUS, LONGEST_HEADER, LANGUAGES = "\N{MINUS SIGN}", 200, 10

_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*")


@dataclass(frozen=True)
class Writing:
    """Writes for one locale, such as `en_GB`. Each takes None, and says then why there is nothing.

    >>> write = Writing("en_GB")
    >>> write.money(1234567), write.money(12.5), write.money(None)
    ('€1,234,567', '€12.50', 'no data')
    >>> Writing("de_DE").share(0.1234).replace("\N{NO-BREAK SPACE}", " ")
    '12,3 %'
    """

    locale: str = FALLBACK
    place: Callable[[str], str] = str  # names codes that are no country's, such as XC

    @property
    def tag(self) -> str:
        """The locale as browsers call it.

        >>> Writing("de_DE").tag
        'de-DE'
        """
        return self.locale.replace("_", "-")

    def count(self, value: Number | None, absent: Absent = NO_DATA) -> str:
        """A whole number.

        >>> Writing().count(12431), Writing().count(-3), Writing().count(None, "fewer than 5")
        ('12,431', '\N{MINUS SIGN}3', 'fewer than 5')
        """
        return absent if value is None else _minus(format_decimal(round(value), locale=self.locale))

    def counted(self, value: int, one: str, several: str = "") -> str:
        """A whole number and what there are so many of.

        >>> Writing().counted(1, "day"), Writing().counted(1200, "day"), Writing().counted(0, "is", "are")
        ('1 day', '1,200 days', '0 are')
        """
        return f"{self.count(value)} {one if value == 1 else several or one + 's'}"

    def number(self, value: Number | None, absent: Absent = NO_DATA) -> str:
        """A number that need not be whole, such as orders a day: one decimal below 100.

        >>> Writing().number(12.34), Writing().number(1234.5)
        ('12.3', '1,234')
        """
        if value is None:
            return absent
        pattern = "#,##0" if abs(float(value)) >= 100 else "#,##0.0"
        return _minus(format_decimal(value, format=pattern, locale=self.locale))

    def compact(self, value: Number | None, absent: Absent = NO_DATA) -> str:
        """Euros to three significant digits, for cards; `money` is the full value beside it.

        >>> [Writing().compact(value) for value in (1234567, 999500, 12.3, 0, -45678)]
        ['€1.23m', '€1.00m', '€12.30', '€0', '\N{MINUS SIGN}€45.7k']
        """
        if value is None:
            return absent
        rounded = _significant(Decimal(str(value)))
        if abs(rounded) < 1000:
            return self.money(value)
        patterns = Locale.parse(self.locale).compact_currency_formats["short"]["other"].values()
        if any(";" in each.pattern for each in patterns):  # Babel 2.19 takes them for ten times as much
            return self.money(rounded)
        written = format_compact_currency(rounded, "EUR", locale=self.locale, fraction_digits=2)
        # some languages have no short word for thousands
        return self.money(rounded) if re.search(r"\d{4}", written) else _minus(self._three_digits(written))

    def _three_digits(self, written: str) -> str:
        """With the zeros at the end that Babel leaves out: figures beside each other have as many digits."""
        point = Locale.parse(self.locale).number_symbols["latn"]["decimal"]
        number = re.search(rf"(\d+)(?:{re.escape(point)}(\d+))?", written)
        if not number or (lacking := 3 - len(number[1] + (number[2] or ""))) <= 0:
            return written
        full = f"{number[1]}{point}{number[2] or ''}{'0' * lacking}"
        return written[: number.start()] + full + written[number.end() :]

    def money(self, value: Number | None, absent: Absent = NO_DATA) -> str:
        """Euros: whole from 1,000 on, with cents below; nothing is `€0`."""
        if value is None:
            return absent
        value = Decimal(str(value))
        whole = abs(value) >= 1000 or value == 0
        value = value.quantize(Decimal(1) if whole else Decimal("0.01"), ROUND_HALF_UP)
        pattern = Locale.parse(self.locale).currency_formats["standard"].pattern
        if whole:
            pattern = re.sub(r"0[.]0+", "0", pattern)
        return _minus(
            format_currency(value, "EUR", format=pattern, locale=self.locale, currency_digits=not whole)
        )

    def exact(self, value: Number | None, kind: str, absent: Absent = NO_DATA) -> str:
        """A KPI's value in full, by the catalogue's format: money to the cent, shares to a hundredth percent.

        >>> Writing().exact(Decimal("1234567.89"), "money"), Writing().exact(Decimal("0.123456"), "percent")
        ('€1,234,567.89', '12.35%')
        """
        if value is None:
            return absent
        if kind == "money":
            return _minus(format_currency(value, "EUR", locale=self.locale))
        return self._percent(value, 2) if kind == "percent" else self.count(value)

    def share(self, value: Number | None, absent: Absent = NO_DATA) -> str:
        """A fraction of 1 as percent with one decimal.

        >>> Writing().share(0.1234), Writing().share(0)
        ('12.3%', '0.0%')
        """
        return absent if value is None else self._percent(value, 1)

    def percent(self, value: Number) -> str:
        """A fraction of 1 that was chosen, not counted, such as a tenth: as percent, with a decimal where it
        has one.

        >>> Writing().percent(0.1), Writing().percent(0.125), Writing("de_DE").percent(1)
        ('10%', '12.5%', '100\xa0%')
        """
        return self._percent(value, 0 if round(float(value) * 1000) % 10 == 0 else 1)

    def _percent(self, value: Number, digits: int) -> str:
        """With so many decimals; some languages have the sign in front."""
        pattern = (
            Locale.parse(self.locale)
            .percent_formats[None]
            .pattern.replace("0", f"0.{'0' * digits}" if digits else "0")
        )
        return _minus(format_percent(value, format=pattern, locale=self.locale))

    def points(self, difference: Number | None, absent: Absent = NO_DATA) -> str:
        """A difference of two shares, in percentage points, signed.

        >>> Writing().points(0.021).split(), Writing().points(-0.004).split()
        (['+2.1', 'pp'], ['\N{MINUS SIGN}0.4', 'pp'])
        """
        if difference is None:
            return absent
        difference = self.rounded(difference)
        written = format_decimal(abs(Decimal(difference)) * 100, format="#,##0.0", locale=self.locale)
        return f"{_sign(difference)}{written}\N{NO-BREAK SPACE}pp"

    def delta(self, change: Number | None, absent: Absent = NO_DATA) -> str:
        """A relative change, signed: 0.05 is `+5.0%`.

        >>> Writing().delta(0.05), Writing().delta(-0.123), Writing().delta(None, "not comparable")
        ('+5.0%', '\N{MINUS SIGN}12.3%', 'not comparable')
        """
        if change is None:
            return absent
        change = self.rounded(change)
        return _sign(change) + self.share(abs(change))

    def rounded(self, change: Number) -> Decimal:
        """A relative change or a difference of shares as it is shown, to a tenth of a hundredth: what is told
        of it, as that it is better, follows from that.

        >>> Writing().rounded(-0.0004), Writing().points(-0.0004).split(), Writing().delta(0.0004)
        (Decimal('0.000'), ['0.0', 'pp'], '0.0%')
        """
        return Decimal(change).quantize(Decimal("0.001"), ROUND_HALF_UP) + 0

    def money_delta(self, change: Number | None, absent: Absent = NO_DATA) -> str:
        """A change in euros, compact and signed.

        >>> Writing().money_delta(-45678)
        '\N{MINUS SIGN}€45.7k'
        """
        return absent if change is None else _sign(change) + self.compact(abs(Decimal(change)))

    def date(self, value: dt.date | None, absent: Absent = NO_DATA) -> str:
        """A day.

        >>> Writing().date(dt.date(2011, 12, 9)), Writing("de_DE").date(dt.date(2011, 12, 9))
        ('9 Dec 2011', '09.12.2011')
        """
        return absent if value is None else format_date(value, "medium", locale=self.locale)

    def dates(self, since: dt.date, until: dt.date) -> str:
        """From one day to another.

        >>> Writing().dates(dt.date(2011, 10, 1), dt.date(2011, 12, 9))
        '1 Oct\N{THIN SPACE}\N{EN DASH}\N{THIN SPACE}9 Dec 2011'
        """
        return format_interval(since, until, "yMMMd", locale=self.locale)

    def day(self, day: dt.date) -> str:
        """A day of any year.

        >>> Writing().day(dt.date(2011, 12, 9))
        '9 Dec'
        """
        return format_skeleton("MMMd", day, locale=self.locale)

    def month(self, day: dt.date) -> str:
        """A month and its year.

        >>> Writing().month(dt.date(2011, 12, 1))
        'December 2011'
        """
        return format_skeleton("yMMMM", day, locale=self.locale)

    def country(self, code: str) -> str:
        """A country's name in English, as are the pages' words; that of `place` where there is none.

        >>> Writing().country("DE"), Writing().country("X9")
        ('Germany', 'X9')
        """
        return Locale("en").territories.get(code) or self.place(code)

    def instant(self, value: dt.datetime | None, absent: Absent = NO_DATA) -> str:
        """A moment, in UTC, to the minute.

        >>> Writing().instant(dt.datetime(2026, 3, 1, 9, 5, tzinfo=dt.UTC))
        '1 Mar 2026, 09:05 UTC'
        """
        if value is None:
            return absent
        utc = value.astimezone(dt.UTC)
        return f"{self.date(utc.date())}, {format_datetime(utc, 'HH:mm', locale=self.locale)} UTC"

    def short_month(self, value: dt.date | None, absent: Absent = NO_DATA) -> str:
        """A month of a year, for axes.

        >>> Writing().short_month(dt.date(2011, 12, 1)), Writing("de_DE").short_month(dt.date(2011, 12, 1))
        ('Dec 2011', 'Dez. 2011')
        """
        return absent if value is None else format_skeleton("yMMM", value, locale=self.locale)

    def amount(self, value: Number | None, currency: str, absent: Absent = NO_DATA) -> str:
        """Money of any currency: whole from 1,000 on, with cents below. A code that is none stands as it is.

        >>> Writing().amount(6866537.05, "GBP"), Writing().amount(-12.5, "EUR"), Writing().amount(3, "?")
        ('£6,866,537', '\N{MINUS SIGN}€12.50', '?3.00')
        """
        if value is None:
            return absent
        digits = "0" if value == 0 or not -1000 < value < 1000 else "0.00"
        pattern = re.sub(
            r"0[.]0+", digits, Locale.parse(self.locale).currency_formats["standard"].pattern.split(";")[0]
        )
        return _minus(
            format_currency(value, currency, format=pattern, locale=self.locale, currency_digits=False)
        )

    def cents(self, value: Number | None, absent: Absent = NO_DATA) -> str:
        """An amount to the cent, without its currency.

        >>> Writing().cents(Decimal("6638416.590000000")), Writing("de_DE").cents(-2)
        ('6,638,416.59', '\N{MINUS SIGN}2,00')
        """
        return self.decimal(value, 2, absent)

    def decimal(self, value: Number | None, digits: int = 3, absent: Absent = NO_DATA) -> str:
        """A number with so many decimals.

        >>> Writing().decimal(0.6201), Writing("de_DE").decimal(1.25, 1)
        ('0.620', '1,2')
        """
        if value is None:
            return absent
        return _minus(format_decimal(value, f"#,##0.{'0' * digits}", self.locale))

    def signed(self, value: float) -> str:
        """A number with its sign, such as a weight in bits.

        >>> Writing().signed(14.58), Writing().signed(-1.5), Writing("de_DE").signed(0)
        ('+14.6', '\N{MINUS SIGN}1.5', '0,0')
        """
        rounded = Decimal(str(value)).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{_sign(rounded)}{self.decimal(abs(rounded), 1)}"

    def size(self, value: Number | None, absent: Absent = NO_DATA) -> str:
        """Bytes, of a file.

        >>> Writing().size(7139466)
        '7.1\xa0MB'
        """
        if value is None:
            return absent
        unit, of = ("MB", 1_000_000) if value >= 1_000_000 else ("kB", 1_000)
        return f"{self.decimal(float(value) / of, 1)}\N{NO-BREAK SPACE}{unit}"


def accepted(header: str | None) -> str:
    """The first locale that a browser's Accept-Language names and that is known, else `FALLBACK`. Of one that
    is known but for its ending, what is left of it. Those of scripts from right to left are passed over: in
    the pages' English, which goes from left to right, their dates would fall apart.

    >>> accepted("xx, de-DE;q=0.8, fr;q=0.9"), accepted("en"), accepted("*;q=x"), accepted(None)
    ('fr', 'en_GB', 'en_GB', 'en_GB')
    >>> accepted("de-XX"), accepted("en-US-u-nu-arab"), accepted("he, pl;q=0.5")
    ('de', 'en_US', 'pl')
    """
    wanted = []
    for part in (header or "")[:LONGEST_HEADER].split(",")[:LANGUAGES]:
        found = _LANGUAGE.fullmatch(part)
        if found and (weight := float(found[2] or 1)):  # 0: not this one
            wanted.append((-weight, found[1].lower()))
    return next(_known(tag for _, tag in sorted(wanted, key=lambda each: each[0])), FALLBACK)


def _known(tags: Iterable[str]) -> Iterator[str]:
    for tag in tags:
        parts = tag.split("-")
        for length in range(len(parts), 0, -1):
            if parts[:length] == ["en"]:
                yield FALLBACK
            with suppress(UnknownLocaleError, ValueError):
                found = Locale.parse("-".join(parts[:length]), sep="-")
                if found.text_direction == "ltr" and parts[0] != UNDETERMINED:
                    yield str(found)
                break


def _significant(value: Decimal) -> Decimal:
    """Rounded to three digits."""
    return value if not value else round(value, 2 - value.adjusted()) if value.adjusted() >= 2 else value


def _minus(written: str) -> str:
    return written.replace("-", MINUS)


def _sign(value: Number) -> str:
    return "+" if value > 0 else MINUS if value < 0 else ""
