"""A visual of the report as HTML: what stands in its frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.preview import controls, plots
from mergehouse.platform.powerbi.preview.canvas import Canvas
from mergehouse.platform.powerbi.preview.figures import Row
from mergehouse.platform.powerbi.preview.formats import compact, written
from mergehouse.platform.powerbi.preview.plots import Area, Series
from mergehouse.platform.powerbi.preview.reading import Below, Drawn, DrawnFilter, Shown, said
from mergehouse.platform.powerbi.preview.tables import matrix, table
from mergehouse.platform.powerbi.report.fields import Field

AROUND = 26  # pixels that a frame takes of a visual's width, and without its titles of its height
TITLE, SUBTITLE = 22, 18
BY_MONTHS = 36  # categories at most


def drawn(visual: Drawn, canvas: Canvas) -> str:
    """What is in its frame, below its titles."""
    draw = KINDS.get(visual.kind)
    return draw(visual, canvas) if draw else f'<p class="none">{escape(visual.kind)}</p>'


def size(visual: Drawn) -> tuple[int, int]:
    """Width and height that are left for a plot."""
    titles = TITLE * bool(visual.title) + SUBTITLE * bool(visual.subtitle)
    return visual.place.width - AROUND, visual.place.height - AROUND + 4 - titles


def _columns(visual: Drawn, *roles: str) -> list[Shown]:
    shown = [one for role in roles for one in visual.roles.get(role, ())]
    return [one for one in shown if one.field.kind == "Column"]


def _measures(visual: Drawn, *roles: str) -> list[Shown]:
    shown = [one for role in roles for one in visual.roles.get(role, ())]
    return [one for one in shown if one.field.kind == "Measure"]


def format_of(shown: Shown, model: SemanticModel) -> str:
    """How its values are written: as the visual says, else as the model."""
    if shown.format:
        return shown.format
    if shown.field.kind == "Measure":
        return model.measure(shown.field.name)[1].format
    return model.column(shown.field.table, shown.field.name).format


def _card(visual: Drawn, canvas: Canvas) -> str:
    [shown] = visual.roles["Data"]
    where = [*canvas.where, *visual.conditions]
    if not format_of(shown, canvas.model):
        return _sentence(canvas.gold.words(shown.field.name, where), visual)
    value = canvas.gold.value(shown.field, where)
    text = compact(value, format_of(shown, canvas.model)) or said(visual.formats, "value", "showBlankAs")
    points = f' style="font-size:{said(visual.formats, "value", "fontSize"):g}pt"'
    told = "".join(_below(below, canvas, where) for below in visual.below)
    return (
        f'<p class="label">{escape(shown.field.label)}</p><p class="value"{points}>{escape(text)}</p>'
        f'<p class="below">{told}</p>'
    )


def _sentence(words: str, visual: Drawn) -> str:
    size = said(visual.formats, "value", "fontSize")
    return f'<p class="sentence" style="font-size:{size:g}pt">{escape(words)}</p>'


def _below(below: Below, canvas: Canvas, where: Sequence[DrawnFilter]) -> str:
    value = canvas.gold.value(below.field, where)
    text = written(value, format_of(Shown(below.field, ""), canvas.model)) or below.absent
    return f"{escape(text)} <span>{escape(below.words)}</span> "


def _line(visual: Drawn, canvas: Canvas) -> str:
    categories, series = _grouped(visual, canvas)
    return plots.lines(categories, series, *size(visual), write=_axis)


def _bars(visual: Drawn, canvas: Canvas) -> str:
    categories, series = _grouped(visual, canvas)
    return plots.bars(categories, series, *size(visual), write=_axis, colours=visual.colours)


def _stacked(visual: Drawn, canvas: Canvas) -> str:
    categories, series = _grouped(visual, canvas)
    return plots.stacked(categories, series, *size(visual), write=_axis)


def _upright(visual: Drawn, canvas: Canvas) -> str:
    categories, series = _grouped(visual, canvas)
    return plots.columns(categories[-BY_MONTHS:], _last(series), *size(visual), write=_axis)


def _last(series: Sequence[Series]) -> list[Series]:
    return [Series(one.name, one.colour, one.values[-BY_MONTHS:]) for one in series]


def _axis(value: float) -> str:
    return compact(Decimal(str(value)), "#,0.##" if abs(value) < 100 else "#,0")


def _grouped(visual: Drawn, canvas: Canvas) -> tuple[list[str], list[Series]]:
    """Categories in the order of the visual, and for each series, or measure, its values."""
    category, split = _columns(visual, "Category"), _columns(visual, "Series")
    measures = _measures(visual, "Y")
    keys = [one.field for one in (*category, *split)]
    rows = canvas.gold.rows(keys, [m.field for m in measures], [*canvas.where, *visual.conditions])
    names = _ordered(rows, visual, measures)
    if not split:
        values = {row.keys[0]: row.values for row in rows}
        series = [
            Series(
                measure.field.label,
                visual.colours.get(measure.field.query_ref) or canvas.theme[n % len(canvas.theme)],
                [_float(values[name][n]) for name in names],
            )
            for n, measure in enumerate(measures)
        ]
        return [_text(name) for name in names], series
    by_both = {row.keys: row.values[0] for row in rows}
    labels = list(dict.fromkeys(sorted(str(row.keys[1]) for row in rows)))
    series = [
        Series(
            label,
            visual.colours.get(label) or canvas.theme[n % len(canvas.theme)],
            [_float(by_both.get((name, label))) for name in names],
        )
        for n, label in enumerate(labels)
    ]
    return [_text(name) for name in names], series


def _ordered(rows: Sequence[Row], visual: Drawn, measures: Sequence[Shown]) -> list[Any]:
    """The first column's values, in its own order or by a measure."""
    names = list(dict.fromkeys(row.keys[0] for row in rows))
    by = visual.sort
    place = next((n for n, one in enumerate(measures) if by and one.field.query_ref == by[0].query_ref), None)
    if place is None:
        return names[::-1] if by and by[1] == "Descending" else names
    sums = {name: sum((row.values[place] or 0) for row in rows if row.keys[0] == name) for name in names}
    return sorted(names, key=lambda name: sums[name], reverse=bool(by and by[1] == "Descending"))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _text(value: Any) -> str:
    return "(blank)" if value is None else str(value)


