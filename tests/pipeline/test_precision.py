"""Nothing is rounded before it is multiplied: amounts, rates, costs and discounts, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.conftest import SHOP_ORDER_LINES, Shop

from mergehouse.errors import ConfigError

# order: (quantity, price, currency), amount in euros
AMOUNTS = {
    "SCREWS": (("10000", "0.012345", "EUR"), "123.45"),
    "WATTS": (("1000000", "0.012345678", "EUR"), "12345.68"),
    "GRAMS": (("0.12345", "100.00", "EUR"), "12.35"),  # 12.345
    "TWICE": (("0.5", "0.0899", "EUR"), "0.04"),  # 0.04495, which four decimals make 0.0450 and so 0.05
    "BACK": (("-0.5", "0.09", "EUR"), "-0.05"),  # -0.045: half a cent goes away from nothing
    "CASH": (("1", "17595370", "IDR"), "1000.00"),  # 17,595.37 for a euro
    "NOTE": (("100000", "17595.37", "IDR"), "100000.00"),
    "ROUGH": (("1", "1230.55", "TRY"), "30.76"),  # 40.00 for a euro: 30.76375
    "HALF": (("1", "1.01", "TRY"), "0.03"),  # 0.02525
    "CAR": (("3", "9999999999.99", "IDR"), "1704993.98"),  # 29,999,999,999.97 / 17,595.37 = 1,704,993.984...
}
NET = {  # at another brand, whose prices hold 19 % of tax
    "NET": (("3", "9.99", "EUR"), "25.18"),  # 25.1848739
    "THIRD": (("3000000", "0.3966666667", "EUR"), "1000000.00"),  # 1 / 3 each
}


@pytest.fixture(scope="module")
def priced(open_shop: Callable[[], Shop]) -> Shop:
    """Two brands with amounts, one that has costs estimated and discounts, one that knows its costs."""
    shop = open_shop()
    net, estimated, actual = (shop.another(name) for name in ("net", "estimated", "actual"))
    (shop.brand / "fx_rates.csv").write_text(
        "currency,rate_date,units_per_eur\nIDR,2026-03-01,17595.37\nTRY,2026-03-01,40\n"
    )
    for brand, column, said in (
        (net, "price AS unit_price", "price / 1.19 AS unit_price"),
        (estimated, "country,", "CAST(country AS DECIMAL(9, 4)) AS list_price,"),
    ):
        (brand.brand / "order_lines.sql").write_text(SHOP_ORDER_LINES.replace(column, said))
    (actual.brand / "products.sql").write_text(
        "SELECT DISTINCT item AS product_code, price AS unit_cost FROM lines"
    )
    for of, lines in ((shop, AMOUNTS), (net, NET)):
        of.deliver_lines(*[line(order, *given) for order, (given, _) in lines.items()])
    estimated.deliver_lines(
        line("A1", "1.02", "0.26").replace("DE", "0.2749"), line("A2", "7", "1.00").replace("DE", "1.0007")
    )
    actual.deliver_lines(line("A1", "10000", "0.012345"), line("A2", "0.5", "0.0899").replace("P1", "P2"))
    assert not shop.run(until="silver").failed
    return shop


def line(order: str, quantity: str, price: str, currency: str = "EUR") -> str:
    return f"{order},1,2026-03-01 10:00:00,P1,Mug,{quantity},{price},77,DE,{currency}"


@pytest.mark.parametrize("order", AMOUNTS | NET)
def test_an_amount_is_rounded_once(priced: Shop, order: str) -> None:
    found = priced.rows(f"SELECT amount_eur FROM silver.sales_clean WHERE order_id = '{order}'")
    assert found == [(Decimal((AMOUNTS | NET)[order][1]),)]


def test_a_rate_keeps_its_digits(priced: Shop) -> None:
    """1 / 17,595.37 = 0.0000568331328...; of a currency worth more than a euro eight decimals are enough."""
    of = "SELECT rate_eur FROM silver.fx_rates_eur WHERE currency = '{}' AND rate_date = '{}'".format
    assert priced.rows(of("IDR", "2026-03-01")) == [(Decimal("0.0000568331328"),)]
    assert priced.rows(of("GBP", "2009-12-24")) == [(Decimal("1.11012433"),)]  # 1 / 0.9008 = 1.110124333...
    assert priced.rows(of("USD", "2009-12-24")) == [(Decimal("0.6945409084595"),)]  # 1 / 1.4398


def test_estimated_cost_and_discount_are_rounded_once(priced: Shop) -> None:
    """1.02 x 0.26 is 0.2652: half of it 0.13, while half of 0.27 would be 0.14. 1.02 x (0.2749 - 0.26) is
    0.015198, and 7 x 0.0007 = 0.0049 is no cent.
    """
    of_brand = "WHERE source_system = 'estimated'"
    found = f"SELECT cost_eur, margin_eur FROM silver.sales_clean {of_brand} AND order_id = 'A1'"
    assert priced.rows(found) == [(Decimal("0.13"), Decimal("0.14"))]
    assert priced.rows(f"SELECT order_id, discount_eur FROM silver.orders {of_brand} ORDER BY 1") == [
        ("A1", Decimal("0.02")),
        ("A2", Decimal("0.00")),
    ]


def test_actual_cost_is_rounded_once(priced: Shop) -> None:
    """10,000 x 0.012345, and half of it gone by the third decimal: 0.5 x 0.0899 = 0.04495."""
    found = "SELECT order_id, cost_eur, margin_eur FROM silver.sales_clean WHERE source_system = 'actual'"
    assert priced.rows(f"{found} ORDER BY 1") == [("A1", Decimal("123.45"), 0), ("A2", Decimal("0.04"), 0)]


@pytest.mark.parametrize("units", ["0", "0.00001", "20000000"])
def test_a_rate_that_cannot_be_kept_is_named(shop: Shop, units: str) -> None:
    (shop.brand / "fx_rates.csv").write_text(f"currency,rate_date,units_per_eur\nBTC,2026-03-01,{units}\n")
    shop.deliver_lines(line("A1", "1", "1.00"))
    with pytest.raises(ConfigError, match="row 2: a euro is worth .* BTC .*; expected 0.0001 to 10,000,000"):
        shop.run(until="silver")
