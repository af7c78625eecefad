"""The semantic model in TMDL, the text format of Microsoft's Tabular Object Model: a file a table and role.

Source: Microsoft's pages on TMDL: indentation by tabs, names in quotes, descriptions after `///`, an
expression that has several lines below its name and two steps deeper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mergehouse.platform.powerbi.ids import stable_id
from mergehouse.platform.powerbi.objects import Column, Hierarchy, Measure, Role, SemanticModel, Table
from mergehouse.platform.powerbi.sources import LAKEHOUSE, SharedExpression, m_source, shared_expressions

LEVEL = 1604  # of compatibility: that of Direct Lake
STORAGE = {"direct-lake": "directLake", "import": "import", "directquery": "directQuery"}


def tmdl_files(model: SemanticModel) -> dict[str, str]:
    """The files of the folder `definition`, by their paths in it."""
    files = {
        "database.tmdl": f"database\n\tcompatibilityLevel: {LEVEL}\n\n",
        "model.tmdl": _text(_model(model)),
        "expressions.tmdl": _text(_expressions(model)),
        "relationships.tmdl": _text(_relationships(model)),
    }
    files |= {f"tables/{file_name(t.name)}.tmdl": _text(_table(t, model)) for t in model.tables}
    return files | {f"roles/{file_name(r.name)}.tmdl": _text(_role(r)) for r in model.roles}


def name(of: str) -> str:
    """A name in TMDL.

    >>> print(name("Sales"), name("Customer's brand"))
    Sales 'Customer''s brand'
    """
    return of if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", of) else "'" + of.replace("'", "''") + "'"


def file_name(of: str) -> str:
    """A name as one of a file: what a file system does not take is written by its number.

    >>> file_name("Men/Women: 50%")
    'Men%2FWomen%3A 50%25'
    """
    return re.sub(r'[<>:"/\\|?*%\x00-\x1f]|[. ]$', lambda found: f"%{ord(found[0]):02X}", of)


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n\n"


def _model(model: SemanticModel) -> Iterator[str]:
    yield "model Model"
    yield "\tculture: en-US"
    yield "\tdefaultPowerBIDataSourceVersion: powerBI_V3"
    yield "\tdiscourageImplicitMeasures"
    yield "\tsourceQueryCulture: en-US"
    yield ""
    yield 'annotation PBI_ProTooling = ["DevMode"]'
    yield ""
    yield "annotation __PBI_TimeIntelligenceEnabled = 0"
    yield ""
    yield from (f"ref table {name(table.name)}" for table in model.tables)
    yield ""
    yield from (f"ref role {name(role.name)}" for role in model.roles)


def _expressions(model: SemanticModel) -> Iterator[str]:
    for shared in shared_expressions(model):
        yield from _expression(shared)


def _expression(shared: SharedExpression) -> Iterator[str]:
    yield from _described(shared.meaning, 0)
    yield from _assigned(f"expression {name(shared.name)}", shared.m, 0)
    yield f"\tlineageTag: {stable_id('expression', shared.name)}"
    yield ""


def _relationships(model: SemanticModel) -> Iterator[str]:
    for join in model.relationships:
        ends = (join.from_table, join.from_column, join.to_table, join.to_column)
        yield f"relationship {stable_id('relationship', *ends)}"
        yield f"\tfromColumn: {name(join.from_table)}.{name(join.from_column)}"
        yield f"\ttoColumn: {name(join.to_table)}.{name(join.to_column)}"
        yield ""


def _table(table: Table, model: SemanticModel) -> Iterator[str]:
    yield from _described(table.meaning, 0)
    yield f"table {name(table.name)}"
    yield f"\tlineageTag: {stable_id('table', table.name)}"
    if table.entity and model.mode == "direct-lake":
        yield f"\tsourceLineageTag: [{_schema(table)}].[{_entity(table)}]"
    if table.is_date:
        yield "\tdataCategory: Time"
    yield ""
    for measure in table.measures:
        yield from _measure(measure, table)
    for column in table.columns:
        yield from _column(column, table, model)
    for hierarchy in table.hierarchies:
        yield from _hierarchy(hierarchy, table)
    yield from _partition(table, model)


def _measure(measure: Measure, table: Table) -> Iterator[str]:
    yield from _described(measure.meaning, 1)
    yield from _assigned(f"measure {name(measure.name)}", measure.dax, 1)
    if measure.format:
        yield f"\t\tformatString: {_value(measure.format)}"
    if measure.is_hidden:
        yield "\t\tisHidden"
    if measure.folder:
        yield f"\t\tdisplayFolder: {_value(measure.folder)}"
    yield f"\t\tlineageTag: {stable_id('measure', table.name, measure.name)}"
    yield ""


def _column(column: Column, table: Table, model: SemanticModel) -> Iterator[str]:
    yield from _described(column.meaning, 1)
    yield f"\tcolumn {name(column.name)}"
    yield f"\t\tdataType: {column.type}"
    if column.is_hidden:
        yield "\t\tisHidden"
    if column.is_key or (table.is_date and column.type == "dateTime" and column.source == "date"):
        yield "\t\tisKey"
    if column.format:
        yield f"\t\tformatString: {_value(column.format)}"
    yield f"\t\tlineageTag: {stable_id('column', table.name, column.source)}"
    if column.category:
        yield f"\t\tdataCategory: {column.category}"
    if table.entity and model.mode == "direct-lake":
        yield f"\t\tsourceLineageTag: {column.source}"
    yield "\t\tsummarizeBy: none"
    yield f"\t\tsourceColumn: {_value(column.source)}"
    if column.sort_by:
        yield f"\t\tsortByColumn: {name(column.sort_by)}"
    if column.fields:
        yield ""
        yield "\t\trelatedColumnDetails"
        yield f"\t\t\tgroupByColumn: {name(column.fields)}"
    if table.use == "field parameter" and column.name.endswith(" fields"):
        yield ""
        yield "\t\textendedProperty ParameterMetadata ="
        yield from ("\t\t\t\t" + line for line in ("{", '  "version": 3,', '  "kind": 2', "}"))
    if table.use == "what-if" and len(table.columns) == 1:
        yield ""
        yield "\t\textendedProperty ParameterMetadata ="
        yield from ("\t\t\t\t" + line for line in ("{", '  "version": 0', "}"))
    yield ""


def _hierarchy(hierarchy: Hierarchy, table: Table) -> Iterator[str]:
    yield from _described(hierarchy.meaning, 1)
    yield f"\thierarchy {name(hierarchy.name)}"
    yield f"\t\tlineageTag: {stable_id('hierarchy', table.name, hierarchy.name)}"
    for level in hierarchy.levels:
        yield ""
        yield f"\t\tlevel {name(level)}"
        yield f"\t\t\tlineageTag: {stable_id('level', table.name, hierarchy.name, level)}"
        yield f"\t\t\tcolumn: {name(level)}"
    yield ""


def _partition(table: Table, model: SemanticModel) -> Iterator[str]:
    if table.dax:
        yield f"\tpartition {name(table.name)} = calculated"
        yield "\t\tmode: import"
        yield from _assigned("source", table.dax, 2)
    elif model.mode == "direct-lake":
        yield f"\tpartition {name(table.name)} = entity"
        yield "\t\tmode: directLake"
        yield "\t\tsource"
        yield f"\t\t\tentityName: {_value(_entity(table))}"
        yield f"\t\t\tschemaName: {_value(_schema(table))}"
        yield f"\t\t\texpressionSource: {name(LAKEHOUSE)}"
    else:
        yield f"\tpartition {name(table.name)} = m"
        yield f"\t\tmode: {STORAGE[model.mode]}"
        yield from _assigned("source", m_source(table, model.mode), 2)


def _role(role: Role) -> Iterator[str]:
    yield from _described(role.meaning, 0)
    yield f"role {name(role.name)}"
    yield "\tmodelPermission: read"
    for table in sorted({*role.rows, *role.hidden}):
        yield ""
        rule = role.rows.get(table, "")
        yield f"\ttablePermission {name(table)}" + (f" = {rule}" if rule else "")
        for column in role.hidden.get(table, ()):
            yield ""
            yield f"\t\tcolumnPermission {name(column)} = none"


def _schema(table: Table) -> str:
    return table.entity.split(".")[0]


def _entity(table: Table) -> str:
    return table.entity.split(".")[1]


def _described(meaning: str, depth: int) -> Iterator[str]:
    yield from ("\t" * depth + f"/// {line}".rstrip() for line in meaning.splitlines())


def _assigned(head: str, expression: str, depth: int) -> Iterator[str]:
    lines = expression.expandtabs(4).splitlines()
    if len(lines) == 1:
        yield "\t" * depth + f"{head} = {lines[0]}"
        return
    yield "\t" * depth + f"{head} ="
    yield from ("\t" * (depth + 2) + line for line in lines)


def _value(value: str) -> str:
    """A value; in quotes where it begins or ends as something else would."""
    plain = value == value.strip() and not value.startswith(('"', "'"))
    return value if plain and "\n" not in value else '"' + value.replace('"', '""') + '"'
