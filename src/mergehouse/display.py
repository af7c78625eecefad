"""How objects show themselves: a title, facts and a table, as text and as HTML for notebooks.

The HTML has no script, no class and no colour of its own: what surrounds it decides, light or dark.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from html import escape

Shown = tuple[str, Mapping[str, str], Sequence[str], Sequence[Sequence[str]], int]  # what the functions take
WIDTH = 100
# control characters but tab and line end, marks of direction, bytes of file names that are no text
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
HARD_SPACE = "\N{NO-BREAK SPACE}"
LINE = "1px solid color-mix(in srgb, currentColor 30%, transparent)"
CELL = "padding:.15em 1em .15em 0;vertical-align:top;"


class Displayed:
    """Shows itself as `_shown` says: as text, and in a notebook as HTML."""

    def _shown(self) -> Shown:
        raise NotImplementedError

    def __repr__(self) -> str:
        return as_text(*self._shown())

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return as_html(*self._shown())


def visible(text: str) -> str:
    """A text for a screen: what would move its cursor, colour it or turn its direction is written out.

    >>> print(visible("lines\x1b[2J.csv"))
    lines\\x1b[2J.csv
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def as_text(
    title: str,
    facts: Mapping[str, str],
    header: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    figures: int = 0,
) -> str:
    """Title, a line for each fact that has a value, and the table; its last `figures` columns to the right.

    >>> print(as_text("Shop", {"owner": "Ann", "closed": ""}, ["item", "price"], [["Mug", "5.00"]], 1))
    Shop
      owner  Ann
      item  price
      Mug    5.00
    """
    told = {name: value for name, value in facts.items() if value}
    wide = max(map(len, told), default=0) + 4
    lines = [title]
    for name, value in told.items():
        # not at a hard space: words that belong together
        lines += textwrap.wrap(
            value,
            WIDTH,
            initial_indent=f"  {name}".ljust(wide),
            subsequent_indent=" " * wide,
            break_long_words=False,
            break_on_hyphens=False,
        )
    if rows:
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        text = len(header) - figures
        for row in [header, *rows]:
            aligned = [
                cell.ljust(width) if place < text else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(("  " + "  ".join(aligned)).rstrip())
    return "\n".join(lines).replace(HARD_SPACE, " ")


def as_html(
    title: str,
    facts: Mapping[str, str],
    header: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    figures: int = 0,
) -> str:
    """The same as one table whose caption has title and facts; the first cell of a row is its header.

    >>> as_html("A & B", {}, ["item"], [["<Mug>"]]).count("&lt;Mug&gt;")
    1
    """
    told = "".join(f"<br><b>{escape(name)}</b> {escape(value)}" for name, value in facts.items() if value)
    aligned = ["left"] * (len(header) - figures) + ["right"] * figures
    head = "".join(
        f'<th scope="col" style="{CELL}text-align:{side};border-bottom:{LINE}">{escape(name)}</th>'
        for name, side in zip(header, aligned, strict=True)
    )
    body = "".join(f"<tr>{_row(row, aligned)}</tr>" for row in rows)
    if not rows:
        return f"<p><b>{escape(title)}</b>{told}</p>"
    return (
        '<table style="border-collapse:collapse;color:inherit;background:none">'
        '<caption style="caption-side:top;text-align:left;color:inherit">'
        f"<b>{escape(title)}</b>{told}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(row: Sequence[str], aligned: Sequence[str]) -> str:
    first, *others = zip(row, aligned, strict=True)
    return (
        f'<th scope="row" style="{CELL}text-align:{first[1]};font-weight:normal">{escape(first[0])}</th>'
        + ("".join(f'<td style="{CELL}text-align:{side}">{escape(cell)}</td>' for cell, side in others))
    )
