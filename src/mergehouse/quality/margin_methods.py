"""How the margin of each brand is come by: told by every run beside the figure."""

from __future__ import annotations

from mergehouse.lakehouse.delta import Lakehouse

SALES = "gold.sales_daily"


def margin_methods(lakehouse: Lakehouse) -> dict[str, str]:
    """By brand `actual`, `estimated` or `mixed`; brands that have sold no goods are left out.

    >>> margin_methods(mh.open("shop"))
    {'shop': 'estimated'}
    """
    if not lakehouse.exists(SALES):
        return {}
    return dict(
        lakehouse.reading(SALES)
        .execute(
            "SELECT source_system, CASE WHEN min(margin_method) = max(margin_method) THEN min(margin_method)"
            f" ELSE 'mixed' END FROM {SALES} WHERE margin_method <> 'none' GROUP BY 1 ORDER BY 1"
        )
        .fetchall()
    )
