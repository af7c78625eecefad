"""Where visuals stand: twelve columns on a page of 1440 by 810, as in the web suite, and one below the other
on a phone.
"""

from __future__ import annotations

from dataclasses import dataclass

WIDTH, HEIGHT = 1440, 810
TOOLTIP_WIDTH, TOOLTIP_HEIGHT = 320, 240
PADDING, GUTTER, COLUMNS = 24, 16, 12
HEADER, STRIP, CONTENT = 12, 56, 144  # tops of the list of pages, of what the page is about, of what it shows
PHONE, PHONE_GAP = 320, 8


@dataclass(frozen=True)
class Place:
    """Pixels from the left and the top of the page."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def overlaps(self, other: Place) -> bool:
        """
        >>> Place(0, 0, 10, 10).overlaps(Place(9, 9, 5, 5)), Place(0, 0, 10, 10).overlaps(Place(10, 0, 5, 5))
        (True, False)
        """
        return (
            self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom
        )


def cell(column: int, span: int, y: int, height: int) -> Place:
    """`span` of the twelve columns from `column` on, which counts from 0.

    >>> cell(0, 12, 144, 100)
    Place(x=24, y=144, width=1392, height=100)
    >>> cell(0, 6, 144, 100).right + GUTTER == cell(6, 6, 144, 100).x
    True
    """
    step = (WIDTH - 2 * PADDING + GUTTER) / COLUMNS
    left, right = PADDING + round(column * step), PADDING + round((column + span) * step) - GUTTER
    return Place(left, y, right - left, height)


def row(count: int, y: int, height: int, first: int = 0, span: int = COLUMNS) -> list[Place]:
    """`count` places of the same width beside each other, on `span` columns.

    >>> [place.x for place in row(3, 144, 100)]
    [24, 493, 963]
    """
    whole = cell(first, span, y, height)
    step = (whole.width + GUTTER) / count
    edges = [whole.x + round(place * step) for place in range(count + 1)]
    return [
        Place(left, y, right - GUTTER - left, height) for left, right in zip(edges, edges[1:], strict=False)
    ]
