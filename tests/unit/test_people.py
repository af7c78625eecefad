"""People: what is kept of them signs nobody in, and what has ended does not come back."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest

from mergehouse.access import passwords
from mergehouse.access.people import IDLE_SECONDS, SESSION_SECONDS, People, Person
from mergehouse.errors import ConfigError, MergehouseError

PASSWORD = "a good long password"


class Clock:
    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> People:
    cheap = passwords.Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", passwords.PasswordHash((cheap,)))
    for name, value in (("PASSES", 1), ("KIBIBYTES", 64), ("LANES", 1)):
        monkeypatch.setattr(passwords, name, value)
    people = People(tmp_path, clock)
    people.add("ann", "Ann", ["executive", "admin"], PASSWORD)
    return people


ANN = Person("ann", "Ann", ("admin", "executive"))


def test_who_knows_the_password_is_who_they_say(people: People) -> None:
    assert people.signed_in("ann", PASSWORD) == ANN
    assert people.signed_in("ann", PASSWORD + " ") is None
    assert people.signed_in("bob", PASSWORD) is None
    people.disable("ann")
    assert people.signed_in("ann", PASSWORD) is None
    people.enable("ann")
    assert people.signed_in("ann", PASSWORD) == ANN


def test_nothing_that_is_kept_signs_anybody_in(people: People) -> None:
    session, token = people.begin_session(ANN), people.make_token("ann", 30)
    with sqlite3.connect(people.file) as db:
        kept = "\n".join(db.iterdump())
    assert "$argon2id$" in kept and "Ann" in kept
    assert not [secret for secret in (PASSWORD, session, token, token.removeprefix("mh_")) if secret in kept]
    assert people.file.stat().st_mode & 0o777 == 0o600


def test_a_session_ends_by_itself(people: People, clock: Clock) -> None:
    session = people.begin_session(ANN)
    for _ in range(SESSION_SECONDS // (IDLE_SECONDS - 1)):  # never idle
        clock.time += IDLE_SECONDS - 1
        assert people.of_session(session) == ANN
    clock.time += IDLE_SECONDS - 1
    assert people.of_session(session) is None
    idle = people.begin_session(ANN)
    clock.time += IDLE_SECONDS
    assert people.of_session(idle) is None


def test_two_sessions_end_each_on_its_own(people: People) -> None:
    first, second = people.begin_session(ANN), people.begin_session(ANN)
    assert len({first, second}) == 2 and len(first) == 43  # 256 bits in base64
    people.end_session(first)
    assert (people.of_session(first), people.of_session(second)) == (None, ANN)
    people.remove("ann")
    assert people.of_session(second) is None


def test_what_a_clock_began_that_was_a_year_ahead_ends_with_it(people: People, clock: Clock) -> None:
    """And an hour back, as clocks are set, ends nothing."""
    clock.time += 365 * 86_400
    session, token, sign_in = (
        people.begin_session(ANN),
        people.make_token("ann", 30),
        people.begin_sign_in("x"),
    )
    clock.time -= 3600
    assert people.of_session(session) == people.of_token(token) == ANN
    clock.time -= 364 * 86_400
    assert people.of_session(session) is people.of_token(token) is people.take_sign_in(sign_in) is None
    people.begin_session(ANN)
    clock.time += 364 * 86_400
    assert people.of_session(session) is None  # it was swept away


def test_a_token_is_its_users_until_it_ends(people: People, clock: Clock) -> None:
    token = people.make_token("ann", 2)
    clock.time += 2 * 86_400 - 1
    assert people.of_token(token) == ANN
    assert people.of_session(token) is None and people.of_token("mh_other") is None
    people.disable("ann")
    assert people.of_token(token) is None
    people.enable("ann")
    clock.time += 1
    assert people.of_token(token) is None
    other = people.make_token("ann", 1)
    assert people.end_tokens("ann") == 2
    assert people.of_token(other) is None
    for days in (0, 367):
        with pytest.raises(MergehouseError, match="expected 1 to 366"):
            people.make_token("ann", days)


def test_users_of_the_demonstration(people: People) -> None:
    first = people.set_demo_users({"executive": "Executive", "analyst": "Analyst"})
    assert people.signed_in("analyst", first) == Person("analyst", "Analyst", ("analyst",))
    second = people.set_demo_users({"executive": "Executive"})
    assert [(user.name, user.is_demo) for user in people.users()] == [("ann", False), ("executive", True)]
    assert people.signed_in("executive", first) is None
    assert people.signed_in("executive", second) is not None
    with pytest.raises(MergehouseError, match="`ann` is a real user"):
        people.set_demo_users({"ann": "Ann"})


def test_what_is_asked_wrongly_is_said(people: People, tmp_path: Path) -> None:
    for name in ("", "Ann", "a b", "-a", "a" * 65, "a;b", "\u0430nn"):
        with pytest.raises(MergehouseError, match="small letters"):
            people.add(name, "", ["executive"], PASSWORD)
    with pytest.raises(MergehouseError, match="already"):
        people.add("ann", "", ["executive"], PASSWORD)
    for password in ("short", "x" * 1025):
        with pytest.raises(MergehouseError, match="12 to 1,024"):
            people.set_password("ann", password)
    for ask in (people.disable, people.remove, lambda name: people.make_token(name, 1)):
        with pytest.raises(MergehouseError, match="no user `nobody`"):
            ask("nobody")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "people.db").write_text("no database, but long enough to be read as one" * 100)
    with pytest.raises(ConfigError, match="people.db: is damaged .*Put a copy of it back"):
        People(tmp_path / "broken").users()


def test_never_more_than_two_hashes_at_once(people: People) -> None:
    at_once, most = 0, 0

    def verify(*_: object) -> bool:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        at_once -= 1
        return True

    with patch.object(passwords._hasher, "verify", verify), ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: people.signed_in("ann", PASSWORD), range(30)))
    assert 1 <= most <= 2


def test_the_unknown_cost_what_the_known_do() -> None:
    """The hash that no password has is one by the parameters of the real ones."""
    real = passwords.PasswordHash((passwords.Argon2Hasher(time_cost=3, memory_cost=65_536, parallelism=4),))
    pretended, made = passwords._of_nobody(), real.hash("x")
    assert pretended.rsplit("$", 2)[0] == made.rsplit("$", 2)[0]
    assert [len(part) for part in pretended.split("$")] == [len(part) for part in made.split("$")]
    assert passwords._of_nobody() != pretended
