"""Headers as exports have them: several columns with one name, names that differ in a sign, signs alone."""

from __future__ import annotations

import datetime as dt
import gzip

import openpyxl
import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop

from mergehouse.errors import ConfigError, SourceError
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


def test_of_two_columns_called_price_the_one_that_is_declared_counts(shop: Shop) -> None:
    """In a file of text, and in a workbook."""
    text, workbook = shop.brands("text", "workbook")
    for brand in (text, workbook):
        brand.configure(SHOP_BRAND.replace("price: {type: number}", "price: {type: number, header: Price 2}"))
    header = ["Price", *SHOP_HEADER.split(",")]
    row = [99, "A1", "1", "2026-03-01", "P1", "Cup", 2, 12.5, "77", "Germany", "EUR"]
    text.deliver("\n".join(",".join(map(str, cells)) for cells in (header, row)) + "\n")
    book = openpyxl.Workbook()
    assert book.active
    book.active.append([h.title() for h in header])
    book.active.append(row)
    book.save(workbook.raw / "lines.xlsx")
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT source_system, gmv_eur FROM silver.sales_clean ORDER BY 1") == [
        ("text", 25),
        ("workbook", 25),
    ]


def test_a_workbook_of_which_two_columns_have_the_name_is_refused(shop: Shop) -> None:
    book = openpyxl.Workbook()
    assert book.active
    book.active.append([*SHOP_HEADER.split(","), "price"])
    book.save(shop.raw / "lines.xlsx")
    assert "`price` is there 2 times" in shop.failure()


def test_files_without_a_header(shop: Shop) -> None:
    """The first row is a row: cells are those of the declared columns, and further ones have a number."""
    files = {
        "one": ["lines_1.csv"],
        "several": ["lines_1.csv", "lines_2.csv", "lines_3.txt"],
        "workbook": ["lines.xlsx"],
    }
    for brand, names in zip(shop.brands(*files), files.values(), strict=True):
        brand.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    header: false'))
        for n, name in enumerate(names):
            row = ["1", "2026-03-01", "P1", "Cup", 2, 12.5, "77", "Germany", "EUR", "x"]
            rows = [[f"A{n}{k}", *row] for k in (1, 2)]
            if name.endswith("xlsx"):
                book = openpyxl.Workbook()
                assert book.active
                for cells in rows:
                    book.active.append(cells)
                book.save(brand.raw / name)
            else:
                mark = ";" if name.endswith("txt") else ","
                text = "\n".join(mark.join(map(str, cells)) for cells in rows)
                brand.deliver(f"\ufeff{text}\n", name)
    assert not shop.run(until="silver").failed
    gmv = "SELECT source_system, count(DISTINCT order_id), sum(gmv_eur) FROM silver.sales_clean GROUP BY 1"
    assert shop.rows(f"{gmv} ORDER BY 1") == [("one", 2, 50), ("several", 6, 150), ("workbook", 2, 50)]
    for name in files:
        assert shop.rows(f"SELECT DISTINCT column_11 FROM bronze.{name}_lines") == [("x",)]


def test_a_file_without_a_header_needs_a_cell_for_each_column(shop: Shop) -> None:
    shop.deliver("A1,1,2026-03-01\n")
    assert "`header: false` where it begins with a row" in shop.failure()
    shop.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    header: false'))
    assert "its first row has 3 cell(s), and 10 columns are declared" in shop.failure()
    named = (shop.brand / "brand.yml").read_text().replace("order: {type: code}", "order: {header: Nr}")
    shop.configure(named)
    with pytest.raises(ConfigError, match="`order` has a `header`"):
        shop.run()


