"""The web suite with roles and figures that are made up, to try its shell on: people are real, the gateway is
not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI

from mergehouse.access import passwords
from mergehouse.access.people import People
from mergehouse.app.server import Access, create_app
from mergehouse.errors import MergehouseError

PASSWORD = "a good long password"
PUBLISHED = dt.datetime(2026, 3, 1, 9, 5, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Role:
    label: str
    group: bool = False
    persons: bool = False
    admin: bool = False


@dataclass(frozen=True)
class Scope:
    id: str
    label: str
    group: bool
    persons: bool
    identity: bool = False


@dataclass
class Policy:
    roles: dict[str, Role] = field(
        default_factory=lambda: {
            "executive": Role("Executive", group=True),
            "manager": Role("Manager of one brand", persons=True),
            "admin": Role("Administrator", group=True, persons=True, admin=True),
        }
    )

    def scope(self, roles: Iterable[str]) -> Scope | None:
        held = [name for name in roles if name in self.roles]
        if not held:
            return None
        first = self.roles[held[0]]
        return Scope("+".join(held), "All brands" if first.group else "Shop", first.group, first.persons)

    def within(self, own: Scope, role: str) -> Scope | None:
        theirs = self.scope([role])
        if theirs is None:
            return None
        return Scope(role, theirs.label, own.group and theirs.group, own.persons and theirs.persons)

    def is_admin(self, roles: Iterable[str]) -> bool:
        return any(self.roles[name].admin for name in roles if name in self.roles)


@dataclass
class Gateway:
    """Without `version`, nothing was published yet."""

    version: str | None = "0123456789abcdef"

    def reader(self, scope: Scope) -> Any:
        if self.version is None:
            raise MergehouseError("/secret/path/serving holds nothing")
        return SimpleNamespace(
            version=self.version, published=PUBLISHED, source="lakehouse", absent=frozenset()
        )

    def behind(self) -> str:
        return ""


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_folder(tmp_path_factory.mktemp("bundle") / "static")


@pytest.fixture(scope="module", autouse=True)
def quick(bundled: Path) -> Iterator[None]:
    with at_once(bundled):
        yield


@contextmanager
def at_once(bundle: Path) -> Iterator[None]:
    """Within, hashes take a millisecond, and a bundle is there."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PASSES", 1), ("KIBIBYTES", 64), ("LANES", 1)):
            patch.setattr(passwords, name, value)
        cheap = passwords.Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr(passwords, "_hasher", passwords.PasswordHash((cheap,)))
        patch.setattr("mergehouse.app.bundle.FOLDER", bundle)
        yield


def bundle_folder(folder: Path) -> Path:
    """A bundle that takes no Node to build."""
    folder.mkdir()
    contents = {"digest": "0" * 16, "app.js": "'use strict'", "style.css": "a{}", "favicon.svg": "<svg/>"}
    for name, content in (contents | {"licences.txt": "as it is"}).items():
        (folder / name).write_text(content)
    return folder


def suite(folder: Path, gateway: Gateway | None = None, **options: Any) -> FastAPI:
    """The suite of a folder that has nothing but an access.yml, which nobody reads."""
    (folder / "access.yml").write_text("roles: {}")
    access = Access(Policy(), gateway or Gateway())
    project: Any = SimpleNamespace(folder=folder)
    return create_app(project, open_access=lambda _: access, **options)


def with_people(folder: Path) -> People:
    people = People(folder)
    people.add("ann", "Ann Executive", ["executive"], PASSWORD)
    people.add("bob", "Bob Manager", ["manager"], PASSWORD)
    people.add("eve", "Eve Nobody", ["unheard_of"], PASSWORD)
    return people
