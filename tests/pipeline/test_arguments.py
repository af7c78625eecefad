"""What a newcomer types: help, values that are wrong or empty, files where folders are expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.command import call
from tests.conftest import Shop

from mergehouse.cli.options import app
from mergehouse.cli.render import print_left_out


@pytest.mark.parametrize("group", [group.name for group in app.registered_groups])
def test_help_lists_the_commands_of_a_group(group: str) -> None:
    headings = [line for line in call(group, "--help").stdout.splitlines() if line[:1].isalpha()]
    assert headings[-2:] == ["Options:", "Commands:"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", ""],
        ["init", "project", "--raw", ""],
        ["init", "project", "--raw= "],
        ["run", "--select", ""],
        ["verify", "release", "--digest", ""],
        ["ingest", "release", "--lakehouse="],
    ],
)
def test_an_empty_value_is_a_mistake(arguments: list[str], tmp_path: Path) -> None:
    said = call(*arguments, code=2, folder=tmp_path).stderr
    assert "an empty value is given" in said and not list(tmp_path.iterdir())


def test_text_that_may_be_left_out_may_be_empty(sold: Shop) -> None:
    said = call("promote", "dev", "test", "--approved-by", "", "--note=", "-C", sold.folder, code=2).stderr
    assert "there is no release to promote" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--select", "nope"], "no such table; expected a table, such as"),
        (["run", "--select", "gold", "--until", "bronze"], "that leaves no table"),
        (["maintain", "--keep-hours", "999999999999"], "--keep-hours"),
        (["check", "-C", "mergehouse.yml"], "mergehouse.yml is a file; expected the folder of a project"),
        (["init", "mergehouse.yml"], "a file stands where a folder is expected"),
        (["docs", "mergehouse.yml"], "a file stands where a folder is expected"),
        (["release", "--to", "mergehouse.yml"], "a file stands where a folder is expected"),
        (["releases", "copy", "9.0.0", "--to", "elsewhere"], "there is no release 9.0.0; there are: none"),
    ],
)
def test_a_wrong_value_is_named(arguments: list[str], words: str, sold: Shop) -> None:
    assert words in call(*arguments, code=2, folder=sold.folder).stderr


def test_a_project_that_could_not_be_written_is_written_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    in_the_way = tmp_path / "project" / "dags"
    in_the_way.write_text("")
    said = call("init", tmp_path / "project", code=2).stderr
    assert f"{in_the_way}: cannot be written: " in said and "[(" not in said
    in_the_way.unlink()
    call("init", tmp_path / "project")


def test_options_that_exclude_each_other(sold: Shop) -> None:
    said = call("users", "token", "ann", "--revoke", "--days", "4", "-C", sold.folder, code=2).stderr
    assert "give one of them" in said
    said = call("promote", "test", "test", "-C", sold.folder, code=2).stderr
    assert "FROM and TO are both `test`" in said


def test_the_demonstration_asks_for_no_more_than_there_is_room_for(tmp_path: Path) -> None:
    call("init", tmp_path / "project")
    said = call("demo", tmp_path / "project", "--lines", "99999999999M", code=2).stderr
    assert "GB are free. Generate fewer" in said
    assert "--seed" in call("demo", tmp_path / "project", "--seed", "-1", code=2).stderr


def test_what_was_exported_by_others_is_not_taken_for_the_demonstration(tmp_path: Path) -> None:
    call("init", tmp_path / "project")
    theirs = tmp_path / "project" / "raw" / "eurostyle" / "demographics.csv"
    theirs.write_text("age\n40\n")
    said = call("demo", tmp_path / "project", "--lines", "100", code=2).stderr
    assert "exports are there already" in said and theirs.exists()


def test_nobody_who_watches_no_terminal_is_told_of_progress(sold: Shop) -> None:
    assert call("check", "-C", sold.folder).stderr == ""


def test_no_code_is_cut_in_a_narrow_window(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    row = {"source_system": "shop", "kept_in": "silver.quarantine", "reason": "unreadable_quantity"}
    numbers = {"rows": 3, "amount": None, "currency": None}
    monkeypatch.setenv("COLUMNS", "50")
    print_left_out([row | numbers], {})
    folded = capsys.readouterr().out
    assert "\u2026" not in folded and max(map(len, folded.splitlines())) <= 50
    monkeypatch.delenv("COLUMNS")
    print_left_out([row | numbers], {})  # into a file
    assert "silver.quarantine  unreadable_quantity" in capsys.readouterr().out
