"""Columns that are in cents by their name, and that order_lines.sql gives as money without dividing them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, selects_of
from mergehouse.transform.brand_sql import resolved

CENTS = {
    "cent",
    "cents",
    "pence",
    "pennies",
    "centimes",
    "centesimi",
    "centimos",
    "centavos",
    "micros",
    "minor",
}
MONEY = {"unit_price", "list_price", "amount", "cost", "profit", "tax_amount"}


def minor_units_view(brands: list[Brand]) -> str:
    """SQL of `staging.minor_units`: by such a column what it is given as.

    >>> minor_units_view([mh.project("shop").brands["shop"]]).endswith("WHERE FALSE")
    True
    """
    found = {(brand.name, *pair) for brand in brands for pair in _undivided(brand)}
    rows = (
        f"SELECT {literal(brand)} AS source_system, {literal(name)} AS said_by, {literal(given)} AS given_as"
        for brand, name, given in sorted(found)
    )
    texts = dict.fromkeys(("source_system", "said_by", "given_as"), "STRING")
    return " UNION ALL ".join(rows) or no_rows(texts)


def _undivided(brand: Brand) -> Iterator[tuple[str, str]]:
    named = {
        name
        for source in brand.sources.values()
        for name, column in source.columns.items()
        if any(map(_is_in_cents, (name, *(column.header or []))))
    }
    file = brand.folder / ORDER_LINES
    if named:
        for branch in selects_of(resolved(brand, file), file):
            for value in branch.selects:
                if value.alias_or_name in MONEY and not _is_scaled(value):
                    names = {column.name for column in value.find_all(exp.Column)}
                    yield from ((name, value.alias_or_name) for name in names & named)


def _is_in_cents(name: str) -> bool:
    words = {*re.findall("[a-z]+", name.lower())}
    return bool(words & CENTS) and "per" not in words


def _is_scaled(value: exp.Expr) -> bool:
    """By a division, or a number."""
    return any(
        isinstance(part, exp.Div | exp.IntDiv)
        or (
            isinstance(part, exp.Mul)
            and isinstance(part.left, exp.Literal) | isinstance(part.right, exp.Literal)
        )
        for part in value.walk()
    )
