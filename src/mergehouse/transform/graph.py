"""The graph of models. It is not declared: a model's inputs are the tables that its SQL and its checks
name.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import sqlglot
from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of, find, models
from mergehouse.errors import ConfigError
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.delivery import bronze_table
from mergehouse.project.config import Brand, Project, nearest
from mergehouse.transform.field_reconciliation import differences_view
from mergehouse.transform.staging_views import raw_rows_view, stacked_view, typed_view

BUILT_LAYERS = ("silver", "gold")
STACKED = ("order_lines", "products", "customers")
FIELDS = "staging.field_differences"
FEATURES = "gold.customer_features"  # what customers are scored by
SCORES = "gold.customer_scores_gold"  # the one table that models read and no SQL computes: science does
SEMANTICS = "1"  # raise when the engine's reading of the same SQL changes, so that every table is rebuilt


@dataclass(frozen=True)
class Node:
    """A table or view. `sql` is empty for Bronze, mappings and scores; nodes with a `contract` are tables."""

    name: str
    sql: str
    inputs: frozenset[str]
    fingerprint: str
    contract: Contract | None = None
    check_inputs: frozenset[str] = frozenset()

    @property
    def layer(self) -> str:
        return self.name.split(".")[0]

    @property
    def is_built(self) -> bool:
        """A table of the lakehouse."""
        return self.contract is not None


@dataclass(frozen=True)
class Graph:
    """All nodes by name, in an order in which every node follows its inputs."""

    nodes: dict[str, Node]

    def built(self) -> list[Node]:
        return [n for n in self.nodes.values() if n.is_built]

    def upstream(self, name: str) -> set[str]:
        """Everything the node reads, directly or not, in SQL or checks."""
        found: set[str] = set()
        todo = [name]
        while todo:
            node = self.nodes[todo.pop()]
            for parent in node.inputs | node.check_inputs:
                if parent not in found:
                    found.add(parent)
                    todo.append(parent)
        return found

    def select(self, selection: str | None, until: str | None) -> list[Node]:
        """The tables to build. `a+` adds what depends on a, `+a` what a depends on; a layer's name selects it
        whole.

        Raises ConfigError naming the nearest table.
        """
        built = self.built()
        if until:
            if until not in ("bronze", *BUILT_LAYERS):
                raise ConfigError(f"--until {until}: expected bronze, silver or gold.")
            allowed = BUILT_LAYERS[: BUILT_LAYERS.index(until) + 1] if until != "bronze" else ()
            built = [n for n in built if n.layer in allowed]
        if not selection:
            return built
        chosen: set[str] = set()
        for term in selection.replace(",", " ").split():
            chosen |= self._matching(term)
        return [n for n in built if n.name in chosen]

    def _matching(self, term: str) -> set[str]:
        name = term.strip("+")
        names = {n.name for n in self.built() if n.name == name or n.layer == name}
        if not names:
            best = nearest(name, [n.name for n in self.built()])
            raise ConfigError(
                f"--select {term}: no such table" + (f"; did you mean `{best}`?" if best else ".")
            )
        selected = set(names)
        if term.startswith("+"):
            selected |= {
                n.name for n in self.built() if any(n.name in self.upstream(chosen) for chosen in names)
            }
        if term.endswith("+"):
            selected |= {n.name for n in self.built() if names & self.upstream(n.name)}
        return selected


def build_graph(
    project: Project, batches: list[Batch], mappings: dict[str, Any], rates: str, scores: str
) -> Graph:
    """Reads every model, stacks the brands' staging SQL, and fingerprints each node.

    A fingerprint covers the SQL, the contract and the fingerprints of all inputs, so it changes exactly when
    the node could come out different. `rates` identifies the edition of the ECB rates, `scores` is the
    fingerprint that the scores were published with.
    """
    loaded = [b for b in batches if b.status == "loaded"]
    texts: dict[str, str] = {}
    delivered: list[tuple[Brand, str]] = []
    contracts = {SCORES: contract_of(SCORES)}
    leaves = {f"mapping.{name}": _digest(repr(table)) for name, table in mappings.items()}
    leaves["mapping.ecb_rates"] = _digest(rates)
    leaves[SCORES] = scores
    leaves["bronze.batches"] = _digest(*sorted(b.batch_id for b in loaded))
    for brand in project.brands.values():
        for table in brand.sources:
            of_table = [b for b in loaded if (b.source_system, b.source_table) == (brand.name, table)]
            leaves[bronze_table(brand.name, table)] = _digest(*sorted(b.batch_id for b in of_table))
            texts[f"typed.{brand.name}_{table}"] = typed_view(brand, table, of_table)
            if of_table:
                delivered.append((brand, table))
    texts["staging.raw_rows"] = raw_rows_view(delivered)
    texts[FIELDS] = differences_view(
        list(project.brands.values()), {(brand.name, table) for brand, table in delivered}
    )
    for name in STACKED:
        contract = contract_of(f"staging.{name}")
        texts[f"staging.{name}"] = stacked_view(contract, list(project.brands.values()), f"{name}.sql")
    for name, sql in models().items():
        if table := find(name):
            if table.part == "science" and not project.config.science:
                continue
            contracts[name] = table
        texts[name] = sql
    return _ordered(texts, contracts, leaves)


def tables_in(sql: str) -> frozenset[str]:
    """Names of the tables a Spark SQL query reads, its own CTEs left out."""
    return _tables_in(sql)


@functools.cache
def _tables_in(sql: str) -> frozenset[str]:
    tree = sqlglot.parse_one(sql, read="spark")
    return frozenset(f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db)


def _ordered(texts: dict[str, str], contracts: dict[str, Contract], leaves: dict[str, str]) -> Graph:
    inputs = {name: tables_in(sql) for name, sql in texts.items()}
    checked = {name: _check_tables(contract) - {name} for name, contract in contracts.items()}
    for name, read in inputs.items():
        for parent in read | checked.get(name, frozenset()):
            if parent not in texts and parent not in leaves:
                best = nearest(parent, [*texts, *leaves])
                raise ConfigError(
                    f"{name} reads `{parent}`, which is not there"
                    + (f"; did you mean `{best}`?" if best else ".")
                )
    order = TopologicalSorter({n: inputs[n] | checked.get(n, frozenset()) for n in texts}).static_order()
    nodes: dict[str, Node] = {}
    for name in order:
        if name in leaves:
            nodes[name] = Node(
                name, "", frozenset(), leaves[name], contracts.get(name), checked.get(name, frozenset())
            )
            continue
        contract = contracts.get(name)
        parents = sorted(inputs[name] | checked.get(name, frozenset()))
        fingerprint = _digest(
            SEMANTICS,
            texts[name],
            contract.model_dump_json(exclude={"release"}) if contract else "",
            *(nodes[p].fingerprint for p in parents),
        )
        nodes[name] = Node(
            name, texts[name], inputs[name], fingerprint, contract, checked.get(name, frozenset())
        )
    return Graph(nodes)


def _check_tables(contract: Contract) -> frozenset[str]:
    referenced = {c.references.rsplit(".", 1)[0] for c in contract.columns.values() if c.references}
    return frozenset(referenced).union(*(tables_in(check.sql) for check in contract.checks if check.sql))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
