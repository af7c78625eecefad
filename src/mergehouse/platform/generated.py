"""A folder of generated files: written whole, what a person edited in it is not lost, what is no longer
generated goes.

`.mergehouse.json` in it says what was written last, by SHA-256. It is written last, so that whoever is killed
half way writes again and finds nothing that looks edited.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mergehouse.errors import ConfigError

RECORD = ".mergehouse.json"
SHOWN = 5


@dataclass(frozen=True)
class Written:
    """Paths below the folder: `changed` are new or other than they were, `removed` no longer generated."""

    files: list[str]
    changed: list[str]
    removed: list[str]


def write_generated(folder: Path, texts: Mapping[str, str], overwrite: bool = False) -> Written:
    """Writes `texts`, by path below `folder`. Files that it did not write are left alone.

    Raises ConfigError where a file is not as it was written last, unless `overwrite`, and where the folder
    cannot be written; nothing is written then, or a second writing heals it.

    >>> write_generated(Path("out"), {"a/b.json": "{}"}).changed
    ['a/b.json']
    >>> _ = Path("out/a/b.json").write_text("edited")
    >>> write_generated(Path("out"), {"a/b.json": "[]"})
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: out: edited since it was written: a/b.json. ...
    """
    try:
        known = _known(folder)
        there = {path: text for path in {*known, *texts} if (text := _text(folder / path)) is not None}
        edited = [
            path
            for path, text in there.items()
            if text != texts.get(path)
            and (path in known or path in texts)
            and _digest(text) != known.get(path)
        ]
        if edited and not overwrite:
            raise ConfigError(
                f"{folder}: edited since it was written: {_listed(edited)}. Write into another folder and"
                " take the changes over, or say --overwrite to lose them."
            )
        changed = sorted(path for path, text in texts.items() if there.get(path) != text)
        for path in changed:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            unfinished = (folder / path).with_name(f".{(folder / path).name}.unfinished")
            unfinished.write_text(texts[path], encoding="utf-8", newline="\n")
            unfinished.replace(folder / path)
        removed = sorted(path for path in there if path not in texts)
        for path in removed:
            _remove(folder, path)
        record = {path: _digest(text) for path, text in sorted(texts.items())}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror or error}).") from None
    return Written(sorted(texts), changed, removed)


def read_generated(folder: Path) -> dict[str, str]:
    """Every text file below a folder, by path, but those of Git and the record. Raises ConfigError.

    >>> _ = write_generated(Path("out"), {"a/b.json": "{}"})
    >>> read_generated(Path("out"))
    {'a/b.json': '{}'}
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: there is no such folder. `mergehouse platform fabric {folder}` writes it."
        )
    found = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and ".git" not in path.parts and path.name != RECORD:
            text = _text(file)
            if text is None:
                raise ConfigError(f"{file}: cannot be read.")
            found[path.as_posix()] = text
    return found


def _known(folder: Path) -> dict[str, str]:
    try:
        found = json.loads(_text(folder / RECORD) or "{}")
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""


def _remove(folder: Path, path: str) -> None:
    (folder / path).unlink()
    for parent in (folder / path).parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(sorted(paths)[:SHOWN]) + more
