"""OneLake shortcuts: Fabric shows the Gold tables of an object store as its own, without a copy.

One request body a table, for `POST /workspaces/{workspaceId}/items/{itemId}/shortcuts`. Source: Microsoft's
published description of the Fabric REST API (microsoft/fabric-rest-api-specs,
platform/definitions/platform.json: CreateShortcutRequest and its targets).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mergehouse.contracts.contract import Contract
from mergehouse.errors import ConfigError
from mergehouse.storage import write_folder

ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
TABLES = "Tables"


def write_shortcuts(
    folder: Path, location: str, contracts: Iterable[Contract], connection: str | None
) -> list[Path]:
    """Writes the request bodies, `<table>.json` each, and returns the files. Raises ConfigError as `shortcut`
    does.
    """
    bodies = [shortcut(location, contract.table, connection) for contract in contracts]
    return write_folder(
        folder, {f"{body['name']}.json": json.dumps(body, indent=2) + "\n" for body in bodies}
    )


def shortcut(location: str, table: str, connection: str | None) -> dict[str, Any]:
    """The request body for one table of the lakehouse at `location`, which becomes one of a schema called
    like its layer: where Direct Lake models look for it. `connection` is the id of a cloud connection in
    Fabric.

    Raises ConfigError on a location that no shortcut can point to and on a connection that is missing or no
    id.
    """
    layer, _, name = table.partition(".")
    return {
        "path": f"{TABLES}/{layer}",
        "name": name,
        "target": _target(location, table.replace(".", "/"), connection),
    }


def _target(location: str, table: str, connection: str | None) -> dict[str, Any]:
    url = urlsplit(location)
    folder = f"{url.path.strip('/')}/{table}".lstrip("/")
    if (url.hostname or "").endswith(".fabric.microsoft.com"):
        item, _, inside = folder.partition("/")
        if not (re.fullmatch(ID, url.username or "") and re.fullmatch(ID, item)):
            raise ConfigError(
                f"{location}: a shortcut within OneLake needs ids; write it"
                f" abfss://WORKSPACE_ID@{url.hostname}/LAKEHOUSE_ID/..."
            )
        return {"oneLake": {"workspaceId": url.username, "itemId": item, "path": inside}}
    if url.scheme not in ("gs", "s3") and not (url.scheme in ("abfss", "abfs") and url.username):
        raise ConfigError(
            f"{location}: no shortcut can point there; expected"
            " abfss://container@account.dfs.core.windows.net/folder, s3:// or gs://."
        )
    if connection is None or not re.fullmatch(ID, connection):
        given = "" if connection is None else f" {connection}"
        raise ConfigError(
            f"--connection{given}: expected the id of a cloud connection to {location}. In Fabric it is in"
            " the connection's settings, under Manage connections and gateways."
        )
    if url.scheme == "gs":
        place = {"location": f"https://{url.hostname}.storage.googleapis.com", "subpath": f"/{folder}"}
        return {"googleCloudStorage": place | {"connectionId": connection}}
    if url.scheme == "s3":
        region = os.environ.get("AWS_REGION")
        if not region:
            raise ConfigError(f"{location}: AWS_REGION is not set; the shortcut names the bucket's region.")
        place = {"location": f"https://{url.hostname}.s3.{region}.amazonaws.com", "subpath": f"/{folder}"}
        return {"amazonS3": place | {"connectionId": connection}}
    place = {"location": f"https://{url.hostname}", "subpath": f"/{url.username}/{folder}"}
    return {"adlsGen2": place | {"connectionId": connection}}
