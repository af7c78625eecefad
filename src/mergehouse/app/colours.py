"""Colours of brands and of the lines of a plot, by their names in style.css."""

from __future__ import annotations

from collections.abc import Sequence

SERIES = ("brand-1", "brand-2", "series-3", "series-4", "series-5")


def tokens_of(brands: Sequence[str]) -> dict[str, str]:
    """A colour for each brand of a scope, the same on all pages.

    >>> tokens_of(["shop", "other"])
    {'shop': 'brand-1', 'other': 'brand-2'}
    """
    return {name: SERIES[place % len(SERIES)] for place, name in enumerate(brands)}
