"""A workspace of Microsoft Fabric: which items it has, what they are made of, what is said of them.

Source: Microsoft's published description of the API (platform/swagger.json: List Workspaces, List Items, Get
Item Definition, Update Item; lakehouse/swagger.json: Get Lakehouse).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from mergehouse.errors import ConfigError
from mergehouse.platform.fabric.api import ADVICE, FabricApi
from mergehouse.platform.fabric.item import Key, is_uuid
from mergehouse.project.validation import nearest_known

TODO = ADVICE | {
    403: "Give the identity the role of a contributor in the workspace",
    404: "Correct --workspace, or give the identity a role in it",
}


@dataclass(frozen=True)
class WorkspaceItem:
    """An item that is in a workspace."""

    id: str
    kind: str
    name: str
    description: str

    @property
    def key(self) -> Key:
        return self.kind, self.name


@dataclass(frozen=True)
class Workspace:
    """A workspace as an identity sees it. `has_capacity` where items other than Power BI's can be in it."""

    api: FabricApi
    id: str
    name: str
    has_capacity: bool

    def items(self) -> list[WorkspaceItem]:
        """Everything that is in it. Raises FabricError."""
        found = self.api.get_all(f"/workspaces/{self.id}/items", TODO)
        return [
            WorkspaceItem(i["id"], i["type"], i["displayName"], i.get("description") or "") for i in found
        ]

    def definition(self, item: WorkspaceItem) -> dict[str, str]:
        """The text files that an item is made of, by path, as the service has them. Raises FabricError."""
        wanted = "?format=TMDL" if item.kind == "SemanticModel" else ""
        path = f"/workspaces/{self.id}/items/{item.id}/getDefinition{wanted}"
        status, headers, answer = self.api.request("POST", path, advice=TODO)
        if status == 202:
            answer = self.api.result(f"reading {item.kind} {item.name}", headers)
        parts = (answer.get("definition") or {}).get("parts") or []
        return {part["path"]: text for part in parts if (text := _text(part)) is not None}

    def has_schemas(self, lakehouse: WorkspaceItem) -> bool:
        """Whether a lakehouse was made with schemas; it stays as it was made. Raises FabricError."""
        _, _, answer = self.api.request(
            "GET", f"/workspaces/{self.id}/lakehouses/{lakehouse.id}", advice=TODO
        )
        return "defaultSchema" in (answer.get("properties") or {})

    def describe(self, item: WorkspaceItem, description: str) -> None:
        """Changes what is said of an item. Raises FabricError."""
        path = f"/workspaces/{self.id}/items/{item.id}"
        self.api.request("PATCH", path, {"description": description}, TODO)


def workspace(api: FabricApi, named: str) -> Workspace:
    """The workspace of an id or a name. Raises ConfigError where the identity sees no such, FabricError."""
    identity = named.lower()
    if not is_uuid(identity):
        there = {found["displayName"]: found["id"] for found in api.get_all("/workspaces", TODO)}
        if named not in there:
            raise ConfigError(f"--workspace: there is no `{named}`{nearest_known(named, there)}")
        identity = there[named]
    _, _, found = api.request("GET", f"/workspaces/{identity}", advice=TODO)
    return Workspace(api, identity, found.get("displayName", named), bool(found.get("capacityId")))


def _text(part: dict[str, Any]) -> str | None:
    try:
        return base64.b64decode(part["payload"]).decode("utf-8")
    except (ValueError, KeyError):
        return None  # an image, which nobody compares
