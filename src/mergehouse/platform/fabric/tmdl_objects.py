"""The objects of a semantic model, read from TMDL as far as two models are to be compared.

Only names, properties and expressions are looked at, so that the order, the defaults and the blank lines of
another writer are no difference. Source: Microsoft's page on the Tabular Model Definition Language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DESCRIPTION = "description"
EXPRESSION = "="
# of the tool that wrote, of ids that it gave, of what was edited when; and what Power BI makes for questions
PASSING = (
    "annotation", "changedProperty", "cultureInfo", "extendedProperty", "lineageTag", "ref",
    "sourceLineageTag",
)  # fmt: skip
OBJECTS = (
    "database", "model", "table", "measure", "column", "partition", "hierarchy", "level",
    "relationship", "role", "tablePermission", "columnPermission", "expression",
    "calculationGroup", "calculationItem", "perspective", "perspectiveTable", "perspectiveMeasure",
    "perspectiveColumn", "function", "variation", "member",
)  # fmt: skip
_HEAD = re.compile(r"(?P<kind>\w+)(?: (?P<name>'(?:[^']|'')*'|[^\s=:]+))?\s*(?:=(?P<value>.*))?")
_PROPERTY = re.compile(r"(?P<name>\w+)\s*(?:[:=]\s*(?P<value>.*))?")
Objects = dict[str, dict[str, str]]


def objects(definition: Mapping[str, str]) -> Objects:
    """By place, such as `table Sales / measure GMV`, the properties of each object of all TMDL files.

    >>> objects({"Sales.tmdl": "table Sales\\n\\tmeasure GMV = SUM ( Sales[gmv] )\\n"})
    {'table Sales': {}, 'table Sales / measure GMV': {'=': 'SUM ( Sales[gmv] )'}}
    """
    found: Objects = {}
    for path in sorted(definition):
        if path.endswith(".tmdl"):
            _read(definition[path], found)
    return found


def _read(text: str, found: Objects) -> None:
    within: list[tuple[int, str]] = []  # objects around the line, by depth
    properties: dict[str, str] = {}
    open_at, name, told = -1, "", ""  # the property that goes on in lines deeper than `open_at`
    for line in text.splitlines():
        words = line.strip()
        depth = len(line) - len(line.lstrip("\t"))
        if not words:
            continue
        if open_at >= 0 and depth > open_at:
            if name:
                properties[name] = f"{properties.get(name, '')} {words}".strip()
            continue
        open_at = -1
        within = [(at, place) for at, place in within if at < depth]
        if words.startswith("///"):
            told = f"{told} {words.removeprefix('///').strip()}".strip()
            continue
        kind = re.match(r"\w+", words)
        if kind and kind[0] in PASSING:
            open_at, name, told = depth, "", ""
            continue
        head = _HEAD.match(words) if kind and kind[0] in OBJECTS else None
        if head and not words.startswith(f"{head['kind']}:"):
            place = " / ".join([*(p for _, p in within), _named(head)])
            within.append((depth, _named(head)))
            properties = found.setdefault(place, {})
            if told:
                properties[DESCRIPTION] = told
            if head["value"] is not None:
                properties[EXPRESSION] = head["value"].strip("` ")
                # of an object an expression is two deeper, for its properties are one deeper
                open_at, name = depth + 1, EXPRESSION
        elif (single := _PROPERTY.match(words)) and within:
            place = " / ".join(p for _, p in within)
            properties = found[place]
            properties[single["name"]] = (single["value"] or "").strip('"` ')
            open_at, name = depth, single["name"]
        told = ""


def _named(head: re.Match[str]) -> str:
    if head["kind"] in ("database", "model"):  # of which there is one, called as the service likes
        return head["kind"]
    name = (head["name"] or "").strip()
    if name.startswith("'"):
        name = name[1:-1].replace("''", "'")
    return f"{head['kind']} {name}".strip()
