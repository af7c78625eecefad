"""What is odd about an arrival is said: hidden rows, files that nobody reads, undeclared columns."""

from __future__ import annotations

import json
import zipfile

import duckdb
import openpyxl
import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop
from tests.pipeline.test_formats import ROWS, text

from mergehouse.ingest.brand_source import brand_sources
from mergehouse.ingest.landing import find_files
from mergehouse.pipeline.results import RunResult

LINE = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


def with_keys(keys: str) -> str:
    """The shop's brand.yml, with keys for its source."""
    return SHOP_BRAND.replace("    columns:", f"    {keys}\n    columns:", 1)


def found(result: RunResult) -> dict[str, str]:
    return {c.check: c.why for c in result.checks if not c.passed}


def notes(result: RunResult) -> list[str]:
    return json.loads(result.ingest.new[-1].drift)


def test_what_a_spreadsheet_hides_or_lacks(shop: Shop) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [SHOP_HEADER.split(","), *ROWS]:
        sheet.append(row)
    sheet.append(
        ["A3", "1", "2026-03-02 10:00:00", "P1", "x" * 32_767, "=1+1", "5.00", "77", "Germany", "EUR"]
    )
    sheet.append(["Total"])
    sheet["H4"].value = "#REF!"
    sheet["H4"].data_type = "e"
    sheet.row_dimensions[3].hidden = True
    sheet.row_dimensions[4].hidden = True
    sheet.column_dimensions["C"].hidden = True
    sheet.merge_cells("A6:B6")
    second = book.create_sheet("Later")
    second.sheet_state = "hidden"
    for row in [SHOP_HEADER.split(","), ["B1", *ROWS[0][1:]]]:
        second.append(row)
    book.create_sheet("Notes").append(["Sums of March", "are those of the tills"])
    book.create_sheet("Empty")
    book.save(shop.raw / "lines.xlsx")
    result = shop.run(until="silver")
    assert result.ingest.doubts == {
        "bronze.shop_lines": {
            "lines.xlsx#Sheet": [
                "sheet(s) that lack the columns are not read: Notes",
                "1 cell(s) are filled to the last of 32,767 characters, the rest is lost",
                "2 hidden row(s) are read as well",
                "hidden columns are read as well",
                "1 merged cell(s): only the first cell of each has the value",
                "1 cell(s) show an error such as #REF! and are read as empty",
                "1 formula(s) were saved without their result and are read as empty",
                "1 row(s) look like a total",
            ],
            "lines.xlsx#Later": ["the sheet itself is hidden"],
        }
    }
    assert "#REF!" in found(result)["deliveries_are_sound"] and not result.failed
    assert shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(6,)]


def test_a_file_that_ends_where_a_sheet_does(shop: Shop) -> None:
    shop.deliver_lines(*(LINE.replace("A1", f"A{n}") for n in range(65_535)))
    doubts = shop.run(until="bronze").ingest.doubts["bronze.shop_lines"]["lines.csv"]
    assert doubts == ["65,536 lines are all that a sheet holds: the rest may be cut off"]


def test_files_that_nobody_reads_are_named_until_they_are_ignored(shop: Shop) -> None:
    shop.deliver_lines(LINE)
    for name in ("lines_2.pdf", "lines_3.csv.gpg", "~$lines.xlsx", "stock.csv", "readme.txt"):
        (shop.raw / name).write_text("x")
    (shop.raw / "archive").mkdir()
    (shop.raw / "broken.zip").write_text("no zip file")
    result = shop.run(until="bronze")
    names = ["broken.zip", "lines_2.pdf", "lines_3.csv.gpg", "readme.txt", "stock.csv", "archive/"]
    assert result.ingest.unread == {"shop": names} and not result.failed
    assert "No source reads broken.zip, lines_2.pdf" in found(result)["every_file_is_read"]
    again = shop.run(until="bronze")
    assert not again.changed and again.ingest.unread == {"shop": names}
    shop.configure(SHOP_BRAND + "ignore: [ARCHIVE, '*.pdf', '*.gpg', readme.txt, stock.csv, broken.zip]\n")
    assert shop.run(until="bronze").ingest.unread == {}


