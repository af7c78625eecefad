"""What the machine refuses, in words, and what it has: memory and cores."""

from __future__ import annotations

import errno
import os
import re
import resource
from pathlib import Path

from mergehouse.errors import LakehouseError

MB, GB = 2**20, 2**30
_WORDS = {  # by error number, what it means and what to do
    errno.EACCES: "no permission. Give this user the right to read and write it",
    errno.EPERM: "no permission. Give this user the right to read and write it",
    errno.EROFS: "its file system is read-only. Mount it for writing, or name another folder",
    errno.EDQUOT: "this user's quota of the disk is used up. Free some space, or have the quota raised",
    errno.EFBIG: "files may not grow any further in this shell. Raise its limit, `ulimit -f unlimited`",
    errno.EMFILE: "no more files may be open in this shell. Raise its limit, `ulimit -n 1024`",
    errno.ENFILE: "no more files may be open on this machine. End other programs, or raise `fs.file-max`",
    errno.EIO: "the disk failed to read or write. Look into the machine's log before anything else",
    errno.ENAMETOOLONG: "its name or path is too long for the file system. Shorten it",
    errno.ELOOP: "its symbolic links lead in a circle. Mend them",
    errno.ENOTDIR: "a file stands where a folder is expected. Move it away, or name another folder",
    errno.EISDIR: "a folder stands where a file is expected. Move it away",
    errno.ESTALE: "the network file system has lost it. Mount that again",
    errno.ENOLCK: "its file system has no locks. Name a folder of another one",
    errno.EAGAIN: "no more threads may be started. Raise this user's limit, `ulimit -u`, or set fewer"
    " `limits.threads` in mergehouse.yml",
    errno.ENOMEM: "memory ran out. Lower `limits.memory` and `limits.threads` in mergehouse.yml, or raise"
    " what this process may have (`ulimit -v`, the container's limit)",
}
# what is said where no number is: by Rust, by DuckDB, by Python
_NUMBERS = {
    **{re.escape(os.strerror(number)): number for number in _WORDS},
    "failed to allocate|Allocation failure|memory allocation|bad_alloc|[Cc]annot allocate": errno.ENOMEM,
    "start new thread|spawn.{0,20}thread": errno.EAGAIN,
    "No space left|[Dd]isk.{0,9}full": errno.ENOSPC,
}
_FULL_DISK = "the disk is full{free}. Free some space"
_NO_INODES = (
    "its file system is out of inodes: it takes no more files, however small{free}. Remove files that nobody"
    " needs"
)
_PLACE = re.compile(r"""["'](/[^"']+)["']""")


def refusal(error: BaseException, place: Path | None = None) -> str | None:
    """What the machine refused and what to do about it; None where an error says something else.

    `place` is where something was written: the same error number says that a disk is full and that it is out
    of inodes.

    >>> refusal(OSError("Too many open files (os error 24)"))
    'no more files may be open in this shell. Raise its limit, `ulimit -n 1024`'
    >>> refusal(ValueError("7")) is None
    True
    """
    number = _number(error)
    if number != errno.ENOSPC:
        return _WORDS.get(number) if number else None
    if place is None:
        return _FULL_DISK.format(free="")
    disk = os.statvfs(existing(place))
    full = _NO_INODES if disk.f_files and not disk.f_favail else _FULL_DISK
    return full.format(free=f" ({disk.f_bavail * disk.f_frsize // MB} MB free)")


def unwritable(place: Path | str, error: OSError) -> str:
    """One message about a file or folder that could not be written.

    >>> unwritable("out/sales.csv", OSError(30, "Read-only file system"))
    'out/sales.csv: cannot be written: its file system is read-only. Mount it for writing, or ...'
    """
    if isinstance(error, FileExistsError):  # where a folder was to be made
        error = NotADirectoryError(errno.ENOTDIR, "")
    return f"{place}: cannot be written: {refusal(error, Path(place)) or error.strerror or error}."


def unreadable(place: Path | str, error: OSError) -> str:
    """One message about a file or folder that could not be read.

    >>> unreadable("sales.csv", OSError(30, "Read-only file system"))[:25]
    'sales.csv: cannot be read'
    """
    return f"{place}: cannot be read: {refusal(error) or error.strerror or error}."


def refused(error: BaseException) -> LakehouseError | None:
    """What the machine refused as one message, with the file that an error names; None where it is no such
    error.

    >>> str(refused(PermissionError(13, "Permission denied", "brands/shop/brand.yml")))
    'brands/shop/brand.yml: no permission. Give this user the right to read and write it, and run again.'
    """
    named = getattr(error, "filename", None) or next(iter(_PLACE.findall(str(error))), "")
    words = refusal(error, Path(os.fsdecode(named)) if isinstance(named, (str, bytes)) and named else None)
    if words is None:
        return None
    return LakehouseError(f"{f'{os.fsdecode(named)}: ' if named else ''}{words}, and run again.")


def existing(path: Path) -> Path:
    """The folder itself or, where it is not there yet, the next one above it that is.

    >>> existing(Path("/no/such/folder"))
    PosixPath('/')
    """
    while not os.path.exists(path) and path != path.parent:  # noqa: PTH110 - Path's raises without permission
        path = path.parent
    return path


def memory() -> int:
    """Bytes of memory that this process may have: the machine's, a container's, or what `ulimit -v` leaves.

    >>> memory() > 100 * MB
    True
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(file).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or `max`
            continue
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return min(limits + ([soft] if soft != resource.RLIM_INFINITY else []))


def usable_memory() -> int:
    """What an engine may take of that: four fifths, for Python needs some, too."""
    return memory() * 4 // 5


def cores() -> int:
    """Cores that this process may use.

    >>> cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _number(error: BaseException) -> int | None:
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno:
        return error.errno
    text = str(error)
    if found := re.search(r"os error (\d+)|code: (\d+), kind", text):
        return int(found[1] or found[2])
    return next((number for said, number in _NUMBERS.items() if re.search(said, text)), None)
