"""What is published about Fabric's REST API and Delta Sharing's configuration, and whether requests and files
keep to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mergehouse.project.yaml_file import read_yaml

FACTS = read_yaml(Path(__file__).with_name("fabric_api_facts.yml"))
UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def check_request(method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
    """The operation that a request is of. Fails where the API has none such, or the body is not as it must
    be.
    """
    for operation in FACTS["operations"]:
        if operation["method"] == method and re.fullmatch(operation["path"].replace("{uuid}", UUID), path):
            assert set(query) <= set(operation.get("query", []))
            assert (body is None) == ("body" not in operation)
            if body is not None:
                check_object(body, FACTS["bodies"][operation["body"]])
            return operation
    raise AssertionError(f"{method} {path} is not in the API")


def check_shortcut(body: dict[str, Any]) -> None:
    check_object(body, FACTS["bodies"]["CreateShortcutRequest"])
    assert re.match(r"(Files|Tables)(/|$)", body["path"])
    ((kind, target),) = body["target"].items()
    check_object(target, FACTS["targets"][kind])


def check_object(found: dict[str, Any], fact: dict[str, Any]) -> None:
    assert set(fact["required"]) <= set(found) <= set(fact["fields"]), found
    for name, value in found.items():
        kind = fact["fields"][name]
        if kind in ("object", "list"):
            assert isinstance(value, {"object": dict, "list": list}[kind])
        elif kind.startswith("text"):
            longest = int(kind.removeprefix("text") or 10**6)
            assert isinstance(value, str) and 0 < len(value) <= longest
        else:
            assert re.fullmatch(UUID if kind == "uuid" else kind, value), f"{name}: {value}"


def check_sharing(config: dict[str, Any]) -> None:
    """The keys of the server's configuration, and names that are not repeated."""
    _check_keys(config, "server")
    for share in _named(config["shares"], "share"):
        for schema in _named(share["schemas"], "schema"):
            _named(schema["tables"], "table")


def _named(entries: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    for entry in entries:
        _check_keys(entry, kind)
    assert len({entry["name"].lower() for entry in entries}) == len(entries) > 0
    return entries


def _check_keys(found: dict[str, Any], kind: str) -> None:
    known = {name.rstrip("!"): type_name for name, type_name in FACTS["sharing"][kind].items()}
    assert (
        {name.rstrip("!") for name in FACTS["sharing"][kind] if name.endswith("!")}
        <= set(found)
        <= set(known)
    )
    assert all(type(value).__name__ == known[name] for name, value in found.items())