def _waterfall(visual: Drawn, canvas: Canvas) -> str:
    categories, [series] = _grouped(visual, canvas)
    return plots.waterfall(categories, [value or 0 for value in series.values], *size(visual), write=_axis)


def _treemap(visual: Drawn, canvas: Canvas) -> str:
    group, sized = _columns(visual, "Group"), _measures(visual, "Values", "Tooltips")
    rows = canvas.gold.rows(
        [group[0].field], [one.field for one in sized], [*canvas.where, *visual.conditions]
    )
    most = max((float(row.values[1] or 0) for row in rows), default=1) or 1
    areas = [
        Area(
            _text(row.keys[0]),
            float(row.values[0] or 0),
            max(float(row.values[1] or 0), 0) / most,
            f"{_axis(float(row.values[0] or 0))} · {_axis(float(row.values[1] or 0))}",
        )
        for row in rows
        if row.values[0]
    ]
    return plots.treemap(areas, *size(visual))


def _table(visual: Drawn, canvas: Canvas) -> str:
    columns, measures = _columns(visual, "Values"), _measures(visual, "Values")
    where = [*canvas.where, *visual.conditions]
    fields = [one.field for one in columns], [one.field for one in measures]
    rows = canvas.gold.rows(*fields, where)
    if visual.sort:
        rows = _sorted(rows, visual.sort, *fields)
    has_total = measures and said(visual.formats, "total", "totals")
    found = canvas.gold.rows([], fields[1], where) if has_total else []
    order = [one.field.query_ref for one in visual.roles["Values"]]
    cut = [order.index(one.field.query_ref) for one in (*columns, *measures)]
    formats = [format_of(one, canvas.model) for one in (*columns, *measures)]
    labels = [one.field.label for one in (*columns, *measures)]
    lines = [[*row.keys, *row.values] for row in rows]
    total = [*([None] * len(columns)), *found[0].values] if found else []
    placed = sorted(range(len(cut)), key=lambda n: cut[n])
    return table(
        [labels[n] for n in placed],
        [[_cell(line[n], formats[n]) for n in placed] for line in lines],
        [_cell(total[n], formats[n]) for n in placed] if total else [],
        [_is_number(lines, n) for n in placed],
        size(visual)[1],
    )


def _sorted(
    rows: list[Row], by: tuple[Field, str], columns: Sequence[Field], measures: Sequence[Field]
) -> list[Row]:
    reverse = by[1] == "Descending"
    for n, field in enumerate(measures):
        if field.query_ref == by[0].query_ref:
            return sorted(rows, key=lambda row: row.values[n] or 0, reverse=reverse)
    return rows[::-1] if reverse else rows


def _is_number(lines: Sequence[Sequence[Any]], n: int) -> bool:
    return any(isinstance(line[n], int | float | Decimal) for line in lines)


def _cell(value: Any, format: str) -> str:
    return written(value, format)


def _matrix(visual: Drawn, canvas: Canvas) -> str:
    rows, across = _columns(visual, "Rows"), _columns(visual, "Columns")
    measures = _measures(visual, "Values")
    where = [*canvas.where, *visual.conditions]
    fields = [one.field for one in measures]
    cells = canvas.gold.rows([one.field for one in (*rows, *across)], fields, where)
    has_totals = said(visual.formats, "subTotals", "columnSubtotals")
    return matrix(
        cells,
        canvas.gold.rows([one.field for one in rows], fields, where) if has_totals else [],
        [(one.field.label, _writer(format_of(one, canvas.model))) for one in measures],
        has_rows=bool(rows),
        is_shaded="FillRule" in str(visual.formats.get("values", "")),
    )


def _writer(format: str) -> Callable[[Any], str]:
    return lambda value: written(value, format)


KINDS: dict[str, Callable[[Drawn, Canvas], str]] = {
    "cardVisual": _card,
    "lineChart": _line,
    "barChart": _stacked,
    "clusteredBarChart": _bars,
    "clusteredColumnChart": _upright,
    "waterfallChart": _waterfall,
    "treemap": _treemap,
    "tableEx": _table,
    "pivotTable": _matrix,
    "slicer": controls.slicer,
    "textbox": controls.words,
    "actionButton": controls.button,
    "pageNavigator": controls.navigator,
    "bookmarkNavigator": controls.views,
}
