"""`mergehouse users`: what each command says and does, and that no password is an argument."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.command import call
from tests.suite import PASSWORD, Policy

from mergehouse.access import passwords
from mergehouse.access.people import People
from mergehouse.app.audit import Audit, Entry


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cheap = passwords.Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", passwords.PasswordHash((cheap,)))
    roles = SimpleNamespace(load_policy=lambda _: Policy())
    monkeypatch.setitem(sys.modules, "mergehouse.access.policy", roles)
    call("init", tmp_path / "project")
    return tmp_path / "project"


def users(project: Path, *words: object, code: int = 0) -> str:
    done = call("users", *words, "-C", project, code=code)
    return done.stderr if code else done.stdout


def test_a_user_from_first_to_last(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no users yet; `mergehouse users add NAME --role ROLE" in users(project, "list")
    assert not (project / "people.db").exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    users(project, "add", "ann", "--role", "executive", "--label", "Ann", "--password-stdin")
    people = People(project)
    assert people.signed_in("ann", PASSWORD) is not None
    assert json.loads(users(project, "list", "--json")) == [
        {"name": "ann", "label": "Ann", "roles": ["executive"], "disabled": False, "is_demo": False}
    ]
    users(project, "roles", "ann", "--role", "manager", "--role", "executive")
    users(project, "disable", "ann")
    assert users(project, "list").split("\n")[1] == "ann   Ann    executive, manager  disabled"
    assert "all users are disabled; `mergehouse users enable" in users(project, "list")
    users(project, "enable", "ann")
    assert "Nobody" not in users(project, "list")
    token = users(project, "token", "ann", "--days", "7").strip()
    assert people.of_token(token) is not None
    assert "1 token ended" in users(project, "token", "ann", "--revoke")
    assert people.of_token(token) is None
    assert json.loads(users(project, "token", "ann", "--revoke", "--json")) == {"name": "ann", "ended": 0}
    monkeypatch.setattr(sys, "stdin", io.StringIO("another long password\n"))
    users(project, "password", "ann", "--password-stdin")
    assert people.signed_in("ann", PASSWORD) is None
    users(project, "remove", "ann")
    assert people.users() == []


def test_a_file_that_was_deleted_is_said_and_not_made_anew(project: Path) -> None:
    People(project).add("ann", "Ann", ["executive"], PASSWORD)
    (project / "people.db").unlink()
    assert "no users yet" in users(project, "list")  # nobody has ever signed in
    Audit(project).write(Entry("1", "GET", "/executive", "::1", [], person="ann"), 200)
    said = users(project, "list")
    assert "people.db is gone" in said and "Put a copy of it back; without one, `mergehouse users add" in said
    people = People(project)
    assert people.signed_in("ann", PASSWORD) is None and people.held_roles() == set()
    assert "no user `ann`" in users(project, "disable", "ann", code=2)
    assert not (project / "people.db").exists()


def test_users_of_the_demonstration_can_sign_in(project: Path) -> None:
    told = json.loads(users(project, "demo", "--json"))
    assert told["users"] == ["executive", "manager", "admin"]
    assert People(project).signed_in("manager", told["password"]) is not None
    assert "that was shown when they were made" in users(project, "demo")
    assert json.loads(users(project, "demo", "--json"))["password"] is None
    again = users(project, "demo", "--new-password")
    assert "with the password " in again and told["password"] not in again


def test_what_is_asked_wrongly(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = users(project, "add", "ann", "--role", "boss", code=2)
    assert "--role boss: expected one of executive, manager, admin, the roles of" in said
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    said = users(project, "add", "ann", "--role", "manager", "--password-stdin", code=2)
    assert "12 to 1,024 letters; this one has 5" in said and "short" not in said
    assert "no user `ann`" in users(project, "disable", "ann", code=2)
    assert "--days 1000: expected 1 to 366" in users(project, "token", "ann", "--days", "1000", code=2)
