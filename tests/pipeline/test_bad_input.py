"""Every kind of bad input ends in one clear message, a quarantine reason or a kept torn row - never in
silence.
"""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.ingest import inspection
from mergehouse.ingest.bronze import Batch
from mergehouse.pipeline.results import RunResult

GOOD = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


def test_missing_file_names_pattern_folder_and_key(shop: Shop) -> None:
    (shop.raw / "notes.txt").write_text("x")
    message = shop.failure()
    assert (
        "lines*" in message
        and str(shop.raw) in message
        and "notes.txt" in message
        and "sources.lines.files" in message
    )


def test_a_kind_of_file_that_is_not_read(shop: Shop) -> None:
    shop.deliver("[]", "lines.pdf")
    message = shop.failure()
    assert "lines.pdf: files of this kind are not read" in message and ".xlsx" in message


def test_empty_file(shop: Shop) -> None:
    shop.deliver("")
    assert "lines.csv: the file is empty" in shop.failure()


def test_header_only_loads_nothing_and_says_so(shop: Shop) -> None:
    shop.deliver(SHOP_HEADER + "\n")
    result = shop.run(until="silver")
    assert not result.failed
    assert result.ingest.new[0].rows == 0
    assert "no rows" in result.ingest.new[0].drift
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(0,)]


ENCODINGS = ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"]


@pytest.fixture(scope="module")
def encoded(open_shop: Callable[[], Shop]) -> Shop:
    """The same line in each of the encodings, a file each."""
    shop = open_shop()
    for n, encoding in enumerate(ENCODINGS):
        content = (
            f"{SHOP_HEADER}\nA{n},1,2026-03-01 10:00:00,P1,Crème brûlée,2,5.00,77,Côte d'Ivoire,EUR\n".encode(
                encoding
            )
        )
        shop.deliver(b"\xff\xfe" + content if encoding == "utf-16-le" else content, f"lines_{n}.csv")
    assert not shop.run(until="silver").failed
    return shop


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_give_the_same_text(encoded: Shop, encoding: str) -> None:
    order = f"A{ENCODINGS.index(encoding)}"
    assert encoded.rows(f"SELECT title, country FROM bronze.shop_lines WHERE \"order\" = '{order}'") == [
        ("Crème brûlée", "Côte d'Ivoire")
    ]
    assert encoded.rows(f"SELECT country_code FROM silver.sales_clean WHERE order_id = '{order}'") == [
        ("CI",)
    ]


def test_wrongly_declared_encoding(shop: Shop) -> None:
    shop.configure(SHOP_BRAND.replace('files: "lines*"', 'files: "lines*"\n    encoding: ascii'))
    shop.deliver(f"{SHOP_HEADER}\n{GOOD.replace('Mug', 'Mügge')}\n")
    assert "not ascii text" in shop.failure()


def test_open_quote_stops_the_file(shop: Shop) -> None:
    shop.deliver_lines(
        GOOD,
        'A2,1,2026-03-01 10:00:00,P1,"Mug,2,5.00,77,Germany,EUR',
        *[GOOD.replace("A1", f"B{i}") for i in range(50)],
    )
    message = shop.failure()
    assert "row counts do not reconcile" in message and "quote" in message
    assert not shop.lakehouse.exists("bronze.shop_lines")


def test_a_file_of_torn_lines_alone_is_not_loaded(shop: Shop) -> None:
    """Its header has a column more than its lines: to load nothing without a word would look like a day
    without sales.
    """
    shop.deliver_lines(GOOD, GOOD.replace("A1", "A2"), header=f"{SHOP_HEADER},")
    message = shop.failure()
    assert "no line could be split into the 11 columns of the header (line 2: too_few_columns)" in message
    assert not shop.lakehouse.exists("bronze.shop_lines") and not shop.lakehouse.exists("bronze.rejected")


