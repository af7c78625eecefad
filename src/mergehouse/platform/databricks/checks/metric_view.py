"""The YAML of a metric view: that its table and columns are there, and its measures can be computed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from mergehouse.errors import ConfigError
from mergehouse.platform.databricks.metric_views import VERSION
from mergehouse.platform.databricks.statements import named
from mergehouse.project.yaml_file import parse_yaml

KEYS = {"version", "comment", "source", "filter", "joins", "dimensions", "measures"}
OF_BOTH = {"name", "expr", "comment", "display_name", "format", "synonyms"}
NEEDED = {"name", "expr"}


def metric_view_faults(text: str, tables: Mapping[str, Mapping[str, str]]) -> tuple[str, list[str]]:
    """The table of a view, as SQL writes it, and what is wrong with the view. `tables` are those that there
    are, with their columns.

    >>> view = "version: 1.1\\nsource: c.gold.t\\nmeasures: [{name: gmv, expr: SUM(gmv_eur)}]"
    >>> metric_view_faults(view, {"c.gold.t": {"gmv": "BIGINT"}})
    ('`c`.`gold`.`t`', ['gmv: c.gold.t has no column `gmv_eur`.'])
    """
    try:
        view = parse_yaml(text)
    except ConfigError as error:
        return "", [f"its YAML cannot be read: {error}."]
    source = str(view.get("source"))
    return named(*source.split(".")), list(_faults(view, source, tables))


def _faults(view: dict[str, Any], source: str, tables: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield from (f"`{key}` is no key of a metric view." for key in view if key not in KEYS)
    if view.get("version") != VERSION:
        yield f"version: {view.get('version')}; expected {VERSION}."
    if source not in tables:
        yield f"source: there is no table {source}."
        return
    dimensions, measures = view.get("dimensions") or [], view.get("measures") or []
    names = [found.get("name") for found in [*dimensions, *measures]]
    yield from (f"`{name}` is there twice." for name in {name for name in names if names.count(name) > 1})
    known = {measure.get("name") for measure in measures}
    for found in [*dimensions, *measures]:
        is_measure = found in measures
        wrong = {*found} - OF_BOTH | NEEDED - {*found}
        yield from (f"{found.get('name')}: `{key}` is missing or unknown." for key in sorted(wrong))
        for fault in _expression(str(found.get("expr")), tables[source], known if is_measure else None):
            yield f"{found.get('name')}: {fault.replace('TABLE', source)}"


def _expression(text: str, columns: Mapping[str, str], measures: set[Any] | None) -> Iterator[str]:
    """`measures` are those that a measure may build on; None where no aggregate may be."""
    for name in re.findall(r"MEASURE\(`?(\w+)`?\)", text):
        if name not in (measures or ()):
            yield f"there is no measure `{name}`."
    try:
        tree = sqlglot.parse_one(re.sub(r"MEASURE\(`?\w+`?\)", "1", text), read="databricks")
    except SqlglotError as error:
        yield f"`{text}` cannot be read: {str(error).splitlines()[0]}"
        return
    for column in tree.find_all(exp.Column):
        if column.name not in columns:
            yield f"TABLE has no column `{column.name}`."
    if (measures is not None) != bool("MEASURE(" in text or tree.find(exp.AggFunc)):
        yield "a measure aggregates, and a dimension does not."
