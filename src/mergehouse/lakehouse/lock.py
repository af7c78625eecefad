"""One run at a time on a lakehouse."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.machine import refusal
from mergehouse.storage import is_writable


@contextmanager
def exclusive(lakehouse: Lakehouse) -> Iterator[None]:
    """One run at a time. The lock goes with its process, so a killed run leaves none.

    >>> with exclusive(Lakehouse("new")), exclusive(Lakehouse("new")):
    ...     pass
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: another run is at work on new (pid ...). Wait for it to end; ...
    """
    root = lakehouse.root
    if not is_writable(root):
        raise LakehouseError(
            f"{root}: no permission to write. Give this user write access, or change `lakehouse` in"
            " mergehouse.yml."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / ".lock").open("a+")
    except OSError as error:
        raise _unusable(root, error) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            pid = handle.read().strip() or "unknown"
            raise LakehouseError(
                f"another run is at work on {lakehouse.location} (pid {pid}). Wait for it to end; a killed"
                " run frees the lock by itself."
            ) from None
        except OSError as error:
            raise _unusable(root, error) from None
        try:
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
        except OSError as error:
            raise _unusable(root, error) from None
        with lakehouse.pinned():
            yield


def _unusable(root: Path, error: OSError) -> LakehouseError:
    place = error.filename or root / ".lock"
    return LakehouseError(
        f"{root}: cannot be used as a lakehouse folder: {place}: {refusal(error, root) or error.strerror}."
    )
