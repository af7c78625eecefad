"""Who may sign in: `people.db` of a project, with users, their sessions and their tokens.

Nothing in it signs anybody in: passwords, sessions and tokens are stored as hashes.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mergehouse.errors import ConfigError, MergehouseError

FILE = "people.db"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")
SESSION_SECONDS, IDLE_SECONDS = 12 * 3600, 3600
SIGN_IN_SECONDS = 600  # at the identity provider
AHEAD_SECONDS = 3600  # what began later than this from now was begun by a clock that was wrong
BY_PROVIDER = "sso-"  # names of users whom an identity provider has signed in begin so
SEEN_SECONDS = 60  # a session's last use is written down no oftener
TOKEN_PREFIX = "mh_"
LONGEST_TOKEN_DAYS = 366
_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY, label TEXT NOT NULL, password TEXT NOT NULL, roles TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0, is_demo INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
  hash TEXT PRIMARY KEY, name TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  started REAL NOT NULL, seen REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tokens (
  hash TEXT PRIMARY KEY, name TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  made REAL NOT NULL, ends REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sign_ins (hash TEXT PRIMARY KEY, content TEXT NOT NULL, ends REAL NOT NULL) STRICT;
PRAGMA user_version = 1;
"""
_VERSION = 1  # of the schema


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in. `roles` are names in access.yml; one that is not there gives nothing."""

    name: str
    label: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class User:
    """A person as `mergehouse users list` shows them."""

    name: str
    label: str
    roles: tuple[str, ...]
    disabled: bool
    is_demo: bool


class People:
    """The users of a project. Every call opens the database anew, so threads and processes may share it.
    Where there is none nobody is known; whoever adds a user makes it.

    Raises MergehouseError about a user who is not there, or who is there already.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time):
        self.file = folder / FILE
        self.now = now

    def add(self, name: str, label: str, roles: Iterable[str], password: str, is_demo: bool = False) -> None:
        if not NAME.fullmatch(name):
            raise MergehouseError(
                f"{name!r}: a user's name has 1 to 64 small letters, digits and `.`, `_`, `-`, `@`."
            )
        _expect_own(name)
        known = _hashed(password)
        with self._open(makes=True) as db:
            try:
                db.execute(
                    "INSERT INTO users (name, label, password, roles, is_demo) VALUES (?, ?, ?, ?, ?)",
                    (name, label or name, known, _joined(roles), is_demo),
                )
            except sqlite3.IntegrityError:
                raise MergehouseError(f"there is a user `{name}` already.") from None

    def users(self) -> list[User]:
        with self._open() as db:
            found = db.execute("SELECT name, label, roles, disabled, is_demo FROM users ORDER BY name")
            return [
                User(n, label, _split(roles), bool(off), bool(demo)) for n, label, roles, off, demo in found
            ]

    def held_roles(self) -> set[tuple[str, ...]]:
        """What roles people have who may sign in, each combination once."""
        with self._open() as db:
            return {_split(roles) for (roles,) in db.execute("SELECT roles FROM users WHERE NOT disabled")}

    def set_roles(self, name: str, roles: Iterable[str]) -> None:
        self._change(name, "UPDATE users SET roles = ? WHERE name = ?", _joined(roles))

    def set_password(self, name: str, password: str) -> None:
        _expect_own(name)
        self._change(name, "UPDATE users SET password = ? WHERE name = ?", _hashed(password))

    def disable(self, name: str) -> None:
        self._change(name, "UPDATE users SET disabled = ? WHERE name = ?", 1)

    def enable(self, name: str) -> None:
        self._change(name, "UPDATE users SET disabled = ? WHERE name = ?", 0)

    def remove(self, name: str) -> None:
        with self._open() as db:
            _expect_one(db.execute("DELETE FROM users WHERE name = ?", (name,)), name)

    def set_demo_users(self, labels: dict[str, str]) -> str:
        """One user for each role, named as it is, all with one new password, which is returned.

        Raises MergehouseError where a name is a real user's.
        """
        password = secrets.token_urlsafe(12)
        known = _hashed(password)
        with self._open(makes=True) as db:
            real = "SELECT name FROM users WHERE NOT is_demo"
            if taken := sorted({name for (name,) in db.execute(real)} & set(labels)):
                raise MergehouseError(f"`{taken[0]}` is a real user; a demonstration's would take that name.")
            db.execute("DELETE FROM users WHERE is_demo")
            db.executemany(
                "INSERT INTO users (name, label, password, roles, is_demo) VALUES (?, ?, ?, ?, 1)",
                [(role, label, known, role) for role, label in labels.items()],
            )
        return password

    def signed_in(self, name: str, password: str) -> Person | None:
        """The person with this name and password, None where there is none; both take as long.

        Raises Busy where too many ask at once.
        """
        with self._open() as db:
            found = db.execute(
                "SELECT name, label, roles, password FROM users"
                " WHERE name = ? AND NOT disabled AND password <> ''",
                (name,),
            ).fetchone()
        from mergehouse.access.passwords import is_right

        if not is_right(password, found[3] if found else None):
            return None
        return Person(found[0], found[1], _split(found[2]))

    def begin_sign_in(self, content: str) -> str:
        """Keeps what is to be known when a browser comes back from the identity provider; its secret."""
        secret, now = secrets.token_urlsafe(32), self.now()
        with self._open(makes=True) as db:
            db.execute("DELETE FROM sign_ins WHERE ends < ?", (now,))
            db.execute(
                "INSERT INTO sign_ins VALUES (?, ?, ?)", (_digest(secret), content, now + SIGN_IN_SECONDS)
            )
        return secret

    def take_sign_in(self, secret: str) -> str | None:
        """What was kept, once; None where that was too long ago, or has been taken."""
        with self._open() as db:
            found = db.execute(
                "DELETE FROM sign_ins WHERE hash = ? RETURNING content, ends", (_digest(secret),)
            ).fetchone()
        left = found[1] - self.now() if found else 0
        return str(found[0]) if 0 < left <= SIGN_IN_SECONDS + AHEAD_SECONDS else None

    def signed_in_by(self, issuer: str, subject: str, label: str, roles: Iterable[str]) -> Person | None:
        """The user whom an identity provider has signed in, with the roles that it gives now. None where it
        gives none, and where the user is disabled here; what sessions there were end.
        """
        name = BY_PROVIDER + _digest(f"{issuer}\n{subject}")[:20]
        given = _joined(roles)
        with self._open(makes=True) as db:
            found = db.execute("SELECT roles, disabled FROM users WHERE name = ?", (name,)).fetchone()
            if found is None and given:
                new = "INSERT INTO users (name, label, password, roles) VALUES (?, ?, '', ?)"
                db.execute(new, (name, label, given))
            elif found is not None:
                db.execute("UPDATE users SET label = ?, roles = ? WHERE name = ?", (label, given, name))
                if found[0] != given:
                    db.execute("DELETE FROM sessions WHERE name = ?", (name,))
        is_out = not given or (found is not None and found[1])
        return None if is_out else Person(name, label, _split(given))

    def begin_session(self, person: Person) -> str:
        """A new session's secret, 256 random bits, for the cookie."""
        secret, now = secrets.token_urlsafe(32), self.now()
        with self._open() as db:
            ended = (now - SESSION_SECONDS, now + AHEAD_SECONDS)
            db.execute("DELETE FROM sessions WHERE started NOT BETWEEN ? AND ?", ended)
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (_digest(secret), person.name, now, now))
        return secret

    def of_session(self, secret: str) -> Person | None:
        """Whose session it is; None where it has ended, was idle too long, or the user is disabled. One that
        a clock began which was ahead does not last until that time.
        """
        now, digest = self.now(), _digest(secret)
        with self._open() as db:
            found = db.execute(
                "SELECT u.name, u.label, u.roles, s.seen FROM sessions AS s JOIN users AS u"
                " ON u.name = s.name WHERE s.hash = ? AND NOT u.disabled AND s.started > ? AND s.started <= ?"
                " AND s.seen > ?",
                (digest, now - SESSION_SECONDS, now + AHEAD_SECONDS, now - IDLE_SECONDS),
            ).fetchone()
            if found and found[3] < now - SEEN_SECONDS:
                db.execute("UPDATE sessions SET seen = ? WHERE hash = ?", (now, digest))
        return Person(found[0], found[1], _split(found[2])) if found else None

    def end_session(self, secret: str) -> None:
        with self._open() as db:
            db.execute("DELETE FROM sessions WHERE hash = ?", (_digest(secret),))

    def make_token(self, name: str, days: int) -> str:
        """A new token of a user, valid for some days. It cannot be read again."""
        _expect_own(name)
        if not 1 <= days <= LONGEST_TOKEN_DAYS:
            raise MergehouseError(f"--days {days}: expected 1 to {LONGEST_TOKEN_DAYS}.")
        token, now = TOKEN_PREFIX + secrets.token_urlsafe(32), self.now()
        with self._open() as db:
            _expect_one(db.execute("UPDATE users SET name = name WHERE name = ?", (name,)), name)
            db.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?)", (_digest(token), name, now, now + days * 86_400)
            )
        return token

    def of_token(self, token: str) -> Person | None:
        """Whose token it is; None where it has expired, a clock made it that was ahead, or the user is
        disabled.
        """
        now = self.now()
        with self._open() as db:
            found = db.execute(
                "SELECT u.name, u.label, u.roles FROM tokens AS t JOIN users AS u ON u.name = t.name"
                " WHERE t.hash = ? AND NOT u.disabled AND t.ends > ? AND t.made <= ?",
                (_digest(token), now, now + AHEAD_SECONDS),
            ).fetchone()
        return Person(found[0], found[1], _split(found[2])) if found else None

    def named(self, name: str) -> Person | None:
        """The user of that name, for whoever may read this file anyway; None where disabled or not there."""
        with self._open() as db:
            found = db.execute(
                "SELECT name, label, roles FROM users WHERE name = ? AND NOT disabled AND password <> ''",
                (name,),
            ).fetchone()
        return Person(found[0], found[1], _split(found[2])) if found else None

    def end_tokens(self, name: str) -> int:
        """Ends all tokens of a user. Returns how many there were."""
        with self._open() as db:
            return db.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount

    def _change(self, name: str, sql: str, value: str | int) -> None:
        """Changes one user, whose sessions end by it."""
        with self._open() as db:
            _expect_one(db.execute(sql, (value, name)), name)
            db.execute("DELETE FROM sessions WHERE name = ?", (name,))

    @contextmanager
    def _open(self, makes: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction. Where the file is not there, it is of nothing; `makes`: it is made, for its owner
        alone.
        """
        try:
            is_there = self.file.exists()
            if makes and not is_there:
                os.close(os.open(self.file, os.O_CREAT | os.O_WRONLY, 0o600))
            db = sqlite3.connect(self.file if makes or is_there else ":memory:", timeout=10)
            try:
                with db:
                    db.execute("PRAGMA foreign_keys = ON")
                    if db.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
                        db.executescript(_SCHEMA)
                    yield db
            finally:
                db.close()
        except (OSError, sqlite3.DatabaseError) as error:
            if type(error) is sqlite3.DatabaseError:  # none of its kinds, which are about what was asked
                raise ConfigError(
                    f"{self.file}: is damaged ({error}). Put a copy of it back; without one, move it away and"
                    " add the users again."
                ) from None
            raise ConfigError(
                f"{self.file}: cannot be used ({error}). This user must be able to read and write it."
            ) from None


def _expect_own(name: str) -> None:
    if name.startswith(BY_PROVIDER):
        raise MergehouseError(
            f"{name}: names that begin with `{BY_PROVIDER}` are of users whom the identity provider signs in;"
            " they have no password and no tokens here."
        )


def _hashed(password: str) -> str:
    from mergehouse.access.passwords import hashed  # takes the extra `app`, which who only runs has not

    return hashed(password)


def _expect_one(cursor: sqlite3.Cursor, name: str) -> None:
    if cursor.rowcount != 1:
        raise MergehouseError(f"there is no user `{name}`; `mergehouse users list` shows those there are.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "backslashreplace")).hexdigest()


def _joined(roles: Iterable[str]) -> str:
    return " ".join(sorted(set(roles)))


def _split(roles: str) -> tuple[str, ...]:
    return tuple(roles.split())
