"""Classes of days, orders and euros that the cubes of customers are counted in: pages offer limits on the
same grid.
"""

from __future__ import annotations

import itertools

ORDERS = (1, 2, 3, 4, 5, 6, 11, 21)  # each from so many on, as are the following
SILENT = (0, 31, 61, 91, 121, 151, 181, 271, 366, 541)  # days since the last purchase, of campaigns
SPENT = (0, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # euros, of campaigns
VALUE = (
    *range(0, 50, 10), 50, 75, *range(100, 200, 25), *range(200, 500, 50), *range(500, 1000, 100),
    *range(1000, 2000, 250), *range(2000, 4000, 500), 4000, 5000, 7500, 10_000, 20_000, 50_000,
)  # fmt: skip
FIVES, LAST = 180, 730
RECENCY = (*range(0, FIVES, 5), *range(FIVES, LAST + 1, 10))  # days, each up to so many


def _from(edges: tuple[int, ...], value: str) -> str:
    steps = itertools.pairwise(edges)
    below = " ".join(f"WHEN {value} < {above} THEN {edge}" for edge, above in steps)
    return f"CASE WHEN {value} IS NULL THEN {edges[0]} {below} ELSE {edges[-1]} END"


MACROS = f"""
    CREATE MACRO orders_class(orders) AS {_from(ORDERS, "orders")};
    CREATE MACRO silent_class(days) AS {_from(SILENT, "days")};
    CREATE MACRO spent_class(eur) AS {_from(SPENT, "eur")};
    CREATE MACRO value_class(eur) AS {_from(VALUE, "eur")};
    CREATE MACRO recency_class(days) AS CASE
      WHEN days <= {FIVES} THEN CAST(CEIL(days / 5) AS INT) * 5
      ELSE LEAST(CAST(CEIL(days / 10) AS INT) * 10, {LAST}) END;
"""
