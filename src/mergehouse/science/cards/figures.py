"""Pictures of model cards: metrics against the rules and by group, calibration, gains and lift, what inputs
weigh.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mergehouse.charts.svg import Axis, Figure, Line, Mark, Range, Size, even_ticks, lines, ranges, short
from mergehouse.science.cards.card import ALL, METRIC_NAMES
from mergehouse.science.evaluation.calibration import Calibrated

if TYPE_CHECKING:
    from mergehouse.science.cards.card import Averaged, Card, Weight

DRAWN = ("methods", "groups", "calibration", "gains", "lift", "weights")
HALF: Size = {"width": 520, "height": 320}
MOST_WEIGHTS = 20


def methods(card: Card) -> str:
    """The main metric of every method: mean over the cut-offs as the dot, lowest and highest as the bar."""
    rows = [a for a in card.averages if a.metric == card.main_metric and a.group == ALL]
    words = [
        f"{a.method}: mean {a.mean:.3f}, lowest {a.lowest:.3f}, highest {a.highest:.3f} of {a.cutoffs}"
        " cut-offs"
        for a in rows
    ]
    name = METRIC_NAMES.get(card.main_metric, card.main_metric)
    drawn = [Range(a.method, a.lowest, a.mean, a.highest, w) for a, w in zip(rows, words, strict=True)]
    return ranges(f"{name} of every method", _axis(f"{name}, mean and range over the cut-offs", drawn), drawn)


def groups(card: Card, metric: str) -> str:
    """A metric of the model by customer group at the latest cut-off, with intervals; dashed: of all."""
    rows: list[Averaged] = [a for a in card.averages if a.metric == metric and a.method == card.method]
    whole = next((a for a in rows if a.group == ALL), None)
    name = METRIC_NAMES.get(metric, metric)
    drawn = [
        Range(
            a.group, a.latest.low, a.latest.value, a.latest.high,
            f"{a.group}: {a.latest.value:.3f} ({a.latest.low:.3f} to {a.latest.high:.3f}), "
            f"{a.latest.customers:,} customers",
        )
        for a in rows
    ]  # fmt: skip
    rule = (whole.latest.value, f"all: {whole.latest.value:.3f}") if whole else None
    return ranges(
        f"{name} by customer group", _axis(f"{name}, latest cut-off, 95 % intervals", drawn), drawn, rule
    )


def calibration(points: Sequence[Calibrated], is_value: bool) -> str:
    """What came against what was predicted, by tenths of customers; on the dotted line both are the same."""
    high = max(max(p.predicted, p.high) for p in points)
    unit, what = (", EUR", "value") if is_value else ("", "share")
    ticks = (
        even_ticks(0, high, 6)
        if is_value
        else [(n / 5, f"{20 * n} %") for n in range(6) if n / 5 <= high + 0.1]
    )
    top = high if is_value else max(high, ticks[-1][0])
    axis = Axis(f"predicted, mean of a tenth{unit}", 0, top, ticks)
    line = Line(
        "came", [(p.predicted, p.observed) for p in points], "main", [(p.low, p.high) for p in points]
    )
    figure = Figure(
        f"Calibration: {what} predicted and {what} that came",
        axis,
        f"came{unit}",
        [],
        is_share=not is_value,
        **HALF,
    )
    return lines(figure, [line, Line("perfect", [(0, 0), (top, top)], "ideal")])


def gains(card: Card) -> str:
    """How much of what came the customers with the highest predictions hold."""
    what = "of the value" if card.is_value else "of those who left"
    drawn = [Line("model", card.gains)]
    drawn += [Line("perfect", card.best_gains, "other")] if card.best_gains else []
    drawn += [Line("at random", [(0, 0), (1, 1)], "ideal")]
    axis = Axis(
        "share of customers, highest predictions first", 0, 1, [(n / 5, f"{20 * n} %") for n in range(6)]
    )
    return lines(
        Figure(f"Gains: share {what}", axis, f"share {what}", [Mark(0, 0, 1.0, "")], is_share=True, **HALF),
        drawn,
    )


def lift(card: Card) -> str:
    axis = Axis(
        "share of customers, highest predictions first", 0, 1, [(n / 5, f"{20 * n} %") for n in range(6)]
    )
    figure = Figure(
        "Lift over customers drawn at random",
        axis,
        f"times as {'much' if card.is_value else 'many'} as at random",
        [],
        **HALF,
    )
    return lines(figure, [Line("model", card.lift), Line("at random", [(0, 1), (1, 1)], "ideal")])


def weights(found: Sequence[Weight], axis_title: str) -> str:
    """The heaviest inputs with their intervals."""
    drawn = [
        Range(w.name, w.low, w.value, w.high, f"{w.name}: {w.value:.3g} ({w.low:.3g} to {w.high:.3g})")
        for w in found[:MOST_WEIGHTS]
    ]
    return ranges(axis_title, _axis(axis_title, drawn, with_zero=True), drawn, (0.0, "0: no weight"))


def _axis(title: str, drawn: Sequence[Range], with_zero: bool = False) -> Axis:
    ends = [end for row in drawn for end in (row.low, row.high)] + ([0.0] if with_zero else [])
    low, high = min(ends), max(ends)
    margin = 0.05 * (high - low) or abs(high) * 0.1 or 1.0
    low, high = low - margin, high + margin
    return Axis(title, low, high, [(at, short(round(at, 6))) for at, _ in even_ticks(low, high, 8)])
