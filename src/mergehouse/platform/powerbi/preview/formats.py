"""Values as Power BI writes them by the format strings of the model."""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mergehouse.charts.svg import short

DIGITS = re.compile(r"[#0][#0,.]*")
ABSENT = ""  # as Power BI shows a blank


def written(value: Any, format: str) -> str:
    """A value by a format string: of numbers, with sections for positive, negative and zero; of dates.

    >>> written(1234.5, '#,0.00 "EUR"'), written(0.1234, "0.0 %"), written(-0.5, "+0.0 %;-0.0 %;0.0 %")
    ('1,234.50 EUR', '12.3 %', '-50.0 %')
    >>> written(dt.date(2026, 3, 1), "yyyy-mm-dd"), written(None, "#,0"), written("high", "")
    ('2026-03-01', '', 'high')
    """
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, dt.date):
        return f"{value:%Y-%m-%d}"
    if not isinstance(value, int | float | Decimal):
        return str(value)
    return _number(Decimal(str(value)), format or "0.##")


def compact(value: Any, format: str) -> str:
    """As a card with automatic units writes it: three digits of what is large.

    >>> compact(Decimal("3022519.55"), '#,0.00 "EUR"'), compact(Decimal("0.42"), "0.0 %"), compact(42, "#,0")
    ('3.02M EUR', '42.0 %', '42')
    """
    if isinstance(value, int | float | Decimal) and "%" not in format and abs(float(value)) >= 10_000:
        unit = re.search(r'"([^"]*)"', format)
        return short(float(value)) + (f" {unit[1].strip()}" if unit else "")
    return written(value, format)


def _number(value: Decimal, format: str) -> str:
    sections = format.split(";")
    section = sections[0]
    if len(sections) > 1 and value < 0:
        section, value = sections[1], -value
    elif len(sections) > 2 and value == 0:
        section = sections[2]
    plain = re.sub(r'"([^"]*)"', r"\1", section)
    pattern = DIGITS.search(re.sub(r'"[^"]*"', "", section))
    if not pattern:
        return plain
    if "%" in re.sub(r'"[^"]*"', "", section):
        value *= 100
    places = pattern[0].partition(".")[2]
    rounded = value.quantize(Decimal(1).scaleb(-len(places)), ROUND_HALF_UP)
    text = f"{rounded:,.{len(places)}f}" if "," in pattern[0] else f"{rounded:.{len(places)}f}"
    if "#" in places:
        text = text.rstrip("0").rstrip(".")
    return plain.replace(pattern[0], text, 1)
