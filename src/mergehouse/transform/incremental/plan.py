"""How a change reaches a table: which of its slices may come out different, and the model's SQL over these
alone.

The model is never written twice: its own SQL runs over views that hold the affected slices of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from mergehouse.contracts.contract import Contract, Incremental
from mergehouse.engine import Relation
from mergehouse.engine.dialect import Sql, parsed, reading
from mergehouse.transform.graph import Graph, Table, View


@dataclass(frozen=True)
class Change:
    """What a run changed in a table or in a view that follows deliveries.

    `rows` is the relation of the rows that went or came, None where they are not known, `gone` that of the
    rows that went or were changed, None where there is none; `now` is the relation of all rows in the
    affected slices, `slice` the columns of these. `whole`: rebuilt, and so is what reads it.
    """

    rows: Relation | None = None
    gone: Relation | None = None
    now: Relation | None = None
    slice: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Slice:
    """The rows of `source` in affected slices: its columns and those of the slices that they equal."""

    source: str | Relation
    on: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """`sql` computes the affected slices over `slices` of its inputs and the `views` over these.

    `affected` is SQL of the affected slices, empty where `sql` is the whole table.
    """

    sql: Sql
    affected: str = ""
    slices: dict[Relation, Slice] = field(default_factory=dict)
    views: dict[Relation, Sql] = field(default_factory=dict)


def plan(table: Table, graph: Graph, changes: Mapping[str, Change]) -> Plan | None:
    """How to bring a table up to date with what changed among its inputs. None where nothing it reads did."""
    read = inputs_of(table.name, graph)
    changed = {name for name in read if name in changes}
    if not changed:
        return None
    rule = table.contract.incremental
    if (
        rule is None
        or not all(changes[name].rows for name in changed)
        or not changed <= {*rule.inputs, *rule.lookups}
    ):
        return Plan(table.sql)
    affecting = [name for name in sorted(changed) if name in rule.inputs or changes[name].gone]
    if not affecting:
        return None
    affected = " UNION ".join(_affected(rule, name, changes[name], table, graph) for name in affecting)
    alone = affecting[0] if len(affecting) == 1 else None
    if rule.merge and alone in graph.tables and not changes[alone].gone:
        return _merged(table, rule, affected, alone, changes[alone])
    names = {name: Relation("sliced", table.name, name) for name in rule.inputs if name in read}
    slices = {
        names[name]: Slice(
            (_at_hand(rule, name, changes[name]) if name == alone else None) or name,
            dict(zip(columns, rule.slice, strict=True)),
        )
        for name, columns in rule.inputs.items()
        if name in read
    }
    views: dict[Relation, Sql] = {}
    for view in _views_under(table.name, graph):
        if view.inputs & names.keys() and not view.keep:
            names[view.name] = Relation("sliced", table.name, view.name)
            views[names[view.name]] = renamed(view.sql, names)
    return Plan(_of_slices(renamed(table.sql, names), rule, table), affected, slices, views)


def _merged(table: Table, rule: Incremental, affected: str, name: str, change: Change) -> Plan:
    """What the rows that came to one input give, merged with what is published of their slices."""
    columns, published = table.contract.columns, Relation("sliced", table.name, table.name)
    groups = ", ".join(column for column in columns if column not in rule.merge)
    chosen = ", ".join(f"{rule.merge[c]} AS {c}" if c in rule.merge else c for c in columns)
    others = {other: Relation("sliced", table.name, other) for other in rule.inputs if other != name}
    read = {name: change.rows} if change.rows else {}
    sql = reading(
        f"SELECT {chosen} FROM (SELECT {', '.join(columns)} FROM given UNION ALL"
        f" SELECT {', '.join(columns)} FROM {published}) AS parts GROUP BY {groups}",
        given=renamed(table.sql, read | others),
    )
    none: dict[Relation, Sql] = {new: f"SELECT * FROM {other} WHERE FALSE" for other, new in others.items()}
    return Plan(sql, affected, {published: Slice(table.name, {c: c for c in rule.slice})}, none)


def inputs_of(name: str, graph: Graph) -> set[str]:
    """Tables and views that follow deliveries, which a node reads, through other views.

    Bronze is left out: its rows never change, and new ones reach Silver through these views alone.
    """
    found: set[str] = set()
    for parent in graph.nodes[name].inputs:
        if parent in graph.tables or (parent in graph.views and graph.views[parent].follows):
            found.add(parent)
        else:
            found |= inputs_of(parent, graph)
    return found


def renamed(sql: Sql, names: Mapping[str, Relation]) -> exp.Query:
    """The query over other relations: `names` maps `schema.table` to what stands for it."""
    tree: exp.Query = parsed(sql) if isinstance(sql, str) else sql.copy()
    for table in tree.find_all(exp.Table):
        if new := names.get(f"{table.db}.{table.name}"):
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("db", exp.to_identifier(new.schema))
            table.set("this", exp.to_identifier(new.name))
    return tree


def _of_slices(sql: exp.Query, rule: Incremental, table: Table) -> exp.Query:
    """The rows of the affected slices. One that comes from no input, as a ghost does, is of none of them."""
    on = " AND ".join(f"model.{column} = a.{column}" for column in rule.slice)
    affected = Relation("affected", table.name)
    return reading(f"SELECT model.* FROM model LEFT SEMI JOIN {affected} AS a ON {on}", model=sql)


def _affected(rule: Incremental, name: str, change: Change, table: Table, graph: Graph) -> str:
    """SQL of the slices that the changed rows of one input reach."""
    if name in rule.inputs:
        return f"SELECT DISTINCT {_as(rule.inputs[name], rule.slice)} FROM {change.rows}"
    lookup, gone = rule.lookups[name], str(change.gone)
    contract = graph.tables[name].contract
    if change.now and set(contract.key) <= lookup.by.keys():
        read = ", ".join(sorted({*lookup.by, *_columns_read(contract, table, graph)}))
        gone = f"(SELECT {read} FROM {gone} EXCEPT SELECT {read} FROM {change.now})"
    on = " AND ".join(f"l.{theirs} = c.{own}" for own, theirs in lookup.by.items())
    columns = _as([f"l.{c}" for c in rule.inputs[lookup.of]], rule.slice)
    return f"SELECT DISTINCT {columns} FROM {lookup.of} AS l LEFT SEMI JOIN {gone} AS c ON {on}"


def _columns_read(of: Contract, table: Table, graph: Graph) -> Iterable[str]:
    """Columns of an input whose names occur in the table's SQL or in that of a view under it, whatever they
    name there; all where a query that reads the input takes any by `*`.
    """
    views = (view.sql for view in _views_under(table.name, graph))
    queries = [parsed(sql) if isinstance(sql, str) else sql for sql in (table.sql, *views)]
    for read in (t for query in queries for t in query.find_all(exp.Table) if f"{t.db}.{t.name}" == of.table):
        stars = read.parent_select.find_all(exp.Star) if read.parent_select else ()
        if any(not isinstance(star.parent, exp.Count) for star in stars):
            return of.columns
    names = {name.name.lower() for query in queries for name in query.find_all(exp.Identifier)}
    return names & of.columns.keys()


def _at_hand(rule: Incremental, name: str, change: Change) -> Relation | None:
    """The relation with an input's affected slices, where these are cut as the table's own."""
    return change.now if list(change.slice) == rule.inputs[name] else None


def _views_under(name: str, graph: Graph) -> list[View]:
    """The views a node reads, directly or through others, each after those it reads itself."""
    found: set[str] = set()
    todo = [name]
    while todo:
        for parent in graph.nodes[todo.pop()].inputs - found:
            if parent in graph.views and not graph.views[parent].follows:
                found.add(parent)
                todo.append(parent)
    return [view for view in graph.views.values() if view.name in found]


def _as(columns: Iterable[str], names: Iterable[str]) -> str:
    return ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
