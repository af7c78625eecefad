"""Every command that the manual names, between backticks or to be typed, is there with its options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.command import ROOT
from typer.main import get_command

from mergehouse.cli.commands import app

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
ROOT_COMMAND: Any = get_command(app)
USUAL = ("powerbi",)  # whose first command may be left out
IMAGE = "mergehouse --name"  # the argument of a container, whose command is `serve`


def named(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    typed = "\n".join(re.findall(r"^ *```console\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^ *(?:\.venv/bin/)?(mergehouse .*)$", typed, re.MULTILINE)
    inline = re.findall(r"`(mergehouse [a-z][^`\n]*)`", text)
    return {part.strip() for line in [*lines, *inline] for part in line.split("&&")} - {""}


def unknown(command: str) -> list[str]:
    """The words of a command that mean nothing."""
    at = ROOT_COMMAND
    words = shlex.split(command, comments=True)[1:]
    while words and hasattr(at, "commands"):
        if words[0] in at.commands:
            at = at.commands[words.pop(0)]
        elif at.name in USUAL:
            at = at.commands[at.list_commands(None)[0]]
        elif words[0].startswith("-"):
            break
        else:
            return [words[0]]
    options = {option for parameter in at.params for option in parameter.opts} | {"--help"}
    return [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_there(page: Path) -> None:
    said = {command: unknown(command) for command in named(page) if not command.startswith(IMAGE)}
    assert {command: words for command, words in said.items() if words} == {}


def test_what_is_not_there_is_found() -> None:
    wrong = {
        "mergehouse runn": ["runn"],
        "mergehouse kpi --jsn": ["--jsn"],
        "mergehouse powerbi x --mde": ["--mde"],
    }
    assert {command: unknown(command) for command in wrong} == wrong
    assert unknown("mergehouse powerbi out --mode import") == unknown("mergehouse releases --json") == []
