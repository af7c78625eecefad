"""First Look tells what was delivered, as it is, and says that it is so."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from tests.app.trusted import House

from mergehouse.app.figures.first_look import first_look


def test_raw_figures_are_those_of_the_delivered_lines(trusted: House) -> None:
    shop, zebra = first_look(trusted.reader("executive"), None)
    (raw,) = shop.raw
    assert (shop.rows, shop.lines, shop.rejected, shop.lines_undated, shop.lines_elsewhere) == (5, 5, 0, 1, 0)
    assert (raw.currency, raw.billed, raw.returned, raw.amount) == (
        "GBP",
        Decimal(48),
        Decimal(10),
        Decimal(38),
    )
    assert raw.negative_lines == 1 and raw.without_amount == 0
    february, march = shop.months
    assert (february.start, february.lines, february.amounts) == (
        dt.date(2024, 2, 1),
        2,
        {"GBP": Decimal(40)},
    )
    assert (march.lines, march.amounts) == (2, {"GBP": Decimal(-7)})  # 3 sold, 10 returned
    assert march.is_partial and not february.is_partial
    assert zebra.raw[0].billed == Decimal(100)


def test_the_page_warns_and_tells_only_of_the_scope(trusted: House) -> None:
    page = trusted.browser("executive").get("/first-look").text
    assert "Before cleaning." in page and "Shop" in page and "Zebra" in page and "£48.00" in page
    own = trusted.browser("brand_manager_shop").get("/first-look").text
    assert "Shop" in own and "£48.00" in own and "zebra" not in own.lower() and "€100" not in own


def test_a_brand_of_others_is_not_a_filter(trusted: House) -> None:
    manager = trusted.browser("brand_manager_shop")
    assert manager.get("/first-look?brand=shop").status_code == 200
    assert manager.get("/first-look?brand=zebra").status_code == 422
    assert manager.get("/first-look?brand=zebra").content == manager.get("/first-look?brand=nobody").content


def test_a_download_is_what_is_seen(trusted: House) -> None:
    answer = trusted.browser("executive").get("/first-look/export?of=months&brand=shop")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert answer.headers["content-disposition"] == 'attachment; filename="first-look-months.csv"'
    assert "# brand: Shop" in lines and "# rows: 2" in lines
    assert lines[-2:] == [
        "Shop,2024-02-01,2,40.000000000,GBP,False",
        "Shop,2024-03-01,2,-7.000000000,GBP,True",
    ]
