"""What README and the first pages of the manual tell a reader to type is typed, line by line, in a copy of
the demonstration.

The Python of docs/reading.md is in test_reading.py.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.command import ROOT, call
from tests.conftest import Demo

TOUR, STEPS, READING = "README.md", "docs/getting-started.md", "docs/reading.md"
DRY = {  # targets of make, tried without doing what they say, and why
    "make run": "it sets up a machine; what it calls then are the commands of getting started",
    "make run RAW=/path/to/exports": "the path is the reader's; tests/real has exports, where there are any",
    "make test": "it is these tests",
}
FEWER = {"mergehouse demo my-project": "mergehouse demo my-project --lines 2k"}  # than 200k lines


def snippets(page: str, language: str) -> list[str]:
    """The blocks of a page that are in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """The lines that a reader types, without what is said about them."""
    lines = (line for block in snippets(page, "console") for line in block.splitlines())
    return [shlex.join(words) for line in lines if (words := shlex.split(line, comments=True))]


def type_(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    assert program in ("mergehouse", ".venv/bin/mergehouse"), f"{command}: type it, or say in DRY why not"
    return call(*arguments, folder=folder).stdout.strip()


def test_readme_opens_with_the_two_commands() -> None:
    assert commands(TOUR)[:2] == ["make run", "make test"]
    for target in ("run", "test", "slow", "serve", "parity", "site", "bench"):
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("command", DRY)
def test_what_is_tried_dry(command: str) -> None:
    assert command in commands(TOUR) + commands(STEPS)
    subprocess.run([*shlex.split(command), "-n"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.long("eighteen commands")
def test_readme_tour(demo: Demo, tmp_path: Path) -> None:
    """Every command, one after the other."""
    shutil.copytree(demo[0].folder, tmp_path / "build" / "demo")
    for command in commands(TOUR):
        assert command in DRY or type_(command, tmp_path), command


def test_readme_python(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "demo").symlink_to(demo[0].folder)
    monkeypatch.chdir(tmp_path)
    (code,) = snippets(TOUR, "python")
    names: dict = {}
    exec(code, names)
    assert "gold.customer_360" in names["lakehouse"].tables()


def test_getting_started(demo: Demo, tmp_path: Path) -> None:
    """Every command, one after the other; the demonstration is what the first ones write, run to Gold."""
    for command in commands(STEPS):
        if command == "mergehouse run -C my-project":
            assert {file.name for file in (tmp_path / "my-project/raw").iterdir()} == set(demo[0].brands)
            shutil.rmtree(tmp_path / "my-project")
            shutil.copytree(demo[0].folder, tmp_path / "my-project")
        assert command in DRY or type_(FEWER.get(command, command), tmp_path), command
    assert FEWER.keys() <= set(commands(STEPS))


def test_reading_from_the_command_line(demo: Demo, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(demo[0].folder, tmp_path / "my-project"))
    for command in commands(READING):
        assert type_(command, folder), command
    assert (folder / "customers.parquet").exists()


@pytest.mark.parametrize(("page", "others"), [(TOUR, ["python"]), (STEPS, [""]), (READING, ["python"] * 7)])
def test_no_block_is_passed_over(page: str, others: list[str]) -> None:
    """Besides those of commands: Python, which is run as well, and a tree of folders."""
    opened = re.findall(r"^```(.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)[::2]
    assert [language for language in opened if language != "console"] == others
    assert len(snippets(page, "console")) == opened.count("console") > 0
