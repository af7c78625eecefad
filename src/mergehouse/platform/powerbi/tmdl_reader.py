"""Reads TMDL as far as it is written here: objects within objects, their properties and expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_NAME = r"'(?:[^']|'')*'|[^\s=':]+"
KINDS = frozenset({  # of objects and properties that are written here, or must not be
    "annotation", "column", "columnPermission", "compatibilityLevel", "crossFilteringBehavior", "culture",
    "database", "dataCategory", "dataType", "defaultPowerBIDataSourceVersion", "discourageImplicitMeasures",
    "displayFolder", "entityName", "expression", "expressionSource", "extendedProperty", "formatString",
    "fromColumn", "groupByColumn", "hierarchy", "isHidden", "isKey", "level", "lineageTag", "measure",
    "mode", "model", "modelPermission", "partition", "relatedColumnDetails",
    "relationship", "role", "schemaName", "sortByColumn", "source", "sourceColumn", "sourceLineageTag",
    "sourceQueryCulture", "summarizeBy", "table", "tablePermission", "toCardinality", "toColumn",
})  # fmt: skip
_PROPERTY = re.compile(r"(\w+): (.*)")
_OBJECT = re.compile(rf"(ref )?(\w+)(?: ({_NAME}))?(?:( =)(?: (.*))?)?")


class UnreadableTmdl(Exception):
    """A line that is no TMDL. Its text says which, and why."""


@dataclass
class Node:
    """An object, a property or a flag. `value`: what stands after `:` or `=`; `is_ref`: named, not made."""

    kind: str
    name: str = ""
    value: str = ""
    is_ref: bool = False
    meaning: str = ""
    line: int = 0
    children: list[Node] = field(default_factory=list)

    def all(self, kind: str) -> list[Node]:
        """The children of a kind."""
        return [child for child in self.children if child.kind == kind]

    def get(self, kind: str) -> str | None:
        """A property's value; empty of a flag, None where there is none."""
        found = self.all(kind)
        return found[0].value if found else None


def read_tmdl(text: str) -> list[Node]:
    """The objects of a file, in order. Raises UnreadableTmdl.

    >>> [table] = read_tmdl("table Sales\\n\\n\\tmeasure 'Net revenue' = [GMV]\\n\\t\\tisHidden\\n")
    >>> table.name, table.children[0].name, table.children[0].value, table.children[0].get("isHidden")
    ('Sales', 'Net revenue', '[GMV]', '')
    """
    root = Node("file")
    stack, meaning, open_depth = [root], [], None
    for number, depth, words in _lines(text):
        if open_depth is not None and depth >= open_depth + 2:
            stack[-1].value += ("\n" if stack[-1].value else "") + "\t" * (depth - open_depth - 2) + words
            continue
        open_depth = None
        if words.startswith("///"):
            meaning.append(words[3:].strip())
            continue
        node = _node(words, number)
        node.meaning, meaning = " ".join(meaning), []
        if depth > len(stack) - 1:
            raise UnreadableTmdl(f"line {number}: stands too deep: {words[:60]}")
        del stack[depth + 1 :]
        stack[-1].children.append(node)
        stack.append(node)
        if words.endswith(" ="):
            open_depth = depth
    return root.children


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.lstrip("\t")
        if words.strip():
            yield number, len(line) - len(words), words.rstrip()


def _node(words: str, number: int) -> Node:
    if (found := _PROPERTY.fullmatch(words)) and found[1] in KINDS:
        return Node(found[1], value=_plain(found[2]), line=number)
    if not (found := _OBJECT.fullmatch(words)) or found[2] not in KINDS:
        raise UnreadableTmdl(f"line {number}: no TMDL: {words[:60]}")
    return Node(found[2], _name(found[3] or ""), found[5] or "", bool(found[1]), line=number)


def column_reference(value: str) -> tuple[str, str]:
    """The table and the column of `Sales.'Date key'`; empty where it is none.

    >>> column_reference("Sales.'Date key'")
    ('Sales', 'Date key')
    """
    found = re.fullmatch(r"('(?:[^']|'')*'|[^\s.']+)\.('(?:[^']|'')*'|[^\s.']+)", value)
    return (_name(found[1]), _name(found[2])) if found else ("", "")


def _name(written: str) -> str:
    is_quoted = re.fullmatch(r"'(?:[^']|'')*'", written)
    return written[1:-1].replace("''", "'") if is_quoted else written


def _plain(value: str) -> str:
    is_quoted = len(value) > 1 and value.startswith('"') and value.endswith('"')
    return _name(value[1:-1].replace('""', '"') if is_quoted else value)
