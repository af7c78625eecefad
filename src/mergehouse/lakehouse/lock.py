"""One at a time changes a lakehouse: a run, or a command that waits its turn."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.machine import refusal, unwritable
from mergehouse.progress import Progress, silent
from mergehouse.storage import hindrance

RUN = "run"
LONGEST_WAIT = 3600  # seconds; who waited as long says so and gives up
PAUSE = 0.2  # seconds between two tries


@contextmanager
def exclusive(
    lakehouse: Lakehouse, work: str = RUN, wait: bool = False, progress: Progress = silent
) -> Iterator[bool]:
    """One at a time; within, the newest versions are read. The lock goes with its process, so a killed run
    leaves none. True where another was at work.

    Who finds another at work waits for it; for a run, which may take long, only with `wait`. `work` is what
    is said to who waits. Raises LakehouseError where a run is at work, or an hour was not enough.

    >>> with exclusive(Lakehouse("new")), exclusive(Lakehouse("new")):
    ...     pass
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: another run is at work on new (pid ...). Wait for it to end; ...
    """
    root = lakehouse.root
    if error := hindrance(root):
        raise LakehouseError(unwritable(root, error))
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / ".lock").open("a+")
    except OSError as error:
        raise _unusable(root, error) from None
    with handle:
        try:
            waited = _take(handle, lakehouse, wait, progress)
            handle.truncate(0)
            handle.write(f"{os.getpid()} {work}")
            handle.flush()
        except OSError as error:
            raise _unusable(root, error) from None
        with lakehouse.pinned(newest=True):
            yield waited


def _take(handle: IO[str], lakehouse: Lakehouse, wait: bool, progress: Progress) -> bool:
    began = time.monotonic()
    earlier: str | None = None
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return earlier is not None
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read() or "unknown"
        except OSError as error:
            words = refusal(error) or error.strerror
            raise LakehouseError(f"{handle.name}: cannot be locked: {words}.") from None
        pid, _, named = holder.partition(" ")
        pid, work = pid or "unknown", named or RUN
        # twice the same: who has just taken it may not have written down yet who that is
        if work == RUN and not wait and holder == earlier:
            raise LakehouseError(
                f"another run is at work on {lakehouse.location} (pid {pid}). Wait for it to end; a killed"
                " run frees the lock by itself."
            )
        waited = time.monotonic() - began
        if waited > LONGEST_WAIT:
            raise LakehouseError(
                f"waited {waited / 60:.0f} minutes for `{work}` (pid {pid}) on {lakehouse.location}. See"
                " whether it still works; killed, it frees the lock by itself."
            )
        if earlier is not None:
            progress(f"waiting for `{work}` of pid {pid}")
        earlier = holder
        time.sleep(PAUSE)


def _unusable(root: Path, error: OSError) -> LakehouseError:
    place = error.filename or root / ".lock"
    return LakehouseError(
        f"{root}: cannot be used as a lakehouse folder: {place}: {refusal(error, root) or error.strerror}."
    )
