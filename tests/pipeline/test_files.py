"""Kinds of files, folders and zip files: every file of an export is read or said."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import shutil
import zipfile
from collections.abc import Callable

import polars
import pytest
from tests.conftest import SHOP_HEADER, Shop
from tests.pipeline.test_formats import ROWS, deliver_workbook, text

from mergehouse.ingest import spark_loader
from mergehouse.ingest.brand_source import brand_sources
from mergehouse.ingest.bronze import Earlier
from mergehouse.ingest.landing import find_files
from mergehouse.pipeline.results import RunResult

COLUMNS = SHOP_HEADER.split(",")


def frame(rows: list[list[str]] = ROWS) -> polars.DataFrame:
    return polars.DataFrame(rows, schema=COLUMNS, orient="row")


def zipped(shop: Shop, name: str, members: dict[str, str]) -> None:
    with zipfile.ZipFile(shop.raw / name, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, content in members.items():
            packed.writestr(member, content)


def spark_parts(shop: Shop) -> None:
    """What Spark writes: parts, marks, checksums."""
    folder = shop.raw / "Lines.parquet"
    folder.mkdir()
    frame(ROWS[:2]).write_parquet(folder / "part-00000-5f.c000.snappy.parquet")
    frame(ROWS[2:]).write_parquet(folder / "part-00001-5f.c000.snappy.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / ".part-00000-5f.c000.snappy.parquet.crc").write_text("crc")


def partitions(shop: Shop) -> None:
    """Currency and country are in the names of folders; the first two lines are in one, France in another."""
    for rows, country, currency in ((ROWS[:2], "Germany", "EUR"), (ROWS[2:], "France", "GBP")):
        folder = shop.raw / "lines" / f"Country={country}" / f"currency={currency}"
        folder.mkdir(parents=True)
        frame(rows).drop("country", "currency").write_parquet(folder / "part-0.parquet")


def json_lines(rows: list[list[str]] = ROWS) -> str:
    return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)


DELIVERIES: dict[str, Callable[[Shop], object]] = {
    "endings in capitals": lambda shop: shop.deliver(gzip.compress(text().encode()), "LINES.CSV.GZ"),
    "Parquet in capitals": lambda shop: frame().write_parquet(shop.raw / "LINES.PARQUET"),
    "Parquet with texts as bytes": lambda shop: (
        frame().select(polars.all().cast(polars.Binary)).write_parquet(shop.raw / "lines.parquet")
    ),
    "bzip2": lambda shop: shop.deliver(bz2.compress(text().encode()), "lines.csv.bz2"),
    "xz": lambda shop: shop.deliver(lzma.compress(text().encode("utf-16")), "lines.txt.xz"),
    "a zip file of one": lambda shop: zipped(shop, "lines.zip", {"export.csv": text()}),
    "a zip file of several": lambda shop: zipped(
        shop,
        "all.ZIP",
        {"2026/lines_1.csv": text(rows=ROWS[:2]), "2026/lines_2.csv": text(rows=ROWS[2:]), "readme.txt": "x"},
    ),
    "a folder of parts": spark_parts,
    "folders named after values": partitions,
    "JSON lines": lambda shop: shop.deliver(json_lines(), "lines.jsonl"),
    "JSON lines, packed": lambda shop: shop.deliver(gzip.compress(json_lines().encode()), "lines.NDJSON.gz"),
    "a JSON list": lambda shop: shop.deliver(
        json.dumps([json.loads(line) for line in json_lines().splitlines()], indent=2), "lines.json"
    ),
    "a workbook": deliver_workbook,
    "UTF-16 that nothing marks": lambda shop: shop.deliver(text().encode("utf-16-le")),
    "UTF-32": lambda shop: shop.deliver(text().encode("utf-32")),
    "single quotes around everything": lambda shop: shop.deliver(
        "\n".join(",".join(f"'{cell}'" for cell in row) for row in [COLUMNS, *ROWS])
    ),
    "a header of two lines": lambda shop: shop.deliver(text().replace("title", '"ti\ntle"')),
    "gzip of two parts": lambda shop: shop.deliver(
        gzip.compress(text(rows=ROWS[:1]).encode())
        + gzip.compress(text(rows=ROWS[1:]).split("\n", 1)[1].encode()),
        "lines.csv.gz",
    ),
    "control characters between cells": lambda shop: shop.deliver(text("\x01")),
    "a line that names the delimiter": lambda shop: shop.deliver("sep=;\n" + text(";")),
    "a delimiter at the end of each line": lambda shop: shop.deliver(
        text().replace("EUR\n", "EUR,\n").replace("GBP\n", "GBP,\n")
    ),
}
SILVER = """
SELECT order_id, line_id, order_ts::VARCHAR, split_part(product_id, ':', 2), quantity::DOUBLE,
  amount_original::DOUBLE, country_code, currency
FROM silver.sales_clean WHERE source_system = '{}' ORDER BY 1, 2
"""
EXPECTED = [
    ("A1", "1", "2026-02-20 09:00:00+00", "P1", 2.0, 10.5, "DE", "EUR"),
    ("A1", "2", "2026-02-20 09:00:00+00", "0042", 1.0, 1234.5, "DE", "EUR"),
    ("A2", "1", "2026-03-01 22:30:00+00", "P1", -1.0, -5.25, "FR", "GBP"),
]


@pytest.fixture(scope="module")
def delivered(open_shop: Callable[[], Shop]) -> tuple[Shop, RunResult]:
    """Each delivery at a brand of its own: brand0, brand1..."""
    shop = open_shop()
    for n, deliver in enumerate(DELIVERIES.values()):
        deliver(shop.another(f"brand{n}"))
    shutil.rmtree(shop.brand)
    result = shop.run(until="silver")
    assert not result.failed, result.ingest.failures
    return shop, result


@pytest.mark.parametrize("name", DELIVERIES)
def test_same_silver(delivered: tuple[Shop, RunResult], name: str) -> None:
    assert delivered[0].rows(SILVER.format(f"brand{list(DELIVERIES).index(name)}")) == EXPECTED


def test_what_lies_beside_is_said(delivered: tuple[Shop, RunResult]) -> None:
    """The readme in the zip file, and nothing else: what Spark leaves beside its parts is no export."""
    several = f"brand{list(DELIVERIES).index('a zip file of several')}"
    assert delivered[1].ingest.unread == {several: ["all.ZIP/readme.txt"]}


@pytest.mark.parametrize("name", DELIVERIES)
def test_executors_of_spark_read_the_same(delivered: tuple[Shop, RunResult], name: str) -> None:
    """What a task on an executor yields, through the JSON that the driver gets, is what is in Bronze."""
    shop, result = delivered
    source = brand_sources(shop.project)[list(DELIVERIES).index(name)]
    rows: list[tuple] = []
    for file in find_files(source, loaded_before=False):
        for found in json.loads(json.dumps(spark_loader._open(source, file)))["deliveries"]:
            delivery = spark_loader._delivery(source, file, found)
            (batch,) = (b for b in result.ingest.new if b.batch_id == delivery.batch_id)
            seen = spark_loader._examine(delivery, batch, Earlier([], 0, []))
            assert (seen["rows"], seen["rejected"], seen["formats"]) == (batch.rows, 0, batch.formats)
            for part in spark_loader._rows(delivery, batch):
                rows += [tuple(row.values()) for row in part.select(COLUMNS).to_pylist()]
    columns = ", ".join(f'"{column}"' for column in COLUMNS)
    assert sorted(rows) == sorted(shop.rows(f"SELECT {columns} FROM {source.bronze}"))
