"""Costs that a catalogue has said of a product before: sales of all times have the one that it says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.engine.dialect import reading
from mergehouse.engine.literal import no_rows
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_files import brand_file
from mergehouse.transform.delivered_rows import delivered_view, versions

COLUMNS = {
    "source_system": "STRING",
    "product_code": "STRING",
    "cost_before": "DECIMAL(20, 9)",
    "cost_now": "DECIMAL(20, 9)",
    "until": "TIMESTAMP",
}


def earlier_costs_view(
    contract: Contract, brands: Sequence[Brand], batches: Mapping[tuple[str, str], list[Batch]]
) -> exp.Query:
    """The query of `staging.earlier_costs`: products of which a catalogue that came several times has said
    another cost `until` some moment than it says now. `batches` by brand and source.

    >>> from mergehouse.contracts.registry import contract_of
    >>> earlier_costs_view(contract_of("staging.products"), [], {}).sql().endswith("WHERE FALSE")
    True
    """
    again = {source: came for source, came in batches.items() if len(came) > 1}
    several = [
        brand
        for brand in brands
        if any(of_brand == brand.name for of_brand, _ in again)
        and brand_file(brand, contract).exists()
        and (query := versions(brand, contract, again))
        and "unit_cost" in query.named_selects
    ]
    if not several:
        return reading(no_rows(COLUMNS))
    return reading(
        "SELECT source_system, product_code, MAX_BY(unit_cost, effective_from) AS cost_before, cost_now,"
        " MAX(effective_from) AS until FROM ("
        "SELECT source_system, product_code, unit_cost, effective_from, FIRST_VALUE(unit_cost) OVER"
        " (PARTITION BY source_system, product_code ORDER BY effective_from DESC, ingest_ts DESC,"
        " source_row DESC) AS cost_now FROM delivered WHERE unit_cost IS NOT NULL AND NOT is_deleted) AS said"
        " WHERE unit_cost <> cost_now GROUP BY source_system, product_code, cost_now",
        delivered=delivered_view(contract, several, again),
    )
