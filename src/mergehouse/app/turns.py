"""Nobody waits for another's pages: of one person two requests at once are answered, and none for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import Request

from mergehouse.access.gateway import deadline, lacking
from mergehouse.errors import MergehouseError

AT_ONCE, WAITING, SECONDS = 2, 20, 5.0  # of one person in one process; from when a request arrives


class TooMany(MergehouseError):
    """Others of the same person are being answered, and have been for as long as anybody is to wait."""


@dataclass
class _Line:
    """One person's requests: those that are answered, and how many there are with those that wait."""

    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    there: int = 0


class Turns:
    """Each process its own."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Within, it is this person's turn. Raises TooMany where it was not in time."""
        line = self._lines.setdefault(name, _Line())
        if line.there >= AT_ONCE + WAITING:
            raise TooMany(f"more than {WAITING} requests of one person were waiting.")
        line.there += 1
        try:
            try:
                await asyncio.wait_for(line.free.acquire(), SECONDS)
            except TimeoutError:
                raise TooMany(f"a request has waited for its turn for {SECONDS:g} seconds.") from None
            try:
                yield
            finally:
                line.free.release()
        finally:
            line.there -= 1
            if not line.there:
                self._lines.pop(name, None)


async def in_turn(request: Request) -> AsyncIterator[None]:
    """A dependency, after the one that says who asks: their turn, until when queries may take, and a
    list for what they ask in vain.
    """
    arrived = time.monotonic()
    async with request.app.state.suite.turns.turn(request.state.entry.person):
        deadline.set(arrived + SECONDS)
        lacking.set(set())
        yield
