"""Makes the graph of a project: the package's models and contracts, what brands' own SQL gives them, and what
was delivered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import chain
from typing import Any

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.parts import is_off
from mergehouse.contracts.registry import contracts, find, models
from mergehouse.engine import Relation
from mergehouse.engine.dialect import Sql
from mergehouse.engine.literal import with_folds
from mergehouse.errors import BrandError, ConfigError
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch, counting
from mergehouse.kpi.catalogue import with_ratios
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import RUN
from mergehouse.project.validation import nearest_known
from mergehouse.transform.brand_files import brand_contracts
from mergehouse.transform.brand_lists import UNUSABLE, listed, unusable_view, usable_view
from mergehouse.transform.delivered_rows import delivered_name, delivered_view
from mergehouse.transform.earlier_costs import earlier_costs_view
from mergehouse.transform.field_reconciliation import DIFFERENCES, differences_view
from mergehouse.transform.graph import BUILT_LAYERS, Earlier, Graph, Node, Table, View, digest, tables_in
from mergehouse.transform.hashing import with_hashes
from mergehouse.transform.minor_units import minor_units_view
from mergehouse.transform.repeated_rows import repeated_rows_view
from mergehouse.transform.staging_views import (
    joins_view,
    line_sources_view,
    other_spellings_view,
    raw_rows_view,
    stacked_view,
    typed_view,
    undated_versions_view,
    untold_kinds_view,
)
from mergehouse.transform.summed_rows import rows_summed_twice_view
from mergehouse.transform.unread_marks import unread_marks_view
from mergehouse.transform.unread_money import unread_discounts_view, unread_taxes_view
from mergehouse.transform.unread_parents import unread_parents_view


def build_graph(
    project: Project,
    batches: list[Batch],
    mappings: dict[str, Any],
    rates: str,
    published: Callable[[str], str],
    held_back: Collection[str] = (),
) -> Graph:
    """Reads every model, and stacks the staging SQL of all brands but those that are held back.

    `rates` identifies the edition of the ECB rates; `published` tells the fingerprint that a table was
    published with, empty where there is none. What the project does without is left out, or where other
    tables read it, stays as it is. Raises ConfigError where a model reads what is not there.

    >>> from mergehouse.ingest.bronze import read_batches
    >>> from mergehouse.project.mapping_files import mapping_tables
    >>> project, batches = mh.project("shop"), read_batches(mh.open("shop"))
    >>> graph = build_graph(project, batches, mapping_tables(project), "", lambda table: "")
    >>> "silver.sales_clean" in graph.upstream("gold.sales_daily")
    True
    >>> [table.name for table in graph.select("gold.dim_brand", until="gold")]
    ['gold.dim_brand']
    >>> graph.views["staging.rfm"].keep, graph.views["staging.raw_rows"].keep  # read by two tables, by one
    (True, False)
    """
    loaded = [b for b in batches if b.status != "repeat"]
    given = {f"mapping.{name}": digest(repr(table)) for name, table in mappings.items()}
    given[f"mapping.{RUN}"] = ""  # another moment makes no table stale
    given |= {"mapping.ecb_rates": digest(rates), "bronze.batches": _of_batches(counting(loaded))}
    brands = [brand for brand in project.brands.values() if brand.name not in held_back]
    for brand in brands:
        _expect_read(brand, brands)
    views = _staging_views(brands, loaded)
    of_brands = {contract.table for contract in brand_contracts()}
    for brand in brands:
        for table in brand.sources:
            of_table = [b for b in loaded if (b.source_system, b.source_table) == (brand.name, table)]
            given[bronze_table(brand.name, table)] = _of_batches(counting(of_table))
            views.append(_view(f"typed.{brand.name}_{table}", typed_view(brand, table, of_table)))
    if project.config.vault:
        views += _delivered_views(brands, loaded)
    nodes = [Node(name=name) for name in given] + views
    for name, sql in (models() | (models("vault") if project.config.vault else {})).items():
        contract, sql = find(name), with_hashes(with_folds(sql))
        if contract is None or contract.table in of_brands:
            nodes.append(_view(name, sql, keep=contract is not None and contract.keep))
        elif not is_off(contract, project):
            nodes.append(_table(contract, tables_in(sql), with_ratios(sql, contract)))
            earlier = Earlier(name=f"{Relation('earlier', name)}", table=name)
            if earlier.name in nodes[-1].inputs:
                nodes.append(earlier)
                given[earlier.name] = ""  # whatever it has, it keeps
    for contract in (c for layer in BUILT_LAYERS for c in contracts(layer) if c.computed_by):
        off = is_off(contract, project)
        if contract.optional or not off:
            given[contract.table] = published(contract.table)
            nodes.append(_table(contract, frozenset() if off else _there(contract.reads, project)))
    return Graph(_ordered({node.name: node for node in _with_kept(nodes)}), given)


def _with_kept(nodes: list[Node]) -> list[Node]:
    """The nodes; views that several tables, or several checks, read are computed once a run."""
    tables = [node for node in nodes if isinstance(node, Table)]
    checks = [check.sql for table in tables for check in table.contract.checks if check.sql]
    readers = [
        Counter(chain.from_iterable(names))
        for names in ([table.inputs for table in tables], map(tables_in, checks))
    ]
    return [
        replace(node, keep=True)
        if isinstance(node, View) and not node.of_brands and max(r[node.name] for r in readers) > 1
        else node
        for node in nodes
    ]


def _there(tables: Iterable[str], project: Project) -> frozenset[str]:
    """Those of tables that the project does not do without."""
    found = ((name, find(name)) for name in tables)
    return frozenset(name for name, contract in found if contract is None or not is_off(contract, project))


def _expect_read(brand: Brand, brands: list[Brand]) -> None:
    """Raises BrandError where a brand reads sources of one that is held back: it waits with that one."""
    there = {f"{other.name}.{source}" for other in brands for source in other.sources}
    for name in brand.reads:
        if name not in there:
            raise BrandError(
                f"{brand.folder / 'brand.yml'}: reads `{name}` of a brand that is held back; waits with it.",
                brand.name,
            )


def read_models() -> None:
    """Reads models, contracts and their checks, which are kept as read: every graph needs them, and while
    files are loaded there is time.

    >>> read_models()
    >>> "silver.sales_clean" in models()
    True
    """
    checks = [check for layer in BUILT_LAYERS for contract in contracts(layer) for check in contract.checks]
    read = [with_hashes(with_folds(sql)) for sql in models().values()]
    for sql in read + [check.sql for check in checks if check.sql]:
        tables_in(sql)


def _staging_views(brands: list[Brand], loaded: list[Batch]) -> list[Node]:
    """What the brands deliver, as models read it: a view for each contract that their own SQL fills, the rows
    behind unusable lines, and the fields that two tables disagree about.
    """
    delivered = {(b.source_system, b.source_table) for b in loaded}
    sources = [
        (brand, table) for brand in brands for table in brand.sources if (brand.name, table) in delivered
    ]
    lists = {contract.table: listed(contract, brands) for contract in brand_contracts() if contract.keep}
    [costed] = [contract for contract in brand_contracts() if "unit_cost" in contract.columns]
    earlier_costs = earlier_costs_view(costed, brands, _by_source(loaded))
    views: list[Node] = [
        _view(
            contract.table,
            usable_view(lists[contract.table]) if contract.keep else stacked_view(contract, brands),
            of_brands=True,
            follows=bool(contract.follows),
            keep=contract.keep,
        )
        for contract in brand_contracts()
    ]
    return [
        *views,
        _view(UNUSABLE, unusable_view(lists.values()), of_brands=True, follows=True),
        _view("staging.raw_rows", raw_rows_view(sources), of_brands=True),
        _view("staging.line_sources", line_sources_view(brands), of_brands=True),
        _view("staging.line_joins", joins_view(brands), of_brands=True),
        _view("staging.other_spellings", other_spellings_view(brands), of_brands=True),
        _view("staging.untold_kinds", untold_kinds_view(brands), of_brands=True),
        _view("staging.rows_summed_twice", rows_summed_twice_view(brands, loaded), of_brands=True),
        _view("staging.repeated_rows", repeated_rows_view(brands, loaded), of_brands=True),
        _view("staging.unread_discounts", unread_discounts_view(brands, loaded), of_brands=True),
        _view("staging.unread_taxes", unread_taxes_view(brands, loaded), of_brands=True),
        _view("staging.minor_units", minor_units_view(brands), of_brands=True),
        _view("staging.unread_marks", unread_marks_view(brands, loaded), of_brands=True),
        _view("staging.unread_parents", unread_parents_view(brands, loaded), of_brands=True),
        _view("staging.undated_versions", undated_versions_view(sources, loaded), of_brands=True),
        _view("staging.earlier_costs", earlier_costs, of_brands=True),
        _view(DIFFERENCES, differences_view(brands, delivered), of_brands=True, follows=True),
    ]


def _delivered_views(brands: list[Brand], loaded: list[Batch]) -> list[Node]:
    """Every version of the rows of brands' lists."""
    by_source = _by_source(loaded)
    lists = [contract for contract in brand_contracts() if contract.keep]
    return [
        _view(delivered_name(c), delivered_view(c, brands, by_source), of_brands=True, follows=True)
        for c in lists
    ]


