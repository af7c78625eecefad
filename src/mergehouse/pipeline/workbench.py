"""What a run builds on: the engine with tables and views attached as they are needed, and what has changed so
far.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from mergehouse.contracts.registry import contract_of
from mergehouse.engine import Engine, Staged, flat
from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.files import Stamp, needs_safe_reader
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import ECB_RATES, Rows, ecb_rates
from mergehouse.quality.checks import Recheck
from mergehouse.transform.graph import FIELDS, STACKED, Graph, Node
from mergehouse.transform.incremental.affected_fields import touched_differences
from mergehouse.transform.incremental.affected_rows import Touched, touched_rows
from mergehouse.transform.incremental.plan import Change, Plan, inputs_of, plan

KEPT = ("staging.customers", "staging.products")  # views that several tables read whole: typed once
COMPARED_ROWS = 100_000  # larger tables that no other follows are written anew rather than compared


class Workbench:
    """The engine with tables and views attached as they are needed, and what the run has changed so far.

    `before` is the graph as it was when the tables were last brought up to date, None where nothing can be
    told from it.
    """

    def __init__(
        self,
        engine: Engine,
        graph: Graph,
        mappings: dict[str, Rows],
        before: Graph | None = None,
        delivered: str = "",
    ):
        self.engine, self.lakehouse, self.graph, self.mappings = engine, engine.lakehouse, graph, mappings
        self.before, self.delivered = before, delivered
        self.changes: dict[str, Change] = {}
        self.attached: set[str] = set()
        self.current: set[str] = set()
        self.lock = threading.RLock()

    def touch(self, project: Project, known: list[Batch], new: list[Batch]) -> None:
        """Notes what new deliveries touch in the staging views. Order lines that cannot be followed are all
        rebuilt.
        """
        brands = list(project.brands.values())
        found: dict[str, tuple[Touched | None, tuple[str, ...]]] = {}
        for name in STACKED:
            contract = contract_of(f"staging.{name}")
            origin = ("batch_id", "source_row") if name == "order_lines" else ()
            found[f"staging.{name}"] = touched_rows(contract, brands, f"{name}.sql", known, new), origin
        found[FIELDS] = touched_differences(brands, known, new), ("source_system", "key_column", "key_value")
        with ThreadPoolExecutor(self.engine.tables_at_once) as pool:
            for view, change in zip(
                found, pool.map(lambda item: self._follow(item[0], *item[1]), found.items()), strict=True
            ):
                if change:
                    self.changes[view] = change

    def _follow(self, view: str, touched: Touched | None, slice_: tuple[str, ...]) -> Change | None:
        """What new deliveries change in a view, its touched rows read once. None where that is nothing."""
        if touched is None:
            return Change(whole=view == "staging.order_lines")
        if not touched.views:
            return None
        self.attach(self.graph.nodes[view].inputs)
        for part, sql in touched.views.items():
            self.engine.keep(part, sql)
        now, rows = (f"delivered.{view.split('.')[1]}{kind}" for kind in ("", "_versions"))
        self.engine.define(now, touched.now)
        self.engine.define(rows, touched.versions)
        return Change(rows, now=now, slice=slice_)

    def follows(self, node: Node, published: Stamp | None) -> bool:
        """True where the published table is of the state before this run's deliveries, so that it can be
        brought up to date.
        """
        before = self.before and self.before.nodes[node.name].fingerprint
        return (
            published is not None
            and published.fingerprint == before
            and not any(
                self.changes[name].whole for name in inputs_of(node.name, self.graph) if name in self.changes
            )
            and not needs_safe_reader(self.lakehouse.delta(node.name))
        )

    def steps(self, node: Node) -> Plan | None:
        """How the table is brought up to date, with the touched slices computed. None where nothing it reads
        has changed.
        """
        steps = plan(node, self.graph, self.changes)
        if steps and steps.affected:
            affected = f"affected.{flat(node.name)}"
            self.engine.keep(affected, steps.affected)
            for view, part in steps.slices.items():
                self.engine.slice(view, part.source, affected, part.on)
            for view, sql in steps.views.items():
                self.engine.define(view, sql)
        return steps

    def stage(self, node: Node, steps: Plan | None) -> tuple[Staged, Change | None]:
        """Writes what changed: nothing, single rows, whole partitions or the whole table."""
        contract, name = node.contract, flat(node.name)
        assert contract is not None
        if steps is None:
            return Staged(contract, "nothing"), None
        if not steps.compares or (
            not steps.affected
            and not self.is_followed(node)
            and self.lakehouse.rows(node.name) > COMPARED_ROWS
        ):
            return self.engine.stage(contract, steps.sql), Change(whole=True)
        slice_ = contract.incremental.slice if contract.incremental and steps.affected else []
        if slice_ and slice_ == contract.partition_by:
            return self.engine.stage_partitions(contract, steps.sql), Change()
        staged = self.engine.stage_changes(contract, steps.sql, sliced=bool(slice_))
        if staged.scope == "nothing":
            return staged, None
        gone = f"deleted.{name}" if staged.deleted else ""
        return staged, Change(f"changed.{name}", gone, f"computed.{name}", tuple(slice_))

    def is_followed(self, node: Node) -> bool:
        """True where another table is brought up to date from what changed in this one."""
        rules = [
            n.contract.incremental for n in self.graph.nodes.values() if n.contract and n.contract.incremental
        ]
        return any(node.name in {*rule.inputs, *rule.lookups} for rule in rules)

    def recheck(self, node: Node, change: Change | None) -> Recheck | None:
        """What of an updated table is to be checked again, None where that is everything."""
        if change and not change.rows:
            return None
        return Recheck(f"inserted.{flat(node.name)}" if change else None, frozenset(self.changes))

    def stamp(self, node: Node) -> Stamp:
        """What a table is published as. Built on tables that are themselves out of date, it stays out of
        date.
        """
        stale = any(
            name not in self.current
            and (s := self.lakehouse.stamp(name))
            and s.fingerprint != self.graph.nodes[name].fingerprint
            for name in self.graph.upstream(node.name)
            if self.graph.nodes[name].is_built
        )
        return Stamp("" if stale else node.fingerprint, self.delivered)

    def published(self, node: Node, change: Change | None) -> None:
        """Takes note of a new version: its files are those that were staged and attached."""
        with self.lock:
            self.attached.add(node.name)
            self.current.add(node.name)
            if change:
                self.changes[node.name] = change

    def attach(self, names: set[str] | frozenset[str]) -> None:
        """Makes the named nodes readable, and the views under them."""
        with self.lock:
            for name in self.graph.nodes:  # in dependency order
                if name in names or any(name in self._views_need(n) for n in names):
                    self._attach_one(name)

    def _views_need(self, name: str) -> set[str]:
        """Inputs of a view, through further views: a view can only be defined over what is there."""
        node = self.graph.nodes[name]
        if node.is_built or not node.sql:
            return set()
        return set(node.inputs).union(*(self._views_need(i) for i in node.inputs))

    def _attach_one(self, name: str) -> None:
        if name in self.attached:
            return
        node = self.graph.nodes[name]
        if name == f"mapping.{ECB_RATES}":
            self.engine.load_frame(name, ecb_rates())
        elif name.startswith("mapping."):
            self.engine.load_rows(name, *self.mappings[name.removeprefix("mapping.")])
        elif name in KEPT:
            self.engine.keep(name, node.sql)
        elif node.sql and not node.is_built:
            self.engine.define(name, node.sql)
        elif name.startswith("bronze.") and not self.lakehouse.exists(name):
            return  # an optional source that was never delivered
        else:
            if node.contract and not node.sql:
                self.lakehouse.create(node.contract)  # empty as long as nobody has scored
            self.engine.attach(name)
        self.attached.add(name)
