"""Notes on days, and where they stand on an axis of time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mergehouse.access.gateway import Reader
from mergehouse.app.view import DAY, Choices
from mergehouse.kpi.formula import GROUP


@dataclass(frozen=True)
class Annotation:
    """What somebody says of a day of a brand, or of `group`: all brands together."""

    day: dt.date
    name: str
    label: str
    who: str
    text: str


@dataclass(frozen=True)
class Span:
    """The days of a brand that stand at one place of an axis, both in it."""

    name: str
    place: int
    since: dt.date
    until: dt.date


@dataclass(frozen=True)
class Mark:
    """An annotation at a place, by the number that stands there."""

    number: int
    place: int
    of: Annotation


def annotated(reader: Reader, brand: str | None, offered: Choices) -> tuple[Annotation, ...]:
    """All that a scope sees of a brand, those on all brands together among them; or of every brand."""
    return tuple(
        Annotation(
            row["day"],
            row["source_system"],
            offered.label(row["source_system"]),
            row["who"],
            row["text"],
        )
        for row in reader.rows("annotations", brand=brand, since=None, until=None)
    )


def spans_from(name: str, starts: Sequence[tuple[int, dt.date]]) -> list[Span]:
    """Places in the order of their first days, each up to the next one; the last one for a month.

    >>> starts = enumerate([dt.date(2026, 1, 1), dt.date(2026, 2, 1)])
    >>> [span.until.isoformat() for span in spans_from("shop", list(starts))]
    ['2026-01-31', '2026-02-28']
    """
    if not starts:
        return []
    (_, last), days = starts[-1], [day for _, day in starts[1:]]
    ends = [*days, (last + dt.timedelta(days=31)).replace(day=last.day)]
    return [Span(name, place, since, end - DAY) for (place, since), end in zip(starts, ends, strict=True)]


def marks(said: Iterable[Annotation], spans: Sequence[Span]) -> tuple[Mark, ...]:
    """Those whose days an axis has, numbered from left to right. Of what is said of all brands, and of days
    that several lines have, the first line's place.

    >>> day = dt.date(2026, 1, 5)
    >>> spans = [Span("shop", 0, dt.date(2026, 1, 1), dt.date(2026, 1, 7))]
    >>> [mark.number for mark in marks([Annotation(day, "shop", "Shop", "Ann", "A sale")], spans)]
    [1]
    """
    found = []
    for each in said:
        at = (
            span.place
            for span in spans
            if each.name in (span.name, GROUP) and span.since <= each.day <= span.until
        )
        if (place := next(at, None)) is not None:
            found.append((place, each))
    found.sort(key=lambda one: (one[0], one[1].day, one[1].label, one[1].text))
    return tuple(Mark(number, place, each) for number, (place, each) in enumerate(found, start=1))
