"""What Microsoft published about Fabric's items and its REST API, read from `../shared/vendor` beside the
checkout: JSON schemas, the descriptions of the API, and a recorded trace of fabric-cicd.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/"
UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
ANSWERED = 3  # a shape that the trace has less often is another thread's answer written beside the question


def vendor() -> Path | None:
    named = os.environ.get("MERGEHOUSE_PUBLISHED")
    places = [Path(named)] if named else [up / "shared" / "vendor" for up in Path(__file__).resolve().parents]
    return next((place for place in places if (place / "schemas-fabric").is_dir()), None)


needed = pytest.mark.skipif(
    vendor() is None,
    reason="no published schemas: ../shared/vendor not found (MERGEHOUSE_PUBLISHED names it)",
)


@functools.cache
def _registry() -> Registry:
    """Every schema by its path: eleven files name themselves wrongly."""
    folder = vendor()
    assert folder
    resources = []
    for file in sorted((folder / "schemas-fabric").rglob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        content["$id"] = f"{SCHEMAS}{file.relative_to(folder / 'schemas-fabric').as_posix()}"
        resources.append((content["$id"], Resource.from_contents(content, default_specification=DRAFT7)))
    return Registry().with_resources(resources)


@functools.cache
def _validator(schema: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(_registry().contents(schema), registry=_registry())


def schema_faults(texts: dict[str, str]) -> list[str]:
    """What the published schemas say against the JSON files that name one."""
    faults = []
    for path, text in texts.items():
        try:
            content = json.loads(text)
        except ValueError:
            continue
        named = content.get("$schema", "") if isinstance(content, dict) else ""
        if named.startswith(SCHEMAS):
            for error in _validator(named).iter_errors(content):
                faults.append(f"{path}: {error.json_path}: {error.message[:120]}")
    return faults


@functools.cache
def recorded() -> dict[tuple[str, str], dict[int, set[frozenset[str]]]]:
    """By method and route: the statuses that fabric-cicd was answered, and the keys of the answers."""
    folder = vendor()
    assert folder
    traces = json.loads(gzip.decompress((folder / "fabric-cicd-trace" / "http_trace.json.gz").read_bytes()))
    seen: dict[Any, int] = defaultdict(int)
    for trace in traces["traces"]:
        if answer := trace["response"]:
            key = (trace["request"]["method"], route(trace["request"]["url"]))
            seen[(*key, answer["status_code"], keys(answer["body"]))] += 1
    found: dict[tuple[str, str], dict[int, set[frozenset[str]]]] = defaultdict(lambda: defaultdict(set))
    for (method, path, status, named), often in seen.items():
        if often >= ANSWERED:
            found[method, path][status].add(named)
    return found


@functools.cache
def described() -> dict[tuple[str, str], dict[int, frozenset[str] | None]]:
    """By method and route: the statuses that the published descriptions have, and the keys an answer may
    have; None where it has no body.
    """
    folder = vendor()
    assert folder
    found: dict[tuple[str, str], dict[int, frozenset[str] | None]] = {}
    for file in sorted((folder / "fabric-rest").rglob("swagger.json")):
        for path, operations in json.loads(file.read_text(encoding="utf-8-sig"))["paths"].items():
            plain = re.sub(r"\{\w+\}", "{id}", path.partition("?")[0]).lower()
            for method, operation in operations.items():
                answers = operation.get("responses", {}) if isinstance(operation, dict) else {}
                found[method.upper(), f"/v1{plain}"] = {
                    int(status): _properties(answer.get("schema"), file)
                    for status, answer in answers.items()
                    if status.isdecimal()
                }
    return found


def _properties(schema: dict[str, Any] | None, file: Path) -> frozenset[str] | None:
    if schema is None:
        return None
    return frozenset(_keys_of(schema, file))


def _keys_of(schema: dict[str, Any], file: Path) -> Iterator[str]:
    if "$ref" in schema:
        place, _, pointer = schema["$ref"].partition("#/")
        other = (file.parent / place).resolve() if place else file
        target: Any = _swagger(other)
        for part in pointer.split("/"):
            target = target[part]
        yield from _keys_of(target, other)
    yield from schema.get("properties", {})
    for part in schema.get("allOf", []):
        yield from _keys_of(part, file)


@functools.cache
def _swagger(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8-sig"))


def route(url: str) -> str:
    """A URL without host, query and ids, in small letters."""
    path = re.sub(r"https?://[^/]+", "", url).partition("?")[0].rstrip("/")
    return re.sub(UUID, "{id}", path).lower()


def keys(body: Any) -> frozenset[str]:
    return frozenset(body) if isinstance(body, dict) else frozenset()
