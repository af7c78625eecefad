"""Files of a source that are loaded together: a commit for each of 10,000 small files would take hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mergehouse.ingest.delivery import Delivery
from mergehouse.ingest.landing import kind_of

BYTES = 32 * 2**20  # of content, so that a group fits in memory, and takes seconds
PACKED = 10  # how much larger the content of a workbook or Parquet file is than the file, about

Group = list[list[Delivery]]  # by file what it holds: itself, or sheets


def grouped(files: Iterable[list[Delivery]], most: int) -> Iterator[Group]:
    """Files in groups of at most `most`, in their order; a large one is a group of its own.

    Where a file cannot be opened, those before it come first, then the error.
    """
    group: Group = []
    weight = 0
    try:
        for file in files:
            own = sum(map(_weight, file[:1]))
            if group and (len(group) == most or weight + own > BYTES):
                yield group
                group, weight = [], 0
            group.append(file)
            weight += own
    except Exception:
        if group:
            yield group
        raise
    if group:
        yield group


def halves(group: Group) -> list[Group]:
    """A group in two, to find the file on whose account it cannot be loaded.

    >>> halves([["a"], ["b"], ["c"]])
    [[['a']], [['b'], ['c']]]
    """
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


def _weight(delivery: Delivery) -> int:
    packed = kind_of(delivery.file.name) in ("workbook", "parquet")
    return delivery.inspection.size * (PACKED if packed else 1)
