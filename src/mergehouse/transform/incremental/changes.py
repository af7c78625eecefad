"""What a run has changed so far, and how it brings a table up to date with that."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mergehouse.engine import Engine, Relation, Staged
from mergehouse.engine.dialect import Sql
from mergehouse.ingest.bronze import Batch
from mergehouse.lakehouse.files import Stamp, needs_safe_reader, types_of
from mergehouse.project.config import Project
from mergehouse.transform.brand_files import brand_contracts
from mergehouse.transform.brand_lists import UNUSABLE
from mergehouse.transform.delivered_rows import delivered_name
from mergehouse.transform.field_reconciliation import DIFFERENCES
from mergehouse.transform.graph import Graph, Table
from mergehouse.transform.incremental.affected_fields import affected_differences
from mergehouse.transform.incremental.affected_rows import Affected, affected_rows
from mergehouse.transform.incremental.plan import Change, Plan, inputs_of, plan

COMPARED_ROWS = 100_000  # larger tables that no other follows are written anew rather than compared


class Changes:
    """Changes by the name of the table or view. `before` is the graph of when the tables were last brought up
    to date, None where nothing can be told from it: then every table is rebuilt.
    """

    def __init__(self, engine: Engine, graph: Graph, before: Graph | None = None):
        self.engine, self.graph, self.before = engine, graph, before
        self.found: dict[str, Change] = {}
        rules = [t.contract.incremental for t in graph.tables.values() if t.contract.incremental]
        self._followed = {name for rule in rules for name in (*rule.inputs, *rule.lookups)}

    def trace(
        self, project: Project, known: list[Batch], new: list[Batch], attach: Callable[[frozenset[str]], None]
    ) -> None:
        """Notes what new deliveries change in the views that follow them. `attach` makes what these read
        readable.
        """
        brands = list(project.brands.values())
        affected = {
            contract.table: affected_rows(contract, brands, known, new) for contract in brand_contracts()
        }
        affected[DIFFERENCES] = affected_differences(brands, known, new)
        lists = [affected[contract.table] for contract in brand_contracts() if contract.keep]
        if any(of.relations or not of.is_followed for of in lists):  # a row that counts makes another one not
            self.found[UNUSABLE] = Change()
        # with a vault the list is read from there, which is made of all its versions
        affected |= {
            delivered_name(contract): affected.pop(contract.table)
            for contract in brand_contracts()
            if delivered_name(contract) in self.graph.views
        }

        def traced(view: str) -> tuple[str, Change | None]:
            attach(self.graph.nodes[view].inputs)
            return view, self._traced(view, affected[view])

        with ThreadPoolExecutor(self.engine.tables_at_once) as pool:
            self.found |= {view: change for view, change in pool.map(traced, affected) if change}

    def can_update(self, table: Table, published: Stamp | None) -> bool:
        """True where the table can be brought up to date: it was published before this run's deliveries, and
        nothing that it reads was rebuilt.
        """
        return (
            self.before is not None
            and published is not None
            and published.fingerprint == self.before.fingerprints[table.name]
            and not any(
                self.found[name].whole for name in inputs_of(table.name, self.graph) if name in self.found
            )
            and not needs_safe_reader(self.engine.lakehouse.delta(table.name))
        )

    def rebuild(self, table: Table) -> tuple[Staged, Change | None]:
        """Writes the table whole."""
        return self.engine.stage(table.contract, table.sql), Change(whole=True)

    def can_replace_rows(self, table: Table) -> bool:
        """True where the table's rows can be compared with others."""
        lakehouse = self.engine.lakehouse
        if table.name in lakehouse.untrusted or not lakehouse.exists(table.name):
            return False
        delta = lakehouse.delta(table.name)
        return not needs_safe_reader(delta) and types_of(delta) == table.contract.types

    def replace_rows(self, table: Table, sql: str) -> tuple[Staged, Change | None]:
        """Writes what differs between a query's rows and the table, or its slices in the relation `affected`
        where it says that these are replaced, so that what reads it follows these.
        """
        rule = table.contract.incremental if table.contract.replaces == "slices" else None
        return self._compared(table, sql, tuple(rule.slice) if rule else ())

    def update(self, table: Table) -> tuple[Staged, Change | None]:
        """Writes what changed: nothing, single rows, whole partitions or the whole table."""
        steps = plan(table, self.graph, self.found)
        if steps is None:
            return Staged(table.contract, "nothing"), None
        if not steps.affected:
            if table.name in self._followed or self.engine.lakehouse.rows(table.name) <= COMPARED_ROWS:
                return self._compared(table, steps.sql, ())
            return self.rebuild(table)
        self._slice(table, steps)
        slice_ = tuple(table.contract.incremental.slice if table.contract.incremental else ())
        if list(slice_) == table.contract.partition_by:
            return self.engine.stage_partitions(table.contract, steps.sql), Change()
        return self._compared(table, steps.sql, slice_)

    def _traced(self, view: str, affected: Affected) -> Change | None:
        """What new deliveries change in a view, its affected rows read once. None where that is nothing."""
        if not affected.is_followed:
            return Change(whole=bool(affected.slice))
        if not affected.relations:
            return None
        for relation, sql in affected.relations.items():
            self.engine.keep(relation, sql)
        now, rows = Relation("delivered", view), Relation("delivered", view, "versions")
        self.engine.define(now, affected.now)
        self.engine.define(rows, affected.versions)
        return Change(rows, now=now, slice=affected.slice)

    def _slice(self, table: Table, steps: Plan) -> None:
        affected = Relation("affected", table.name)
        self.engine.keep(affected, steps.affected)
        for relation, part in steps.slices.items():
            if part.source == table.name:
                self.engine.attach(table.name)
            self.engine.slice(relation, part.source, affected, part.on)
        for relation, sql in steps.views.items():
            self.engine.define(relation, sql)

    def _compared(self, table: Table, sql: Sql, slice_: tuple[str, ...]) -> tuple[Staged, Change | None]:
        staged = self.engine.stage_changes(table.contract, sql, sliced=bool(slice_))
        if staged.scope == "nothing":
            return staged, None
        changed, deleted, computed = (Relation(k, table.name) for k in ("changed", "deleted", "computed"))
        return staged, Change(changed, deleted if staged.deleted else None, computed, slice_)
