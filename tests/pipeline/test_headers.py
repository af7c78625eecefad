"""Headers as exports have them: several columns with one name, names that differ in a sign, signs alone."""

from __future__ import annotations

import openpyxl
import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

from mergehouse.errors import SourceError
from mergehouse.ingest.header import find_header, match_header
from mergehouse.project.sources import Column, Source

HEADER = ["Order", "Amount", "Day", "Amount"]


def columns(headers: list[str], **declared: str) -> list[str]:
    """The Bronze names of a header's columns."""
    source = Source(files="*", columns={name: Column(header=header) for name, header in declared.items()})
    assert find_header([["A title"], headers], source) == 1
    return match_header(headers, source, "lines.csv").columns


def test_columns_of_one_name_are_told_apart_by_number() -> None:
    assert columns(HEADER, net="Amount 2", gross="Amount 1") == ["order", "gross", "day", "net"]
    assert columns(HEADER, net="amount_2") == ["order", "amount", "day", "net"]
    # a column that is called so is that column
    assert columns([*HEADER, "Amount 2"], net="Amount 1")[1] == "net"


@pytest.mark.parametrize("others", [["Discount %"], ["DISCOUNT", "(Discount)"]])
def test_a_header_just_as_it_is_declared_is_the_one(others: list[str]) -> None:
    assert columns([*others, "Discount"], discount="Discount")[-1] == "discount"
    with pytest.raises(SourceError, match="may all be `discount`.*just as it is written"):
        columns([*others, "Discount"], discount="dis count")


def test_a_sign_is_a_header() -> None:
    header = ["#", "\u2116", "%", "\u20ac", "", ""]
    assert columns(header, number="#", item="\u2116", amount="\u20ac")[:4] == [
        "number", "item", "unnamed", "amount",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_of_two_columns_called_price_the_one_that_is_declared_counts(shop: Shop, kind: str) -> None:
    shop.configure(SHOP_BRAND.replace("price: {type: number}", "price: {type: number, header: Price 2}"))
    header = ["Price", *SHOP_HEADER.split(",")]
    row = [99, "A1", "1", "2026-03-01", "P1", "Cup", 2, 12.5, "77", "Germany", "EUR"]
    if kind == "csv":
        shop.deliver("\n".join(",".join(map(str, cells)) for cells in (header, row)) + "\n")
    else:
        book = openpyxl.Workbook()
        assert book.active
        book.active.append([h.title() for h in header])
        book.active.append(row)
        book.save(shop.raw / "lines.xlsx")
    assert not shop.run(until="silver").failed
    assert [float(gmv) for (gmv,) in shop.rows("SELECT gmv_eur FROM silver.sales_clean")] == [25]


def test_a_workbook_of_which_two_columns_have_the_name_is_refused(shop: Shop) -> None:
    book = openpyxl.Workbook()
    assert book.active
    book.active.append([*SHOP_HEADER.split(","), "price"])
    book.save(shop.raw / "lines.xlsx")
    assert "`price` is there 2 times" in shop.failure()
