"""Sales over time: each brand on the clock that is asked for, in blocks of days up to its last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from mergehouse.access.gateway import Reader
from mergehouse.app.figures.cards import SALES, Scoped, kpi_named
from mergehouse.app.figures.windows import on_one_calendar, weeks_of
from mergehouse.app.view import DAY, WEEK, Choices, Clock, View
from mergehouse.kpi.catalogue import Kpi

Scale = Literal["value", "index"]
SHORTEST, LEAST_INDEXED = 26, 8  # weeks: drawn where there are so many, and that a mean is taken of
LONGEST_BY_DAY = 31  # days
LINES = 5  # brands that have one, the largest


@dataclass(frozen=True)
class Point:
    """A block of days: how many blocks before the last one, and the KPI in it, per day where it is a sum.

    None: nothing was sold, or less was sold than came back, of which there is no rate.
    """

    place: int
    since: dt.date
    until: dt.date
    value: Decimal | None


@dataclass(frozen=True)
class Line:
    """A brand's blocks, the oldest first; `is_earlier`: of the days that it is compared with."""

    name: str
    label: str
    points: tuple[Point, ...]
    is_earlier: bool = False

    @property
    def since(self) -> dt.date:
        return self.points[0].since

    @property
    def until(self) -> dt.date:
        return self.points[-1].until


@dataclass(frozen=True)
class Trend:
    """Lines over one axis, or, with `is_apart`, beside each other, each brand in its own time.

    `length`: days of a block. `window`: blocks of the window, which may be fewer than are drawn. `common`:
    the first place that every brand has. `not_drawn`: how many days of a brand's window make no block, by
    its label.
    """

    kpi: Kpi
    scale: Scale
    clock: Clock
    length: int
    window: int
    lines: tuple[Line, ...]
    is_apart: bool
    can_index: bool
    not_drawn: tuple[tuple[str, int], ...]
    goes_back: bool  # to weeks before the window

    @property
    def places(self) -> tuple[int, ...]:
        return tuple(range(min((line.points[0].place for line in self.lines), default=1), 1))

    @property
    def common(self) -> int:
        return max((line.points[0].place for line in self.lines if not line.is_earlier), default=0)

    @property
    def highest(self) -> Decimal:
        return max(self._values, default=Decimal(0))

    @property
    def lowest(self) -> Decimal:
        return min(self._values, default=Decimal(0))

    @property
    def _values(self) -> list[Decimal]:
        return [p.value for line in self.lines for p in line.points if p.value is not None]


def trend(
    reader: Reader, brands: Sequence[Scoped], view: View, offered: Choices, measure: str, scale: Scale
) -> Trend:
    """The lines of all brands that have a window, and of the days before of a single one, or of a season."""
    assert measure in SALES
    shown = [(each, each.window) for each in brands if each.window]
    length = WEEK if weeks_of(view, offered) or any(w.days > LONGEST_BY_DAY for _, w in shown) else 1
    window = max((w.days // length for _, w in shown), default=0)
    can_index = bool(shown) and length == WEEK and all(w.days // length >= LEAST_INDEXED for _, w in shown)
    goes_back = weeks_of(view, offered) is not None and view.clock != "season"
    drawn = max(SHORTEST, window) if goes_back else window
    lines = []
    for each, of in shown:
        assert each.brand and each.brand.first
        earliest = each.brand.first if goes_back else of.since
        mean = _mean(each, measure) if scale == "index" and can_index else None
        lines.append(_line(reader, each, of.until, earliest, drawn, view, measure, length, mean))
        if each.compared and (len(shown) == 1 or view.clock == "season"):
            before = _line(
                reader, each, each.compared.until, each.brand.first, drawn, view, measure, length, mean
            )
            lines.append(Line(each.name, each.label, before.points, is_earlier=True))
    return Trend(
        kpi=kpi_named(measure),
        scale="index" if scale == "index" and can_index else "value",
        clock=view.clock,
        length=length,
        window=window,
        goes_back=goes_back,
        lines=tuple(line for line in lines if line.points),
        is_apart=view.clock == "calendar" and len(shown) > 1 and not on_one_calendar(view, offered),
        can_index=can_index,
        not_drawn=tuple((each.label, of.days % length) for each, of in shown if of.days % length),
    )


def recent(
    reader: Reader, brand: Scoped, view: View, blocks: int = 12
) -> dict[str, tuple[Decimal | None, ...]]:
    """The sales KPIs in the last full weeks up to a window's end, sums per day, for cards."""
    window, first = brand.window, brand.brand.first if brand.brand else None
    if not window or not first:
        return {}
    lines = {
        name: _line(reader, brand, window.until, first, blocks, view, name, WEEK, None) for name in SALES
    }
    return {name: tuple(point.value for point in line.points) for name, line in lines.items()}


def _line(
    reader: Reader,
    brand: Scoped,
    until: dt.date,
    earliest: dt.date,
    most: int,
    view: View,
    measure: str,
    length: int,
    mean: Decimal | None,
) -> Line:
    blocks = min(most, ((until - earliest).days + 1) // length)
    if blocks < 1:
        return Line(brand.name, brand.label, ())
    since = until - dt.timedelta(days=blocks * length - 1)
    rows = reader.rows(
        "sales_blocks", brand=brand.name, **view.places, since=since, until=until, length=length
    )
    values = {row["block"]: row[measure] for row in rows}
    per = Decimal(1) if kpi_named(measure).ratio else Decimal(length)
    points = []
    for block in range(blocks):
        first, value = since + dt.timedelta(days=block * length), values.get(block)
        scaled = None if value is None else Decimal(value) / per
        if scaled is not None and mean is not None:
            scaled = scaled / mean * 100 if mean > 0 else None
        points.append(Point(block - blocks + 1, first, first + dt.timedelta(days=length) - DAY, scaled))
    return Line(brand.name, brand.label, tuple(points))


def _mean(brand: Scoped, measure: str) -> Decimal | None:
    card = brand.card(measure)
    return card.value if card.kpi.ratio else card.per_day
