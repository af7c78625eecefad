"""Pictures of survival: curves and daily chances, hazard ratios, what each segment is expected to bring."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mergehouse.charts.svg import (
    Axis,
    Figure,
    Line,
    Mark,
    Range,
    Size,
    bars,
    even_ticks,
    lines,
    ranges,
    short,
)
from mergehouse.science.survival.cox import Effect, Ratio
from mergehouse.science.survival.curves import Survival, hazard
from mergehouse.science.survival.inactivity import FEWEST
from mergehouse.science.survival.kaplan_meier import Curve
from mergehouse.science.survival.outlook import Expected

SMALL: Size = {"width": 360, "height": 210}
HALF: Size = {"width": 560, "height": 280}
RATIOS = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10)
MOST_POINTS = 100
MOST_DAYS = 400
PERIOD = 7


def survival_curve(survival: Survival, reference: Survival | None, y_title: str, small: bool = True) -> str:
    """The curve with its interval, and another to compare it with, as far as enough customers are watched."""
    assert survival.curve is not None
    names = [s.group.partition(": ")[2] or "all" for s in (survival, reference) if s]
    drawn = [_line(survival.curve, names[0])]
    if reference and reference.curve:
        drawn.append(_line(reference.curve, names[1], other=True))
    last = max(line.points[-1][0] for line in drawn)
    origin = "purchase" if survival.clock == "purchase_to_purchase" else "cut-off"
    axis = Axis(f"days from the {origin}", 0, last, even_ticks(0, last, 6))
    title = f"{names[0]}: {y_title}, by days"
    return lines(
        Figure(title, axis, y_title, [Mark(0, 0, 1.0, "")], is_share=True, **(SMALL if small else HALF)),
        drawn,
    )


def hazard_bars(survival: Survival) -> str:
    """The chance to buy on a day, by weeks since the last purchase."""
    assert survival.curve is not None
    fewest = FEWEST * PERIOD
    weeks = [
        (s, h) for s, h, exposure in hazard(survival.curve, PERIOD) if exposure >= fewest and s <= MOST_DAYS
    ]
    marks = [Mark(s - 1, s - 1 + PERIOD, h, f"day {s} to {s + PERIOD - 1}: {h:.2%} a day") for s, h in weeks]
    last = weeks[-1][0] - 1 + PERIOD
    axis = Axis("days since the last purchase", 0, last, even_ticks(0, last))
    title = "Chance to buy on a day, by days since the last purchase"
    return bars(Figure(title, axis, "chance to buy on a day", marks, is_share=True, **HALF))


def ratio_ranges(effects: tuple[Effect, ...]) -> str:
    """Hazard ratios on a logarithmic axis; traits whose effect changes have a row for each of two periods."""
    rows: list[tuple[str, Ratio]] = []
    for effect in effects:
        if effect.is_proportional or effect.early is None or effect.late is None:
            rows.append((effect.step, effect.ratio))
        else:
            rows += [(f"{effect.step}, first 30 days", effect.early), (f"{effect.step}, later", effect.late)]
    widest = max(
        [math.log(1.5), *(abs(math.log(end)) for _, r in rows for end in (r.low, r.high) if end > 0)]
    )
    ticks = [(math.log(t), f"{t:g}") for t in RATIOS if abs(math.log(t)) <= widest + 0.01]
    axis = Axis("times as likely to buy on any day (logarithmic)", -widest, widest, ticks)
    drawn = [
        Range(
            name,
            math.log(r.low),
            math.log(r.value),
            math.log(r.high),
            f"{name}: {r.value:.2f}, 95 % interval {r.low:.2f} to {r.high:.2f}",
        )
        for name, r in rows
    ]
    return ranges(
        "Hazard ratios of the next purchase with 95 % intervals", axis, drawn, (0.0, "1: no difference")
    )


def value_ranges(segments: Sequence[Expected]) -> str:
    """What customers of each segment are expected to bring in a year: half of them within the bar, eight in
    ten within the line.
    """
    told = [(s, s.value) for s in segments if s.value]
    low = max(min(v[0] for _, v in told), 1.0)
    high = max(v[-1] for _, v in told) * 1.1
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (
        [f * 10.0**n for n in powers for f in (1, 2, 5)]
        if high > 10 * low
        else [at for at, _ in even_ticks(0.8 * low, high, 6)]
    )
    ticks = [(math.log10(at), short(at)) for at in steps if low * 0.8 <= at <= high]
    axis = Axis(
        "net margin expected in 12 months, EUR (logarithmic)", math.log10(low * 0.8), math.log10(high), ticks
    )
    drawn = []
    for s, v in told:
        p10, p25, p50, p75, p90 = (math.log10(max(x, 0.01)) for x in v)
        words = (
            f"{s.segment}: half of the customers between {v[1]:,.0f} and {v[3]:,.0f} EUR, "
            f"median {v[2]:,.0f}, mean {s.mean_value:,.0f}"
        )
        drawn.append(Range(s.segment, p25, p50, p75, words, (p10, p90)))
    return ranges("Net margin expected of each segment's customers in 12 months", axis, drawn)


def _line(curve: Curve, name: str, other: bool = False) -> Line:
    watched = (curve.at_risk >= FEWEST) & (curve.day <= MOST_DAYS)
    watched[0] = True
    places = np.flatnonzero(watched)
    places = places[np.unique(np.linspace(0, len(places) - 1, MOST_POINTS).round().astype(int))]
    points = list(zip(curve.day[places].tolist(), curve.survival[places].tolist(), strict=True))
    known = not np.isnan(curve.low[places]).any()
    band = (
        list(zip(curve.low[places].tolist(), curve.high[places].tolist(), strict=True))
        if known and not other
        else []
    )
    return Line(name, points, "other" if other else "main", band, is_stepped=True)
