"""A folder of generated files that people open and edit: what they changed is never written over unasked.

What was written last is kept in `.mergehouse.json`, by path and SHA-256. All files are written beside the
folder's own first and moved there when the last one is there, so what is refused leaves everything as it was;
after a kill in between, the same command heals.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from mergehouse.errors import ConfigError
from mergehouse.machine import unwritable

RECORD, UNFINISHED = ".mergehouse.json", ".mergehouse-unfinished"
SHOWN = 5  # files in a message


@dataclass(frozen=True)
class Written:
    """Paths in the folder: those written, those that were as they had to be, and those that went."""

    folder: Path
    written: list[str]
    unchanged: list[str]
    removed: list[str]


def write_generated(folder: Path, files: dict[str, str], overwrite: bool = False) -> Written:
    """Brings the folder to `files`; files of others that stand beside them stay.

    A file that is as it must be is not touched. Raises ConfigError, and changes nothing, where a file was
    edited, or is there and none of ours, unless `overwrite`; and where the folder cannot be written.

    >>> write_generated(Path("generated"), {"a.txt": "one"}).written
    ['a.txt']
    >>> _ = Path("generated/a.txt").write_text("mine")
    >>> write_generated(Path("generated"), {"a.txt": "two"})
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: generated: edited since it was written, and not written over: a.txt. ...
    >>> write_generated(Path("generated"), {"a.txt": "two"}, overwrite=True).written
    ['a.txt']
    """
    try:
        known = _record(folder)
        there = {path: _digest(folder / path) for path in {*known, *files}}
        new = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
        edited = [path for path in sorted(there) if there[path] not in (None, known.get(path), new.get(path))]
        if edited and not overwrite:
            raise ConfigError(_refusal(folder, edited))
        written = [path for path in files if there[path] != new[path]]
        removed = [path for path in known if path not in files and there[path]]
        if written or removed or known != new:
            _bring(folder, {path: files[path] for path in written}, removed, new)
    except OSError as error:
        raise ConfigError(unwritable(folder, error)) from None
    unchanged = [path for path in files if path not in written]
    return Written(folder, written, unchanged, removed)


def _bring(folder: Path, files: dict[str, str], removed: list[str], record: dict[str, str]) -> None:
    beside = folder / UNFINISHED
    shutil.rmtree(beside, ignore_errors=True)
    try:
        for path, text in {**files, RECORD: json.dumps(record, indent=1) + "\n"}.items():
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).write_text(text, encoding="utf-8", newline="\n")
        for path in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).replace(folder / path)
        for path in removed:
            (folder / path).unlink(missing_ok=True)
            _remove_empty((folder / path).parent, folder)
        (beside / RECORD).replace(folder / RECORD)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _remove_empty(place: Path, folder: Path) -> None:
    while place != folder and not any(place.iterdir()):
        place.rmdir()
        place = place.parent


def _record(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, UnicodeDecodeError):
        raise ConfigError(
            f"{folder / RECORD}: cannot be read, so it cannot be told what was edited. Put it back, or write"
            " to another folder."
        ) from None
    return {str(path): str(digest) for path, digest in found.items() if _is_within(str(path))}


def _is_within(path: str) -> bool:
    """The record is a file that anybody may have written: nothing outside of the folder is removed."""
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def _digest(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _refusal(folder: Path, edited: list[str]) -> str:
    named = ", ".join(edited[:SHOWN]) + (f" and {len(edited) - SHOWN} more" if len(edited) > SHOWN else "")
    return (
        f"{folder}: edited since it was written, and not written over: {named}. Write to another folder and"
        " compare, or take what is generated with --overwrite; nothing was changed."
    )
