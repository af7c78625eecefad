"""The screen: what others wrote - values, names of files and brands - cannot steer it, and no cell of a table
is cut.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mergehouse.display import visible

ENDLESS = 10_000  # columns: where nobody watches, in a file or a pipe, a row is a line


class Screen(Console):
    """Rich's console, on which control characters of any text are seen and not obeyed. As wide as the window
    or, without one, as what is printed, unless COLUMNS says otherwise.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = ENDLESS

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)


def listed(names: Sequence[str], numbers: Collection[str] = (), title: str | None = None) -> Table:
    """A table with these columns, those of `numbers` to the right; a narrow window folds cells."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return table
