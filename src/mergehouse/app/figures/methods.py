"""How the figures of a view were made: as-of dates, currencies, where costs come from, which version of the
data.
"""

from __future__ import annotations

from dataclasses import dataclass

from mergehouse.access.gateway import Reader
from mergehouse.app.view import Brand, Choices, View

NOTHING = dict.fromkeys(("brand", "region", "country", "since", "until"))


@dataclass(frozen=True)
class Methods:
    """`margins`: by a brand's name how its margin is come by, `actual`, `estimated` or `mixed`."""

    brands: tuple[Brand, ...]
    margins: dict[str, str]
    version: str

    def with_margin(self, method: str) -> tuple[Brand, ...]:
        return tuple(brand for brand in self.brands if self.margins.get(brand.name) == method)

    @property
    def in_other_currencies(self) -> tuple[Brand, ...]:
        return tuple(brand for brand in self.brands if brand.currency not in ("EUR", None))


def methods(reader: Reader, offered: Choices, view: View) -> Methods:
    """Of the brands that a view is about and that have sales."""
    brands = tuple(brand for brand in offered.with_sales if view.brand in (None, brand.name))
    margins = {row["part"]: row["margin_method"] for row in reader.rows("sales", by="brand", **NOTHING)}
    return Methods(brands, margins, reader.version)