def test_a_zip_file_is_an_export_where_a_pattern_says_so(shop: Shop) -> None:
    (shop.raw / "lines.zip").write_text("no zip file")
    assert "lines.zip: not a sound zip file" in shop.failure()
    with zipfile.ZipFile(shop.raw / "lines.zip", "w") as packed:
        packed.writestr("__MACOSX/._lines.csv", "junk")
        packed.writestr("../lines.csv", text())
    result = shop.run(until="bronze")
    assert [b.source_file for b in result.ingest.new] == ["lines.zip/../lines.csv"]
    assert not (shop.folder / "lakehouse" / "lines.csv").exists()
    shop.deliver(text(), "lines.csv")
    assert [b.status for b in shop.run(until="bronze").ingest.new] == ["repeat"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("sales", ["sales/2025/lines.csv", "sales/lines.csv"]),
        ("sales/*.csv", ["sales/lines.csv"]),
        ("*/2025/lin*", ["sales/2025/lines.csv"]),
        ("**/lines.csv", ["archive/lines.csv", "lines.csv", "sales/2025/lines.csv", "sales/lines.csv"]),
        ("*.csv", ["lines.csv"]),
    ],
)
def test_patterns_name_files_and_folders(shop: Shop, pattern: str, expected: list[str]) -> None:
    """A pattern names a file or a folder with all that is in it; `*.csv` does not go into folders."""
    for place in ("lines.csv", "sales/lines.csv", "sales/2025/lines.csv", "archive/lines.csv"):
        (shop.raw / place).parent.mkdir(parents=True, exist_ok=True)
        (shop.raw / place).write_text(text())
    shop.configure(SHOP_BRAND.replace('"lines*"', f'"{pattern}"'))
    [lines] = brand_sources(shop.project)
    assert [f.label for f in find_files(lines, loaded_before=False)] == expected


@pytest.mark.parametrize(
    ("folder", "said"), [("_delta_log", "a Delta table"), ("_temporary", "has not ended")]
)
def test_folders_that_are_no_set_of_files(shop: Shop, folder: str, said: str) -> None:
    (shop.raw / "lines" / folder).mkdir(parents=True)
    (shop.raw / "lines" / "part-0.csv").write_text(text())
    assert said in shop.failure()


def test_parts_of_one_content_in_two_folders_are_two_deliveries(shop: Shop) -> None:
    """The day is in the folder's name alone: an equal file of another day is no repeat."""
    header = SHOP_HEADER.replace("when,", "")
    for day in ("2026-03-01", "2026-03-02", "__HIVE_DEFAULT_PARTITION__"):
        folder = shop.raw / "lines" / f"when={day}"
        folder.mkdir(parents=True)
        (folder / "part-0.csv").write_text(f"{header}\n{LINE.replace('2026-03-01 10:00:00,', '')}\n")
    assert [b.status for b in shop.run(until="bronze").ingest.new] == ["loaded"] * 3
    assert shop.rows('SELECT "when" FROM bronze.shop_lines ORDER BY 1 NULLS LAST') == [
        ("2026-03-01",),
        ("2026-03-02",),
        (None,),
    ]


def test_undeclared_columns_are_no_drift_at_first(shop: Shop) -> None:
    shop.deliver(f"{SHOP_HEADER},E-Mail\n{LINE},ann@example.org\n", "lines_1.csv")
    first = shop.run(until="bronze")
    assert notes(first) == ["undeclared column(s): `E-Mail` kept as `e_mail`"]
    assert not shop.lakehouse.exists("monitor.schema_history")
    shop.deliver(f"{SHOP_HEADER},E-Mail,Till\n{LINE.replace('A1', 'A2')},x,4\n", "lines_2.csv")
    assert notes(shop.run(until="bronze")) == ["new column `Till` kept as `till`"]
    assert shop.rows("SELECT drift FROM monitor.schema_history") == [("new column `Till` kept as `till`",)]


