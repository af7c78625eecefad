"""What a command needs of its process: descriptors, limits, text that can be printed, an end when it is told
to stop.
"""

from __future__ import annotations

import atexit
import gc
import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any, TextIO

from mergehouse.errors import ConfigError
from mergehouse.machine import GB, cores

FILES, MEMORY = 64, 1.5 * GB  # what no command can do without
FEW_THREADS = 5000  # below this limit it is tried whether as many can be started as a run needs
WORKERS = "TOKIO_WORKER_THREADS"
NEW_OBJECTS = 1_000_000  # twice what a run without training makes, nearly all of which stay
GRACE_SECONDS = 3  # for what is at work to end by itself
STOPPED = "stopped; the published tables are unharmed, run again to go on."
STOPPED_CODE = 130
MAY_BE_EMPTY = ("--approved-by", "--label", "--note", "--prefix")  # as they are where they are left out


def prepare() -> None:
    """Makes the process fit for work. Raises ConfigError, naming the limit, where it cannot be.

    Closed descriptors are opened on nothing, lest a table's file becomes what is printed to; limits are
    raised as far as this user may; what a terminal cannot show is shown as an escape. Python looks for what
    is out of use after so many new objects that a short command never waits for it: a tenth of its time.
    """
    gc.set_threshold(NEW_OBJECTS)
    for number in range(3):
        with suppress(OSError):
            os.fstat(number)
            continue
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    for word in sys.argv:
        if (shown := word.encode("utf-8", "backslashreplace").decode("utf-8")) != word:
            raise ConfigError(
                f"{shown}: this argument is not UTF-8. Rename what it names, or set a UTF-8 locale."
            )
    for before, word in pairwise(["mergehouse", *sys.argv[1:]]):
        option, equals, value = word.partition("=") if word.startswith("--") else (before, "=", word)
        if equals and not value.strip() and option not in MAY_BE_EMPTY:
            raise ConfigError(
                f"{option}: an empty value is given, as of a variable of the shell that is not"
                " set. Say which, or leave it out."
            )
    if _raised(resource.RLIMIT_NOFILE) < FILES:
        raise ConfigError("too few files may be open in this shell. Set `ulimit -n 1024`.")
    if _raised(resource.RLIMIT_AS) < MEMORY:
        raise ConfigError("too little memory may be used in this shell. Set `ulimit -v unlimited`.")
    if _raised(resource.RLIMIT_NPROC) < FEW_THREADS and not _can_start(32 + 4 * cores()):
        raise ConfigError("too few threads may be started by this user. Set `ulimit -u 4096`.")
    workers = os.environ.get(WORKERS, "1")
    if not (workers.isascii() and workers.isdecimal() and int(workers)):  # delta-rs would panic
        raise ConfigError(f"{WORKERS}={workers}: expected a number of threads. Unset it, or correct it.")


@contextmanager
def stopping() -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM raise KeyboardInterrupt. Where that leads to no end within `GRACE_SECONDS`,
    or when told again, the process ends at once: what was written so far heals as after a kill.

    Python itself would wait for the call of DuckDB or delta-rs that it is in, and for its other threads.
    """
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    if threading.current_thread() is not threading.main_thread():  # signals are for that one
        numbers = []
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    if numbers:
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)  # is written to whatever Python is at
    threading.Thread(target=_end, args=(told,), daemon=True).start()
    try:
        yield
    finally:
        if not was_told():  # else the end may still have to be made
            if numbers:
                signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(tell)


def was_told() -> bool:
    """True once the process was told to stop: what fails then fails because of that."""
    return _told.is_set()


def say_stopped() -> None:
    """Once, whoever comes first: the command that was interrupted, or the end that is made of it."""
    if not _said.is_set():
        _said.set()
        with suppress(OSError):
            os.write(2, f"error {STOPPED}\n".encode())


def leave_at_once() -> None:
    """Said first, so that what others have to do at the end is done before: then the process ends with the
    code that `end` was given. Python would look for objects out of use, and free all others one by one: a
    twentieth of a small run, on one core.
    """
    atexit.register(_leave)


def end(code: int) -> None:
    """Ends the process, though nobody may be reading what it has still to print."""
    _flush()
    _code.append(code)
    sys.exit(code)


_code: list[int] = []
_told, _interrupted, _said = threading.Event(), threading.Event(), threading.Event()


def _interrupt(number: int, frame: object) -> None:
    """Once: told again, `_end` does not wait any longer."""
    if not _interrupted.is_set():
        _interrupted.set()
        _told.set()
        raise KeyboardInterrupt


def _end(told: int) -> None:
    while number := os.read(told, 1):
        if number[0] in (signal.SIGINT, signal.SIGTERM):
            _told.set()
            select.select([told], [], [], GRACE_SECONDS)
            say_stopped()
            os._exit(STOPPED_CODE)
    os.close(told)


def _leave() -> None:
    _flush()
    if _code:
        os._exit(_code[-1])


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _forget(stream)


def _forget(stream: TextIO) -> None:
    """What is still to be printed goes nowhere: Python would try again when it ends, and complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())


def _raised(limit: int) -> float:
    """A limit, raised as far as this user may."""
    soft, hard = resource.getrlimit(limit)
    with suppress(OSError, ValueError):
        resource.setrlimit(limit, (hard, hard))
        soft = hard
    return float("inf") if soft == resource.RLIM_INFINITY else soft


def _can_start(threads: int) -> bool:
    done, started = threading.Event(), []
    try:
        for _ in range(threads):
            thread: Any = threading.Thread(target=done.wait)
            thread.start()
            started.append(thread)
    except RuntimeError:
        return False
    finally:
        done.set()
        for thread in started:
            thread.join()
    return True
