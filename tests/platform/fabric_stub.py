"""Microsoft Fabric on this machine, as far as a deployment asks it: it keeps workspaces and items, decodes
and checks each part it is sent, and answers as Fabric was recorded to.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.platform.fabric_published import UUID, keys, route, schema_faults, vendor

TOKEN = "eyJ0b2tlbg-which-nobody-is-to-see"
WORKSPACE, CAPACITY = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
IMMEDIATE = (
    "VariableLibrary",
    "Environment",
    "Notebook",
    "Lakehouse",
)  # others come by a long running operation
CULTURE = 'cultureInfo en-US\n\n\tlinguisticMetadata =\n\t\t\t{{\n\t\t\t  "Version": "{}"\n\t\t\t}}\n'
Answer = tuple[int, dict[str, str], Any]


@dataclass
class Stored:
    id: str
    kind: str
    name: str
    description: str
    parts: dict[str, str]
    members: dict[str, list[str]] = field(default_factory=dict)  # of the roles of a model
    active: str = ""
    has_schemas: bool = True

    def told(self, *more: str) -> dict[str, Any]:
        base = {
            "id": self.id, "type": self.kind, "displayName": self.name, "description": self.description,
            "workspaceId": WORKSPACE,
        }  # fmt: skip
        extra = {"properties": {}, "sensitivityLabel": {"id": CAPACITY}}
        return base | {name: extra[name] for name in more}


class Fabric:
    """`refuse` gives, by kind, the answer to whoever creates or updates an item of it; `fail` the error that
    its long running operation ends with. `exchanged` is what went to and fro; `faults` what is wrong with it.
    """

    def __init__(self) -> None:
        self.workspaces = {WORKSPACE: {"displayName": "Retail test", "capacityId": CAPACITY}}
        self.items: dict[str, Stored] = {}
        self.operations: dict[str, Answer | dict[str, Any]] = {}
        self.refuse: dict[str, tuple[int, dict[str, Any]]] = {}
        self.fail: dict[str, dict[str, Any]] = {}
        self.keep: set[str] = set()  # names that cannot be deleted
        self.read = 0  # definitions
        self.on_a_page = 1000  # items of a list
        self.ends_before = ""  # the kind of item before which the token ends
        self.exchanged: list[tuple[str, str, int, frozenset[str]]] = []
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.url = ""
        self.lock = threading.RLock()

    def item(self, kind: str) -> Stored:
        [found] = [item for item in self.items.values() if item.kind == kind]
        return found

    def answer(self, method: str, target: str, body: Any) -> Answer:
        url = urlsplit(target)
        with self.lock:
            self.asked.append(f"{method} {url.path}")
            for pattern, function in ROUTES.items():
                verb, _, path = pattern.partition(" ")
                found = re.fullmatch(path.replace("{id}", f"({UUID})"), url.path.rstrip("/"), re.IGNORECASE)
                if verb == method and found:
                    answer = getattr(self, function)(*found.groups(), body=body, query=parse_qs(url.query))
                    self.exchanged.append((method, route(url.path), answer[0], keys(answer[2])))
                    return answer
        self.faults.append(f"{method} {url.path}: this is not asked of Fabric")
        return _error(404, "NotFound", "No such thing")

    def list_workspaces(self, body: Any, query: Any) -> Answer:
        entries = [{"id": i, "type": "Workspace", **about} for i, about in self.workspaces.items()]
        return self._page(entries, 1, query, "/v1/workspaces")

    def get_workspace(self, workspace: str, body: Any, query: Any) -> Answer:
        if workspace not in self.workspaces:
            return _error(404, "WorkspaceNotFound", "The requested workspace could not be found")
        about = {
            "id": workspace, "description": "", "type": "Workspace", "capacityRegion": "West Europe",
            "oneLakeEndpoints": {}, "capacityAssignmentProgress": "Completed",
        }  # fmt: skip
        return 200, {}, about | self.workspaces[workspace]

    def list_items(self, workspace: str, body: Any, query: Any) -> Answer:
        listed = [item.told() for item in self.items.values()]
        return self._page(listed, self.on_a_page, query, f"/v1/workspaces/{workspace}/items")

    def _page(self, entries: list[Any], size: int, query: Any, path: str) -> Answer:
        at = int((query.get("continuationToken") or ["0"])[0])
        page: dict[str, Any] = {"value": entries[at : at + size]}
        if at + size < len(entries):
            page |= {"continuationToken": str(at + size), "continuationUri": f"{self.url}{path}"}
        return 200, {}, page

    def create(self, workspace: str, body: Any, query: Any) -> Answer:
        kind = body["type"]
        if kind == self.ends_before:
            return _error(401, "TokenExpired", "Access token has expired, resubmit with a new access token")
        if kind in self.refuse:
            status, error = self.refuse[kind]
            return status, {"x-ms-public-api-error-code": error["errorCode"]}, error
        if any((i.kind, i.name) == (kind, body["displayName"]) for i in self.items.values()):
            return _error(400, "ItemDisplayNameAlreadyInUse", "Requested name is already in use")
        new = Stored(str(uuid.uuid4()), kind, body["displayName"], body["description"], {})
        if kind == "Lakehouse":
            assert body["creationPayload"] == {"enableSchemas": True}
        else:
            new.parts = self._decoded(kind, body["definition"])
        if kind in self.fail:
            return self._operation(new.told(), self.fail[kind])
        self._define(new, new.parts)
        self.items[new.id] = new
        return (201, {}, new.told()) if kind in IMMEDIATE else self._operation(new.told())

    def update_definition(self, workspace: str, item: str, body: Any, query: Any) -> Answer:
        stored = self.items[item]
        if stored.kind in self.refuse:
            status, error = self.refuse[stored.kind]
            return status, {"x-ms-public-api-error-code": error["errorCode"]}, error
        parts = self._decoded(stored.kind, body["definition"])
        if stored.kind in self.fail:
            return self._operation(None, self.fail[stored.kind])
        self._define(stored, parts)
        if query.get("updateMetadata") == ["True"]:
            stored.description = json.loads(parts[".platform"])["metadata"].get("description", "")
        return (200, {}, None) if stored.kind in IMMEDIATE else self._operation(None)

    def update(self, workspace: str, item: str, body: Any, query: Any) -> Answer:
        stored = self.items[item]
        stored.description = body.get("description", stored.description)
        assert len(stored.description) <= 256
        return 200, {}, stored.told()

    def delete(self, workspace: str, item: str, body: Any, query: Any) -> Answer:
        if self.items[item].name in self.keep:
            return _error(400, "ItemInUse", "The item is in use")
        del self.items[item]
        return 200, {}, None

    def get_definition(self, workspace: str, item: str, body: Any, query: Any) -> Answer:
        stored = self.items[item]
        self.read += 1
        kept = {path: _as_kept(path, text, self.read) for path, text in stored.parts.items()}
        if stored.kind == "SemanticModel":
            kept["definition/cultures/en-US.tmdl"] = CULTURE.format(self.read)
        parts = [
            {"path": path, "payload": base64.b64encode(text.encode()).decode(), "payloadType": "InlineBase64"}
            for path, text in kept.items()
        ]
        definition = {"definition": {"parts": parts}}
        return (200, {}, definition) if stored.kind in IMMEDIATE else self._operation(definition)

    def list_folders(self, workspace: str, body: Any, query: Any) -> Answer:
        return 200, {}, {"value": []}

    def get_lakehouse(self, workspace: str, item: str, body: Any, query: Any) -> Answer:
        told = self.items[item].told("properties", "sensitivityLabel")
        endpoint = {
            "connectionString": "x.datawarehouse.fabric.microsoft.com",
            "id": CAPACITY,
            "provisioningStatus": "Success",
        }  # noqa: E501
        schema = {"defaultSchema": "dbo"} if self.items[item].has_schemas else {}
        return 200, {}, told | {"properties": {"sqlEndpointProperties": endpoint, **schema}}

    def list_environments(self, workspace: str, body: Any, query: Any) -> Answer:
        state = {"properties": {"publishDetails": {"state": "Success"}}}
        found = [i.told("properties") | state for i in self.items.values() if i.kind == "Environment"]
        return 200, {}, {"value": found}

    def publish_environment(self, workspace: str, item: str, body: Any, query: Any) -> Answer:
        return self._operation(None)

    def activate(self, workspace: str, item: str, body: Any, query: Any) -> Answer:
        stored = self.items[item]
        stored.active = body["properties"]["activeValueSetName"]
        if f"valueSets/{stored.active}.json" not in stored.parts:
            self.faults.append(f"the library has no value set {stored.active}")
        return 200, {}, stored.told("properties", "sensitivityLabel")

    def get_operation(self, operation: str, body: Any, query: Any) -> Answer:
        found = self.operations[operation]
        assert isinstance(found, dict)
        error = found.get("error")
        state = {
            "status": "Failed" if error else "Succeeded", "createdTimeUtc": "2026-11-25T08:00:00.0000000",
            "lastUpdatedTimeUtc": "2026-11-25T08:00:01.0000000", "percentComplete": None if error else 100,
            "error": error,
        }  # fmt: skip
        headers = {"x-ms-operation-id": operation}
        if not error and found["result"] is not None:
            headers["Location"] = f"{self.url}/v1/operations/{operation}/result"
        return 200, headers, state

    def get_result(self, operation: str, body: Any, query: Any) -> Answer:
        found = self.operations[operation]
        assert isinstance(found, dict)
        return 200, {}, found["result"]

    def _operation(self, result: Any, error: dict[str, Any] | None = None) -> Answer:
        operation = str(uuid.uuid4())
        self.operations[operation] = {"result": result, "error": error}
        headers = {
            "Location": f"{self.url}/v1/operations/{operation}", "x-ms-operation-id": operation,
            "Retry-After": "0",
        }  # fmt: skip
        return 202, headers, None

    def _decoded(self, kind: str, definition: dict[str, Any]) -> dict[str, str]:
        """The parts as text. Every one is decoded; JSON is held to its published schema, ids to be real."""
        parts: dict[str, str] = {}
        for part in definition["parts"]:
            if part["payloadType"] != "InlineBase64" or part["path"] in parts:
                self.faults.append(f"{kind}: part {part['path']} twice, or not in base64")
            parts[part["path"]] = base64.b64decode(part["payload"], validate=True).decode("utf-8")
        if json.loads(parts[".platform"])["metadata"]["type"] != kind:
            self.faults.append(f"{kind}: .platform of another type")
        if vendor():
            self.faults += [f"{kind}: {fault}" for fault in schema_faults(parts)]
        for path, text in parts.items():
            if "00000000-0000-0000-0000-000000000000" in text:
                self.faults.append(f"{kind}: {path} has an id that was not replaced")
        return parts

    def _define(self, stored: Stored, parts: dict[str, str]) -> None:
        """A role keeps its members where it is the same one: by its name and the id that Power BI gave it."""
        before, stored.parts = stored.members, parts
        named = {
            f"{name}/{re.search(r'PBI_Id = (.*)', text)}"
            for path, text in parts.items()
            if (name := path.removeprefix("definition/roles/")) != path
        }
        stored.members = {role: before.get(role, []) for role in sorted(named)}


ROUTES = {
    "GET /v1/workspaces": "list_workspaces",
    "GET /v1/workspaces/{id}": "get_workspace",
    "GET /v1/workspaces/{id}/items": "list_items",
    "POST /v1/workspaces/{id}/items": "create",
    "PATCH /v1/workspaces/{id}/items/{id}": "update",
    "DELETE /v1/workspaces/{id}/items/{id}": "delete",
    "POST /v1/workspaces/{id}/items/{id}/updateDefinition": "update_definition",
    "POST /v1/workspaces/{id}/items/{id}/getDefinition": "get_definition",
    "GET /v1/workspaces/{id}/folders": "list_folders",
    "GET /v1/workspaces/{id}/lakehouses/{id}": "get_lakehouse",
    "GET /v1/workspaces/{id}/environments": "list_environments",
    "POST /v1/workspaces/{id}/environments/{id}/staging/publish": "publish_environment",
    "PATCH /v1/workspaces/{id}/VariableLibraries/{id}": "activate",
    "GET /v1/operations/{id}": "get_operation",
    "GET /v1/operations/{id}/result": "get_result",
}


def _error(status: int, code: str, message: str) -> Answer:
    body = {
        "requestId": str(uuid.uuid4()), "errorCode": code, "message": message, "moreDetails": [],
        "isRetriable": False,
    }  # fmt: skip
    return status, {"x-ms-public-api-error-code": code}, body


def _as_kept(path: str, text: str, read: int) -> str:
    """The service writes a definition anew: other line ends, other order, and what it says itself of who
    saved it when, which may be other each time.
    """
    if path.endswith("model.tmdl"):
        return text.replace("\n", "\r\n") + "\r\n\tannotation __PBI_TimeIntelligenceEnabled = 1\r\n"
    if path == "pipeline-content.json":
        content = json.loads(text)
        content["properties"] |= {
            "lastModifiedByObjectId": CAPACITY,
            "lastPublishTime": f"2026-11-25T08:{read:02}Z",
        }
        return json.dumps(content)
    if path.endswith(".json") or path == ".schedules":
        return json.dumps(dict(reversed(json.loads(text).items())))
    return text.replace("\n", "\r\n") if path.endswith(".tmdl") else text


@contextmanager
def serving(fabric: Fabric) -> Iterator[str]:
    """The address that the stub answers at."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content else None
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, headers, answer = _error(401, "Unauthorized", "No token")
            else:
                status, headers, answer = fabric.answer(self.command, self.path, body)
            # a body of `null` where the trace has one
            payload = json.dumps(answer).encode()
            self.send_response(status)
            sent = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(payload))}
            for name, value in {**sent, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    fabric.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fabric.url
    finally:
        server.shutdown()
        server.server_close()