@pytest.mark.parametrize("keys", ["brand", "source"])
def test_undeclared_columns_may_be_dropped(shop: Shop, keys: str) -> None:
    """Nothing of them is written, torn lines and line ends within their values included."""
    brand = SHOP_BRAND + "undeclared: drop\n" if keys == "brand" else with_keys("undeclared: drop")
    shop.configure(brand)
    shop.deliver(
        f'{SHOP_HEADER},E-Mail\n{LINE},"ann@\nexample.org"\n{LINE.replace("A1", "A2")},bob@example.org\n'
        "torn,carl@example.org\n"
    )
    result = shop.run(until="bronze")
    assert not result.failed and notes(result) == ["undeclared column(s) dropped: `E-Mail`"]
    assert [(b.rows, b.rejected_rows) for b in result.ingest.new] == [(2, 1)]
    assert "e_mail" not in [f.name for f in shop.lakehouse.delta("bronze.shop_lines").schema().fields]
    assert not [row for row in shop.rows("SELECT raw_text FROM bronze.rejected") if "example" in row[0]]
    for file in (shop.folder / "lakehouse").rglob("*"):
        assert not file.is_file() or b"example.org" not in file.read_bytes(), file


QUOTING = {
    "escape: '\\'": 'A1,1,2026-03-01 10:00:00,P1,"Mug \\"large\\", blue",2,5.00,77,Germany,EUR',
    'quote: "\'"': "A1,1,2026-03-01 10:00:00,P1,'Mug \"large\", blue',2,5.00,77,Germany,EUR",
    "quote: ''\n    delimiter: ';'": 'A1;1;2026-03-01 10:00:00;P1;Mug "large", blue;2;5.00;77;Germany;EUR',
}


@pytest.mark.parametrize("keys", QUOTING)
def test_quotes_as_declared(shop: Shop, keys: str) -> None:
    shop.configure(with_keys(keys))
    header = SHOP_HEADER.replace(",", ";") if ";" in keys else SHOP_HEADER
    shop.deliver(f"{header}\n{QUOTING[keys]}\n")
    assert shop.run(until="bronze").ingest.new[0].rows == 1
    assert shop.rows("SELECT title FROM bronze.shop_lines") == [('Mug "large", blue',)]


NESTED = """
label: Shop
currency: EUR
sources:
  lines:
    files: "orders*"
    items: line_items
    columns:
      order: {type: code, header: id}
      line: {type: code, header: line_items.id}
      when: {type: timestamp, header: created_at}
      item: {type: code, header: line_items.sku}
      title: {type: text, header: line_items.product.title}
      qty: {type: number, header: line_items.quantity}
      price: {type: number, header: line_items.price}
      customer: {type: code, header: customer.id}
      country: {type: text, header: shipping.address.country}
      currency: {type: code}
"""


def order(number: int, *items: tuple[str, str]) -> str:
    lines = ", ".join(
        f'{{"id": {n}, "sku": "{sku}", "product": {{"title": "Mug"}}, "quantity": 2, "price": {price},'
        ' "taxes": [{"rate": 0.190}]}'
        for n, (sku, price) in enumerate(items, start=1)
    )
    return (
        f'{{"id": {number}, "created_at": "2026-03-01T10:00:00", "customer": {{"id": 77, "email": "a@b.c"}},'
        f' "shipping": {{"address": {{"country": "DE"}}}}, "currency": "EUR", "line_items": [{lines}]}}\n'
    )


def test_items_of_a_record_are_rows(shop: Shop) -> None:
    """Orders of two items, of none, torn, and of one: no record vanishes."""
    shop.configure(NESTED)
    shop.deliver(
        order(1, ("P1", "5.250"), ("P2", "1e1"))
        + order(2)
        + '{"id": 3,\n\n'
        + order(4, ("P1", "12345678901.5")),
        "orders.jsonl",
    )
    result = shop.run(until="silver")
    assert [(b.rows, b.rejected_rows) for b in result.ingest.new] == [(4, 1)]
    found = shop.rows(
        'SELECT "order", line, item, price, customer, country FROM bronze.shop_lines ORDER BY 1, 2'
    )
    assert found == [
        ("1", "1", "P1", "5.250", "77", "DE"),
        ("1", "2", "P2", "1e1", "77", "DE"),
        ("2", None, None, None, "77", "DE"),
        ("4", "1", "P1", "12345678901.5", "77", "DE"),
    ]
    assert shop.rows("SELECT DISTINCT line_items_taxes FROM bronze.shop_lines WHERE line = '1'") == [
        ('[{"rate": 0.190}]',)
    ]
    assert shop.rows("SELECT source_line, reason_code, raw_text FROM bronze.rejected") == [
        (3, "broken_json", '{"id": 3,')
    ]
    assert shop.rows("SELECT order_id FROM silver.quarantine") == [("2",)]


