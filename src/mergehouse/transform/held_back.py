"""Brands that are held back: where tables read what brands deliver, their rows stay as before the run.

What reads those tables is built as ever, so that all tables agree on what these brands have sold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from mergehouse.engine import Relation
from mergehouse.engine.literal import literal
from mergehouse.transform.graph import Earlier, Graph, Node, Table


def holding_back(graph: Graph, brands: Collection[str], versions: Mapping[str, int]) -> Graph:
    """The graph with these brands' rows as they were in the `versions` of the tables that there were.

    `graph` has none of what these brands deliver.

    >>> from mergehouse.ingest.bronze import read_batches
    >>> from mergehouse.project.mapping_files import mapping_tables
    >>> from mergehouse.transform.model_graph import build_graph
    >>> project, batches = mh.project("shop"), read_batches(mh.open("shop"))
    >>> graph = build_graph(project, batches, mapping_tables(project), "", lambda table: "", ["shop"])
    >>> graph = holding_back(graph, ["shop"], {"silver.order_lines": 7})
    >>> print(graph.tables["silver.order_lines"].sql)
    SELECT ... UNION ALL SELECT ... FROM earlier.silver_order_lines WHERE source_system IN ('shop')
    """
    nodes: dict[str, Node] = {}
    for name, node in graph.nodes.items():
        if name in versions and (table := graph.read_brands.get(name)):
            earlier = Earlier(name=f"{Relation('earlier', name)}", table=name, version=versions[name])
            nodes[earlier.name] = earlier
            node = _with_earlier_rows(table, earlier.name, brands)
        nodes[name] = node
    # whatever the version: the rows are the same as long as the brands are held back
    return Graph(nodes, graph.given | {node.name: "" for node in nodes.values() if isinstance(node, Earlier)})


def _with_earlier_rows(table: Table, earlier: str, brands: Collection[str]) -> Table:
    columns, held = ", ".join(table.contract.columns), ", ".join(map(literal, sorted(brands)))
    sql = (
        f"SELECT {columns} FROM ({table.sql}) AS new WHERE source_system NOT IN ({held})"
        f" UNION ALL SELECT {columns} FROM {earlier} WHERE source_system IN ({held})"
    )
    return replace(table, sql=sql, inputs=table.inputs | {earlier})
