"""A key that is declared after files were loaded means what it would have meant before: each of them in turn
is changed in a brand of its own, and all is compared with a lakehouse made of the same files at once.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pytest
import yaml
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop

from mergehouse.pipeline.results import RunResult
from mergehouse.project.brand import OF_THE_FOLDER, Brand
from mergehouse.project.sources import Column, Source

pytestmark = pytest.mark.slow("runs before and after a change, of many brands")

LINES = (
    "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR",
    "A2,1,2026-03-02 10:00:00,P2,Cup,1,7.50,78,Germany,EUR",
)
Keys = dict[str, Any]


class Change(NamedTuple):
    """What a brand delivers, what it declares of its source and columns from the first, and then: keys of the
    source, of its columns, and of the brand.
    """

    lines: tuple[str, ...] = LINES
    source: Keys = {}
    columns: Keys = {}
    brand: Keys = {}
    head: str = SHOP_HEADER
    before: Keys = {}
    before_in_columns: Keys = {}
    others: Keys = {}  # other files among the exports, or elsewhere, and their lines


def at(*whens: str) -> tuple[str, ...]:
    return tuple(
        LINES[0].replace("A1", f"A{n}").replace("2026-03-01 10:00:00", w) for n, w in enumerate(whens)
    )


def priced(*prices: str) -> tuple[str, ...]:
    return tuple(LINES[0].replace("A1", f"A{n}").replace("5.00", p) for n, p in enumerate(prices))


GUEST, TWICE = LINES[0].replace("77", "GUEST"), LINES[0].replace("5.00", "6.00")
READING = {
    "decimal_mark": Change(priced("1.000", "2.500"), {"decimal_mark": ","}),
    "date_order": Change(at("03/04/2026 10:00", "05/06/2026 10:00"), {"date_order": "mdy"}),
    "null_values": Change((GUEST, LINES[1]), {"null_values": ["GUEST"]}),
    "type": Change(
        (GUEST.replace("GUEST", "ab"), GUEST.replace("GUEST", "AB")), columns={"customer": {"type": "id"}}
    ),
    "format": Change(at("2026-01-03 10:00"), columns={"when": {"format": "yyyy-dd-MM HH:mm"}}),
    "language": Change(
        at("3. Mai 2026 10:00", "4. Dezember 2025 10:00"), columns={"when": {"language": "de"}}
    ),
    "timezone": Change(at("2026-03-01 23:30"), columns={"when": {"timezone": "UTC"}}),
    "zones": Change(at("14.03.2026 23:10 PST"), columns={"when": {"zones": {"PST": "-08:00"}}}),
    "header": Change(
        (f"{LINES[0]},4.00",),
        columns={"price": {"header": ["Net"]}},
        head=f"{SHOP_HEADER},Net".replace("price", "Gross"),
        before_in_columns={"price": {"header": ["Gross"]}},
    ),
    "quote": Change((LINES[0].replace("Mug", '"Mug"'), LINES[1]), {"quote": ""}),
    "escape": Change((LINES[0].replace("Mug", r'"12\" mug"'), LINES[1]), {"escape": "\\"}),
    "ignore_lines": Change((*LINES, "Page 1 of 1"), {"ignore_lines": ["Page *"]}),
    "skip_lines": Change((LINES[0], SHOP_HEADER, LINES[1]), {"skip_lines": 2}),
    "without_header": Change(LINES, {"header": False}),
    "titles": Change(
        LINES,
        {"titles": "above"},
        {"above": {"type": "text"}},
        head=f"Mugs\n{SHOP_HEADER}",
    ),
    "encoding": Change((LINES[0].replace("Mug", "Kubek ³ó"),), {"encoding": "cp1250"}),
    "undeclared": Change((f"{LINES[0]},x",), {"undeclared": "drop"}, head=f"{SHOP_HEADER},email"),
    "all_undeclared": Change((f"{LINES[0]},x",), brand={"undeclared": "drop"}, head=f"{SHOP_HEADER},email"),
    "columns": Change(
        (f"{LINES[0]},x",), columns={"e_mail": {"header": ["E-Mail"]}}, head=f"{SHOP_HEADER},E-Mail"
    ),
    "files": Change(LINES, {"files": ["other*"]}, others={"other.csv": LINES[1:]}),
    "more_files": Change(LINES[:1], {"files": ["lines*", "other*"]}, others={"other.csv": LINES[1:]}),
    "sheets": Change(LINES[:1], {"sheets": ["Sheet1"]}, before={"files": ["*.xlsx"]}),
    "more_sheets": Change(
        LINES[:1], {"sheets": ["Sheet1", "Sheet2"]}, before={"files": ["*.xlsx"], "sheets": ["Sheet1"]}
    ),
    "items": Change(
        LINES[:1],
        {"items": "other"},
        {c: {"header": [f"other.{c}", f"lines.{c}"]} for c in SHOP_HEADER.split(",")},
        before={"files": ["*.json"], "items": "lines"},
        before_in_columns={c: {"header": [f"lines.{c}"]} for c in SHOP_HEADER.split(",")},
    ),
    "key": Change((LINES[0], TWICE), {"key": ["order", "line"]}),
    "updated_at": Change((LINES[0].replace("03-01", "03-05"), LINES[0]), {"updated_at": "when"}),
    "deleted": Change((LINES[0], LINES[1].replace("Cup", "gone")), {"deleted": {"title": ["gone"]}}),
    "optional": Change(LINES, {"optional": True}),
    "currency": Change((LINES[0].removesuffix("EUR"),), brand={"currency": "GBP"}),
    "clock": Change(at("2026-03-01 23:30:00+00:00"), brand={"timezone": "Asia/Tokyo"}),
    "order_key": Change(LINES[:1] * 2, brand={"order_key": ["order_date"]}),
    "repeats": Change((LINES[0].replace(",1,", ",,", 1),) * 2, brand={"repeats": "genuine"}),
    "leave_out": Change(
        (LINES[0], LINES[1].replace("Cup", "Test")), brand={"leave_out": {"title": ["test"]}}
    ),
    "prices": Change(brand={"prices": "gross", "tax_rate": "25 %"}),
    "quarantine": Change((LINES[0], LINES[1].replace("7.50", "?")), brand={"quarantine": {"stop": "60 %"}}),
    "replaces": Change(
        LINES, brand={"replaces": "day"}, others={"lines_2.csv": (LINES[0].replace("A1", "A3"),)}
    ),
    "raw": Change(brand={"raw": "raw/elsewhere"}, others={"../elsewhere/lines.csv": LINES[1:]}),
}
TELLING = {  # keys of which figures and pages hear, not order lines
    "label": Change(brand={"label": "Other"}),
    "last_day": Change(brand={"as_of": "2026-03-20"}),
    "churn_after_days": Change(brand={"churn_after_days": 1}),
    "fresh_within_days": Change(brand={"fresh_within_days": 1}),
    "kpi_definitions": Change(brand={"kpi_definitions": {"gmv": "Ours"}}),
    "ignore": Change(brand={"ignore": ["notes.txt"]}),
}
RATES = "silver.fx_rates_eur"
VOLATILE = ("ingest_ts", "load_ts", "modified_ns", "path")


def configured(change: Change, name: str, changed: bool) -> str:
    said: Keys = yaml.safe_load(SHOP_BRAND) | {"label": name}
    lines = said["sources"]["lines"] | change.before
    said["sources"]["lines"] = lines
    for column, keys in change.before_in_columns.items():
        lines["columns"][column] |= keys
    if changed:
        said |= change.brand
        lines.update(change.source)
        for column, keys in change.columns.items():
            lines["columns"][column] = lines["columns"].get(column, {}) | keys
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def write_brands(shop: Shop, changes: dict[str, Change], changed: bool) -> None:
    for name, change in changes.items():
        folder, raw = shop.folder / "brands" / name, shop.folder / "raw" / name
        folder.mkdir(exist_ok=True)
        raw.mkdir(exist_ok=True)
        (folder / "brand.yml").write_text(configured(change, name, changed))
        (folder / "order_lines.sql").write_text(SHOP_ORDER_LINES)
        if not changed:
            deliver(raw, name, change)


def deliver(raw: Path, name: str, change: Change) -> None:
    for file, lines in {"lines.csv": change.lines, **change.others}.items():
        (raw / file).parent.mkdir(exist_ok=True)
        content = "\n".join([change.head, *lines, ""])
        (raw / file).write_text(content, encoding="latin-1" if name == "encoding" else "utf-8")
    if "sheets" in name:
        book = openpyxl.Workbook()
        for sheet in (book.active, book.create_sheet("Sheet2")):
            assert sheet
            sheet.title = "Sheet1" if sheet is book.active else "Sheet2"
            for row in (SHOP_HEADER, *LINES):
                sheet.append([cell.replace("A", sheet.title) for cell in row.split(",")])
        book.save(raw / "book.xlsx")
    if name == "items":
        rows = [dict(zip(SHOP_HEADER.split(","), line.split(","), strict=True)) for line in LINES]
        said = [{f"{at}": [row] for at, row in zip(("lines", "other"), rows, strict=True)}]
        (raw / "book.json").write_text(json.dumps(said))


def everything(shop: Shop, result: RunResult) -> dict[str, Any]:
    """All rows of all tables, but for when they were loaded, and all findings; of rates, which are many, a
    digest.
    """
    found: dict[str, Any] = {}
    tables = [t for t in shop.lakehouse.tables() if not t.startswith("monitor.") and t != "bronze.batches"]
    connection = shop.lakehouse.reading(*tables)
    for table in tables:
        names = {name for name, *_ in connection.execute(f"DESCRIBE {table}").fetchall()}
        columns = ", ".join(f'"{name}"' for name in sorted(names.difference(VOLATILE)))
        if table == RATES:
            columns = f"count(*), bit_xor(hash({columns}))"
        rows = connection.execute(f"SELECT {columns} FROM {table}").fetchall()
        if rows:
            found[table] = sorted(map(repr, rows))
    found["findings"] = sorted(f"{c.table} {c.check}: {c.why}" for c in result.checks if not c.passed)
    found["stopped"] = {name: str(error) for name, error in result.ingest.failures.items()}
    return found


def differences(shop: Shop, other: Path, changes: dict[str, Change], select: str | None) -> tuple[Keys, Keys]:
    """What a shop has after its settings were changed, and would have had at once, where they differ."""
    shutil.rmtree(shop.brand)
    shutil.rmtree(shop.raw)
    write_brands(shop, changes, changed=False)
    fresh = shop.copy(other)
    shop.run(until="bronze" if select else None)
    write_brands(shop, changes, changed=True)
    write_brands(fresh, changes, changed=True)
    later, at_once = (everything(each, each.run(select=select)) for each in (shop, fresh))
    differ = [name for name in {*later, *at_once} if later.get(name) != at_once.get(name)]
    return tuple(
        {n: [r for r in a.get(n, []) if r not in b.get(n, [])] for n in differ}
        for a, b in ((later, at_once), (at_once, later))
    )


@pytest.mark.parametrize("first", range(2))
def test_a_key_means_the_same_whenever_it_is_declared(shop: Shop, tmp_path: Path, first: int) -> None:
    chosen = dict(list(READING.items())[first::2])
    later, at_once = differences(shop, tmp_path / "fresh", chosen, "silver.order_lines")
    let_go = later.pop("findings", [])  # which is said, and all that is different
    assert [finding.split(" no more")[0].split(" takes ")[1] for finding in let_go] == [
        {"files": "lines.csv", "raw": "lines.csv", "sheets": "book.xlsx#Sheet2"}[name]
        for name in sorted({"files", "raw", "sheets"} & chosen.keys())
    ]
    at_once.pop("findings", None)
    assert later == at_once


def test_figures_follow_what_brands_declare(shop: Shop, tmp_path: Path) -> None:
    later, at_once = differences(shop, tmp_path / "fresh", TELLING, None)
    assert later == at_once


def test_every_key_is_tried() -> None:
    tried = [*READING.values(), *TELLING.values()]
    of_columns = {key for change in tried for keys in change.columns.values() for key in keys}
    assert Column.model_fields.keys() == of_columns
    of_sources = {"columns", *(key for change in tried for key in change.source)}
    # a file has one delimiter: any other is refused
    assert Source.model_fields.keys() - of_sources == {"delimiter"}
    of_brands = {"sources", *(key for change in tried for key in change.brand)}
    assert Brand.model_fields.keys() - of_brands - {*OF_THE_FOLDER} == {
        *("reads", "reconcile", "hierarchy", "identity"),  # which say how tables are read that are there
    }


def test_a_delimiter_that_parts_nothing_is_refused(shop: Shop) -> None:
    shop.deliver_lines(*LINES)
    shop.run(until="bronze")
    shop.configure(SHOP_BRAND.replace("    columns:", '    delimiter: ";"\n    columns:'))
    assert "The declared `delimiter`, `;`, parts nothing here: leave it out" in shop.failure()
    shop.configure(SHOP_BRAND)
    assert shop.run(until="bronze").ingest.failures == {}
    assert shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(2,)]


def test_what_is_no_longer_there_is_read_as_declared_where_bronze_has_it(shop: Shop) -> None:
    """Values are in Bronze; how lines were parted is in the file alone, and it stays a finding."""
    shop.deliver_lines(*priced("1.000", "2.500"))
    lines = "SELECT sum(unit_price * quantity) FROM silver.order_lines"

    def said(keys: str) -> dict[str, str]:
        shop.configure(
            SHOP_BRAND.replace("    columns:", f"    {keys}\n    columns:", 1) if keys else SHOP_BRAND
        )
        checks = shop.run(select="+silver.quarantine").checks
        return {c.check: c.why for c in checks if not c.passed and "deliveries" in c.check}

    undecided = said("")
    assert "nothing shows whether `1.000` has decimals" in undecided["deliveries_are_sound"]
    assert shop.rows(lines) == [(7,)] and said("") == undecided  # as long as it counts
    (shop.raw / "lines.csv").unlink()
    assert said('decimal_mark: ","') == {} and shop.rows(lines) == [(7000,)]
    otherwise = said('quote: "|"')
    assert otherwise["deliveries_are_read_as_declared"].startswith("lines.csv count as they were read before")
    assert otherwise["deliveries_are_sound"] == undecided["deliveries_are_sound"]
    assert shop.rows(lines) == [(7,)] and said('quote: "|"') == otherwise
    assert said("") == undecided


def test_a_copied_project_keeps_what_its_exports_lack(shop: Shop, tmp_path: Path) -> None:
    shop.deliver_lines(*LINES)
    shop.run(until="bronze")
    copied = shop.copy(tmp_path / "copied")
    (copied.raw / "lines.csv").unlink()
    copied.deliver_lines(LINES[0].replace("A1", "A9"), name="lines_9.csv")
    result = copied.run(until="bronze")
    assert result.ingest.let_go == {}
    assert copied.rows("SELECT count(*) FROM bronze.shop_lines") == [(3,)]


def test_a_file_that_comes_again_takes_doubts_about_it_along(shop: Shop) -> None:
    shop.deliver_lines(LINES[0].replace("5.00", "five"))

    def doubts() -> list[str]:
        return [c.why for c in shop.run(until="bronze").checks if c.check == "deliveries_are_sound"]

    first = doubts()
    assert "`five` cannot be read as a number" in first[0] and doubts() == first
    shop.deliver_lines(*LINES)
    assert doubts() == []


def test_keys_of_the_project_hold_for_what_is_there(sold: Shop, tmp_path: Path) -> None:
    fresh = sold.copy(tmp_path / "fresh")
    shutil.rmtree(fresh.lakehouse.root)
    for each in (sold, fresh):
        config = each.folder / "mergehouse.yml"
        said = yaml.safe_load(config.read_text())
        said |= {"churn_after_days": 1, "fiscal_year_starts": 4, "vault": True, "retention": {"hours": 1}}
        config.write_text(yaml.safe_dump(said | {"rates": {"hold_business_days": 2, "fetch": False}}))
    assert everything(sold, sold.run()) == everything(fresh, fresh.run())
