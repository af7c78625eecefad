"""The variable library: what is different from stage to stage, with a value set for each.

fabric-cicd makes the value set active that is called like the environment it deploys to.

Source: Microsoft's page on the definition of variable libraries and its schemas
(item/variableLibrary/definition).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mergehouse.platform.fabric.item import SCHEMAS, Item, made, written

KIND, NAME = "VariableLibrary", "Stage"
VARIABLES, SETTINGS, VALUE_SETS = "variables.json", "settings.json", "valueSets/"
SCHEMA = f"{SCHEMAS}/item/variableLibrary/definition/{{}}/1.0.0/schema.json"
TYPES: dict[str, type | tuple[type, ...]] = {
    "String": str, "Boolean": bool, "Integer": int, "Number": (int, float), "DateTime": str,
    "ItemReference": dict,
}  # fmt: skip
DEFAULTS = {
    "environment": ("", "The environment of mergehouse.yml that this stage is; it is named in reports."),
    "release": ("retail", "The folder below Files/dropzone that holds the release."),
    "version": ("", "The version that is ingested; empty: the one that the release's pointer names."),
    "digest": ("", "The SHA-256 that the manifest must have, by word of who approved it; or empty."),
}


def variable_library_item(environments: Sequence[str]) -> Item:
    """What the pipeline ingests in each environment: a value set each, to be changed in Fabric or in Git."""
    variables = [
        {"name": name, "note": note, "type": "String", "value": value}
        for name, (value, note) in DEFAULTS.items()
    ]
    files = {
        VARIABLES: written({"$schema": SCHEMA.format("variables"), "variables": variables}),
        SETTINGS: written({"$schema": SCHEMA.format("settings"), "valueSetsOrder": list(environments)}),
    }
    for name in environments:
        overrides = [{"name": "environment", "value": name}]
        value_set = {"$schema": SCHEMA.format("valueSet"), "name": name, "variableOverrides": overrides}
        files[f"{VALUE_SETS}{name}.json"] = written(value_set)
    return made(KIND, NAME, files, "what each stage ingests.")


def check_variable_library(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What Fabric would refuse of a variable library, in words."""
    variables: dict[str, Any] = {}
    for variable in item.json(VARIABLES).get("variables", []):
        name, kind = variable.get("name"), variable.get("type")
        if name in variables:
            yield f"{VARIABLES}: `{name}` occurs twice"
        variables[name] = kind
        if kind not in TYPES:
            yield f"{VARIABLES}: `{name}` is of the type {kind}; expected one of {', '.join(TYPES)}"
        elif not _is(kind, variable.get("value")):
            yield f"{VARIABLES}: the value of `{name}` is no {kind}"
    order = item.json(SETTINGS).get("valueSetsOrder", [])
    there = {
        path.removeprefix(VALUE_SETS).removesuffix(".json")
        for path in item.files
        if path.startswith(VALUE_SETS)
    }
    for name in sorted(set(order) ^ there):
        yield f"{SETTINGS}: the value set `{name}` " + (
            "has no file" if name in order else "is not in valueSetsOrder"
        )
    for name in sorted(there):
        path = f"{VALUE_SETS}{name}.json"
        found = item.json(path)
        if found.get("name") != name:
            yield f"{path}: it calls itself `{found.get('name')}`; a value set's file is called like it"
        for override in found.get("variableOverrides", []):
            kind = variables.get(override.get("name"))
            if kind is None:
                yield f"{path}: there is no variable `{override.get('name')}`"
            elif kind in TYPES and not _is(kind, override.get("value")):
                yield f"{path}: the value of `{override['name']}` is no {kind}"


def _is(kind: str, value: object) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "Boolean" or not isinstance(value, bool))
