"""What a page says of itself; the header and the doors follow from it."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mergehouse.app import pages

if TYPE_CHECKING:
    from fastapi import APIRouter

Need = Literal["group", "persons", "admin", "identity"]
Group = Literal["Overview", "Customers", "Trust", "You"]  # in the header, in this order
GROUPS: tuple[Group, ...] = ("Overview", "Customers", "Trust", "You")


@dataclass(frozen=True)
class Page:
    """A page of the suite: a module of `app/pages` has one as `PAGE`, and its routes as `router`.

    `path` begins every route of the module. `needs`: what a scope, or for `admin` a role, must have.
    `place` is the order within its group; `key` the letter that, after g, goes there; `says` what it is for,
    to who has not seen it yet.
    """

    path: str
    title: str
    group: Group
    needs: frozenset[Need] = frozenset()
    place: int = 0
    key: str = ""
    says: str = ""


def all_pages() -> list[tuple[Page, APIRouter]]:
    """Every page and its routes, in the order of the header."""
    names = [found.name for found in pkgutil.iter_modules(pages.__path__)]
    modules = [importlib.import_module(f"{pages.__name__}.{name}") for name in names]
    found = [(module.PAGE, module.router) for module in modules]
    return sorted(found, key=lambda each: (GROUPS.index(each[0].group), each[0].place, each[0].path))
