"""Tables, views and sources, and what each reads. That is not declared: a model's inputs are the tables that
its SQL and its checks name; of a table that Python computes, those that its contract names.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property

from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.engine.dialect import Sql, parsed, to_spark
from mergehouse.errors import ConfigError
from mergehouse.project.validation import nearest

BUILT_LAYERS = ("silver", "gold")
SEMANTICS = "2"  # raise when the engine's reading of the same SQL changes, so that every table is rebuilt


@dataclass(frozen=True, kw_only=True)
class Node:
    """What models read. One that is neither view nor table is a source: a table of Bronze, a mapping."""

    name: str
    inputs: frozenset[str] = frozenset()

    @property
    def layer(self) -> str:
        return self.name.split(".")[0]

    @property
    def parents(self) -> frozenset[str]:
        """What must be there before it."""
        return self.inputs

    @property
    def says(self) -> tuple[str, ...]:
        """What it comes from, besides its inputs, as text."""
        return "", ""


@dataclass(frozen=True, kw_only=True)
class View(Node):
    """SQL that is not stored. `of_brands`: it stacks what brands deliver. `follows`: what changes in it is
    read off new deliveries. `keep`: computed once a run.
    """

    sql: Sql
    of_brands: bool = False
    follows: bool = False
    keep: bool = False

    @cached_property
    def says(self) -> tuple[str, ...]:
        return to_spark(self.sql), ""


@dataclass(frozen=True, kw_only=True)
class Earlier(Node):
    """A table as it was before the run. `version` is None of one that reads itself: as it is published, or
    without rows.
    """

    table: str
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Table(Node):
    """A table of the lakehouse. Without `sql` Python computes it; `check_inputs` are read by its checks."""

    contract: Contract
    sql: str = ""
    check_inputs: frozenset[str] = frozenset()

    @property
    def parents(self) -> frozenset[str]:
        return self.inputs | self.check_inputs

    @cached_property
    def says(self) -> tuple[str, ...]:
        return to_spark(self.sql), self.contract.model_dump_json(exclude={"release"})


@dataclass(frozen=True)
class Graph:
    """All nodes by name, in an order in which every node follows its inputs.

    `given` are the fingerprints that do not follow from inputs: of sources, and of tables that Python
    computes, which have the one that they were published with.
    """

    nodes: dict[str, Node]
    given: dict[str, str]

    @cached_property
    def tables(self) -> dict[str, Table]:
        return {name: node for name, node in self.nodes.items() if isinstance(node, Table)}

    @cached_property
    def views(self) -> dict[str, View]:
        return {name: node for name, node in self.nodes.items() if isinstance(node, View)}

    @cached_property
    def read_brands(self) -> dict[str, Table]:
        """The tables that read what brands deliver, themselves or through views."""
        return {name: table for name, table in self.tables.items() if self.views_of_brands(table)}

    def views_of_brands(self, node: Node) -> set[str]:
        """The views of what brands deliver that a node reads, itself or through other views."""
        views = [self.views[name] for name in node.inputs if name in self.views]
        own = {view.name for view in views if view.of_brands}
        return own.union(*map(self.views_of_brands, views))

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """By name. One covers the SQL, the contract and the fingerprints of all inputs, so it changes exactly
        when the node could come out different.
        """
        found: dict[str, str] = {}
        for name, node in self.nodes.items():
            found[name] = self.given[name] if name in self.given else fingerprint_of(node, found)
        return found

    def published(self, name: str, fingerprint: str) -> Graph:
        """The graph after a table that Python computes has been published with this fingerprint."""
        return replace(self, given=self.given | {name: fingerprint})

    def upstream(self, name: str, past: Callable[[Node], bool] = lambda _: True) -> set[str]:
        """Everything the node reads, directly or not, in SQL or checks; the inputs of nodes that are not gone
        `past` are left out.
        """
        found: set[str] = set()
        todo = [self.nodes[name]]
        while todo:
            for parent in todo.pop().parents - found:
                found.add(parent)
                if past(self.nodes[parent]):
                    todo.append(self.nodes[parent])
        return found

    def downstream(self, names: AbstractSet[str]) -> set[str]:
        """The tables that read any of these, directly or not, in SQL or checks."""
        return {table for table in self.tables if names & self.upstream(table)}

    def select(self, selection: str | None, until: str | None) -> list[Table]:
        """The tables to build. `a+` adds what depends on a, `+a` what a depends on; a layer's name selects it
        whole.

        Raises ConfigError naming the nearest table.
        """
        tables = list(self.tables.values())
        if until is not None:
            if until not in ("bronze", *BUILT_LAYERS):
                raise ConfigError(f"--until {until}: expected bronze, silver or gold.")
            allowed = BUILT_LAYERS[: BUILT_LAYERS.index(until) + 1] if until != "bronze" else ()
            tables = [t for t in tables if t.layer in allowed]
        if selection is None:
            return tables
        chosen: set[str] = set()
        for term in selection.replace(",", " ").split():
            chosen |= self._matching(term)
        if not chosen & {t.name for t in tables}:
            within = f" --until {until}" if until else ""
            raise ConfigError(f"--select {selection}{within}: that leaves no table.")
        return [t for t in tables if t.name in chosen]

    def _matching(self, term: str) -> set[str]:
        name = term.strip("+")
        names = {t.name for t in self.tables.values() if name in (t.name, t.layer)}
        if not names:
            best = nearest(name, list(self.tables))
            known = f"expected a table, such as {next(iter(self.tables))}, or a layer: silver, gold."
            hint = f"did you mean `{best}`?" if best else known
            raise ConfigError(f"--select {term}: no such table; {hint}")
        selected = set(names)
        if term.startswith("+"):
            selected |= self.tables.keys() & set[str]().union(*(self.upstream(n) for n in names))
        if term.endswith("+"):
            selected |= self.downstream(names)
        return selected


def fingerprint_of(node: Node, fingerprints: Mapping[str, str], version: str = "") -> str:
    """Of what a node comes from: its SQL, its contract, and the `fingerprints` of all that it reads.

    `version` is that of the function that computes it.

    >>> node = Node(name="gold.notes", inputs=frozenset(["silver.notes"]))
    >>> fingerprint_of(node, {"silver.notes": "old"}) == fingerprint_of(node, {"silver.notes": "new"})
    False
    """
    parents = (fingerprints[parent] for parent in sorted(node.parents))
    return digest(SEMANTICS, *node.says, *parents, *([version] if version else []))


def tables_in(sql: Sql) -> frozenset[str]:
    """Names of the tables a Spark SQL query reads, its own CTEs left out.

    >>> sorted(tables_in("WITH few AS (SELECT * FROM a.orders) SELECT * FROM few JOIN b.days USING (day)"))
    ['a.orders', 'b.days']
    """
    return _tables_in_text(sql) if isinstance(sql, str) else _tables_in(sql)


@functools.cache
def _tables_in_text(sql: str) -> frozenset[str]:
    return _tables_in(parsed(sql))


def _tables_in(tree: exp.Query) -> frozenset[str]:
    return frozenset(f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db)


def digest(*parts: str) -> str:
    """What tells texts apart in few characters.

    >>> len(digest("a", "bc")), digest("a", "bc") == digest("ab", "c")
    (32, False)
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
