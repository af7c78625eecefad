"""Texts as they are compared, whatever their case: what engines say by `folded` of `engine.literal`."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection


def fold(text: str) -> str:
    """A text as `folded` gives it, with accents as letters of their own, as most programs write them.

    >>> fold(" İptal edildi"), fold("straße"), fold("cafe\u0301") == fold("CAFÉ")
    ('IPTAL EDILDI', 'STRASSE', True)
    """
    return unicodedata.normalize("NFC", text.strip().upper()).replace("İ", "I")


def spellings(texts: Collection[str]) -> list[str]:
    """What `folded` gives of texts, however their accents are written: as one letter, or as two characters.

    >>> [len(text) for text in spellings(["Café", "Tea"])]
    [5, 4, 3]
    """
    apart = (unicodedata.normalize("NFD", text.strip().upper()) for text in texts)
    return sorted({*map(fold, texts), *apart})