def _by_source(loaded: list[Batch]) -> dict[tuple[str, str], list[Batch]]:
    by_source = defaultdict[tuple[str, str], list[Batch]](list)
    for batch in loaded:
        by_source[batch.source_system, batch.source_table].append(batch)
    return by_source


def _view(name: str, sql: Sql, of_brands: bool = False, follows: bool = False, keep: bool = False) -> View:
    return View(name=name, inputs=tables_in(sql), sql=sql, of_brands=of_brands, follows=follows, keep=keep)


def _table(contract: Contract, inputs: frozenset[str], sql: str = "") -> Table:
    referenced = {c.references.rsplit(".", 1)[0] for c in contract.columns.values() if c.references}
    checked = referenced.union(*(tables_in(check.sql) for check in contract.checks if check.sql))
    checked -= {contract.table}
    return Table(
        name=contract.table, inputs=inputs, contract=contract, sql=sql, check_inputs=frozenset(checked)
    )


def _ordered(nodes: dict[str, Node]) -> dict[str, Node]:
    for node in nodes.values():
        for parent in node.parents - nodes.keys():
            raise ConfigError(
                f"{node.name} reads `{parent}`, which is not there{nearest_known(parent, nodes)}"
            )
    order = TopologicalSorter({name: node.parents for name, node in nodes.items()}).static_order()
    return {name: nodes[name] for name in order}


def _of_batches(batches: list[Batch]) -> str:
    return digest(*sorted(b.batch_id for b in batches))
