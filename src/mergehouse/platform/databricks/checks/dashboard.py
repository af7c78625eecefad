"""A Lakeview dashboard: that its queries can be run on Gold, and its widgets show what they give."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from mergehouse.platform.databricks.lakeview import COLUMNS, SPEC_VERSIONS

Json = dict[str, Any]
OF_WIDGET = {"name", "queries", "spec", "textbox_spec"}
OF_SPEC = {"version", "widgetType", "encodings", "frame", "format", "mark"}
OF_PAGE = {"name", "displayName", "layout"}
OF_DATASET = {"name", "displayName", "query"}


def dashboard_faults(file: str, text: str, tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is wrong with a dashboard over these tables.

    >>> dashboard_faults("a.lvdash.json", '{"datasets": [], "pages": []}', {})
    ['a.lvdash.json: there is no page.']
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        return [f"{file}: cannot be read: {error}."]
    return [f"{file}: {fault}" for fault in _faults(found, tables)]


def _faults(found: Json, tables: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    given: dict[str, list[str]] = {}
    for dataset in found.get("datasets") or []:
        yield from _unknown(f"dataset {dataset.get('name')}", dataset, OF_DATASET)
        try:
            given[dataset.get("name")] = _columns(str(dataset.get("query")), tables)
        except (SqlglotError, ValueError) as error:
            yield f"dataset {dataset.get('name')}: {str(error).splitlines()[0]}"
    if not found.get("pages"):
        yield "there is no page."
    for page in found.get("pages") or []:
        yield from _unknown(f"page {page.get('name')}", page, OF_PAGE)
        widgets = [place["widget"] for place in page.get("layout") or []]
        names = [widget.get("name") for widget in widgets]
        yield from (f"widget {name}: there twice." for name in {n for n in names if names.count(n) > 1})
        yield from _positions(page.get("layout") or [])
        for widget in widgets:
            yield from (f"widget {widget.get('name')}: {fault}" for fault in _widget(widget, given))


def _unknown(where: str, found: Json, known: set[str]) -> Iterator[str]:
    yield from (f"{where}: `{key}` is not known there." for key in found if key not in known)


def _columns(sql: str, tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What a query gives. Raises SqlglotError or ValueError where it asks for what is not there."""
    tree = sqlglot.parse_one(sql, read="databricks")
    for table in tree.find_all(exp.Table):
        if f"{table.db}.{table.name}" not in tables:
            raise ValueError(f"there is no table {table.db}.{table.name}.")
    schema: dict[str, Any] = {}
    for name, columns in tables.items():
        schema.setdefault(name.split(".")[0], {})[name.split(".")[1]] = columns
    qualified: Any = qualify(tree, schema=schema, dialect="databricks")
    return list(qualified.named_selects)


def _positions(layout: list[Json]) -> Iterator[str]:
    places = {place["widget"].get("name"): place.get("position") or {} for place in layout}
    for name, place in places.items():
        if {*place} != {"x", "y", "width", "height"} or not 0 <= place["x"] <= COLUMNS - place["width"]:
            yield f"widget {name}: its place is not within the {COLUMNS} columns of the page."
            return
    for (one, a), (other, b) in combinations(places.items(), 2):
        beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
        below = a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
        if not (beside or below):
            yield f"widgets {one} and {other} lie over one another."


def _widget(widget: Json, given: Mapping[str, list[str]]) -> Iterator[str]:
    yield from _unknown("it", widget, OF_WIDGET)
    spec, queries = widget.get("spec"), widget.get("queries") or []
    if spec is None:
        if not widget.get("textbox_spec"):
            yield "it has neither a spec nor a text."
        return
    yield from _unknown("its spec", spec, OF_SPEC)
    kind = spec.get("widgetType")
    if SPEC_VERSIONS.get(kind) != spec.get("version"):
        yield f"there is no widget `{kind}` of version {spec.get('version')}."
    asked = set()
    for query in (found.get("query") or {} for found in queries):
        if query.get("datasetName") not in given:
            yield f"there is no dataset `{query.get('datasetName')}`."
            return
        for column in query.get("fields") or []:
            asked.add(column.get("name"))
            if str(column.get("expression")).strip("`") not in given[query["datasetName"]]:
                yield f"dataset {query['datasetName']} has no column {column.get('expression')}."
    shown = set(_field_names(spec.get("encodings") or {}))
    yield from (f"it shows `{name}`, for which it does not ask." for name in sorted(shown - asked))
    if not shown:
        yield "it shows nothing."


def _field_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "fieldName" in node:
            yield node["fieldName"]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _field_names(inner)
