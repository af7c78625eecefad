"""Whose a lakehouse is: one project's, in all of its environments that name it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mergehouse.errors import ConfigError
from mergehouse.json_text import json_text
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import CONFIG_FILE, Project
from mergehouse.storage import storage_errors

OWNER = "_project.json"
KEYS = {"project": str, "folder": str, "brands": list}


def claim(lakehouse: Lakehouse, project: Project) -> None:
    """Notes in the lakehouse whose it is. Raises ConfigError where it is another project's.

    >>> claim(Lakehouse("new"), mh.project("shop"))
    >>> json.loads(Path("new/_project.json").read_text())["project"]
    'tiny'
    """
    wanted = {
        "project": project.config.name,
        "folder": str(project.folder.resolve()),
        "brands": list(project.brands),
    }
    found = expect_own(lakehouse, project)
    if found != wanted:
        with storage_errors(lakehouse.location, OWNER):
            lakehouse.store.put(OWNER, json_text(wanted).encode())


def expect_own(lakehouse: Lakehouse, project: Project) -> dict[str, Any]:
    """What the lakehouse says of whose it is; nothing where no run has said so yet.

    A project is known by its name; one of the same name in another folder is the same that was moved, or a
    copy at work on it, if it has any of its brands. Raises ConfigError where it is another one.

    >>> expect_own(mh.open("shop"), mh.project("shop"))["brands"]
    ['shop']
    """
    found = _read(lakehouse)
    if not found:
        return {}
    is_same = found["project"] == project.config.name
    if is_same and (found["folder"] == str(project.folder.resolve()) or _share(found, project)):
        return found
    other, own = found["project"], project.folder / CONFIG_FILE
    raise ConfigError(
        f"{lakehouse.location}: this lakehouse has the tables of another project, `{other}` in"
        f" {found['folder']} (brands {', '.join(found['brands']) or 'none'}): a run would put those of"
        f" `{project.config.name}` in their place. Give `lakehouse` in {own} a place of its own. If it is the"
        f" same project under another name, or is to take the lakehouse over, remove"
        f" {lakehouse.location}/{OWNER} and run again."
    )


def _share(found: dict[str, Any], project: Project) -> bool:
    return bool(set(found["brands"]) & project.brands.keys()) or not found["brands"]


def _read(lakehouse: Lakehouse) -> dict[str, Any]:
    """Nothing, too, where it cannot be read: the next run writes it anew."""
    if not lakehouse.is_remote:
        file = Path(lakehouse.location) / OWNER
        text = file.read_bytes() if file.is_file() else b""
    else:
        with storage_errors(lakehouse.location, OWNER):
            try:
                text = bytes(lakehouse.store.get(OWNER).bytes())
            except FileNotFoundError:
                return {}
    try:
        found = json.loads(text)
        return {key: kind(found[key]) for key, kind in KEYS.items()}
    except (ValueError, TypeError, KeyError):
        return {}
