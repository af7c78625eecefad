"""A page's own parameters in the address: each single, and one of what the page offers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from fastapi import Request
from starlette.exceptions import HTTPException

T = TypeVar("T", int, Decimal)
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
LONGEST_TEXT = 64


def text(request: Request, name: str) -> str | None:
    """What somebody searches for; None where that is nothing. Raises 422 where it is given twice or too
    long.
    """
    given = request.query_params.getlist(name)
    if len(given) > 1 or given and (len(given[0]) > LONGEST_TEXT or not given[0].isprintable()):
        raise HTTPException(422)
    return given[0].strip() or None if given else None


def one_of(request: Request, name: str, offered: Sequence[str]) -> str | None:
    """One of these; None where it is not given. Raises 422 on anything else."""
    given = text(request, name)
    if given is not None and given not in offered:
        raise HTTPException(422)
    return given


def step(request: Request, name: str, offered: Sequence[T]) -> T | None:
    """One of the steps of a grid, written in any way that means it: 0.5 and 0.50."""
    given = _number(request, name)
    if given is None:
        return None
    for each in offered:
        if each == given:
            return each
    raise HTTPException(422)


def number(request: Request, name: str, least: Decimal, most: Decimal) -> Decimal | None:
    """A number within bounds; None where it is not given."""
    given = _number(request, name)
    if given is not None and not least <= given <= most:
        raise HTTPException(422)
    return given


def _number(request: Request, name: str) -> Decimal | None:
    """Plain digits alone: what Python takes for numbers beside, such as 1e9, NaN and 1_000, is refused."""
    given = text(request, name)
    if given is not None and not (given.isascii() and NUMBER.fullmatch(given)):
        raise HTTPException(422)
    return Decimal(given) if given is not None else None
