"""Annotations at the axis of a plot: numbers above it, lines of text below, and cells of the table behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mergehouse.app.figures.annotations import Annotation, Mark, Span, marks
from mergehouse.app.writing import Writing

MOST_FLAGS = 12  # places of an axis that annotations have
NONE = "none"  # in a cell
COLUMN = {"key": "said", "label": "Annotations", "kind": "text"}  # of the table behind a plot


@dataclass(frozen=True)
class Notes:
    """`flags` are for charts.js; `marks` have a number at the axis, `more` earlier ones have not; `told` is
    all of it by place.
    """

    flags: list[dict[str, int]] = field(default_factory=list)
    marks: tuple[Mark, ...] = ()
    more: int = 0
    told: dict[int, str] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """Of a plot, for charts.js."""
        return {"flags": self.flags} if self.flags else {}

    @property
    def says(self) -> str:
        """For who does not see the plot."""
        return f" Annotations: {'; '.join(self.told.values())}." if self.told else ""

    @property
    def columns(self) -> list[dict[str, str]]:
        """Of the table behind; none where nothing is said."""
        return [COLUMN] if self.told else []

    def cell(self, place: int) -> dict[str, str]:
        return {"said": self.told.get(place, NONE)} if self.told else {}


def notes(said: Iterable[Annotation], spans: Sequence[Span], write: Writing) -> Notes:
    """What is said of the days of an axis, whose first place is the lowest of the spans'."""
    by_place: dict[int, list[Mark]] = {}
    for mark in marks(said, spans):
        by_place.setdefault(mark.place, []).append(mark)
    if not by_place:
        return Notes()
    first = min(span.place for span in spans)
    shown = dict(list(by_place.items())[-MOST_FLAGS:])
    return Notes(
        [{"at": place - first, "first": at[0].number, "last": at[-1].number} for place, at in shown.items()],
        tuple(mark for at in shown.values() for mark in at),
        sum(len(at) for place, at in by_place.items() if place not in shown),
        {place: "; ".join(_told(mark, write) for mark in at) for place, at in by_place.items()},
    )


def _told(mark: Mark, write: Writing) -> str:
    """`1: 24 Oct 2011, Shop: the text (who)`."""
    said = mark.of
    return f"{mark.number}: {write.date(said.day)}, {said.label}: {said.text} ({said.who})"
