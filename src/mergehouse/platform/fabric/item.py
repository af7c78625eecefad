"""An item of Microsoft Fabric: a folder `<name>.<kind>` in the format of Fabric's Git integration.

Source: Microsoft's page on the Git source code format and its schema of `.platform`
(gitIntegration/platformProperties/2.0.0).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
PLATFORM = ".platform"
THIS_WORKSPACE = "00000000-0000-0000-0000-000000000000"  # the workspace that the item itself is in
WRITTEN_BY = "Written by mergehouse"  # how a description begins
Key = tuple[str, str]  # kind and name, by which a workspace knows an item
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Unreadable(ValueError):
    """A file of an item is missing or is not what its name says."""


@dataclass(frozen=True)
class Item:
    """`files` by path within its `folder`, without `.platform`. Other items name it by `logical_id`; when it
    is deployed, the id that it has in the workspace takes that one's place.
    """

    kind: str
    name: str
    logical_id: str
    files: Mapping[str, str]
    description: str
    folder: str

    @property
    def key(self) -> Key:
        return self.kind, self.name

    def texts(self) -> dict[str, str]:
        """Every file, with its path below the folder of all items.

        >>> sorted(made("Lakehouse", "retail", {"lakehouse.metadata.json": "{}"}, "tables").texts())
        ['retail.Lakehouse/.platform', 'retail.Lakehouse/lakehouse.metadata.json']
        """
        platform = {
            "$schema": f"{SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
            "metadata": {"type": self.kind, "displayName": self.name, "description": self.description},
            "config": {"version": "2.0", "logicalId": self.logical_id},
        }
        return {
            f"{self.folder}/{path}": text
            for path, text in {PLATFORM: written(platform), **self.files}.items()
        }

    def json(self, path: str) -> dict[str, Any]:
        """A file of the item as a JSON object. Raises Unreadable."""
        if path not in self.files:
            raise Unreadable(f"{path} is missing")
        return _object(self.files[path], path)


def logical_id(kind: str, name: str) -> str:
    """The same in every copy of the items, so that a second writing and a second deployment know them again.

    >>> logical_id("Lakehouse", "retail") == logical_id("Lakehouse", "retail")
    True
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mergehouse/fabric/{name}.{kind}"))


def made(kind: str, name: str, files: Mapping[str, str], what: str) -> Item:
    """An item of ours: its description begins so that it is known in a workspace among those of others."""
    folder = f"{name}.{kind}"
    return Item(kind, name, logical_id(kind, name), files, f"{WRITTEN_BY}: {what}", folder)


def written(content: Any) -> str:
    """JSON as it stands in files.

    >>> written({"a": "ü"})
    '{\\n  "a": "ü"\\n}\\n'
    """
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def items_in(texts: Mapping[str, str]) -> Iterator[Item | str]:
    """The items of a folder, and of each that is none what is wrong with it. `texts` by path below it."""
    folders = {path.rsplit("/", 1)[0] for path in texts if path.rsplit("/", 1)[-1] == PLATFORM}
    for folder in sorted(folders):
        files = {p.removeprefix(f"{folder}/"): t for p, t in texts.items() if p.startswith(f"{folder}/")}
        try:
            platform = _object(files.pop(PLATFORM), PLATFORM)
            yield Item(
                platform["metadata"]["type"],
                platform["metadata"]["displayName"],
                platform["config"]["logicalId"],
                files,
                platform["metadata"].get("description", ""),
                folder,
            )
        except Unreadable as error:
            yield f"{folder}: {error}."
        except (KeyError, TypeError, AttributeError):
            yield f"{folder}/{PLATFORM}: expected metadata.type, metadata.displayName and config.logicalId."


def is_uuid(text: object) -> bool:
    """
    >>> is_uuid(logical_id("Report", "Suite")), is_uuid(7), is_uuid("x")
    (True, False, False)
    """
    return isinstance(text, str) and bool(re.fullmatch(UUID, text))


def _object(text: str, path: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"{path} is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise Unreadable(f"{path} is JSON, but no object")
    return found
