"""Rows of other sources that order lines add up, such as the payments of an order. Without a key every row
counts, so that one which two overlapping files both have counts twice, and nothing else would say so.
"""

from __future__ import annotations

from collections import Counter

from sqlglot import exp

from mergehouse.engine.literal import literal, no_rows
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_queries import ORDER_LINES, selects_of
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.own_delivery import rows_of

ADDED_UP = (exp.Sum, exp.Avg, exp.Count)


def summed_sources(queries: list[exp.Query], brand: Brand) -> list[str]:
    """The sources without a key whose rows the queries of order lines add up, but for their own.

    >>> from mergehouse.engine.dialect import parsed
    >>> brand = mh.project("shop").brands["shop"]
    >>> paid = "SELECT number, SUM(price) AS paid FROM typed.shop_lines GROUP BY number"
    >>> summed_sources([parsed(f"SELECT o.number FROM typed.shop_orders AS o JOIN ({paid}) AS p")], brand)
    ['lines']
    """
    found = set[str]()
    for query in queries:
        own = rows_of(query, query)
        for select in query.find_all(exp.Select):
            table = rows_of(select, query)
            if table != own and any(_adds_up(it, select) for it in select.find_all(*ADDED_UP)):
                found.add((table or "").removeprefix(f"{brand.name}_"))
    return sorted(name for name in found if name in brand.sources and not brand.sources[name].key)


def _adds_up(it: exp.Expr, select: exp.Select) -> bool:
    return it.find_ancestor(exp.Select) is select and not isinstance(it.this, exp.Distinct)


def rows_summed_twice_view(brands: list[Brand], delivered: list[Batch]) -> str:
    """SQL of `staging.rows_summed_twice`: by source how many rows, which order lines add up, two files have.

    >>> rows_summed_twice_view([], []).endswith("WHERE FALSE")
    True
    """
    files = Counter((batch.source_system, batch.source_table) for batch in delivered)
    selects = [
        f"SELECT * FROM (SELECT {literal(brand.name)} AS source_system, {literal(table)} AS source_table,"
        " COUNT(*) AS entries, MIN(earlier) AS earlier, MIN(later) AS later FROM ("
        f"SELECT MIN(source_file) AS earlier, MAX(source_file) AS later FROM typed.{brand.name}_{table}"
        f" GROUP BY {', '.join(f'`{name}`' for name in brand.sources[table].columns)}"
        " HAVING MIN(batch_id) <> MAX(batch_id)) AS repeated) AS counted WHERE entries > 0"
        for brand in brands
        if any(files[brand.name, table] > 1 and not of.key for table, of in brand.sources.items())
        for table in summed_sources(_of_lines(brand), brand)
        if files[brand.name, table] > 1
    ]
    texts = ("source_system", "source_table", "earlier", "later")
    return " UNION ALL ".join(selects) or no_rows(dict.fromkeys(texts, "STRING") | {"entries": "BIGINT"})


def _of_lines(brand: Brand) -> list[exp.Query]:
    file = brand.folder / ORDER_LINES
    return selects_of(resolved(brand, file), file)
