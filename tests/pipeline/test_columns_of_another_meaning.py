"""Columns that mean something else than what order_lines.sql makes of them, as the figures give away: totals
for prices, numbers of lines for orders, weights for pieces. All of it counts, and is a finding.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import SHOP_HEADER, SHOP_ORDER_LINES, Shop
from tests.pipeline.more_columns import line, with_columns

pytestmark = pytest.mark.slow("a run for each case")

D = Decimal


def test_amounts_that_are_not_of_their_price_are_found(shop: Shop) -> None:
    """An order's total on each of its lines, prices that end at 100, the price of one unit: what counts is
    wrong, or the price. Discounts, prices rounded to the cent, and tax beside net prices are no finding.
    """
    columns = {"amount": "number", "tax_amount": "number"}
    header = with_columns(shop, columns, "prices: gross\ntax_rate: 0 %\n")
    totals, capped, ones, sound, taxed = shop.brands("totals", "capped", "ones", "sound", "taxed")
    totals.deliver_lines(
        line("a", "1", "10", "30", ""), line("a", "2", "10", "30", "", item="P2"), header=header
    )
    capped.deliver_lines(
        line("a", "30", "100", "5151.00", ""), line("b", "50", "67.80", "3390", ""), header=header
    )
    ones.deliver_lines(
        *(line(f"o{n}", str(n), "10", "10", "") for n in (1, 2, 3, 4)),
        line("five", "5", "10", "50", ""),
        header=header,
    )
    sound.deliver_lines(
        line("less", "3", "10", "25", ""),
        line("free", "2", "10", "0", ""),
        line("many", "10000", "0.01", "123.45", ""),
        line("back", "-2", "10", "-20", ""),
        line("promotion", "2", "10", "10", ""),
        header=header,
    )
    taxed.deliver_lines(line("a", "2", "50", "119", "19"), header=header)
    result = shop.run(until="silver")
    [said] = [check for check in result.checks if check.check == "amount_is_of_its_price"]
    assert [tuple(row.values()) for row in said.sample] == [
        ("capped", D("8541.00"), D("6390.00"), "EUR", 1, 0),
        ("ones", D("90.00"), D("150.00"), "EUR", 0, 3),
        ("totals", D("60.00"), D("30.00"), "EUR", 2, 0),
    ]


def test_an_orders_amount_on_each_of_its_lines_is_found_without_prices(shop: Shop) -> None:
    header = with_columns(shop, {"amount": "number"})
    totals, lines, flat = shop.brands("totals", "lines", "flat")
    orders = {"a": "30", "b": "45", "c": "12"}
    totals.deliver_lines(
        *(line(o, "1", "", amount, item=item) for o, amount in orders.items() for item in ("P1", "P2")),
        header=header,
    )
    lines.deliver_lines(
        *(line(o, "1", "", amount) for o, amount in orders.items()),
        *(line(o, "1", "", amount + "0", item="P2") for o, amount in orders.items()),
        header=header,
    )
    flat.deliver_lines(
        *(line(o, "1", "", "1", item=item) for o in orders for item in ("P1", "P2")), header=header
    )
    result = shop.run(until="silver")
    [said] = [check for check in result.checks if check.check == "amount_is_of_its_line"]
    assert said.sample == [{"source_system": "totals", "orders_alike": 3, "other_orders": 0}]


def test_prices_of_another_meaning_are_found(shop: Shop) -> None:
    """Totals as unit prices, list prices that are the lower ones, euros under the buyer's currency. Prices
    that change, quantities that are cheaper, and dollars that cost as much as euros are no finding.
    """
    header = with_columns(shop, {"list_price": "number"})
    totals, swapped, buyers, pounds, yen, sound = shop.brands(
        "totals", "swapped", "buyers", "pounds", "yen", "sound"
    )
    items = ("P1", "P2", "P3")
    totals.deliver_lines(
        *(line(f"{i}{q}", str(q), str(q * 2.33), "", item=i) for i in items for q in (1, 2, 5)), header=header
    )
    swapped.deliver_lines(
        *(line(f"o{n}", "1", "10", "8") for n in range(3)), line("up", "1", "10", "11"), header=header
    )
    buyers.deliver_lines(
        *(line(f"{i}{c}", "1", "10", "", item=i, currency=c) for i in items for c in ("EUR", "SEK")),
        header=header,
    )
    pounds.deliver_lines(
        *(
            line(f"{i}{c}", "1", p, "", item=i, currency=c)
            for i, p in zip(items, "479", strict=True)
            for c in ("GBP", "AUD")
        ),
        header=header,
    )
    yen.deliver_lines(  # a hundredth of which there is none of
        *(
            line(f"{i}{c}", "1", p, "", item=i, currency=c)
            for i in items
            for c, p in (("EUR", "10"), ("JPY", "16.40"))
        ),
        header=header,
    )
    sound.deliver_lines(
        *(
            line(f"{i}{q}", str(q), p, "12", item=i)
            for i in items
            for q, p in ((1, "10"), (2, "11"), (9, "8"))
        ),
        *(line(f"{i}USD", "1", "10", "", item=i, currency="USD") for i in items),
        *(line(f"{i}SEK", "1", "109", "", item=i, currency="SEK") for i in items),
        header=header,
    )
    result = shop.run(until="silver")
    found = {check.check: [tuple(row.values()) for row in check.sample] for check in result.checks}
    assert found["unit_price_is_of_one_unit"] == [("totals", 3, 0)]
    assert found["list_price_is_before_discount"] == [("swapped", 3, 1)]
    assert found["prices_are_of_their_currency"] == [("buyers", 3, 0), ("pounds", 3, 0), ("yen", 3, 0)]


def test_costs_out_of_all_proportion_are_found(shop: Shop) -> None:
    header = with_columns(shop, {"cost": "number"})
    cents, thousands, loss = shop.brands("cents", "thousands", "loss")
    cents.deliver_lines(line("a", "1", "10", "700"), header=header)
    thousands.deliver_lines(line("a", "1", "10", "0.007"), header=header)
    loss.deliver_lines(line("a", "1", "10", "25"), line("b", "1", "10", "0.9"), header=header)
    [said] = [check for check in shop.run().checks if check.check == "costs_are_in_proportion"]
    assert [tuple(row.values()) for row in said.sample] == [
        ("cents", D("10.00"), D("700.00")),
        ("thousands", D("10.00"), D("0.01")),
    ]


def test_units_that_are_no_pieces_are_found(shop: Shop) -> None:
    """Fuel by the millilitre and fruit by the kilogram, beside pieces, pennyworths among them."""
    fuel, fruit, pieces = shop.brands("fuel", "fruit", "pieces")
    fuel.deliver_lines(line("a", "9951", "0.0021"), line("b", "2", "5", item="P2"))
    fruit.deliver_lines(line("a", "0.532", "4"), line("b", "2", "5", item="P2"))
    pieces.deliver_lines(line("a", "100", "0.005"), line("b", "300", "5", item="P2"))
    [said] = [check for check in shop.run().checks if check.check == "units_are_pieces"]
    assert [tuple(row.values()) for row in said.sample] == [
        ("fruit", 1, D("0.532"), D("2.532")),
        ("fuel", 1, D("9951"), D("9953")),
    ]


def test_numbers_of_lines_are_no_orders(shop: Shop) -> None:
    """Six lines of one purchase, each an order of its own; beside it two orders of three lines."""
    lines, orders = shop.brands("lines", "orders")
    lines.deliver_lines(*(line(f"L{n}", "1", "10", item=f"P{n}") for n in range(6)))
    orders.deliver_lines(*(line(f"O{n // 3}", "1", "10", item=f"P{n}") for n in range(6)))
    [said] = [check for check in shop.run().checks if check.check == "orders_are_no_lines"]
    assert [tuple(row.values()) for row in said.sample] == [("lines", 6, 6)]


def test_numbers_of_lines_are_no_products(shop: Shop) -> None:
    """Nor are places in orders; codes with a gap, or sold twice, are."""
    codes = {
        "numbers": range(501, 521),
        "places": [1, 2, 3, 4] * 5,
        "gap": [*range(501, 520), 521],
        "twice": [*range(501, 520), 501],
    }
    for brand, given in zip(shop.brands(*codes), codes.values(), strict=True):
        brand.deliver_lines(
            *(f"A{n // 4},{n % 4 + 1},2025-06-02,{code},Mug,1,5,77,DE,EUR" for n, code in enumerate(given))
        )
    [said] = [c for c in shop.run(until="silver").checks if c.check == "products_are_no_lines"]
    assert [tuple(row.values()) for row in said.sample] == [
        ("numbers", "numbers of lines", 20),
        ("places", "places in orders", 20),
    ]


def test_customers_with_a_number_for_each_order_are_found(shop: Shop) -> None:
    anew, young, stays = shop.brands("anew", "young", "stays")
    for brand, orders, customers in ((anew, 100, 100), (young, 99, 99), (stays, 100, 99)):
        brand.deliver_lines(
            *(line(f"O{n}", "1", "10").replace(",77,", f",{n % customers},") for n in range(orders))
        )
    [said] = [check for check in shop.run().checks if check.check == "customers_come_back"]
    assert [tuple(row.values()) for row in said.sample] == [("anew", 100)]


def test_a_file_in_cents_is_found(shop: Shop) -> None:
    """Beside it a shop in which one product of three became dear."""
    cents, one = shop.brands("cents", "one")
    for brand, prices in ((cents, ("1000", "450", "720")), (one, ("10", "45", "7.20"))):
        brand.deliver_lines(
            *(line(f"J{n}", "1", p, item=f"P{n}") for n, p in enumerate(("10", "4.5", "7.2")))
        )
        july = (line(f"A{n}", "1", p, item=f"P{n}") for n, p in enumerate(prices))
        brand.deliver_lines(*(row.replace("2025-06", "2025-07") for row in july), name="lines_2.csv")
    [said] = [check for check in shop.run().checks if check.check == "prices_keep_their_scale"]
    assert [(row["source_system"], str(row["month_start"]), row["products"]) for row in said.sample] == [
        ("cents", "2025-07-01", 3)
    ]


def test_cents_by_name_that_are_not_divided_are_found(shop: Shop) -> None:
    """By the name of the column or of its header; not where they are divided, or a share, in percent."""
    given = {
        "name": ("price_cents", "price_cents", "price_cents AS unit_price"),
        "header": ("paid", "Price (pence)", "qty * paid AS amount, paid AS unit_price"),
        "divided": ("price_cents", "price_cents", "price_cents / 100 AS unit_price"),
        "tenths": ("price_cents", "price_cents", "0.01 * price_cents AS unit_price"),
        "share": ("per_cent", "per_cent", "price - per_cent AS unit_price"),
    }
    for brand, (name, header, select) in zip(shop.brands(*given), given.values(), strict=True):
        declared = f'      {name}: {{type: number, header: "{header}"}}\n      item:'
        config = (brand.brand / "brand.yml").read_text()
        brand.configure(config.replace("      item:", declared))
        lines = SHOP_ORDER_LINES.replace("price AS unit_price", select)
        (brand.brand / "order_lines.sql").write_text(lines)
        brand.deliver_lines(line("A1", "1", "5", "500"), header=f"{SHOP_HEADER},{header}")
    [said] = [c for c in shop.run(until="silver").checks if c.check == "cents_are_divided"]
    assert [tuple(row.values()) for row in said.sample] == [
        ("header", "paid", "amount"),
        ("header", "paid", "unit_price"),
        ("name", "price_cents", "unit_price"),
    ]


def test_places_of_lines_as_quantities_and_amounts_as_costs_are_found(shop: Shop) -> None:
    """Not quantities that come to 1 and 2 now and then, nor goods of which some are sold at cost."""
    header = with_columns(shop, {"cost": "number"})
    places, costs, sound = shop.brands("places", "costs", "sound")
    places.deliver_lines(
        *(line(f"o{n}", str(at), "10", "6", item=f"P{at}") for n in range(5) for at in (3, 1, 2)),
        header=header,
    )
    costs.deliver_lines(*(line(f"o{n}", "2", "10", "20") for n in range(5)), header=header)
    sound.deliver_lines(
        *(line(f"o{n}", str(at), "10", str(at * 10), item=f"P{at}") for n in range(5) for at in (1, 2)),
        *(line(f"o{n}", "2", "10", "12", item=f"P{at}") for n in range(5, 7) for at in (1, 2)),
        header=header,
    )
    result = shop.run(until="silver")
    found = {check.check: check.sample for check in result.checks}
    assert found["quantity_is_no_position"] == [{"source_system": "places", "orders": 5, "other_orders": 0}]
    assert found["cost_is_no_amount"] == [{"source_system": "costs", "order_lines": 5, "other_lines": 0}]


def test_discounts_that_nobody_takes_off_are_found(shop: Shop) -> None:
    """Not where prices are those after it, or order_lines.sql reads the column; codes are none."""
    header = SHOP_HEADER + ",Discount %,discount_code"
    kept, after, read = shop.brands("kept", "after", "read")
    for brand, reduced in ((kept, "10"), (after, "9"), (read, "10")):
        brand.deliver_lines(
            *(line(f"o{n}", "2", "10", "0", "") for n in range(3)),
            *(line(f"r{n}", "2", reduced, "10", "SPRING10") for n in range(4)),
            line("other", "2", "5", "50", "HALF", item="P2"),
            header=header,
        )
    told = "      currency: {type: code}\n      off: {type: number, header: Discount %}\n"
    config = (read.brand / "brand.yml").read_text()
    read.configure(config.replace("      currency: {type: code}\n", told))
    amount = "currency, qty * price * (1 - off / 100) AS amount,"
    (read.brand / "order_lines.sql").write_text(SHOP_ORDER_LINES.replace("currency,", amount))
    result = shop.run(until="silver")
    assert not result.failed, result.faults
    [said] = [check for check in result.checks if check.check == "discounts_are_read"]
    assert [tuple(row.values()) for row in said.sample] == [("kept", "lines.discount", 4, 0)]


def test_taxes_within_amounts_that_nobody_tells_are_found(shop: Shop) -> None:
    """19 of 119 are 19 % of the rest; 19 of 100 come on top. A brand that says `prices` is believed."""
    within, on_top, said = shop.brands("within", "on_top", "said")
    said.configure("prices: net\n" + (said.brand / "brand.yml").read_text())
    for brand, price in ((within, "119"), (on_top, "100"), (said, "119")):
        brand.deliver_lines(
            *(line(f"o{n}", "1", price, "19.00") for n in range(5)),
            header=SHOP_HEADER + ",Tax amount",
        )
    result = shop.run(until="silver")
    [found] = [check for check in result.checks if check.check == "taxes_are_told"]
    assert [tuple(row.values()) for row in found.sample] == [("within", "lines.tax_amount", 5, 0)]


def test_prices_that_are_below_a_cent_are_found(shop: Shop) -> None:
    """As shares of some other number. A give-away among goods is none."""
    shares, sound = shop.brands("shares", "sound")
    for brand, price in ((shares, "0.0017"), (sound, "5")):
        lines = [line(f"o{n}", "1", price) for n in range(60)]
        brand.deliver_lines(*lines, *(line(f"g{n}", "1", "0.001") for n in range(5)))
    result = shop.run(until="silver")
    [found] = [check for check in result.checks if check.check == "amounts_are_not_rounded_away"]
    assert found.sample == [{"source_system": "shares", "order_lines": 65, "other_lines": 0}]
