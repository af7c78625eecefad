"""parameter.yml: what fabric-cicd replaces in the items for each environment that it deploys to.

Ids of items need no word here: fabric-cicd puts those of the workspace in the place of logical ids.

Source: fabric-cicd's page on parameterization (microsoft.github.io/fabric-cicd).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from mergehouse.platform.fabric.data_pipeline import JOB
from mergehouse.platform.fabric.item import Item
from mergehouse.platform.fabric.lakehouse import KIND as LAKEHOUSE
from mergehouse.platform.fabric.semantic_model import EXPRESSIONS, ONELAKE
from mergehouse.platform.powerbi.sources import UNSET

FILE = "parameter.yml"
EVERY = "_ALL_"  # as fabric-cicd calls a value for every environment
KINDS_OF_REPLACEMENT = ("find_replace", "key_value_replace")
HEAD = """# Written by `mergehouse platform fabric`: what fabric-cicd replaces, by environment.
# The ids of items are replaced without a word here.
"""
_ITEM = re.compile(r"\$items\.(\w+)\.(.+)\.\$?(\w+)")


def parameter_text(items: Sequence[Item], environments: Sequence[str]) -> str:
    """A Direct Lake model reads the workspace that it is deployed to and the lakehouse in it; the schedule
    runs in the last environment alone.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    if any(ONELAKE.search(item.files.get(EXPRESSIONS, "")) for item in items):
        [lakehouse] = [item for item in items if item.kind == LAKEHOUSE]
        found["find_replace"] = [
            {
                "find_value": rf"onelake\.dfs\.fabric\.microsoft\.com/{place}",
                "is_regex": "true",
                "replace_value": dict.fromkeys(environments, value),
                "item_type": "SemanticModel",
            }
            for place, value in (
                (f"({UNSET})/", "$workspace.$id"),
                (f"[^/]+/({UNSET})", f"$items.{lakehouse.kind}.{lakehouse.name}.$id"),
            )
        ]
    found["key_value_replace"] = [
        {
            "find_key": f'$.schedules[?(@.jobType=="{JOB}")].enabled',
            "replace_value": {name: name == environments[-1] for name in environments},
            "item_type": "DataPipeline",
        }
    ]
    return HEAD + yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=110)


def environments_of(text: str) -> list[str]:
    """The environments that every replacement has a value for, as they are written.

    >>> environments_of("find_replace: [{find_value: a, replace_value: {dev: b, prod: c}}]")
    ['dev', 'prod']
    """
    entries = _entries(text)
    named = dict.fromkeys(name for entry in entries for name in entry["replace_value"])
    return [
        name for name in named if name != EVERY and all(_value(entry, name) is not None for entry in entries)
    ]


def with_values(text: str, environment: str, item: Item) -> dict[str, str]:
    """An item's files with the values of an environment, as far as they are known before a deployment: those
    that fabric-cicd reads from the workspace, ids, stay as they are.
    """
    files = dict(item.files)
    for entry in _entries(text):
        value = _value(entry, environment)
        if item.kind not in _kinds(entry, [item]) or str(value).startswith("$") or value is None:
            continue
        for path in files:
            if "find_key" in entry and _finds(entry, files[path]):
                content = _place(entry["find_key"]).update(json.loads(files[path]), value)
                files[path] = json.dumps(content)
            elif "find_value" in entry and "is_regex" not in entry:
                files[path] = files[path].replace(str(entry["find_value"]), str(value))
    return files


def check_parameter(text: str, items: Sequence[Item]) -> Iterator[str]:
    """What fabric-cicd would refuse, or would pass over without a word: a replacement that finds nothing, one
    that has no value for an environment, a variable of an item that is not there.
    """
    try:
        entries = _entries(text)
    except yaml.YAMLError as error:
        yield f"{FILE} is not YAML ({' '.join(str(error).split())})"
        return
    except (AttributeError, TypeError):
        yield f"{FILE}: expected lists with replace_value below {' and '.join(KINDS_OF_REPLACEMENT)}"
        return
    named = {name for entry in entries for name in entry["replace_value"]} - {EVERY}
    there = {item.key for item in items}
    for entry in entries:
        what = str(entry.get("find_value", entry.get("find_key")))
        for name in sorted(name for name in named if _value(entry, name) is None):
            yield f"{FILE}: `{what}` has no value for the environment `{name}`"
        for value in map(str, entry["replace_value"].values()):
            variable = _ITEM.fullmatch(value)
            if variable and (variable[1], variable[2]) not in there:
                yield f"{FILE}: `{value}` is of an item that is not there"
        if not any(
            _finds(entry, t) for i in items if i.kind in _kinds(entry, items) for t in i.files.values()
        ):
            yield f"{FILE}: `{what}` is in no file that it is for, so it would replace nothing"


def _entries(text: str) -> list[dict[str, Any]]:
    """Raises YAMLError, TypeError, AttributeError where they are not as fabric-cicd has them."""
    found = yaml.safe_load(text) or {}
    entries = [entry for kind in KINDS_OF_REPLACEMENT for entry in found.get(kind) or []]
    if not all(isinstance(entry, dict) and isinstance(entry.get("replace_value"), dict) for entry in entries):
        raise TypeError
    return entries


def _value(entry: dict[str, Any], environment: str) -> Any:
    values = entry["replace_value"]
    return values.get(environment, values.get(EVERY))


@functools.cache
def _place(find_key: str) -> Any:
    """A place in JSON, as fabric-cicd reads it: with the library that comes with it, which takes its time."""
    from jsonpath_ng.ext import parse

    return parse(find_key)


def _kinds(entry: dict[str, Any], items: Sequence[Item]) -> set[str]:
    kinds = entry.get("item_type") or [item.kind for item in items]
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _finds(entry: dict[str, Any], text: str) -> bool:
    if "find_key" in entry:
        return f'"{str(entry["find_key"]).rsplit(".", 1)[-1]}"' in text
    value = str(entry.get("find_value", ""))
    if str(entry.get("is_regex", "")).lower() != "true":
        return value in text
    try:
        pattern = re.compile(value)
    except re.error:
        return False
    return pattern.groups == 1 and bool(pattern.search(text))
