"""What Microsoft's parser of models does not see: names that lead nowhere, sources that do not fit the
contracts, security that names what is not there.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mergehouse.platform.powerbi.dax_reader import Names, wrong_in_dax
from mergehouse.platform.powerbi.report.checks import wrong_in_project
from mergehouse.platform.powerbi.source_checks import wrong_in_sources
from mergehouse.platform.powerbi.tmdl import file_name
from mergehouse.platform.powerbi.tmdl_reader import Node, UnreadableTmdl, column_reference, read_tmdl
from mergehouse.project.validation import nearest_known

LEAST_LEVEL = 1604


@dataclass(frozen=True)
class _Model:
    """The objects of a model's files, by kind; `file` of a table or role is the path it was read from."""

    top: dict[str, list[Node]]
    tables: dict[str, Node]
    roles: dict[str, Node]
    names: Names


def wrong_in(files: Mapping[str, str]) -> list[str]:
    """What is wrong in the files of a project, by their paths in its folder, one sentence each."""
    models = {path.partition("/definition/")[0] for path in files if path.endswith("/definition/model.tmdl")}
    found = [*wrong_in_project(files), *wrong_in_platform(files)]
    for model in models:
        place = f"{model}/definition/"
        found += wrong_in_model(
            {path.removeprefix(place): text for path, text in files.items() if path.startswith(place)}
        )
    return found


def wrong_in_model(files: Mapping[str, str]) -> list[str]:
    """What is wrong in the files of the folder `definition`, by their paths in it, one sentence each."""
    read, found = {}, []
    for path, text in files.items():
        try:
            read[path] = read_tmdl(text)
        except UnreadableTmdl as error:
            found.append(f"{path}: {error}")
    for needed in ("database.tmdl", "model.tmdl", "expressions.tmdl", "relationships.tmdl"):
        if needed not in files:
            found.append(f"{needed}: is not there")
    if found:
        return found
    model = _model(read)
    return [
        *_database(read),
        *_files(read),
        *_names(model),
        *_ids(read),
        *_relationships(model),
        *_dates(model),
        *(told for table in model.tables.values() for told in _table(table, model)),
        *wrong_in_sources(
            model.tables, {node.name: node.value for node in model.top.get("expression", [])}, model.names
        ),
        *_roles(model),
    ]


def wrong_in_platform(files: Mapping[str, str]) -> list[str]:
    """What is wrong in the `.platform` of items, by paths in the project's folder.

    >>> wrong_in_platform({"x.Report/.platform": '{"metadata": {"type": "Report"}, "config": {}}'})
    ['x.Report/.platform: logicalId: expected a UUID of its own, found None']
    """
    found, ids = [], Counter[object]()
    for path, text in files.items():
        if path.endswith("/.platform"):
            content = json.loads(text)
            kind, logical = content["metadata"]["type"], content["config"].get("logicalId")
            ids[logical] += 1
            if kind != path.split("/")[-2].rpartition(".")[2]:
                found.append(f"{path}: metadata.type: `{kind}` is not what the folder is called")
            if not _is_uuid(logical) or ids[logical] > 1:
                found.append(f"{path}: logicalId: expected a UUID of its own, found {logical}")
    return found


def _model(read: dict[str, list[Node]]) -> _Model:
    top: dict[str, list[Node]] = {}
    for nodes in read.values():
        for node in nodes:
            if not node.is_ref:
                top.setdefault(node.kind, []).append(node)
    tables = {node.name: node for node in top.get("table", [])}
    columns = {
        name: frozenset(column.name for column in table.all("column")) for name, table in tables.items()
    }
    homes = {each.name: name for name, table in tables.items() for each in table.all("measure")}
    roles = {node.name: node for node in top.get("role", [])}
    return _Model(top, tables, roles, Names(columns, frozenset(homes), homes))


def _database(read: dict[str, list[Node]]) -> Iterator[str]:
    kept = [node for node in read["database.tmdl"] if node.kind == "database"]
    if len(kept) != 1 or kept[0].name:
        yield "database.tmdl: expected one `database` without a name; Power BI Desktop does not open another"
    elif int(kept[0].get("compatibilityLevel") or 0) < LEAST_LEVEL:
        yield f"database.tmdl: compatibilityLevel: expected {LEAST_LEVEL} or more"
    model = next((node for node in read["model.tmdl"] if node.kind == "model"), None)
    if model is None or model.get("discourageImplicitMeasures") is None:
        yield "model.tmdl: expected `model` with discourageImplicitMeasures: columns are no KPIs"


def _files(read: dict[str, list[Node]]) -> Iterator[str]:
    """Each table and role has a file of its name, and model.tmdl names each, and nothing else."""
    for kind, folder in (("table", "tables"), ("role", "roles")):
        there = []
        for path, nodes in read.items():
            made = [node.name for node in nodes if node.kind == kind and not node.is_ref]
            there += made
            expected = [f"{folder}/{file_name(name)}.tmdl" for name in made]
            if path.startswith(f"{folder}/") and expected != [path]:
                yield f"{path}: holds {', '.join(made) or 'nothing'}; expected the {kind} of this name alone"
        named = [node.name for node in read["model.tmdl"] if node.kind == kind and node.is_ref]
        for name in sorted({*named} - {*there}):
            yield f"model.tmdl: ref {kind} `{name}`: there is none{nearest_known(name, there)}"
        for name in sorted({*there} - {*named}):
            yield f"model.tmdl: the {kind} `{name}` is not named there"
        yield from (f"{kind} `{name}` is there twice" for name in _twice(there))


