"""Work that shares nothing, on several cores at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from threadpoolctl import threadpool_limits

Given = TypeVar("Given")
Made = TypeVar("Made")


def side_by_side(work: Callable[[Given], Made], of: Sequence[Given], threads: int = 1) -> Iterator[Made]:
    """What `work` makes of each, in their order, so many at once. Libraries that would take threads of their
    own for one piece of work, and wait for them, take none.

    >>> list(side_by_side(abs, [-1, 2, -3], threads=2))
    [1, 2, 3]
    """
    if threads == 1:
        yield from map(work, of)
        return
    # OpenMP's limit is each thread's own
    with ThreadPoolExecutor(threads, initializer=partial(threadpool_limits, 1, "openmp")) as pool:
        yield from pool.map(work, of)
