"""The shop's export with more columns than it has, and its lines."""

from __future__ import annotations

from tests.conftest import SHOP_BRAND, SHOP_ORDER_LINES, Shop


def with_columns(shop: Shop, names: dict[str, str], brand_yml: str = "") -> str:
    """More columns of the export that order_lines.sql hands on; returns the header."""
    declared = "".join(f"      {name}: {{type: {kind}}}\n" for name, kind in names.items())
    shop.configure(brand_yml + SHOP_BRAND.rstrip("\n") + "\n" + declared)
    sql = SHOP_ORDER_LINES.replace("currency, batch_id", ", ".join(["currency", *names, "batch_id"]))
    (shop.brand / "order_lines.sql").write_text(sql)
    return ",".join(["order,line,when,item,title,qty,price,customer,country,currency", *names])


def line(order: str, qty: str, price: str, *more: str, currency: str = "EUR", item: str = "P1") -> str:
    return ",".join([order, "1", "2025-06-02 10:00:00", item, "Mug", qty, price, "77", "DE", currency, *more])
