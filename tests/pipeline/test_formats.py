"""The same export in another shape - workbook, Parquet, gzip, other delimiters and formats - gives the same
Silver.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars
import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

ROWS = [
    ["A1", "1", "2026-02-20 10:00:00", "P1", "Mug", "2", "5.25", "77", "Germany", "EUR"],
    ["A1", "2", "2026-02-20 10:00:00", "0042", "Crème dish", "1", "1234.5", "77", "Germany", "EUR"],
    ["A2", "1", "2026-03-01 23:30:00", "P1", "Mug", "-1", "5.25", "", "France", "GBP"],
]
SILVER = """
SELECT * EXCLUDE (source_system, batch_id, source_row)
  REPLACE (replace(customer_id, source_system, '') AS customer_id, replace(product_id, source_system, '') AS
  product_id)
FROM silver.sales_clean WHERE source_system = '{}' ORDER BY order_id, line_id
"""


def text(delimiter: str = ",", rows: list[list[str]] = ROWS) -> str:
    return "\n".join(delimiter.join(row) for row in [SHOP_HEADER.split(","), *rows]) + "\n"


def german(row: list[str]) -> list[str]:
    date, time = row[2].split(" ")
    year, month, day = date.split("-")
    return [*row[:2], f"{day}.{month}.{year} {time}", *row[3:6], row[6].replace(".", ","), *row[7:]]


def american(row: list[str]) -> list[str]:
    date, time = row[2].split(" ")
    year, month, day = date.split("-")
    return [
        *row[:2],
        f"{int(month)}/{int(day)}/{year} {time[:5]}",
        *row[3:7],
        f"{row[7]}.0" if row[7] else "",
        *row[8:],
    ]


def deliver_workbook(shop: Shop, above: list[list[str]] = []) -> None:  # noqa: B006 - not changed
    """Two sheets, dates and numbers as a spreadsheet holds them, codes as text, and a sheet of notes."""
    import datetime as dt

    book = openpyxl.Workbook()
    for sheet, rows in {"2026-02": ROWS[:2], "2026-03": ROWS[2:]}.items():
        page = book.create_sheet(sheet)
        for row in [*above, SHOP_HEADER.split(",")]:
            page.append(row)
        for row in rows:
            page.append(
                [
                    *row[:2],
                    dt.datetime.fromisoformat(row[2]),
                    *row[3:5],
                    int(row[5]),
                    float(row[6]),
                    row[7] and int(row[7]),
                    *row[8:],
                ]
            )
    for note in (
        ["Notes", "for the reader"],
        ["Pages", "by"],
        ["Country", "and"],
        ["Customer", "of"],
        ["Currency", "EUR"],
    ):
        book["Sheet"].append(note)
    book.save(shop.raw / "lines.xlsx")


def deliver_parquet(shop: Shop) -> None:
    frame = polars.DataFrame(ROWS, schema=SHOP_HEADER.split(","), orient="row").with_columns(
        polars.col("when").str.to_datetime(),
        polars.col("qty").cast(polars.Int32),
        polars.col("price").cast(polars.Float64),
    )
    frame.write_parquet(shop.raw / "lines.parquet")


TITLE = "Orders of a shop; Straße\n\nfrom 2026-02-01 to 2026-03-31,,\n"

DELIVERIES = {
    "a title above the header": lambda shop: shop.deliver(TITLE + text()),
    "a title, semicolons and Windows-1252": lambda shop: shop.deliver((TITLE + text(";")).encode("cp1252")),
    "a quoted title of two lines": lambda shop: shop.deliver('"Orders,\nof a shop"\n' + text("|")),
    "a workbook with titles": lambda shop: deliver_workbook(
        shop, [["Orders of a shop"], [], ["", "until", "2026-03-31"]]
    ),
    "gzip": lambda shop: shop.deliver(gzip.compress(text().encode()), "lines.csv.gz"),
    "two overlapping files": lambda shop: [
        shop.deliver(text(rows=ROWS[:2]), "lines_1.csv"),
        shop.deliver(text(rows=ROWS[1:]), "lines_2.csv"),
    ],
    "tabs": lambda shop: shop.deliver(text("\t"), "lines.tsv"),
    "bars and CRLF": lambda shop: shop.deliver(text("|").replace("\n", "\r\n")),
    "carriage returns only": lambda shop: shop.deliver(text().replace("\n", "\r")),
    "tildes": lambda shop: shop.deliver(text("~")),
    "line ends of two kinds": lambda shop: shop.deliver(text().replace("\nA1", "\r\nA1")),
    "no line end at the end": lambda shop: shop.deliver(text().rstrip("\n")),
    "blank lines between": lambda shop: shop.deliver(text().replace("\nA2", "\n\n\nA2")),
    "everything quoted": lambda shop: shop.deliver(
        "\n".join(",".join(f'"{c}"' for c in r) for r in [SHOP_HEADER.split(","), *ROWS]) + "\n"
    ),
    "german": lambda shop: shop.deliver(text(";", [german(r) for r in ROWS])),
    "american": lambda shop: shop.deliver(text(rows=[american(r) for r in ROWS])),
    "UTF-16": lambda shop: shop.deliver(text().encode("utf-16")),
    "workbook": deliver_workbook,
    "parquet": deliver_parquet,
}


@pytest.fixture(scope="module")
def delivered(open_shop: Callable[[], Shop]) -> Shop:
    """The plain export, and each of the others at a brand of its own: brand0, brand1..."""
    shop = open_shop()
    for n, deliver in enumerate(DELIVERIES.values()):
        deliver(shop.another(f"brand{n}"))
    shop.deliver_lines(*[",".join(row) for row in ROWS])
    result = shop.run(until="silver")
    assert not result.failed, result.ingest.failures
    return shop


@pytest.mark.parametrize("name", DELIVERIES)
def test_same_silver(delivered: Shop, name: str) -> None:
    expected = delivered.rows(SILVER.format("shop"))
    assert len(expected) == 3
    assert delivered.rows(SILVER.format(f"brand{list(DELIVERIES).index(name)}")) == expected


def test_what_stands_above_the_header_is_reported_and_lines_keep_their_numbers(shop: Shop) -> None:
    shop.deliver(TITLE + text() + "A3,torn\n")
    batch = shop.run(until="silver").ingest.new[0]
    assert (batch.rows, batch.rejected_rows) == (3, 1)
    assert (
        "3 line(s) above the header passed over: Orders of a shop; Stra\\u00dfe from 2026-02-01"
        in batch.drift
    )
    assert shop.rows("SELECT source_line, raw_text FROM bronze.rejected") == [(8, "A3,torn")]
    assert shop.rows("SELECT source_row FROM silver.sales_clean ORDER BY 1") == [(1,), (2,), (3,)]


INSTANTS = {
    "2026-02-20T10:00:00Z": ("2026-02-20 10:00:00", "2026-02-20"),
    "2026-02-20T23:30:00Z": ("2026-02-20 23:30:00", "2026-02-21"),  # half past midnight in Berlin
    "2026-02-20 22:30:00 -0500": ("2026-02-21 03:30:00", "2026-02-21"),
    "2026-06-30T23:59:59.5+05:30": ("2026-06-30 18:29:59.5", "2026-06-30"),
    "2026-07-01 00:30+02": ("2026-06-30 22:30:00", "2026-07-01"),
    "2026-02-20 10:00:00 UTC": ("2026-02-20 10:00:00", "2026-02-20"),
    "2026-02-20 10:00:00 PM": ("2026-02-20 21:00:00", "2026-02-20"),
    "2026-02-20 24:00:00": ("2026-02-20 23:00:00", "2026-02-21"),
}
UNCLEAR = ["2026-02-20 10:00 CET", "2026-02-20 24:30:00", "2026-02-20 10:00:00 +5", "2026-02-30T10:00:00Z"]


@pytest.fixture(scope="module")
def instants(open_shop: Callable[[], Shop]) -> Shop:
    """Each of the instants as order B0, B1... in a file of its own, below A0, A1..., which says nothing of an
    offset.
    """
    shop = open_shop()
    for n, written in enumerate([*INSTANTS, *UNCLEAR]):
        rows = [[f"A{n}", *ROWS[0][1:]], [f"B{n}", ROWS[0][1], written, *ROWS[0][3:]]]
        shop.deliver(text(rows=rows), f"lines_{n}.csv")
    assert not shop.run(until="silver").failed
    return shop


@pytest.mark.parametrize("written", INSTANTS)
def test_instants_that_say_how_far_they_are_from_utc(instants: Shop, written: str) -> None:
    """An offset is heeded; an instant without one beside them is local, as everywhere."""
    n, (instant, local_day) = list(INSTANTS).index(written), INSTANTS[written]
    found = "SELECT order_id, order_ts::VARCHAR, order_date::VARCHAR FROM silver.sales_clean"
    assert instants.rows(f"{found} WHERE order_id IN ('A{n}', 'B{n}') ORDER BY 1") == [
        (f"A{n}", "2026-02-20 09:00:00+00", "2026-02-20"),
        (f"B{n}", f"{instant}+00", local_day),
    ]


@pytest.mark.parametrize("written", UNCLEAR)
def test_instants_that_are_unclear_go_to_quarantine(instants: Shop, written: str) -> None:
    n = len(INSTANTS) + UNCLEAR.index(written)
    found = instants.rows(
        f"SELECT order_id, reason_code FROM silver.quarantine WHERE order_id IN ('A{n}', 'B{n}')"
    )
    assert found == [(f"B{n}", "unreadable_date")]


def test_years_of_two_and_four_digits_in_one_column(shop: Shop) -> None:
    days = ["20/02/2026 10:00", "21/02/2026 10:00", "22/2/26 10:00"]
    shop.deliver(text(rows=[[f"A{n}", "1", day, *ROWS[0][3:]] for n, day in enumerate(days)]))
    assert not shop.run(until="silver").failed
    found = shop.rows("SELECT order_date::VARCHAR FROM silver.sales_clean ORDER BY order_id")
    assert found == [("2026-02-20",), ("2026-02-21",), ("2026-02-22",)]


def test_declared_formats_win_over_detection(shop: Shop) -> None:
    """4/5/2026 is the fifth of April for a source that says so."""
    row = ["A1", "1", "4/5/2026 10:00", "P1", "Mug", "1.500", "2.50", "77", "Germany", "EUR"]
    declared = {
        "day_first": ("date_order: dmy\n    decimal_mark: ','", "2026-05-04", 1500),
        "month_first": ("date_order: mdy", "2026-04-05", 1.5),
    }
    for brand, (options, _, _) in zip(shop.brands(*declared), declared.values(), strict=True):
        brand.configure(SHOP_BRAND.replace("    columns:", f"    {options}\n    columns:", 1))
        brand.deliver(text(";", [row]))
    shop.run(until="silver")
    found = shop.rows("SELECT source_system, order_date, quantity FROM silver.sales_clean ORDER BY 1")
    assert [(name, str(day), float(units)) for name, day, units in found] == [
        (name, day, units) for name, (_, day, units) in declared.items()
    ]


def test_ambiguous_dates_are_reported(shop: Shop) -> None:
    shop.deliver(text(rows=[[*ROWS[0][:2], "4/5/2026 10:00", *ROWS[0][3:]]]))
    assert "nothing shows whether" in shop.run(until="bronze").ingest.new[0].drift


def test_unknown_sheet_is_named(shop: Shop) -> None:
    deliver_workbook(shop)
    shop.configure(SHOP_BRAND.replace("    columns:", "    sheets: [Umsatz]\n    columns:", 1))
    message = shop.failure()
    assert "`Umsatz` not found" in message and "2026-02, 2026-03" in message


def test_header_spellings(shop: Shop) -> None:
    shop.configure(SHOP_BRAND.replace("item: {type: code}", "item: {type: code, header: [Artikel-Nr, SKU]}"))
    shop.deliver(text().replace("item", "ARTIKEL NR."))
    assert not shop.run(until="silver").failed
    assert len(shop.rows("SELECT product_id FROM silver.sales_clean")) == 3


def test_key_keeps_the_latest_delivery(shop: Shop) -> None:
    """A reference table delivered twice counts in its latest version."""
    shop.configure(
        SHOP_BRAND
        + "  goods:\n    files: 'goods*'\n    key: [sku]\n    columns:\n      sku: {type: code}\n      cost:"
        " {type: number}\n"
    )
    (shop.brand / "products.sql").write_text("SELECT sku AS product_code, cost AS unit_cost FROM goods")
    shop.deliver_lines(",".join(ROWS[0]))
    shop.deliver("sku,cost\nP1,1.00\nP2,9.99\n", "goods_1.csv")
    shop.run(until="silver")
    shop.deliver("sku,cost\nP1,2.00\n", "goods_2.csv")
    shop.run()
    assert [
        (p, float(c))
        for p, c in shop.rows("SELECT product_code, unit_cost FROM silver.products_clean ORDER BY 1")
    ] == [
        ("P1", 2.0),
        ("P2", 9.99),
    ]
    assert [float(m) for (m,) in shop.rows("SELECT margin_eur FROM gold.sales_daily")] == [10.5 - 4.0]


def test_a_header_column_order_of_a_file_is_kept(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "p")
    shop.deliver_lines(",".join(ROWS[0]))
    shop.run(until="bronze")
    names = [f.name for f in shop.lakehouse.delta("bronze.shop_lines").schema().fields]
    assert names == [
        *SHOP_HEADER.split(","),
        "ingest_ts",
        "source_system",
        "source_file",
        "source_row",
        "batch_id",
    ]