def test_lists_of_records(shop: Shop) -> None:
    """A list that is cut off, an empty one, one of which the items are not declared, one within a record."""
    shop.configure(NESTED)
    shop.deliver("[" + order(1, ("P1", "5.25")), "orders.json")
    assert "the list has no end" in shop.failure()
    shop.deliver("[]", "orders.json")
    assert shop.run(until="bronze").ingest.new[0].rows == 0
    shop.configure(NESTED.replace("    items: line_items\n", ""))
    shop.deliver(order(1, ("P1", "5.25")), "orders.json")
    assert "`line_items` is a list: name it in `items`" in shop.failure()
    shop.configure(
        NESTED.replace("items: line_items", "items: orders.line_items")
        .replace("currency: {type: code}", "currency: {type: code, header: currency}")
        .replace("header: ", "header: orders.")
    )
    shop.deliver(f'{{"orders": [{order(1, ("P1", "5.25"))}, {order(2, ("P1", "1"))}]}}', "orders.json")
    assert shop.run(until="bronze").ingest.new[0].rows == 2


def test_a_name_twice_in_a_json_record(shop: Shop) -> None:
    """Which of the values counts, nobody knows."""
    shop.configure(NESTED)
    shop.deliver(
        order(1, ("P1", "5")) + order(2, ("P1", "5")).replace('"id": 2', '"id": 2, "id": 3'), "orders.json"
    )
    assert [(b.rows, b.rejected_rows) for b in shop.run(until="bronze").ingest.new] == [(1, 1)]


def test_backslashes_before_quotes_that_nobody_declared(shop: Shop) -> None:
    shop.deliver_lines(LINE, LINE.replace("Mug", '"a \\"large\\" mug"'))
    said = found(shop.run(until="bronze"))["deliveries_are_sound"]
    assert "1 line(s) could not be split" in said and "declare `escape: '\\'`" in said


CONTENTS = {
    "a workbook or zip file": b"PK\x03\x04",
    "a Parquet file": b"PAR1",
    "a gzip file": b"\x1f\x8b\x08",
}


@pytest.mark.parametrize("content", CONTENTS)
def test_files_that_are_not_what_their_names_say(shop: Shop, content: str) -> None:
    shop.deliver(CONTENTS[content] + b"\x00\x01\x02", "lines.csv")
    assert f"no text, but {content}" in shop.failure()


def test_nul_bytes_and_a_last_line_without_end_are_said(shop: Shop) -> None:
    shop.deliver(f"{SHOP_HEADER}\n{LINE}\n{LINE}".replace("Mug", "M\0ug"))
    result = shop.run(until="bronze")
    assert "2 NUL byte(s) are kept within values" in found(result)["deliveries_are_sound"]
    assert "the last line has no end: see that the file is whole" in notes(result)


def test_a_number_of_json_has_a_decimal_point(shop: Shop) -> None:
    """`1.500` is one and a half, whatever texts in other columns of the file seem to say."""
    shop.configure(NESTED.replace("price: {type: number", "rate: {type: number}\n      price: {type: number"))
    with_rate = [
        order(n, ("P1", "1.500")).replace('"currency"', '"rate": "0,25", "currency"') for n in (1, 2)
    ]
    shop.deliver("".join(with_rate), "orders.jsonl")
    assert not shop.run(until="silver").failed
    assert shop.rows("SELECT DISTINCT unit_price::DOUBLE FROM silver.sales_clean") == [(1.5,)]


