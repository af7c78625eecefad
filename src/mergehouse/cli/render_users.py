"""What `mergehouse users` prints."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape

from mergehouse.access.people import User
from mergehouse.cli.screen import Screen, listed


def print_users(users: Iterable[User]) -> None:
    table = listed(("name", "label", "roles", ""))
    for user in users:
        states = [word for word, holds in (("disabled", user.disabled), ("demo", user.is_demo)) if holds]
        cells = (user.name, user.label, ", ".join(user.roles) or "no role", ", ".join(states))
        table.add_row(*map(escape, cells))
    Screen().print(table)
