"""The same export in another shape - workbook, Parquet, gzip, other delimiters and formats - gives the same Silver."""

from __future__ import annotations

import gzip
import shutil
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
SILVER = "SELECT * EXCLUDE (batch_id, source_row) FROM silver.sales_clean ORDER BY order_id, line_id"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple]:
    shop = Shop(tmp_path_factory.mktemp("expected") / "project")
    shop.deliver_lines(*[",".join(row) for row in ROWS])
    shop.run(until="silver")
    rows = shop.rows(SILVER)
    assert len(rows) == 3
    return rows


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


def deliver_workbook(shop: Shop) -> None:
    """Two sheets, dates and numbers as a spreadsheet holds them, codes as text, and a sheet of notes."""
    import datetime as dt

    book = openpyxl.Workbook()
    for sheet, rows in {"2026-02": ROWS[:2], "2026-03": ROWS[2:]}.items():
        page = book.create_sheet(sheet)
        page.append(SHOP_HEADER.split(","))
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
    book["Sheet"].append(["Notes", "for the reader"])
    book.save(shop.raw / "lines.xlsx")


def deliver_parquet(shop: Shop) -> None:
    frame = polars.DataFrame(ROWS, schema=SHOP_HEADER.split(","), orient="row").with_columns(
        polars.col("when").str.to_datetime(),
        polars.col("qty").cast(polars.Int32),
        polars.col("price").cast(polars.Float64),
    )
    frame.write_parquet(shop.raw / "lines.parquet")


DELIVERIES = {
    "gzip": lambda shop: shop.deliver(gzip.compress(text().encode()), "lines.csv.gz"),
    "two overlapping files": lambda shop: [
        shop.deliver(text(rows=ROWS[:2]), "lines_1.csv"),
        shop.deliver(text(rows=ROWS[1:]), "lines_2.csv"),
    ],
    "tabs": lambda shop: shop.deliver(text("\t"), "lines.tsv"),
    "bars and CRLF": lambda shop: shop.deliver(text("|").replace("\n", "\r\n")),
    "carriage returns only": lambda shop: shop.deliver(text().replace("\n", "\r")),
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


@pytest.mark.parametrize("name", DELIVERIES)
def test_same_silver(shop: Shop, expected: list[tuple], name: str) -> None:
    DELIVERIES[name](shop)
    result = shop.run(until="silver")
    assert not result.failed, result.ingest.failures
    assert shop.rows(SILVER) == expected


def test_declared_formats_win_over_detection(shop: Shop) -> None:
    """4/5/2026 is the fifth of April for a source that says so."""
    row = ["A1", "1", "4/5/2026 10:00", "P1", "Mug", "1.500", "2.50", "77", "Germany", "EUR"]
    for options, day, units in (
        ("date_order: mdy", "2026-04-05", 1.5),
        ("date_order: dmy\n    decimal_mark: ','", "2026-05-04", 1500),
    ):
        shutil.rmtree(shop.folder / "lakehouse", ignore_errors=True)
        shop.configure(SHOP_BRAND.replace("    columns:", f"    {options}\n    columns:", 1))
        shop.deliver(text(";", [row]))
        shop.run(until="silver")
        assert [(str(d), float(q)) for d, q in shop.rows("SELECT order_date, quantity FROM silver.sales_clean")] == [(day, units)]


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
        SHOP_BRAND + "  goods:\n    files: 'goods*'\n    key: [sku]\n    columns:\n      sku: {type: code}\n      cost: {type: number}\n"
    )
    (shop.brand / "products.sql").write_text("SELECT sku AS product_code, cost AS unit_cost FROM goods")
    shop.deliver_lines(",".join(ROWS[0]))
    shop.deliver("sku,cost\nP1,1.00\nP2,9.99\n", "goods_1.csv")
    shop.run()
    shop.deliver("sku,cost\nP1,2.00\n", "goods_2.csv")
    shop.run()
    assert [(p, float(c)) for p, c in shop.rows("SELECT product_code, unit_cost FROM silver.products_clean ORDER BY 1")] == [
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
