"""What the brands have in common: customers, product categories, countries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import duckdb


@dataclass(frozen=True)
class Shared:
    """A category or country, by brand that sells it: GMV in EUR, its share of the brand's GMV, and products
    or orders.
    """

    name: str
    group: str
    gmv_eur: dict[str, Decimal]
    share: dict[str, float]
    count: dict[str, int]


@dataclass(frozen=True)
class Overlap:
    """Categories or countries, by their largest share at any brand; how many are common, and the share of
    each brand's GMV in those.
    """

    rows: tuple[Shared, ...]
    common: int
    common_share: dict[str, float]


@dataclass(frozen=True)
class Overlaps:
    """`customers` holds how many bought at both brands of a pair; a brand paired with itself: at that brand.
    None: not published.
    """

    customers: dict[str, dict[str, int]] | None
    categories: Overlap | None
    countries: Overlap | None


def shared_customers(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """By pair of brands; reads gold.customer_brand_360."""
    pairs: dict[str, dict[str, int]] = {}
    for one, other, customers in connection.sql("""
        WITH buyers AS (SELECT customer_id, source_system FROM gold.customer_brand_360 WHERE frequency > 0)
        SELECT a.source_system, b.source_system, count(*)
        FROM buyers AS a JOIN buyers AS b USING (customer_id)
        GROUP BY ALL ORDER BY ALL
        """).fetchall():
        pairs.setdefault(one, {})[other] = customers
    return pairs


def shared_categories(connection: duckdb.DuckDBPyConnection) -> Overlap:
    """By category of the group hierarchy, products counted that were sold; reads gold.category_perf."""
    return _overlap(
        connection.sql("""
            SELECT category, department, source_system, sum(gmv_eur), count(DISTINCT product_id)
            FROM gold.category_perf WHERE sale_lines > 0 GROUP BY ALL
            """).fetchall()
    )


def shared_countries(connection: duckdb.DuckDBPyConnection, names: dict[str, str]) -> Overlap:
    """By country of the order, orders counted; reads gold.sales_daily. `names`: of countries by code."""
    found = connection.sql(
        "SELECT country_code, region, source_system, sum(gmv_eur), sum(orders)::BIGINT FROM gold.sales_daily"
        " GROUP BY ALL"
    ).fetchall()
    return _overlap(
        (names.get(code, code), region, brand, gmv, orders)
        for code, region, brand, gmv, orders in found
        if orders
    )


def _overlap(found: Iterable[tuple[str, str, str, Decimal, int]]) -> Overlap:
    found = list(found)
    brands = sorted({brand for _, _, brand, _, _ in found})
    total = {brand: sum(gmv for _, _, of, gmv, _ in found if of == brand) for brand in brands}
    rows: dict[tuple[str, str], Shared] = {}
    for name, group, brand, gmv, count in sorted(found, key=lambda row: row[2]):
        row = rows.setdefault((group, name), Shared(name, group, {}, {}, {}))
        row.gmv_eur[brand], row.count[brand] = gmv, count
        row.share[brand] = float(gmv / total[brand]) if total[brand] else 0.0
    ordered = sorted(rows.values(), key=lambda r: (-max(r.share.values()), r.group, r.name))
    common = [r for r in ordered if len(r.share) > 1]
    return Overlap(
        tuple(ordered), len(common), {brand: sum(r.share.get(brand, 0.0) for r in common) for brand in brands}
    )
