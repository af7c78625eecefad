"""The screen: what others wrote - values, names of files and brands - cannot steer it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from mergehouse.display import visible


class Screen(Console):
    """Rich's console, on which control characters of any text are seen and not obeyed."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)
