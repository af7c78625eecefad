"""What an address asks for: its filters, and the words that pages and files say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from mergehouse.app.colours import SERIES, tokens_of
from mergehouse.app.filters import Looked, LookedAt
from mergehouse.app.view import Choices, View
from mergehouse.app.visitor import SignedIn, Visitor

MOST_BRANDS = 6  # of which a page draws; of more a brand is chosen


@dataclass(frozen=True)
class Asked:
    """`offered` are the filters that the scope has, `view` those that are set. `is_by_place`: the scope is of
    some regions or countries, so that nothing of whole brands is told.
    """

    offered: Choices
    view: View
    is_by_place: bool

    def token(self, brand: str) -> str:
        """A brand's colour, the same on every page."""
        return tokens_of([one.name for one in self.offered.brands]).get(brand, SERIES[0])

    @property
    def unused(self) -> tuple[str, ...]:
        """The filters that are set and say nothing about whole brands: they are kept for other pages."""
        return tuple(name for name in self.view.active if name != "brand")


def _asked(looked: LookedAt, visitor: SignedIn) -> Asked:
    is_by_place = bool(looked.offered.brands) and not visitor.reader.rows("brands")
    return Asked(looked.offered, looked.view, is_by_place)


AskedFor = Annotated[Asked, Depends(_asked)]


def about(of: Asked | Looked, visitor: Visitor) -> dict[str, str]:
    """What a file says of itself: filters, as-of dates, whose rows they are, and the data's version."""
    brands = [one for one in of.offered.brands if of.view.brand in (None, one.name)]
    return {
        "brand": brands[0].label if of.view.brand else "all that you may see",
        "as of": ", ".join(f"{one.label} {one.as_of}" for one in brands if one.as_of),
        "access": visitor.scope.label,
        "data version": visitor.reader.version,
        "published": visitor.reader.published.isoformat(timespec="seconds"),
    }
