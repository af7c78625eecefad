"""Tables and matrices of the preview as HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from mergehouse.platform.powerbi.preview.figures import Row
from mergehouse.platform.powerbi.preview.plots import shade
from mergehouse.platform.powerbi.report.theme import PALETTE

LINE = 27  # pixels of a row
Measure = tuple[str, Callable[[Any], str]]  # its name, and how its values are written


def table(
    labels: Sequence[str],
    rows: Sequence[Sequence[str]],
    total: Sequence[str],
    numbers: Sequence[bool],
    height: int,
) -> str:
    """As many rows as there is room for; `numbers`: which columns stand to the right.

    >>> print(table(["Brand", "GMV"], [["Shop", "60"]], ["", "60"], [False, True], 200).count("<tr>"))
    3
    """
    room = max(height // LINE - 1 - bool(total), 1)
    body = "".join(f"<tr>{_cells(row, numbers)}</tr>" for row in rows[:room])
    foot = f"<tfoot><tr>{_cells(['Total', *total[1:]], numbers)}</tr></tfoot>" if total else ""
    return (
        f"<table><thead><tr>{_cells(labels, numbers, 'th')}</tr></thead><tbody>{body}</tbody>{foot}</table>"
    )


def matrix(
    cells: Sequence[Row], totals: Sequence[Row], measures: Sequence[Measure], has_rows: bool, is_shaded: bool
) -> str:
    """Columns are the values of the last key; without rows of their own measures stand there."""
    across = list(dict.fromkeys(row.keys[-1] for row in sorted(cells, key=lambda r: _place(r.places[-1]))))
    head = [str(name) for name in across] + (["All"] if totals else [])
    by_keys = {row.keys: row for row in [*cells, *totals]}
    most = max((abs(float(row.values[0] or 0)) for row in cells), default=1.0) or 1.0
    lines: list[tuple[str, list[tuple[Row | None, Sequence[int]]]]] = []
    if has_rows:
        for name in dict.fromkeys(row.keys[0] for row in cells):
            found = [by_keys.get((name, other)) for other in across]
            every = [by_keys.get((name,))] if totals else []
            lines.append((str(name), [(row, range(len(measures))) for row in [*found, *every]]))
    else:
        for n, (label, _) in enumerate(measures):
            found = [by_keys.get((other,)) for other in across]
            every = [by_keys.get(())] if totals else []
            lines.append((label, [(row, [n]) for row in [*found, *every]]))
    body = "".join(
        f"<tr><th>{escape(label)}</th>"
        + "".join(
            _value(row, shown, measures, float(row.values[0] or 0) / most if row and is_shaded else None)
            if place < len(across)
            else _value(row, shown, measures, None)
            for place, (row, shown) in enumerate(found)
        )
        + "</tr>"
        for label, found in lines
    )
    columns = "".join(f'<th class="n">{escape(name)}</th>' for name in head)
    return f"<table><thead><tr><th></th>{columns}</tr></thead><tbody>{body}</tbody></table>"


def _value(row: Row | None, shown: Sequence[int], measures: Sequence[Measure], share: float | None) -> str:
    texts = [measures[n][1](row.values[n]) if row else "" for n in shown]
    fill = shade(PALETTE["ramp-1"], PALETTE["ramp-3"], share) if share is not None else ""
    style = f' style="background:{fill}"' if fill else ""
    return f'<td class="n"{style}>{"<br>".join(map(escape, texts))}</td>'


def _place(value: Any) -> tuple[bool, Any]:
    return value is None, value


def _cells(texts: Sequence[str], numbers: Sequence[bool], tag: str = "td") -> str:
    return "".join(
        f"<{tag}{' class=n' if is_number else ''}>{escape(text)}</{tag}>"
        for text, is_number in zip(texts, numbers, strict=True)
    )
