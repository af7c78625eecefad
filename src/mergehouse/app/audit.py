"""Who saw what: one line of JSON for each answer, in `logs/audit.jsonl` of the project."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mergehouse.access.people import TOKEN_PREFIX

LONGEST_VALUE, MOST_VALUES = 200, 30
TOKEN = re.compile(
    rf"{TOKEN_PREFIX}[\w-]{{16,}}"
)  # somebody may put one into an address, where it has no use


@dataclass
class Entry:
    """What is known of a request so far; pages add to it what they read."""

    id: str
    method: str
    path: str  # within the suite: without the prefix under which a proxy offers it
    address: str
    parameters: list[tuple[str, str]]
    person: str | None = None
    seen_as: str | None = None  # the role that they look on as
    scope: str | None = None
    rows: int = 0
    words: dict[str, str] = field(default_factory=dict)


class Audit:
    """Appends lines. The file is its owner's alone; several processes may write to it."""

    def __init__(self, project: Path):
        self.file = project / "logs" / "audit.jsonl"

    def write(self, entry: Entry, status: int) -> None:
        """Raises OSError where the line cannot be written; then no answer must leave either."""
        shown = [(_shown(name), _shown(value)) for name, value in entry.parameters]
        line = {
            "when": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "request": entry.id,
            "who": entry.person,
            "as": entry.seen_as,
            "from": entry.address,
            "scope": entry.scope,
            "what": f"{entry.method} {_shown(entry.path)}",
            "parameters": shown[:MOST_VALUES],
            "rows": entry.rows,
            "outcome": status,
        } | entry.words
        with self.opened() as target:
            os.write(
                target, json.dumps(line).encode() + b"\n"
            )  # JSON has no bare line end: no line is forged

    def names_somebody(self) -> bool:
        """Whether a line is of somebody who had signed in; False where there is no file to read."""
        try:
            with self.file.open(encoding="utf-8") as lines:
                return any('"who": "' in line for line in lines)
        except OSError:
            return False

    @contextmanager
    def opened(self) -> Iterator[int]:
        """The file, to append to it. Raises OSError where that cannot be."""
        self.file.parent.mkdir(exist_ok=True, mode=0o700)
        target = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            yield target
        finally:
            os.close(target)


def _shown(text: str) -> str:
    return TOKEN.sub(f"{TOKEN_PREFIX}...", text)[:LONGEST_VALUE]
