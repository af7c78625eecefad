"""What is readable in the engine under its name: tables, views and mappings, attached when first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from mergehouse.engine import Engine, Relation, Staged, text_table
from mergehouse.lakehouse.writing import create_table
from mergehouse.project.ecb_rates import Edition, ecb_rates
from mergehouse.project.mapping_files import Rows
from mergehouse.transform.graph import Earlier, Graph, Node, Table, View


class Attachments:
    """Of one run. Tables may be built side by side, and each thread may ask."""

    def __init__(self, engine: Engine, graph: Graph, mappings: dict[str, Rows], rates: Edition):
        self.engine, self.graph, self.mappings, self.rates = engine, graph, mappings, rates
        self._attached: set[str] = set()
        self._lock = threading.RLock()

    def attach(self, names: Iterable[str]) -> None:
        """Makes the named nodes readable, and the views under them."""
        needed = set(names).union(*map(self._under, names))
        with self._lock:
            for name in self.graph.nodes:  # in dependency order
                if name in needed and name not in self._attached and self._attach(self.graph.nodes[name]):
                    self._attached.add(name)

    def show(self, staged: Staged) -> None:
        """Makes a table readable as it will be once it is published."""
        with self._lock:
            self.engine.attach_staged(staged)

    def published(self, name: str) -> None:
        """Takes note that what is shown of a table is what is published."""
        with self._lock:
            self._attached.add(name)

    def _under(self, name: str) -> set[str]:
        """Inputs of a view, through further views: a view can only be defined over what is there."""
        inputs = self.graph.views[name].inputs if name in self.graph.views else frozenset[str]()
        return set(inputs).union(*map(self._under, inputs))

    def _attach(self, node: Node) -> bool:
        """False where there is nothing to attach: an optional source that was never delivered."""
        engine, lakehouse = self.engine, self.engine.lakehouse
        if isinstance(node, View):
            (engine.keep if node.keep else engine.define)(node.name, node.sql)
        elif isinstance(node, Earlier):
            self._attach_earlier(node)
        elif node.name == "mapping.ecb_rates":
            engine.load_frame(node.name, ecb_rates(self.rates.file))
        elif node.layer == "mapping":
            rows = text_table(*self.mappings[node.name.removeprefix("mapping.")])
            engine.load_frame(node.name, rows)
        elif node.layer == "bronze" and not lakehouse.exists(node.name):
            return False
        else:
            if isinstance(node, Table) and node.contract.optional:
                create_table(lakehouse, node.contract)  # without rows as long as nobody has computed it
            engine.attach(node.name)
        return True

    def _attach_earlier(self, node: Earlier) -> None:
        if node.version is not None:
            self.engine.attach_earlier(node.table, node.version)
        elif self.engine.lakehouse.exists(node.table):
            version = self.engine.lakehouse.delta(node.table).version()
            self.engine.attach_earlier(node.table, version)
        else:
            table = self.graph.tables[node.table]
            nulls = (f"CAST(NULL AS {kind}) AS {name}" for name, kind in table.contract.types.items())
            self.engine.define(Relation("earlier", node.table), f"SELECT {', '.join(nulls)} WHERE FALSE")
