"""What somebody edited in a workspace since it was deployed: found before a deployment would undo it.

After each deployment the definition is read back as the service has it, and its fingerprint is written at the
end of the item's description. The service writes definitions in its own way, so only what it gave is compared
with what it gives; what differs from the items at hand is said by objects and files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mergehouse.platform.fabric.item import PLATFORM, UUID, WRITTEN_BY
from mergehouse.platform.fabric.tmdl_objects import EXPRESSION, objects
from mergehouse.platform.fabric.workspace import Workspace, WorkspaceItem

# a lakehouse has no definition to lose, and an environment is published by the service in its own time
LOOKED_AT = ("VariableLibrary", "Notebook", "SemanticModel", "Report", "DataPipeline")
# of JSON: who saved it last and when; and the model of a report, which a deployment finds by its id
PASSING = ("lastModifiedByObjectId", "lastPublishTime", "$schema", "datasetReference")
_MARK = re.compile(r" \[as deployed: ([0-9a-f]{16})\]$")
TOLD = 60  # characters of a value that is told
LONGEST = 256 - 33  # characters of a description beside the mark


def mark(workspace: Workspace, item: WorkspaceItem) -> None:
    """Writes down what an item is like now that it is deployed. Raises FabricError."""
    now = fingerprint(workspace.definition(item))
    plain = _MARK.sub("", item.description)[:LONGEST]
    workspace.describe(item, f"{plain} [as deployed: {now}]")


def hand_edits(workspace: Workspace, there: WorkspaceItem, ours: Mapping[str, str]) -> list[str]:
    """What deploying the files `ours` would undo, in words; nothing where nobody edited the item, or where
    the files have it, too.

    An item of mergehouse without a mark is one whose last deployment was cut off, or that came by Git: that
    it differs is no edit. Raises FabricError where the definition cannot be read.
    """
    marked = _MARK.search(there.description)
    if not marked and there.description.startswith(WRITTEN_BY):
        return []
    definition = workspace.definition(there)
    if marked and marked[1] == fingerprint(definition):
        return []
    foreign = [] if marked else ["mergehouse has not deployed it"]
    return foreign + list(differences(definition, ours))


def fingerprint(definition: Mapping[str, str]) -> str:
    """The same for two definitions that say the same.

    >>> fingerprint({"a.json": '{"b": 1}', ".platform": "1"}) == fingerprint({"a.json": '{ "b":1 }'})
    True
    """
    content = json.dumps(_content(definition), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def differences(there: Mapping[str, str], ours: Mapping[str, str]) -> Iterator[str]:
    """In words, where the definition `there` says something else than `ours`, apart from the ids that a
    deployment replaces.
    """
    theirs, own = _content(there), _content(ours)
    for place in sorted(theirs.keys() - own.keys()):
        yield f"{place}: only in the workspace"
    for place in sorted(own.keys() - theirs.keys()):
        yield f"{place}: not in the workspace"
    for place in sorted(theirs.keys() & own.keys()):
        for name in sorted(theirs[place].keys() | own[place].keys()):
            one, other = theirs[place].get(name), own[place].get(name)
            said = "expression" if name == EXPRESSION else name
            if one is None or other is None:
                yield f"{place}: {said} only {'here' if one is None else 'in the workspace'}"
            elif _without_ids(one) != _without_ids(other):
                yield f"{place}: another {said}{_both(one, other)}"


def _both(there: Any, here: Any) -> str:
    """The two values, where they are short enough to be told apart at a glance."""
    one, other = (" ".join(str(value).split()) for value in (there, here))
    return f" (there `{one}`, here `{other}`)" if max(len(one), len(other)) <= TOLD else ""


def _content(definition: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What a definition says, by object of a model and by file of everything else."""
    found: dict[str, dict[str, Any]] = {place: dict(said) for place, said in objects(definition).items()}
    for path, text in definition.items():
        if path != PLATFORM and not path.endswith(".tmdl"):
            found[path] = _file(text)
    return found


def _file(text: str) -> dict[str, Any]:
    """JSON by the places of its values; of anything else the text."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return {"content": "\n".join(line.rstrip() for line in text.strip().splitlines())}
    return dict(_leaves(parsed, ""))


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The plain values of JSON, by place: `properties.activities[0].name`."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            if name not in PASSING:
                yield from _leaves(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]")
    else:
        yield place, value


def _without_ids(value: Any) -> str:
    return re.sub(UUID, "*", " ".join(str(value).split()), flags=re.IGNORECASE)
