"""How work that takes a while tells whoever watches what it is at."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told `what` is being done: a table's name, or words.

    `stage` is given where another part of the work begins, and holds until the next; `done` of `total`
    where these are known.
    """

    def __call__(self, what: str, stage: str = "", done: int = 0, total: int = 0) -> None: ...


def silent(what: str, stage: str = "", done: int = 0, total: int = 0) -> None:
    """Nobody watches."""
