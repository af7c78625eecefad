"""Small files are folded together, so that a table that many small deliveries reach stays a few files.

As in a log-structured merge tree: where a partition would have more than `FILES` small files, the smallest
go into one, and with them those that are not much larger. What was written once is so written again but a
few times, and large files are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mergehouse.lakehouse.files import LiveFile, live_files, needs_safe_reader, writer_properties

if TYPE_CHECKING:
    from deltalake import DeltaTable

FILES = 3  # small ones, of a partition
LARGE = 4 * 2**20  # bytes from which on a file is left alone: half of what a run makes files of
MUCH_LARGER = 2  # times what is folded so far


def folded_with(
    files: Iterable[LiveFile],
    replaced: Iterable[LiveFile],
    rows: int,
    partitions: Iterable[tuple[str, ...]],
) -> list[LiveFile]:
    """Which of the `files` that stay are to be written together with what is written anyway: the rest of
    `replaced` ones, and new `rows` in some `partitions`.

    >>> few = [LiveFile(str(n), 1_000, 10, ()) for n in range(3)]
    >>> [file.path for file in folded_with(few, [], rows=10, partitions=[()])]
    ['0', '1', '2']
    >>> folded_with(few[:2], [], rows=10, partitions=[()])
    []
    """
    staying, rewritten = _by_partition(files), _by_partition(replaced)
    there = sum(f.rows for group in (staying, rewritten) for found in group.values() for f in found)
    size = sum(f.bytes for group in (staying, rewritten) for found in group.values() for f in found)
    new = rows * size // max(there, 1)
    return [
        file
        for partition in {*partitions, *rewritten}
        for file in _smallest(staying[partition], new + sum(f.bytes for f in rewritten[partition]), FILES - 1)
    ]


def fold(delta: DeltaTable) -> bool:
    """Folds small files in a commit of its own where they are too many, as those of a table that rows are
    appended to. True where it did.

    >>> import duckdb
    >>> from mergehouse.lakehouse.writing import append
    >>> from mergehouse.lakehouse.delta import Lakehouse
    >>> lakehouse = Lakehouse("new")
    >>> for n in range(4):
    ...     append(lakehouse, "gold.notes", duckdb.sql(f"SELECT {n} AS note"))
    >>> delta = lakehouse.delta("gold.notes")
    >>> fold(delta), len(live_files(delta)), fold(delta)
    (True, 1, False)
    """
    if needs_safe_reader(delta):  # of deletion vectors delta-rs makes no new files
        return False
    chosen = [_smallest(files, 0, FILES) for files in _by_partition(live_files(delta)).values()]
    size = max((sum(f.bytes for f in files) for files in chosen), default=0)
    if size:
        delta.optimize.compact(target_size=size, writer_properties=writer_properties())
    return bool(size)


def _smallest(files: Sequence[LiveFile], size: int, may_stay: int) -> list[LiveFile]:
    """The files to fold with `size` other bytes, so that beside the outcome few enough stay."""
    small = sorted((f for f in files if f.bytes < LARGE), key=lambda f: f.bytes)
    if len(small) <= may_stay:
        return []
    folded: list[LiveFile] = []
    for number, file in enumerate(small):
        if len(small) - number < FILES and file.bytes > MUCH_LARGER * size:
            break
        folded.append(file)
        size += file.bytes
    return folded


def _by_partition(files: Iterable[LiveFile]) -> defaultdict[tuple[str, ...], list[LiveFile]]:
    found = defaultdict[tuple[str, ...], list[LiveFile]](list)
    for file in files:
        found[file.partition].append(file)
    return found
