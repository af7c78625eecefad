"""Raw vs Silver adds up to the cent, and every step has its reasons."""

from __future__ import annotations

from decimal import Decimal

from tests.app.trusted import HTML, House

from mergehouse.app.figures.raw_vs_silver import raw_vs_silver


def test_steps_lead_from_the_raw_sum_to_gmv(trusted: House) -> None:
    shop, zebra = raw_vs_silver(trusted.reader("executive"), None)
    ((gmv, returns),) = trusted.shop.rows(  # by another way: lines of Silver, not the waterfall of Gold
        "SELECT SUM(ROUND(amount_original * fx_rate, 2)) FILTER (line_type = 'sale'),"
        " -SUM(ROUND(amount_original * fx_rate, 2)) FILTER (line_type = 'return')"
        " FROM silver.sales_clean WHERE source_system = 'shop'"
    )
    steps = {step.name: step for step in shop.steps}
    changes = {name: (step.change, step.lines) for name, step in steps.items() if step.change}
    assert changes == {
        "raw": (Decimal(38), 5),
        "duplicates": (Decimal(-20), -1),
        "quarantine": (Decimal(-5), -1),
        "returns": (Decimal(10), -1),
        "fx": (gmv - Decimal(23), None),
        "clean": (gmv, 2),
    }
    assert shop.adds_up and shop.steps[-2].after == shop.steps[-1].after == gmv
    assert sum(step.change for step in shop.steps[:-1]) == gmv
    assert sum(step.lines or 0 for step in shop.steps[:-1]) == 2
    pairs = {pair.name: (pair.raw, pair.clean) for pair in shop.pairs}
    assert pairs["gmv"] == (Decimal(48), gmv) and pairs["returns"] == (Decimal(10), returns)
    assert pairs["return_rate"] == (Decimal(10) / 48, (returns / gmv).quantize(Decimal("0.000001")))
    assert pairs["net_revenue"] == (Decimal(38), gmv - returns) and pairs["order_lines"] == (5, 2)
    assert zebra.adds_up and zebra.currency == "EUR" and not zebra.reasons


def test_reasons_sum_up_to_their_step(trusted: House) -> None:
    (shop,) = raw_vs_silver(trusted.reader("executive"), "shop")
    for step in shop.steps:
        reasons = [reason for reason in shop.reasons if reason.step == step.name]
        if not step.is_total and step.name != "fx":
            assert -sum(reason.lines for reason in reasons) == step.lines, step.name
            assert -sum(reason.amount or 0 for reason in reasons) == step.change, step.name
    (undated,) = [reason for reason in shop.reasons if reason.step == "quarantine"]
    assert undated.code == "unreadable_date" and undated.meaning.startswith("The date is no date")
    assert [(s.order_id, s.product_code, s.amount) for s in undated.samples] == [
        ("A4", HTML.upper(), Decimal(5))
    ]


def test_the_page_escapes_names_and_says_nothing_of_other_brands(trusted: House) -> None:
    page = trusted.browser("brand_manager_shop").get("/raw-vs-silver").text
    assert "The steps add up to the cent." in page and "38.00" in page
    assert HTML not in page.lower() and "&lt;b&gt;p9&lt;/b&gt;" in page.lower()
    assert "zebra" not in page.lower() and "SECRET" not in page


def test_single_orders_are_for_those_who_may_see_persons(trusted: House) -> None:
    page = trusted.browser("marketing").get("/raw-vs-silver").text
    assert "unreadable_date" in page and "A4" not in page
    assert "Single orders are not told" in page


def test_a_download_has_each_step(trusted: House) -> None:
    answer = trusted.browser("executive").get("/raw-vs-silver/export?of=steps&brand=shop&kind=csv")
    lines = [line for line in answer.content.decode("utf-8-sig").splitlines() if not line.startswith("#")]
    assert lines[1].startswith("Shop,raw,5,38.000000000,38.000000000,5,")
    assert len(lines) == 9
