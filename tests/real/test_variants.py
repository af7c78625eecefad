"""The same exports as other people received them - other delimiters, formats, files, sheets - give the same
Silver.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from tests.real.conftest import DATA, FASHION, RETAIL

from mergehouse.cli.scaffold import write_project
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.run import run
from mergehouse.project.config import load_project

FIRST_SHEET_ROWS = 525_461  # rows of the publisher's first yearly sheet; the second follows
pytestmark = pytest.mark.long("a million lines")
VARIANTS = DATA / "european-fashion-variants"
LINES = (
    "SELECT * EXCLUDE (batch_id, source_row) FROM silver.sales_clean WHERE source_system = '{}' ORDER BY ALL"
)


def silver(folder: Path, brand: str, deliver: Callable[[Path], object]) -> Lakehouse:
    """Silver of one brand alone, from what `deliver(raw folder)` puts there."""
    write_project(folder)
    for other in (folder / "brands").iterdir():
        if other.name != brand:
            shutil.rmtree(other)
    deliver(folder / "raw" / brand)
    project = load_project(folder)
    result = run(project, until="silver")
    assert not result.failed, result.ingest.failures
    return Lakehouse(project.lakehouse_location)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Lakehouse:
    folder = tmp_path_factory.mktemp("original") / "project"
    return silver(folder, "contoso", lambda raw: shutil.copytree(FASHION, raw, dirs_exist_ok=True))


@pytest.mark.parametrize("variant", ["patryk-sadowski", "umar-abdurrahman"])
def test_multitable_variants(tmp_path: Path, original: Lakehouse, variant: str) -> None:
    def deliver(raw: Path) -> None:
        shutil.copytree(FASHION, raw, dirs_exist_ok=True)
        raw.chmod(0o755)
        for file in sorted((VARIANTS / variant).glob("*.csv")):
            (raw / file.name).unlink(missing_ok=True)
            shutil.copyfile(file, raw / file.name)

    found = silver(tmp_path / "p", "contoso", deliver)
    assert list((VARIANTS / variant).glob("*_sales.csv"))
    for sql in (
        LINES.format("contoso"),
        "SELECT * FROM silver.products_clean ORDER BY ALL",
        "SELECT * FROM silver.customers_clean ORDER BY ALL",
    ):
        assert found.query(sql).fetchall() == original.query(sql).fetchall(), sql


@pytest.fixture(scope="module")
def retail_lines() -> list[str]:
    with gzip.open(RETAIL, "rt", encoding="utf-8", newline="") as file:
        return file.read().split("\n")


def test_two_yearly_files_are_the_one_export(tmp_path: Path, retail_lines: list[str]) -> None:
    header, lines = retail_lines[0], retail_lines[1:]

    def one(raw: Path) -> None:
        (raw / "online_retail_II.csv").write_text("\n".join(retail_lines))

    def two(raw: Path) -> None:
        (raw / "Year 2009-2010.csv").write_text("\n".join([header, *lines[:FIRST_SHEET_ROWS]]) + "\n")
        (raw / "Year 2010-2011.csv").write_text("\n".join([header, *lines[FIRST_SHEET_ROWS:]]))

    content = (
        "order_id, order_ts, customer_id, product_id, line_type, quantity, unit_price, amount_eur,"
        " country_code"
    )
    totals = f"SELECT count(*), sum(amount_eur), sum(hash({content})::HUGEINT) FROM silver.sales_clean"
    whole, yearly = silver(tmp_path / "one", "eurostyle", one), silver(tmp_path / "two", "eurostyle", two)
    assert whole.query(totals).fetchall()[0] == yearly.query(totals).fetchall()[0]
    kinds = dict(yearly.query("SELECT kind, count(*) FROM silver.duplicates GROUP BY 1").fetchall())
    first, second = (
        {line.strip() for line in lines[:FIRST_SHEET_ROWS]},
        [line.strip() for line in lines[FIRST_SHEET_ROWS:]],
    )
    across = sum(line in first for line in second)
    assert across == 22_523 and kinds == {"within_delivery": 34_335 - across, "across_deliveries": across}


def test_workbook_of_two_sheets(tmp_path: Path, retail_lines: list[str]) -> None:
    """3,000 rows from either side of the sheets' border."""
    import csv
    import datetime as dt

    header = next(csv.reader([retail_lines[0]]))
    parts = {
        "Year 2009-2010": retail_lines[FIRST_SHEET_ROWS - 2_999 : FIRST_SHEET_ROWS + 1],
        "Year 2010-2011": retail_lines[FIRST_SHEET_ROWS + 1 : FIRST_SHEET_ROWS + 3_001],
    }

    def text(raw: Path) -> None:
        (raw / "online_retail.csv").write_text(
            "\n".join([retail_lines[0], *(line for part in parts.values() for line in part)]) + "\n"
        )

    def workbook(raw: Path) -> None:
        book = openpyxl.Workbook(write_only=True)
        for title, part in parts.items():
            sheet = book.create_sheet(title)
            sheet.append(header)
            for row in csv.reader(part):
                code = int(row[1]) if row[1].isdigit() else row[1]
                sheet.append(
                    [
                        row[0],
                        code,
                        row[2],
                        int(row[3]),
                        dt.datetime.fromisoformat(row[4]),
                        float(row[5]),
                        row[6] and float(row[6]),
                        row[7],
                    ]
                )
        book.save(raw / "online_retail_II.xlsx")

    sql = LINES.format("eurostyle")
    expected = silver(tmp_path / "text", "eurostyle", text).query(sql).fetchall()
    assert len(expected) > 5_500
    assert silver(tmp_path / "book", "eurostyle", workbook).query(sql).fetchall() == expected
