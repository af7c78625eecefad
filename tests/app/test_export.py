"""Files are what is seen: safe for spreadsheets, with what they are of in them."""

from __future__ import annotations

import io
from decimal import Decimal

import polars as pl
import pytest

from mergehouse.app.export import MOST_ROWS, Export, as_csv, as_parquet, exported


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", "|x", "\t=1", " =1", "\r=1", "\n=1", "\uff1dcmd", "\ufeff=1"]
)
def test_text_that_looks_like_a_formula_is_marked(text: str) -> None:
    shown = as_csv(Export("x", {"a": "A"}, [{"a": text}], {})).decode("utf-8-sig")
    assert shown.split("A\n", 1)[1].lstrip('"').startswith("'")


def test_numbers_stay_numbers() -> None:
    rows = [{"a": Decimal("-12.30"), "b": -3, "c": -0.5}]
    assert as_csv(Export("x", {"a": "A", "b": "B", "c": "C"}, rows, {})).decode().endswith("-12.30,-3,-0.5\n")


def test_a_line_of_notes_stays_one_line() -> None:
    shown = as_csv(Export("x", {"a": "=A"}, [], {"brand": "a\r\n=1+1", "empty": ""})).decode("utf-8-sig")
    assert shown == "# brand: a =1+1\n# rows: 0\n'=A\n"


def test_a_line_of_notes_has_no_formula_in_it() -> None:
    """Spreadsheets part it, too, by commas or semicolons."""
    shown = as_csv(Export("x", {"a": "A"}, [], {"of": "Shop, =1+1;@x, a-b"})).decode("utf-8-sig")
    assert shown.startswith("# of: Shop, '=1+1;'@x, a-b\n")


def test_what_is_more_than_fits_is_said() -> None:
    rows = [{"a": n} for n in range(MOST_ROWS)]
    shown = as_csv(Export("x", {"a": "A"}, rows, {}, found=12_431)).decode("utf-8-sig")
    assert "# rows: 10000, the first of 12431\n" in shown and len(shown.splitlines()) == MOST_ROWS + 2


def test_parquet_has_the_same_rows_and_what_they_are_of() -> None:
    rows = [{"a": Decimal("1.50"), "secret": 1}, {"a": None, "secret": 2}]
    file = as_parquet(Export("x", {"a": "A"}, rows, {"brand": "Shop"}))
    assert pl.read_parquet(io.BytesIO(file)).to_dict(as_series=False) == {"a": [Decimal("1.50"), None]}
    notes = pl.read_parquet_metadata(io.BytesIO(file))
    assert notes["brand"] == "Shop" and notes["rows"] == "2"


@pytest.mark.parametrize("name", ["../../x", 'a"; filename=evil.exe', "a\r\nb", "\u202egnp.exe", ""])
def test_names_of_files_are_plain(name: str) -> None:
    header = exported(Export(name, {"a": "A"}, [], {}), "csv").headers["content-disposition"]
    assert header.startswith('attachment; filename="') and header.endswith('.csv"')
    assert set(header[22:-1]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
