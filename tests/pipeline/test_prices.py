"""GMV means the same for all brands: without tax where their prices include it, pieces as units, and cost as
delivered where it is.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import SHOP_BRAND, Shop
from tests.pipeline.more_columns import line, with_columns

from mergehouse.errors import ConfigError

pytestmark = pytest.mark.slow("a run for each case")

D = Decimal
DAILY_RATE = "SELECT rate_eur FROM silver.fx_rates_eur WHERE currency = '{}' AND rate_date = '2025-06-02'"


def test_tax_is_taken_out_of_gross_prices_and_rounded_once(shop: Shop) -> None:
    header = with_columns(
        shop,
        {"tax_rate": "percent", "tax_amount": "number", "list_price": "number"},
        "prices: gross\ntax_rate: 19 %\n",
    )
    shop.deliver_lines(
        line("brand", "1", "119", "", "", ""),
        line("exact", "3", "9.99", "", "", ""),  # 29.97 / 1.19 = 25.1848...
        line("many", "10000", "0.012345", "", "", ""),  # 123.45 / 1.19 = 103.7394...
        line("reduced", "1", "10.70", "7", "", ""),
        line("free", "1", "10", "0", "", ""),
        line("amount", "2", "60.5", "", "21", ""),
        line("refund", "1", "-121", "", "21", ""),  # an amount of tax without a sign
        line("gift", "1", "0", "", "", ""),
        line("discount", "2", "119", "", "", "178.50"),  # 2 x 59.50 off, 50 each without tax
        line("dollars", "1", "119", "", "", "", currency="USD"),
        line("fraction", "1", "119", "0.19", "", ""),
        line("too_much", "1", "10", "", "10", ""),
        header=header,
    )
    result = shop.run()
    assert not result.failed
    found = dict(shop.rows("SELECT lower(order_id), amount_eur FROM silver.sales_clean"))
    [(rate,)] = shop.rows(DAILY_RATE.format("USD"))
    assert found.pop("dollars") == (100 * rate).quantize(D("0.01"), "ROUND_HALF_UP")
    assert {order: str(amount) for order, amount in found.items()} == {
        "brand": "100.00", "exact": "25.18", "many": "103.74", "reduced": "10.00", "free": "10.00",
        "amount": "100.00", "refund": "-100.00", "gift": "0.00", "discount": "200.00",
    }  # fmt: skip
    assert shop.rows("SELECT order_id, reason_code FROM silver.quarantine ORDER BY 1") == [
        ("FRACTION", "unknown_tax"),
        ("TOO_MUCH", "unknown_tax"),
    ]
    assert shop.rows("SELECT discount_eur FROM silver.orders WHERE order_id = 'DISCOUNT'") == [(D("100.00"),)]
    steps = dict(shop.rows("SELECT step, value FROM gold.kpi_raw_vs_silver WHERE kpi = 'gmv_eur'"))
    gross = D("119") + D("29.97") + D("123.45") + D("10.70") + 10 + 121 + 238 + 119
    net = D("25.184873950") + D("103.739495798") + 100 + 10 + 10 + 100 + 200 + 100
    assert steps["tax"] == net - gross


def test_what_prices_are_is_said_whole(shop: Shop) -> None:
    shop.deliver_lines(line("A1", "1", "119"))
    for brand_yml, says in {
        "prices: gross\n": "nothing says how much tax they include; give `tax_rate: 21 %`",
        "tax_rate: 21 %\n": "say `prices: gross` as well",
        "prices: gros\n": "key `prices`",
        "prices: gross\ntax_rate: 0.21\n": "expected a share from `0 %` to `100 %`",
    }.items():
        shop.configure(brand_yml + SHOP_BRAND)
        with pytest.raises(ConfigError) as error:
            shop.run()
        assert says in str(error.value)
    with_columns(shop, {"tax_rate": "percent"}, "prices: net\n")
    with pytest.raises(ConfigError) as error:
        shop.run()
    assert "column `tax_rate` is the tax within prices; say `prices: gross` in brand.yml" in str(error.value)


def test_brands_that_do_not_say_what_their_prices_are_among_others_that_do_are_named(shop: Shop) -> None:
    other = shop.another("other")
    shop.configure("prices: gross\ntax_rate: 19 %\n" + SHOP_BRAND)
    shop.deliver_lines(line("A1", "1", "119"))
    other.deliver_lines(line("A1", "1", "119"))
    result = shop.run()
    assert not result.failed
    assert shop.rows("SELECT source_system, gmv_eur FROM gold.sales_daily ORDER BY 1") == [
        ("other", D("119.00")),
        ("shop", D("100.00")),
    ]
    finding = next(c for c in result.checks if c.check == "prices_are_declared")
    assert (finding.severity, finding.sample) == ("warn", [{"source_system": "other"}])


def test_a_line_without_a_tax_among_lines_that_say_one_is_found(shop: Shop) -> None:
    """Of 119 euros that say no tax 19 are taken for it, by the brand's rate; nothing is said where no line
    says one, or each, nor of postage.
    """
    rules = "prices: gross\ntax_rate: 19 %\n"
    header = with_columns(shop, {"tax_rate": "percent", "line_class": "text"}, rules)
    some, none, each = shop.brands("some", "none", "each")
    blank = [line("b1", "1", "119", "", ""), line("b2", "1", "5", "", "postage")]
    some.deliver_lines(line("a", "1", "107", "7", ""), *blank, line("free", "1", "0", "", ""), header=header)
    none.deliver_lines(*blank, header=header)
    each.deliver_lines(line("a", "1", "107", "7", ""), line("b", "1", "119", "0", ""), header=header)
    result = shop.run(until="silver")
    [said] = [check for check in result.checks if check.check == "tax_is_told"]
    assert said.sample == [
        {"source_system": "some", "order_lines": 1, "amount": D(119), "tax": D(19), "order_id": "B1"}
    ]


def test_units_are_pieces_and_cost_is_as_delivered(shop: Shop) -> None:
    header = with_columns(shop, {"unit_of_measure": "text", "cost": "number", "profit": "number"})
    shop.deliver_lines(
        line("fuel", "40.25", "2", "L", "60", ""),
        line("cheese", "0.5", "20", "kg", "", "4"),
        line("mug", "3", "10", "Stk.", "", ""),
        line("cup", "2", "10", "", "12", ""),
        line("loss", "1", "10", "PCS", "", "-2"),
        line("back", "-1", "10", "", "6", ""),
        line("profit_back", "1", "-10", "", "", "-3"),
        line("box", "7", "1", "pallet", "", ""),
        header=header,
    )
    result = shop.run()
    assert not result.failed
    columns = "lower(order_id), units, cost_eur, margin_eur, margin_method"
    found = shop.rows(f"SELECT {columns} FROM silver.sales_clean ORDER BY 1")
    assert found == [
        ("back", 0, D("-6.00"), D("-4.00"), "actual"),
        ("box", 0, D("3.50"), D("3.50"), "estimated"),
        ("cheese", 0, D("6.00"), D("4.00"), "actual"),
        ("cup", 2, D("12.00"), D("8.00"), "actual"),
        ("fuel", 0, D("60.00"), D("20.50"), "actual"),
        ("loss", 1, D("12.00"), D("-2.00"), "actual"),
        ("mug", 3, D("15.00"), D("15.00"), "estimated"),
        ("profit_back", 0, D("-7.00"), D("-3.00"), "actual"),
    ]
    assert shop.rows("SELECT units, margin_method FROM gold.sales_daily") == [(6, "mixed")]
    assert shop.rows("SELECT units, margin_method FROM gold.category_perf") == [(6, "mixed")]
    finding = next(c for c in result.checks if c.check == "unit_of_measure_is_known")
    assert finding.sample == [{"source_system": "shop", "unit_of_measure": "pallet", "order_lines": 1}]


def test_a_profit_without_a_sign_beside_what_came_back_is_found(shop: Shop) -> None:
    """Of 10 euros that came back with a profit of 3 lost, `3` makes a cost of 13. A brand that sells below
    cost does so both ways, and one piece of many may have been dearer.
    """
    header = with_columns(shop, {"profit": "number"})
    unsigned, signed, dear = shop.brands("unsigned", "signed", "dear")
    sold = [line(f"s{n}", "1", "10", "3") for n in range(2)]
    unsigned.deliver_lines(*sold, line("b", "1", "-10", "3"), header=header)
    signed.deliver_lines(
        *sold,
        line("b", "1", "-10", "-3"),
        line("c", "1", "-9", "-2"),
        line("d", "1", "-5", "2"),
        header=header,
    )
    dear.deliver_lines(line("s", "1", "10", "-2"), line("b", "1", "-10", "2"), header=header)
    result = shop.run(until="silver")
    [said] = [check for check in result.checks if check.check == "profit_has_its_sign"]
    assert said.sample == [{"source_system": "unsigned", "order_lines": 1, "cost": D(13)}]


def test_a_catalogues_cost_is_in_its_own_currency(shop: Shop) -> None:
    """A krona costs what it costs, whether the order is in euros or in kronor."""
    columns = "{item: {type: code}, cost: {type: number}}"
    catalogue = f"  catalogue: {{files: catalogue*, columns: {columns}}}\n"
    shop.configure(SHOP_BRAND.replace("currency: EUR", "currency: SEK", 1) + catalogue)
    (shop.brand / "products.sql").write_text("SELECT item AS product_code, cost AS unit_cost FROM catalogue")
    shop.deliver("item,cost\nP1,100\n", "catalogue.csv")
    shop.deliver_lines(line("EUROS", "2", "50"), line("KRONOR", "2", "500", currency="SEK"))
    assert not shop.run("silver").failed
    [(rate,)] = shop.rows(DAILY_RATE.format("SEK"))
    cost = (200 * rate).quantize(D("0.01"), "ROUND_HALF_UP")
    assert shop.rows("SELECT order_id, cost_eur, margin_method FROM silver.sales_clean ORDER BY 1") == [
        ("EUROS", cost, "actual"),
        ("KRONOR", cost, "actual"),
    ]


def test_goods_that_cost_nothing_are_found(shop: Shop) -> None:
    """P1 has a cost of 0 where none is known; what is given away, was sent back or is no cost at all is no
    finding.
    """
    header = with_columns(shop, {"cost": "number"})
    told, unknown = shop.brands("told", "unknown")
    sql = unknown.brand / "order_lines.sql"
    sql.write_text(sql.read_text().replace("cost, batch_id", "NULLIF(cost, 0) AS cost, batch_id"))
    for brand in (told, unknown):
        brand.deliver_lines(
            line("A1", "2", "40", "0"),
            line("A2", "2", "40", "50", item="P2"),
            line("A3", "1", "0", "0", item="P3"),
            line("A4", "1", "40", "0", item="P4"),
            line("A5", "-1", "40", "0", item="P4"),
            header=header,
        )
    result = shop.run()
    assert not result.failed
    [found] = [c for c in result.checks if c.check == "goods_have_a_cost"]
    assert found.sample == [
        {"source_system": "told", "product_id": "told:P1", "sale_lines": 1, "gmv_eur": D("80.00")}
    ]


def test_a_catalogue_that_comes_again_with_other_costs_is_said(shop: Shop) -> None:
    """A mug of a sale in June costs 4, and 5 since the catalogue came again: its margin was 12, and is 10.
    Nothing is said of costs that stay, nor of lines that have their own.
    """
    columns = "{item: {type: code}, cost: {type: number}}"
    catalogue = f"  catalogue: {{files: catalogue*, key: [item], columns: {columns}}}\n"
    header = with_columns(shop, {"cost": "number"})
    shop.configure((shop.brand / "brand.yml").read_text() + catalogue)
    (shop.brand / "products.sql").write_text("SELECT item AS product_code, cost AS unit_cost FROM catalogue")
    shop.deliver("item,cost\nP1,4\nP2,4\nP3,4\n", "catalogue_1.csv")
    lines = [("a", "P1", ""), ("b", "P2", ""), ("c", "P3", "3")]
    sold = [line(order, "2", "10", cost, item=item) for order, item, cost in lines]
    shop.deliver_lines(*sold, header=header)
    margins = "SELECT margin_eur FROM silver.sales_clean ORDER BY order_id"
    first = shop.run(until="silver")
    assert shop.rows(margins) == [(12,), (12,), (17,)]
    shop.deliver("item,cost\nP1,5\nP2,4\nP3,5\n", "catalogue_2.csv")
    second, third = shop.run(until="silver"), shop.run(until="silver")
    assert shop.rows(margins) == [(10,), (12,), (17,)]
    name = "costs_are_of_their_day"
    assert [[c.check for c in r.checks if not c.passed].count(name) for r in (first, second, third)] == [
        0,
        1,
        1,
    ]
    [[row]] = [c.sample for c in second.checks if c.check == name]
    assert (row["product_id"], row["cost_before"], row["cost_now"]) == ("shop:P1", 4, 5)
    assert (row["order_lines"], row["cost_eur"]) == (1, 10)


def test_a_line_without_a_currency_among_lines_that_say_one_is_found(shop: Shop) -> None:
    """Ten and twenty count as euros; nothing is said where no line of a brand says a currency, and none of
    lines without money, that are left out, or that a later file says anew with their currency.
    """
    some, none, later = shop.brands("some", "none", "later")
    blank = [line("b1", "1", "10", currency=""), line("b2", "2", "10", currency=" ")]
    some.deliver_lines(
        line("a", "1", "50", currency="GBP"), *blank, line("free", "1", "0", currency=""), "total,,,,,,,,,"
    )
    none.deliver_lines(*blank)
    later.deliver_lines(line("a", "1", "50"), blank[0])
    later.deliver_lines(line("b1", "1", "10", currency="USD"), name="lines_2.csv")
    result = shop.run(until="silver")
    [said] = [check for check in result.checks if check.check == "currency_is_told" and not check.passed]
    assert said.sample == [
        {"source_system": "some", "currency": "EUR", "order_lines": 2, "amount": D(30), "order_id": "B1"}
    ]
