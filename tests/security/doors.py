"""Every door of an application: what can be asked, taken from its routes, so that a new one is attacked by
itself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.routing import APIRoute

OPEN = {  # what nobody need sign in for
    "/sign-in", "/sign-out", "/sign-in/provider", "/sign-in/callback", "/health", "/ready", "/metrics",
    "/static/{digest}/{name}",
}  # fmt: skip
IN_PATHS = {
    "name": "gmv",
    "key": "{key}",
}  # what stands in the place of a path's parameters that are not choices
NEEDED = {"brand": "shop"}  # and of parameters without which a door says nothing


@dataclass(frozen=True)
class Door:
    """A method and the template of a path. `choices`: the parameters of the signature that offer some;
    `names`: all of the signature.
    """

    method: str
    path: str
    choices: dict[str, tuple[str, ...]]
    names: tuple[str, ...]
    required: tuple[str, ...]

    @property
    def is_for_programs(self) -> bool:
        return self.path.startswith("/api/")

    def addresses(self, key: str, **needed: str) -> list[str]:
        """One for every combination of choices. `key` is the customer's whom a door is of."""
        found = []
        for values in itertools.product(*self.choices.values()):
            given = dict(zip(self.choices, values, strict=True))
            path = self.path
            for name in re.findall(r"\{(\w+)\}", path):
                path = path.replace(f"{{{name}}}", self._in_path(name, given))
            given |= {name: (NEEDED | needed)[name] for name in self.required if name not in given}
            query = urlencode(
                {name: value for name, value in given.items() if f"{{{name}}}" not in self.path}
            )
            found.append(f"{path}{'?' if query else ''}{query}".replace("{key}", key))
        return found

    def _in_path(self, name: str, given: dict[str, str]) -> str:
        if name not in given and name not in IN_PATHS:
            raise AssertionError(f"{self.path}: say in tests/security/doors.py what may stand for {name}.")
        return given.get(name) or IN_PATHS[name]


def routes(app: FastAPI) -> list[APIRoute]:
    """Every route, also those within an included router."""

    def within(found: Any) -> Iterator[APIRoute]:
        for route in found:
            if isinstance(route, APIRoute):
                yield route
            else:
                inner = getattr(route, "original_router", None) or getattr(route, "app", None)
                yield from within(getattr(inner, "routes", ()))

    return list(within(app.routes))


def doors(app: FastAPI) -> list[Door]:
    """Those that ask who is there."""
    found = [_door(route, method) for route in routes(app) for method in sorted(route.methods)]
    return [door for door in found if door.path not in OPEN]


def _door(route: APIRoute, method: str) -> Door:
    asked = [*route.dependant.path_params, *route.dependant.query_params]
    offered = {field.alias: field.field_info.annotation for field in asked}
    choices = {
        name: tuple(map(str, get_args(kind))) for name, kind in offered.items() if get_origin(kind) is Literal
    }
    needed = tuple(f.alias for f in route.dependant.query_params if f.field_info.is_required())
    return Door(method, route.path, choices, tuple(f.alias for f in route.dependant.query_params), needed)