def _names(model: _Model) -> Iterator[str]:
    """A model's measures have different names, in any case, as have the columns and measures of a table."""
    measures = [each.name for table in model.tables.values() for each in table.all("measure")]
    yield from (f"measure `{name}` is there twice" for name in _twice(measures))
    for table in model.tables.values():
        parts = [each.name for kind in ("column", "measure", "hierarchy") for each in table.all(kind)]
        yield from (f"{table.name}: `{name}` is the name of two of its parts" for name in _twice(parts))
        if not table.meaning:
            yield f"{table.name}: has no description"
        for measure in table.all("measure"):
            if not measure.meaning:
                yield f"{table.name}: measure `{measure.name}` has no description"


def _ids(read: dict[str, list[Node]]) -> Iterator[str]:
    tags: list[str] = []
    for path, nodes in read.items():
        for node in _below(nodes):
            needs = node.kind in ("table", "measure", "column", "hierarchy", "level", "expression")
            tag = node.get("lineageTag")
            if needs and node.name and not node.is_ref:
                if not _is_uuid(tag):
                    yield f"{path}: {node.kind} `{node.name}`: lineageTag: expected a UUID, found {tag}"
                tags.append(str(tag))
            if node.kind == "relationship":
                tags.append(node.name)
    yield from (f"the id {tag} is there twice" for tag in _twice(tags))


def _relationships(model: _Model) -> Iterator[str]:
    joined: dict[str, set[str]] = {}
    for node in model.top.get("relationship", []):
        ends = [column_reference(node.get(key) or "") for key in ("fromColumn", "toColumn")]
        missing = [f"{t}[{c}]" for t, c in ends if c not in model.names.columns.get(t, ())]
        where = f"relationships.tmdl, line {node.line}"
        if missing:
            yield f"{where}: there is no {', '.join(missing)}"
            continue
        kinds = [_column(model, *end).get("dataType") for end in ends]
        if kinds[0] != kinds[1]:
            yield f"{where}: joins {kinds[0]} to {kinds[1]}"
        if _column(model, *ends[1]).get("isKey") is None:
            yield f"{where}: {ends[1][0]}[{ends[1][1]}] is no key, so it may come more than once"
        if node.get("crossFilteringBehavior") or node.get("toCardinality"):
            yield f"{where}: filters both ways, which lets rows through that a role may not see"
        if ends[1][0] in joined.setdefault(ends[0][0], set()):
            yield f"{where}: {ends[0][0]} is joined to {ends[1][0]} twice"
        joined[ends[0][0]].add(ends[1][0])
    for start in joined:
        reached = Counter(_reached(start, joined, ()))
        yield from (
            f"relationships.tmdl: {start} reaches {to} in {n} ways" for to, n in reached.items() if n > 1
        )


def _reached(start: str, joined: Mapping[str, set[str]], passed: tuple[str, ...]) -> Iterator[str]:
    for to in joined.get(start, ()):
        if to not in passed:
            yield to
            yield from _reached(to, joined, (*passed, start))


def _dates(model: _Model) -> Iterator[str]:
    marked = [table for table in model.tables.values() if table.get("dataCategory") == "Time"]
    keys = [c for table in marked for c in table.all("column") if c.get("isKey") is not None]
    if len(marked) != 1 or [key.get("dataType") for key in keys] != ["dateTime"]:
        yield "expected one table marked as the calendar (dataCategory: Time), with a date as its key"


def _table(table: Node, model: _Model) -> Iterator[str]:
    columns = model.names.columns[table.name]
    for column in table.all("column"):
        if (other := column.get("sortByColumn")) is not None and other not in columns:
            yield f"{table.name}[{column.name}]: sortByColumn: there is no column `{other}`"
        for related in column.all("relatedColumnDetails"):
            if related.get("groupByColumn") not in columns:
                yield f"{table.name}[{column.name}]: there is no column `{related.get('groupByColumn')}`"
        if column.get("summarizeBy") != "none":
            yield f"{table.name}[{column.name}]: summarizeBy: expected none, as KPIs are measures"
        yield from _format(f"{table.name}[{column.name}]", column)
    for hierarchy in table.all("hierarchy"):
        for level in hierarchy.all("level"):
            if level.get("column") not in columns:
                where = f"{table.name}: hierarchy `{hierarchy.name}`"
                yield f"{where}: there is no column `{level.get('column')}`"
    for measure in table.all("measure"):
        yield from (f"[{measure.name}]: {told}" for told in wrong_in_dax(measure.value, model.names))
        yield from _format(f"[{measure.name}]", measure)


def _format(where: str, node: Node) -> Iterator[str]:
    given = node.get("formatString")
    if given is not None and (not given or given.count('"') % 2):
        yield f"{where}: formatString: `{given}` has a quote that is not closed"


def _roles(model: _Model) -> Iterator[str]:
    for role in model.roles.values():
        if role.get("modelPermission") != "read":
            yield f"role `{role.name}`: modelPermission: expected read"
        for permission in role.all("tablePermission"):
            where = f"role `{role.name}`: {permission.name}"
            if permission.name not in model.tables:
                yield f"{where}: there is no such table{nearest_known(permission.name, model.tables)}"
                continue
            if permission.value:
                yield from (f"{where}: {told}" for told in wrong_in_dax(permission.value, model.names))
            for column in permission.all("columnPermission"):
                if column.name not in model.names.columns[permission.name]:
                    yield f"{where}: there is no column `{column.name}`"
                if column.value != "none":
                    yield f"{where}: `{column.name}` is not hidden: expected none, found {column.value}"


def _column(model: _Model, table: str, name: str) -> Node:
    return next(each for each in model.tables[table].all("column") if each.name == name)


def _below(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _below(node.children)


def _twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(name.casefold() for name in names).items() if times > 1)


def _is_uuid(value: object) -> bool:
    try:
        return str(uuid.UUID(str(value))) == value
    except ValueError:
        return False
