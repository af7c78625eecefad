"""How a change reaches a table: which of its slices may come out different, and the model's SQL over these
alone.

The model is never written twice: its own SQL runs over views that hold the touched slices of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp

from mergehouse.contracts.contract import Contract, Incremental
from mergehouse.engine import flat
from mergehouse.transform.graph import FIELDS, STACKED, Graph, Node

FOLLOWED = frozenset(
    [FIELDS, *(f"staging.{name}" for name in STACKED)]
)  # views whose changes are read off new deliveries


@dataclass(frozen=True)
class Change:
    """What a run changed in a table or stacked view.

    `rows` names the relation of the rows that went or came, empty where they are not known, `gone` that of
    the rows that went or were changed, empty where there is none; `now` names the relation of all rows in the
    touched slices, `slice` the columns of these. `whole`: rebuilt, and so is what reads it.
    """

    rows: str = ""
    gone: str = ""
    now: str = ""
    slice: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Slice:
    """The rows of `source` in touched slices: its columns and those of the slices that they equal."""

    source: str
    on: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """`sql` computes the touched slices over `slices` of its inputs and the `views` over these.

    `affected` is SQL of the touched slices, empty where `sql` is the whole table.

    Without `compares` the rows replace the published ones, whether they differ or not.
    """

    sql: str
    compares: bool = False
    affected: str = ""
    slices: dict[str, Slice] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)


def plan(node: Node, graph: Graph, changes: Mapping[str, Change]) -> Plan | None:
    """How to bring a table up to date with what changed among its inputs. None where nothing it reads did."""
    contract = node.contract
    assert contract is not None
    changed = {name for name in inputs_of(node.name, graph) if name in changes}
    if not changed:
        return None
    rule = contract.incremental
    if (
        rule is None
        or not all(changes[name].rows for name in changed)
        or not changed <= {*rule.inputs, *rule.lookups}
    ):
        return Plan(node.sql, compares=True)
    touching = [name for name in sorted(changed) if name in rule.inputs or changes[name].gone]
    if not touching:
        return None
    affected = " UNION ".join(_affected(contract, name, changes[name]) for name in touching)
    alone = touching[0] if len(touching) == 1 else None
    names = {name: f"sliced.{flat(node.name)}__{flat(name)}" for name in rule.inputs}
    slices = {
        names[name]: Slice(
            (_at_hand(rule, name, changes) if name == alone else "") or name,
            dict(zip(columns, rule.slice, strict=True)),
        )
        for name, columns in rule.inputs.items()
    }
    views: dict[str, str] = {}
    under = _views_under(node.name, graph)
    for view in (
        v for v in graph.nodes if v in under
    ):  # in dependency order, so that a view over a sliced view follows it
        if graph.nodes[view].inputs & names.keys():
            names[view] = f"sliced.{flat(node.name)}__{flat(view)}"
            views[names[view]] = renamed(graph.nodes[view].sql, names)
    return Plan(renamed(node.sql, names), True, affected, slices, views)


def inputs_of(name: str, graph: Graph) -> set[str]:
    """Tables and stacked views that a node reads, through other views.

    Bronze is left out: its rows never change, and new ones reach Silver through the stacked views alone.
    """
    found: set[str] = set()
    for parent in graph.nodes[name].inputs:
        if graph.nodes[parent].is_built or parent in FOLLOWED:
            found.add(parent)
        else:
            found |= inputs_of(parent, graph)
    return found


def renamed(sql: str, names: Mapping[str, str]) -> str:
    """The query over other tables: `names` maps `schema.table` to its replacement."""
    tree = sqlglot.parse_one(sql, read="spark")
    for table in tree.find_all(exp.Table):
        if new := names.get(f"{table.db}.{table.name}"):
            schema, name = new.split(".")
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("db", exp.to_identifier(schema))
            table.set("this", exp.to_identifier(name))
    return tree.sql(dialect="spark", copy=False)


def _affected(contract: Contract, name: str, change: Change) -> str:
    """SQL of the slices that the changed rows of one input touch."""
    rule = contract.incremental
    assert rule is not None
    if name in rule.inputs:
        return f"SELECT DISTINCT {_as(rule.inputs[name], rule.slice)} FROM {change.rows}"
    lookup = rule.lookups[name]
    on = " AND ".join(f"l.{theirs} = c.{own}" for own, theirs in lookup.by.items())
    columns = _as([f"l.{c}" for c in rule.inputs[lookup.of]], rule.slice)
    return f"SELECT DISTINCT {columns} FROM {lookup.of} AS l LEFT SEMI JOIN {change.gone} AS c ON {on}"


def _at_hand(rule: Incremental, name: str, changes: Mapping[str, Change]) -> str:
    """The relation with an input's touched slices, where these are cut as the table's own."""
    return changes[name].now if list(changes[name].slice) == rule.inputs[name] else ""


def _views_under(name: str, graph: Graph) -> set[str]:
    """The views a node reads, directly or through others."""
    found: set[str] = set()
    for parent in graph.nodes[name].inputs:
        if not graph.nodes[parent].is_built and parent not in FOLLOWED:
            found |= {parent} | _views_under(parent, graph)
    return found


def _as(columns: Iterable[str], names: Iterable[str]) -> str:
    return ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