def test_line_ends_of_two_kinds_and_bad_bytes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a file is cut into pieces to be read: a line end of two bytes stays one, and bad bytes are
    their line's affair.
    """
    good = GOOD.replace("Mug", "Crème brûlée")
    text = f"{SHOP_HEADER}\r\n".encode() + "\r\n".join(good.replace("A1", f"G{i}") for i in range(9)).encode()
    monkeypatch.setattr(inspection, "CHUNK", text.index(b"\r\n", 300) + 1)
    shop.deliver(text + b"\n" + GOOD.replace("Mug", "M@g").encode().replace(b"@", b"\xff\xfe") + b"\n")
    batch = shop.run(until="silver").ingest.new[0]
    assert (batch.rows, batch.rejected_rows, batch.encoding) == (9, 1, "utf-8")
    assert shop.rows("SELECT reason_code, source_line FROM bronze.rejected") == [("bad_bytes", 11)]


DATES = ("2026-02-20 10:00:00", "21/02/2026 10:00", "22.02.2026 10:00:00")
EUROPEAN = """A1;1;2026-03-01 10:00;P1;Mug;2;5,25;77;DE;EUR
A1;2;2026-03-01 10:00;P2;Cup;1;1.234,50;77;DE;EUR
"""
ODD: dict[str, str | bytes | list[str]] = {  # by the brand that it is delivered to: a file, or its lines
    "semicolons": f"{SHOP_HEADER.replace(',', ';')}\n{EUROPEAN}",
    "torn": [GOOD, "A2,1,broken", GOOD.replace("A1", "A3") + ",extra,cells"],
    "bad_bytes": "\n".join(
        [
            SHOP_HEADER,
            *(GOOD.replace("A1", f"G{n}").replace("Mug", "Crème brûlée") for n in range(5)),
            GOOD.replace("Mug", "M@g") + "\n",
        ]
    )
    .encode()
    .replace(b"@", b"\xff\xfe"),
    "long_line": [
        GOOD, GOOD.replace("A1", "A2").replace("Mug", "M" * 10_000_000), GOOD.replace("A1", "A3"),
    ],
    "three_formats": [
        GOOD.replace("A1", f"A{n}").replace("2026-03-01 10:00:00", day) for n, day in enumerate(DATES)
    ],
    "day_or_month_first": [
        GOOD.replace("2026-03-01 10:00:00", "21/02/2026 10:00"),
        GOOD.replace("A1", "A2").replace("2026-03-01 10:00:00", "02/21/2026 10:00"),
    ],
    "unknown_country": [GOOD.replace("Germany", "Atlantis")],
}  # fmt: skip


@dataclass(frozen=True)
class Delivered:
    """What came of one brand of ODD."""

    brand: str
    shop: Shop
    result: RunResult

    @property
    def batch(self) -> Batch:
        [batch] = [batch for batch in self.result.ingest.new if batch.source_system == self.brand]
        return batch

    def rows(self, columns: str, table: str, order: str = "1") -> list[tuple]:
        of_brand = f"FROM {table} WHERE source_system = '{self.brand}'"
        return self.shop.rows(f"SELECT {columns} {of_brand} ORDER BY {order}")


@pytest.fixture(scope="module")
def odd(open_shop: Callable[[], Shop]) -> Callable[[str], Delivered]:
    """Each of ODD at a brand of its own, run to Silver."""
    shop = open_shop()
    for brand, content in zip(shop.brands(*ODD), ODD.values(), strict=True):
        brand.deliver_lines(*content) if isinstance(content, list) else brand.deliver(content)
    result = shop.run(until="silver")
    assert not result.failed
    return lambda brand: Delivered(brand, shop, result)


def test_decimal_comma_and_semicolon(odd: Callable[[str], Delivered]) -> None:
    found = odd("semicolons")
    assert found.batch.delimiter == ";"
    amounts = found.rows("amount_eur", "silver.sales_clean", "line_id")
    assert [str(amount) for (amount,) in amounts] == ["10.50", "1234.50"]


def test_rows_with_wrong_column_counts_are_kept(odd: Callable[[str], Delivered]) -> None:
    found = odd("torn")
    assert (found.batch.rows, found.batch.rejected_rows) == (1, 2)
    assert found.rows("reason_code, source_line, raw_text", "bronze.rejected", "source_line") == [
        ("too_few_columns", 3, "A2,1,broken"),
        ("too_many_columns", 4, GOOD.replace("A1", "A3") + ",extra,cells"),
    ]


def test_bad_bytes_are_kept(odd: Callable[[str], Delivered]) -> None:
    found = odd("bad_bytes")
    assert found.rows("reason_code, source_line", "bronze.rejected") == [("bad_bytes", 7)]
    assert found.batch.rows == 5


def test_ten_megabyte_field_is_kept_out_with_its_text(odd: Callable[[str], Delivered]) -> None:
    found = odd("long_line")
    assert found.rows("order_id", "silver.sales_clean") == [("A1",), ("A3",)]
    assert found.rows("reason_code, length(raw_text) > 9_000_000", "bronze.rejected") == [
        ("line_too_long", True)
    ]


def test_three_date_formats_in_one_column(odd: Callable[[str], Delivered]) -> None:
    found = odd("three_formats")
    assert "3 different formats" in found.batch.drift
    days = found.rows("strftime(order_date, '%d')", "silver.sales_clean", "order_id")
    assert days == [("20",), ("21",), ("22",)]


def test_day_and_month_first_mixed_is_reported(odd: Callable[[str], Delivered]) -> None:
    found = odd("day_or_month_first")
    assert "mix day-first and month-first" in found.batch.drift
    assert found.rows("reason_code, order_id", "silver.quarantine") == [("unreadable_date", "A2")]


def test_unknown_country_is_kept_and_reported(odd: Callable[[str], Delivered]) -> None:
    found = odd("unknown_country")
    assert found.rows("country_code, region", "silver.sales_clean") == [("ZZ", "Rest of world")]
    [check] = [c for c in found.result.checks if c.check == "country_is_known"]
    assert check.failures == 1 and check.sample[0]["country"] == "ATLANTIS"


DAYS = [
    "20260221", "21-02-2026", "2026/02/21", "2026-2-21 7:05", "21 Feb 2026", "21-Feb-26", "February 21, 2026",
    "Feb 21, 2026 9:30 PM",
    "21.2.26 14:05", "02/21/2026, 9:30 PM", "20260221093000", "202602210930", "21.02.2026 09:30:00.123",
]  # fmt: skip


@pytest.fixture(scope="module")
def dated(open_shop: Callable[[], Shop]) -> Shop:
    """The same day written in each way, a file each."""
    return each_in_a_file(
        open_shop(), [GOOD.replace("2026-03-01 10:00:00", f'"{written}"') for written in DAYS]
    )


@pytest.mark.parametrize("written", DAYS)
def test_ways_to_write_a_day(dated: Shop, written: str) -> None:
    days = dated.rows(f"SELECT order_date FROM silver.sales_clean WHERE order_id = 'A1{DAYS.index(written)}'")
    assert [str(d) for (d,) in days] == ["2026-02-21"]


def each_in_a_file(shop: Shop, lines: list[str]) -> Shop:
    """Runs a shop to Silver that got each line in a file of its own, which stands alone in how it is read:
    order A1 becomes A10, A11...
    """
    for n, line in enumerate(lines):
        shop.deliver_lines(line.replace("A1,", f"A1{n},"), name=f"lines_{n}.csv")
    assert not shop.run(until="silver").failed
    return shop


UNUSABLE = [
    (GOOD.replace("2026-03-01", "2025-02-29"), "unreadable_date"),
    (GOOD.replace("2026-03-01", "2099-03-01"), "future_date"),
    (GOOD.replace("2026-03-01", "1970-01-01"), "placeholder_date"),
    (GOOD.replace("2026-03-01", "0001-01-01"), "placeholder_date"),
    (GOOD.replace("2026-03-01", "1980-01-01"), "placeholder_date"),
    (GOOD.replace("2026-03-01 10:00:00", ""), "unreadable_date"),
    (GOOD.replace(",2,5.00", ",NaN,5.00"), "unreadable_quantity"),
    (GOOD.replace(",2,5.00", ",two,5.00"), "unreadable_quantity"),
    (GOOD.replace(",2,5.00", ",2,inf"), "unreadable_price"),
    (GOOD.replace(",2,5.00", ",2,nan"), "unreadable_price"),
    (GOOD.replace(",EUR", ",XYZ"), "no_fx_rate"),
    (GOOD.replace("2026-03-01", "1998-03-02").replace(",EUR", ",GBP"), "no_fx_rate"),
    (GOOD.replace(",P1,", ", ,"), "missing_product_code"),
    (GOOD.replace("A1,1", " ,1"), "missing_order_id"),
]


@pytest.fixture(scope="module")
def unusable(open_shop: Callable[[], Shop]) -> Shop:
    """Each of the lines in a file of its own, below a good one."""
    shop = open_shop()
    for n, (written, _) in enumerate(UNUSABLE):
        shop.deliver_lines(
            GOOD.replace("A1", f"A0{n}"), written.replace("A1,", f"A1{n},"), name=f"lines_{n}.csv"
        )
    result = shop.run(until="silver")
    assert [c.check for c in result.checks if c.stops_publication] == ["rate_is_known"]
    return shop


@pytest.mark.parametrize("n", range(len(UNUSABLE)), ids=[",".join(case) for case in UNUSABLE])
def test_unusable_lines_go_to_quarantine(unusable: Shop, n: int) -> None:
    in_file = f"SEMI JOIN (FROM bronze.batches WHERE source_file LIKE '%lines_{n}.csv') USING (batch_id)"
    assert unusable.rows(f"SELECT order_id FROM silver.sales_clean {in_file}") == [(f"A0{n}",)]
    found = unusable.rows(
        f"SELECT reason_code, source_row, raw_row LIKE '%\"qty\"%' FROM silver.quarantine {in_file}"
    )
    assert found == [(UNUSABLE[n][1], 2, True)]


QUANTITIES = {
    '"1,000"': 1000,
    '"1,000,000"': 1_000_000,
    '"-1,000"': -1000,
    "007": 7,
    "3.0": 3,
    "1.5": 1.5,
    " 12 ": 12,
}


@pytest.fixture(scope="module")
def grouped(open_shop: Callable[[], Shop]) -> Shop:
    """Each quantity in a file of its own."""
    return each_in_a_file(
        open_shop(), [GOOD.replace(",2,5.00", f",{written},5.00") for written in QUANTITIES]
    )


@pytest.mark.parametrize("written", QUANTITIES)
def test_grouped_quantities(grouped: Shop, written: str) -> None:
    quantities = grouped.rows(
        f"SELECT quantity FROM silver.sales_clean WHERE order_id = 'A1{list(QUANTITIES).index(written)}'"
    )
    assert [float(q) for (q,) in quantities] == [QUANTITIES[written]]


def test_duplicate_header_names(shop: Shop) -> None:
    shop.deliver_lines(GOOD, header=SHOP_HEADER.replace("title", "price"))
    assert "`price` is there 2 times" in (message := shop.failure())
    assert "`header: price 1`" in message and "Nothing of this source was loaded" in message


def test_renamed_column_stops_the_source_and_suggests(shop: Shop) -> None:
    shop.deliver_lines(GOOD, header=SHOP_HEADER.replace("country", "countries"))
    message = shop.failure()
    assert "`country`" in message and "`countries` is new" in message
    assert not shop.lakehouse.exists("bronze.shop_lines")


def test_headers_that_clash_with_ours_or_with_each_other(shop: Shop) -> None:
    shop.deliver_lines(GOOD + ",9,x", header=SHOP_HEADER + ",batch_id,Größe")
    shop.run(until="bronze")
    assert shop.rows("SELECT batch_id_delivered, größe FROM bronze.shop_lines") == [("9", "x")]
    shop.deliver_lines(GOOD + ",9,x,,z", header=SHOP_HEADER + ",a b,a&b,,", name="lines_2.csv")
    batch = shop.run(until="bronze").ingest.new[0]
    assert shop.rows(
        "SELECT a_b, a_b_2, unnamed, unnamed_2 FROM bronze.shop_lines WHERE a_b IS NOT NULL"
    ) == [("9", "x", None, "z")]
    assert (
        "new column `a&b` kept as `a_b_2`" in batch.drift
        and "new column `` kept as `unnamed_2`" in batch.drift
    )
    shop.configure(
        SHOP_BRAND.replace(
            "      qty: {type: number}", "      batch_id: {type: text}\n      qty: {type: number}"
        )
    )
    with pytest.raises(ConfigError, match="`batch_id` is added by Bronze"):
        shop.run()


def test_optional_source_that_never_came(shop: Shop) -> None:
    shop.configure(
        SHOP_BRAND
        + "  goods:\n    files: 'goods*'\n    optional: true\n    columns: {sku: {type: code}, cost: {type:"
        " number}}\n"
    )
    (shop.brand / "products.sql").write_text("SELECT sku AS product_code, cost AS unit_cost FROM goods")
    shop.deliver_lines(GOOD)
    assert not shop.run().failed
    assert shop.rows("SELECT margin_method FROM gold.sales_daily") == [("estimated",)]
    shop.deliver("sku,cost\nP1,2.00\n", "goods.csv")
    assert not shop.run().failed
    assert shop.rows("SELECT margin_method FROM gold.sales_daily") == [("actual",)]


def test_gzip_cut_off_in_the_middle(shop: Shop) -> None:
    lines = "\n".join(GOOD.replace("A1", f"A{i * 7919}") for i in range(5000))
    packed = gzip.compress(f"{SHOP_HEADER}\n{lines}\n".encode())
    shop.deliver(packed[: len(packed) // 2], "lines.csv.gz")
    assert "gzip stream ends in the middle" in shop.failure()
    shop.deliver(packed, "lines.csv.gz")
    assert shop.run(until="bronze").ingest.new[0].rows == 5000


def test_file_that_is_no_gzip(shop: Shop) -> None:
    shop.deliver(f"{SHOP_HEADER}\n{GOOD}\n", "lines.csv.gz")
    assert "not a sound gzip file" in shop.failure()


def test_workbook_and_parquet_that_are_none(shop: Shop) -> None:
    shop.deliver("no workbook", "lines.xlsx")
    assert "not a readable workbook" in shop.failure()
    (shop.raw / "lines.xlsx").unlink()
    shop.deliver("no parquet", "lines.parquet")
    assert "not a readable Parquet file" in shop.failure()


def test_lakehouse_without_write_permission(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "project")
    shop.deliver_lines(GOOD)
    root = shop.folder / "lakehouse"
    root.mkdir(mode=0o555)
    nobody = 65534
    if os.geteuid() == 0:
        for parent in (shop.folder, *shop.folder.parents):
            if parent.stat().st_uid == 0 and parent != parent.parent and "pytest" in str(parent):
                parent.chmod(0o755)
        os.seteuid(nobody)
    try:
        with pytest.raises(LakehouseError, match="cannot be written: no permission"):
            shop.run()
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.mark.long("three runs, one on a full disk")
def test_disk_full_leaves_the_published_tables_and_a_rerun_heals(shop: Shop) -> None:
    shop.deliver_lines(GOOD)
    assert not shop.run().failed
    before = shop.rows("SELECT * FROM silver.sales_clean")
    lines = [
        GOOD.replace("A1", f"Z{i * 7919 % 100_003}").replace("Mug", f"Mug {i * 104_729}")
        for i in range(20_000)
    ]
    shop.deliver_lines(*lines, name="lines_2.csv")

    def no_file_above_100_kb() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [
        sys.executable,
        "-c",
        "from mergehouse.cli.main import main; main()",
        "run",
        "-C",
        str(shop.folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=no_file_above_100_kb)
    assert done.returncode == 1, done.stderr
    assert "files may not grow any further" in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert shop.rows("SELECT * FROM silver.sales_clean") == before
    assert not shop.run().failed
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(20_001,)]
