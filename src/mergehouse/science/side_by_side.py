"""Work that shares nothing, on several cores at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from threadpoolctl import threadpool_limits

from mergehouse.machine import cores

AT_ONCE = 4  # of a million customers each takes some 600 MB
Given = TypeVar("Given")
Made = TypeVar("Made")


@contextmanager
def workers(threads: int | None) -> Iterator[Executor]:
    """So many threads to work on, but no more than there are cores, or AT_ONCE. Libraries that would take
    threads of their own for one piece of work, and wait for them, take none. After a fault what has begun is
    waited for, and nothing else is begun.

    >>> with workers(2) as pool:
    ...     pool.submit(abs, -1).result()
    1
    """
    # OpenMP's limit is each thread's own
    at_once = min(threads or AT_ONCE, cores(), AT_ONCE)
    pool = ThreadPoolExecutor(at_once, initializer=partial(threadpool_limits, 1, "openmp"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def side_by_side(
    work: Callable[[Given], Made], of: Iterable[Given], pool: Executor | None = None
) -> Iterable[Made]:
    """What `work` makes of each, in their order: all are begun now by the pool's workers; without a pool each
    is made when it is asked for.

    >>> with workers(2) as pool:
    ...     list(side_by_side(abs, [-1, 2, -3], pool))
    [1, 2, 3]
    """
    return map(work, of) if pool is None else pool.map(work, of)
