"""What is saved holds what its owner may see, and nothing that acts when it is opened."""

from __future__ import annotations

import csv
import io
import re

import polars as pl
import pyarrow.parquet as pq
import pytest
from tests.security.merged import SHOP, ZEBRA, Merged, addresses, audit

from mergehouse.csv_text import FORMULA

NAME = re.compile(r'attachment; filename="[a-z0-9-]+\.(csv|parquet)"')


def files(merged: Merged, role: str) -> list[str]:
    return [address for address in addresses(merged, role) if re.search(r"csv|parquet", address)]


@pytest.mark.parametrize("role", ["executive", SHOP, ZEBRA])
def test_no_cell_of_a_file_is_a_formula(merged: Merged, role: str) -> None:
    """Nor of its headings and of what it says of itself, whichever separator a spreadsheet goes by."""
    person, cells = merged.asks(role), []
    for address in files(merged, role):
        if "csv" in address:
            text = person.get(address).content.decode("utf-8-sig")
            for separator in ",;\t":
                rows = csv.reader(io.StringIO(text), delimiter=separator)
                cells += [(address, cell) for row in rows for cell in row]
    assert any("Zebra" in cell or "Alder" in cell for _, cell in cells)
    numbers = re.compile(r"-?[0-9.]+(e-?[0-9]+)?")
    assert not [
        each
        for each in cells
        if FORMULA.match(each[1]) and not numbers.match(each[1].split(";")[0].split(",")[0])
    ]


def test_names_of_files_are_of_plain_letters(merged: Merged) -> None:
    person = merged.asks("executive")
    assert len(files(merged, "executive")) > 10
    for address in files(merged, "executive"):
        answer = person.get(address)
        assert NAME.fullmatch(answer.headers["content-disposition"]), address
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_parquet_knows_of_its_own_rows_alone(merged: Merged) -> None:
    person = merged.asks(SHOP)
    for address in files(merged, SHOP):
        if "parquet" in address:
            content = person.get(address).content
            frame, held = pl.read_parquet(content), pq.ParquetFile(io.BytesIO(content)).metadata
            assert held.num_rows == frame.height and held.num_columns == frame.width
            about = {name: value for name, value in (held.metadata or {}).items() if name != b"ARROW:schema"}
            assert b"serving" not in str(about).encode() and str(merged.shop.folder) not in str(about)
            assert not {"salt", "is_cross_brand", "email"} & set(frame.columns)


def test_a_file_is_the_list_that_is_seen(merged: Merged) -> None:
    """With its filters: the rows of both kinds, as many as the line of the audit says."""
    person, before = merged.asks("executive"), len(audit(merged))
    asked = "brand=shop&country=DE&sort=orders&dir=asc"
    as_csv = person.get(f"/customers/list.csv?{asked}").content.decode("utf-8-sig")
    as_parquet = pl.read_parquet(person.get(f"/customers/list.parquet?{asked}").content)
    lines = [line for line in as_csv.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    expected = (
        "SELECT COUNT(*) FROM gold.customer_brand_360 WHERE source_system = 'shop' AND country_code = 'DE'"
    )
    assert len(rows) == as_parquet.height == merged.shop.rows(expected)[0][0]
    assert {row["Country"] for row in rows} == {"DE"}
    told = [line["rows"] for line in audit(merged)[before:]]
    assert told == [len(rows)] * 2
    assert "country" in as_csv.lower().split("customer,")[0]  # the filters are written in


def test_without_the_right_there_is_no_file_and_one_line(merged: Merged) -> None:
    for role, expected in (("marketing", 403), ("nobody", 403)):
        for address in ("/customers/list.csv", "/customers/list.parquet", "/campaign/contacts.csv"):
            before = len(audit(merged))
            answer = merged.asks(role).get(address)
            (line,) = audit(merged)[before:]
            assert answer.status_code == expected and "content-disposition" not in answer.headers
            assert (line["outcome"], line["rows"], line["what"]) == (expected, 0, f"GET {address}")
    assert merged.anybody().get("/customers/list.csv").status_code == 303
