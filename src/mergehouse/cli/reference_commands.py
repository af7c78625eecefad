"""The page of commands, from the application itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import typer.main

from mergehouse.cli.commands import app


def command_page() -> str:
    """Every command with its arguments and options, by the panels of `mergehouse --help`. Markdown."""
    parts = [
        "# Commands", "",
        "Exit codes: 0 done, 1 a source stopped or a check failed, 2 wrong usage or configuration, 130"
        " stopped by somebody. `mergehouse --version` prints the version, and any command with `--help` what"
        " stands here about it.",
    ]  # fmt: skip
    panels: dict[str, list[str]] = defaultdict(list)
    for panel, name, command in commands(typer.main.get_command(app)):
        panels[panel] += _section(name, command)
    for panel, sections in panels.items():
        parts += ["", f"## {panel}", *sections]
    return "\n".join(parts) + "\n"


def commands(group: Any, above: str = "mergehouse", panel: str = "") -> Iterator[tuple[str, str, Any]]:
    """(panel, full name, command) of what can be called."""
    for name, command in group.commands.items():
        within, full = panel or command.rich_help_panel, f"{above} {name}"
        if getattr(command, "invoke_without_command", True):
            yield within, full, command
        if hasattr(command, "commands"):
            yield from commands(command, full, within)


def _section(name: str, command: Any) -> list[str]:
    lines = ["", f"### {name}", "", command.help or ""]
    if command.params:
        head = "| argument or option | default | meaning |"
        lines += ["", head, "|---|---|---|", *map(_row, command.params)]
    return lines


def _row(given: Any) -> str:
    takes = (given.metavar or "").replace("|", " or ")  # a cell ends at |
    spelt = [takes] if given.param_type_name == "argument" else [f"{o} {takes}".strip() for o in given.opts]
    default = "" if given.default in (None, "", False) else f"`{given.default}`"
    if given.required or given.envvar:
        default = "required" if given.required else f"`{given.envvar}`"
    return f"| {', '.join(f'`{name}`' for name in spelt)} | {default} | {given.help or ''} |"
