"""Columns of discounts and taxes, by name. Where nothing reads them, they may be within prices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

DISCOUNTS = (
    "discount", "discounts", "disc", "rabatt", "nachlass", "remise", "rabais", "reduction", "sconto",
    "descuento", "desconto", "korting", "rabat", "alennus", "indirim",
)  # fmt: skip
TAXES = (
    "tax", "taxes", "taxamt", "taxamount", "vat", "gst", "hst", "mwst", "ust", "steuer", "tva", "iva", "btw",
    "moms", "kdv", "dph", "alv",
)  # fmt: skip
# Words beside which they are about something else than how much: `discount_code`, `before_tax`.
ABOUT = (
    "code", "name", "type", "id", "reason", "group", "title", "description", "price", "before", "after",
    "without", "total", "incl", "excl", "net", "gross", "rate", "class", "number", "exempt", "status",
)  # fmt: skip


def saying(words: Collection[str], name: str, cells: str) -> str:
    """By its name the SQL condition that a column of texts says a discount or a tax, a number other than 0,
    that every engine reads; blank for any other column.

    >>> saying(DISCOUNTS, "discount", "`discount`")[:48]
    "TRANSLATE(`discount`, '123456789', '') <> `disco"
    >>> saying(DISCOUNTS, "discount_code", "code"), saying(TAXES, "title", "title")
    ('', '')
    """
    letters = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", name.lower()))
    found = {*re.findall("[a-z]+", letters)}
    if not found & {*words} or found & {*ABOUT}:
        return ""
    return f"TRANSLATE({cells}, '123456789', '') <> {cells} AND LOWER({cells}) = UPPER({cells})"
