"""Self-contained HTML pages: the templates of a folder over `base.html.j2`, filters for numbers, and where
pages go.
"""

from __future__ import annotations

import datetime as dt
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.storage import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

HERE = Path(__file__).parent


def environment(folder: Path) -> Environment:
    """Templates of a folder, which may extend `base.html.j2`, each read once a process. Text is escaped in
    HTML, not in Markdown.

    >>> _ = Path("note.html.j2").write_text("{{ 1234 | number }} <b>{{ '<' }}</b>")
    >>> environment(Path()).get_template("note.html.j2").render()
    '1,234 <b>&lt;</b>'
    """
    made = _environment(folder)
    made.globals["written"] = dt.datetime.now(dt.UTC)
    return made


@functools.cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader

    made = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=lambda name: ".html" in (name or ""),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        filtered.__name__: filtered for filtered in (number, money, value, percent, day, unbroken)
    }
    return made


def drawn(draw: Callable[..., str]) -> Callable[..., Markup]:
    """A figure for templates: drawings escape what they are given, the page takes them as they are.

    >>> drawn(lambda width: f"<svg width='{width}'/>")(7)
    Markup("<svg width='7'/>")
    """
    return lambda *given: Markup(draw(*given))


def put_pages(lakehouse: Lakehouse, pages: dict[str, str]) -> list[str]:
    """Writes pages, by their paths below the lakehouse, there. Returns their full paths or URLs.

    >>> put_pages(Lakehouse("new"), {"models/index.html": "<p>none yet</p>"})
    ['new/models/index.html']
    """
    with storage_errors(lakehouse.location):
        for name, text in pages.items():
            lakehouse.store.put(name, text.encode())
    return [f"{lakehouse.location}/{name}" for name in pages]


def number(value: Any) -> str:
    """A whole number, a dash where there is none.

    >>> number(1234.4), number(None)
    ('1,234', '-')
    """
    return "-" if value is None else f"{value:,.0f}"


def money(value: Any) -> str:
    """An amount with two digits, a dash where there is none.

    >>> money(1234.5), money(None)
    ('1,234.50', '-')
    """
    return "-" if value is None else f"{value:,.2f}"


def value(value: float) -> str:
    """A value of a column: whole numbers whole, others to four significant digits, but never less than the
    cents.

    >>> value(1234.0), value(1234.5), value(0.012345)
    ('1,234', '1,234.50', '0.01235')
    """
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"


def percent(value: Any) -> str:
    r"""Shares that are not quite nothing or all do not look as if they were.

    >>> [percent(share).replace("\u00a0", " ") for share in (0.123, 0.0004, 0.9996, 1.0)]
    ['12.3 %', '< 0.1 %', '> 99.9 %', '100.0 %']
    """
    if value is None:
        return "-"
    if 0 < value < 0.001:
        return "< 0.1\u00a0%"
    return "> 99.9\u00a0%" if 0.999 < value < 1 else f"{value * 100:,.1f}\u00a0%"


def unbroken(words: str) -> str:
    r"""A number and its percent sign stay on one line.

    >>> unbroken("12 % of all") == "12\u00a0% of all"
    True
    """
    return words.replace(" %", "\u00a0%")


def day(value: dt.date) -> str:
    """A day as people write it.

    >>> day(dt.date(2026, 3, 1))
    '1 March 2026'
    """
    return f"{value:%-d %B %Y}"