def test_what_only_the_name_of_a_file_says(shop: Shop) -> None:
    lines = "{}\n{},1,,P1,Cup,2,12.5,77,Germany,EUR\n"
    shop.configure(SHOP_BRAND.replace('"lines*"', '"till*"'))
    day = "TO_TIMESTAMP(REGEXP_EXTRACT(source_file, '[0-9]{4}-[0-9]{2}-[0-9]{2}', 0), 'yyyy-MM-dd')"
    (shop.brand / "order_lines.sql").write_text(SHOP_ORDER_LINES.replace("`when` AS", f"{day} AS"))
    shop.deliver(lines.format(SHOP_HEADER, "A1"), "till_2026-03-05.csv")
    shop.deliver(gzip.compress(lines.format(SHOP_HEADER, "A2").encode()), "till_2026-03-06.csv.gz")
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT order_id, order_date, gmv_eur FROM silver.sales_clean ORDER BY 1") == [
        ("A1", dt.date(2026, 3, 5), 25),
        ("A2", dt.date(2026, 3, 6), 25),
    ]


def test_a_header_in_another_encoding_is_told_so(shop: Shop) -> None:
    shop.configure(SHOP_BRAND.replace("order: {type: code}", "order: {type: code, header: Sipariş}"))
    shop.deliver(f"{SHOP_HEADER}\n".replace("order", "Sipariş").encode("cp1254"))
    assert "was read as cp1252: declare its `encoding`" in shop.failure()


TITLED_BRAND = SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    titles: above{keys}').replace(
    "when: {type: timestamp}", "above: {type: text}"
)
DAY_ABOVE = SHOP_ORDER_LINES.replace(
    "`when` AS", "TRY_TO_TIMESTAMP(REGEXP_EXTRACT(above, 'Day: ([0-9-]+)', 1), 'yyyy-MM-dd') AS"
)


def test_what_only_the_titles_say(shop: Shop) -> None:
    """A report of each day, which says in its title alone which day it is of; of 25, 50 and 75 euros."""
    kinds = [f"{kind}_{header}" for kind in ("csv", "xlsx") for header in ("header", "no_header")]
    for brand, name in zip(shop.brands(*kinds), kinds, strict=True):
        kind, _, header = name.partition("_")
        keys = "" if header == "header" else "\n    skip_lines: 3\n    header: false"
        brand.configure(TITLED_BRAND.replace("{keys}", keys))
        (brand.brand / "order_lines.sql").write_text(DAY_ABOVE)
        for n in (1, 2, 3):
            rows: list[list[object]] = [["Daily report"], [], ["Day:", f"2026-03-0{n}"]]
            rows += [SHOP_HEADER.replace("when,", "").split(",")] if header == "header" else []
            rows += [[f"A{n}", "1", "P1", "Cup", 2 * n, 12.5, "77", "Germany", "EUR"]]
            if kind == "csv":
                brand.deliver("\n".join(",".join(map(str, row)) for row in rows) + "\n", f"lines_{n}.csv")
                continue
            book = openpyxl.Workbook()
            assert book.active
            for row in rows:
                book.active.append(row)
            book.save(brand.raw / f"lines_{n}.xlsx")
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT source_system, order_date, gmv_eur FROM silver.sales_clean ORDER BY 1, 2") == [
        (name, dt.date(2026, 3, n), 25 * n) for name in kinds for n in (1, 2, 3)
    ]


def test_lines_above_the_header_are_left_out(shop: Shop) -> None:
    """A summary that has the columns as well; what is not declared is refused, and said."""
    line = "A1,1,2026-03-01,P1,Cup,2,12.5,77,Germany,EUR"
    shop.deliver(f"{SHOP_HEADER}\nTotal,,,,,,25,,,\n\n{SHOP_HEADER}\n{line}\n")
    shop.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    skip_lines: 3'))
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT order_id, gmv_eur FROM silver.sales_clean") == [("A1", 25)]
    shop.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    header: false'))
    shop.deliver(f"Lines of March\n\n{line}\n")
    assert "how many lines of titles stand above them, `skip_lines: 3`" in shop.failure()
    shop.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    skip_lines: 9'))
    assert "nothing stands below the 9 lines that `skip_lines`" in shop.failure()
    shop.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    titles: above'))
    with pytest.raises(ConfigError, match="titles.*`above`"):
        shop.run()