def test_nested_parquet(shop: Shop) -> None:
    """Structs by their paths, items as rows, the order without any as one; decimals as they are."""
    shop.configure(NESTED)
    address = "{'address': {'country': 'DE'}}"
    duckdb.sql(f"""
        COPY (
          SELECT 1 AS id, TIMESTAMP '2026-03-01 10:00:00' AS created_at, {{'id': 77}} AS customer,
            {address} AS shipping, 'EUR' AS currency,
            [
              {{'id': 1, 'sku': 'P1', 'product': {{'title': 'Mug'}}, 'quantity': 2, 'price': 5.250}},
              {{'id': 2, 'sku': 'P2', 'product': {{'title': 'Cup'}}, 'quantity': 1, 'price': 1.0}}
            ] AS line_items
          UNION ALL
          SELECT 2, TIMESTAMP '2026-03-01 10:00:00', {{'id': 77}}, {address}, 'EUR', []
        ) TO '{shop.raw / "orders.parquet"}'
    """)
    assert shop.run(until="bronze").ingest.new[0].rows == 3
    found = shop.rows('SELECT "order", item, title, price, country FROM bronze.shop_lines ORDER BY 1, 2')
    assert found == [
        ("1", "P1", "Mug", "5.250", "DE"),
        ("1", "P2", "Cup", "1.000", "DE"),
        ("2", None, None, None, "DE"),
    ]


def test_an_ods_workbook(shop: Shop) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = [SHOP_HEADER.split(","), ROWS[0]]
    cells = "".join(f"<table:table-row>{''.join(map(cell.format, row))}</table:table-row>" for row in rows)
    spaces = ("office", "table", "text")
    names = "".join(f' xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in spaces)
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="March">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(shop.raw / "LINES.ODS", "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("META-INF/manifest.xml", "<manifest/>")
        packed.writestr("content.xml", content)
    assert [b.source_file for b in shop.run(until="bronze").ingest.new] == ["LINES.ODS#March"]
    assert shop.rows("SELECT title, qty FROM bronze.shop_lines") == [("Mug", "2")]


def test_the_header_again_within_a_file_is_said(shop: Shop) -> None:
    """Two exports in one file, the second with a byte order mark of its own."""
    shop.deliver(text() + "\ufeff" + text(rows=[["A9", *ROWS[0][1:]]]))
    result = shop.run(until="silver")
    assert "1 row(s) say what the header says" in found(result)["deliveries_are_sound"]
    assert shop.rows("SELECT count(*) FROM silver.sales_clean") == [(4,)]
    assert shop.rows("SELECT count(*) FROM silver.quarantine") == [(1,)]


def test_a_workbook_is_read_again_where_one_of_its_sheets_failed(shop: Shop) -> None:
    """Else its second sheet would be missing for good: the file is known, and nothing looks into it again."""
    book = openpyxl.Workbook()
    for title, header in (("1", SHOP_HEADER), ("2", SHOP_HEADER.replace("qty", "pieces"))):
        sheet = book.create_sheet(title)
        sheet.append(header.split(","))
        sheet.append([title, *ROWS[0][1:]])
    book.save(shop.raw / "lines.xlsx")
    assert "`qty` missing" in shop.failure()
    assert "`qty` missing" in shop.failure()
    assert not shop.lakehouse.exists("bronze.shop_lines"), "nothing of a workbook is loaded by halves"
    shop.configure(SHOP_BRAND.replace("qty: {type: number}", "qty: {type: number, header: pieces}"))
    assert [b.rows for b in shop.run(until="bronze").ingest.new] == [1, 1]
    assert shop.rows('SELECT "order", qty FROM bronze.shop_lines ORDER BY 1') == [("1", "2"), ("2", "2")]


def test_a_folder_of_exports_that_is_gone(shop: Shop) -> None:
    shop.deliver_lines(LINE)
    assert "exports_have_their_folder" not in found(shop.run(until="bronze"))
    (shop.raw / "lines.csv").unlink()
    assert "exports_have_their_folder" not in found(shop.run(until="bronze"))  # nothing came
    shop.raw.rmdir()
    result = shop.run(until="bronze")
    assert not result.failed and shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(1,)]
    assert (
        f"The folder of its exports, {shop.raw}, does not exist" in found(result)["exports_have_their_folder"]
    )
