"""Columns of discounts, by name. Where order_lines.sql reads none, prices may be those before them."""

from __future__ import annotations

import re
import unicodedata

DISCOUNTS = (
    "discount", "discounts", "disc", "rabatt", "nachlass", "remise", "rabais", "reduction", "sconto",
    "descuento", "desconto", "korting", "rabat", "alennus", "indirim",
)  # fmt: skip
# Words beside which they are about something else than how much: `discount_code`, `before_discount`.
ABOUT = (
    "code", "name", "type", "id", "reason", "group", "title", "description", "price", "before", "after",
    "without", "total", "incl", "excl", "net", "gross",
)  # fmt: skip


def discounting(name: str, cells: str) -> str:
    """By its name the SQL condition that a column of texts says a discount, a number other than 0, that every
    engine reads; blank for any other column.

    >>> discounting("discount", "`discount`")[:48]
    "TRANSLATE(`discount`, '123456789', '') <> `disco"
    >>> discounting("discount_code", "code"), discounting("title", "title")
    ('', '')
    """
    letters = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", name.lower()))
    words = {*re.findall("[a-z]+", letters)}
    if not words & {*DISCOUNTS} or words & {*ABOUT}:
        return ""
    return f"TRANSLATE({cells}, '123456789', '') <> {cells} AND LOWER({cells}) = UPPER({cells})"
