"""A fault of one brand holds back that brand: the others' tables are new, and what is old is said."""

from __future__ import annotations

import html
import shutil
from copy import copy
from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Shop, prepared_shop
from tests.pipeline.rebuilds import differences

from mergehouse.errors import ConfigError
from mergehouse.ingest.inspection import Inspection, inspect
from mergehouse.pipeline.isolation import waiting
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import check
from mergehouse.quality.report import write_report

pytestmark = pytest.mark.slow("several runs of two brands")


def line(order: str, day: int, price: str = "5.00") -> str:
    return f"{order},1,2026-03-0{day} 10:00:00,P1,Mug,2,{price},77,Germany,EUR"


def two(shop: Shop) -> Shop:
    """Both brands have sold for 10 euros on 1 March."""
    other = shop.another("other")
    other.configure((shop.brand / "brand.yml").read_text().replace("label: Shop", "label: Other Ltd"))
    for each in (shop, other):
        each.deliver_lines(line("A1", 1))
    return other


def run_to_silver(shop: Shop) -> None:
    two(shop)
    assert not shop.run("silver").failed


@pytest.fixture
def sold_by_two(tmp_path: Path) -> tuple[Shop, Shop]:
    """Both brands, run to Silver."""
    shop = prepared_shop("sold by two", run_to_silver, tmp_path / "project")
    other = copy(shop)
    other.brand, other.raw = shop.folder / "brands" / "other", shop.folder / "raw" / "other"
    return shop, other


def gmv(shop: Shop) -> dict[str, int]:
    sums = "SELECT source_system, sum(gmv_eur) FROM silver.sales_clean GROUP BY ALL"
    return {name: int(value) for name, value in shop.rows(sums)}


def held(result: RunResult) -> dict[str, str]:
    checks = [c for c in result.checks if c.check == "brand_is_current"]
    assert {c.table for c in checks} == {"shop", "other"}
    return {c.table: c.why for c in checks if not c.passed}


def heals(shop: Shop, expected: dict[str, int]) -> None:
    result = shop.run("silver")
    assert not result.failed and not held(result)
    assert gmv(shop) == expected


def test_a_renamed_column_holds_back_its_brand_alone(sold_by_two: tuple[Shop, Shop]) -> None:
    shop, other = sold_by_two
    shop.deliver_lines(line("A2", 2), name="lines_2.csv")
    other.deliver_lines(line("A3", 3), name="lines_3.csv")
    torn = other.deliver_lines(
        line("A2", 2), header=SHOP_HEADER.replace("price", "prijs"), name="lines_2.csv"
    )
    result = shop.run()
    assert result.failed and gmv(shop) == {"shop": 20, "other": 10}
    assert [int(named["gmv"]) for named in result.kpis.values()] == [10, 20, 30]  # other, shop, group
    assert (
        "Other Ltd's figures, and its part of the group's, stay those of its orders up to 2026-03-01"
        in (held(result)["other"])
    )
    assert "lines_2.csv" in held(result)["other"] and "price" in held(result)["other"]
    stopping = [(c.table, c.check) for c in check(shop.project) if c.stops_publication]
    assert stopping == [("other", "brand_is_current")]
    again = shop.run()
    assert again.failed and {t.status for t in again.tables} == {"fresh"}
    torn.unlink()
    other.deliver_lines(line("A2", 2), name="lines_2.csv")
    heals(shop, {"shop": 20, "other": 30})


def test_a_brand_that_never_loaded_is_left_out(shop: Shop) -> None:
    other = two(shop)
    (other.raw / "lines.csv").unlink()
    result = shop.run()
    assert result.failed and gmv(shop) == {"shop": 10} and list(result.kpis) == ["shop", "group"]
    assert held(result)["other"].startswith("Other Ltd is left out of all figures, the group's too: ")
    assert shop.rows("SELECT source_system FROM gold.dim_brand") == [("shop",)]
    assert held(result)["other"] in html.unescape(Path(write_report(shop.project)).read_text())
    other.deliver_lines(line("A1", 1))
    heals(shop, {"shop": 10, "other": 10})


def test_what_belongs_together_waits_together(sold_by_two: tuple[Shop, Shop]) -> None:
    """Of two files of a brand one stops: the other, though loaded, does not count before both do."""
    shop, other = sold_by_two
    other.deliver_lines(line("A2", 2), name="lines_2.csv")
    torn = other.deliver("", "lines_3.csv")
    assert shop.run("silver").failed and gmv(shop) == {"shop": 10, "other": 10}
    shop.deliver_lines(line("A2", 2), name="lines_2.csv")
    assert shop.run("silver").failed and gmv(shop) == {"shop": 20, "other": 10}
    torn.unlink()
    other.deliver_lines(line("A3", 3), name="lines_3.csv")
    heals(shop, {"shop": 20, "other": 30})


def test_rows_that_break_a_check_hold_back_their_brand(sold_by_two: tuple[Shop, Shop]) -> None:
    """A join that gives each line twice."""
    shop, other = sold_by_two
    file = other.brand / "order_lines.sql"
    sql = file.read_text()
    file.write_text(sql.replace("FROM lines", "FROM lines JOIN (SELECT 1 AS n UNION ALL SELECT 2) AS two"))
    for each in (shop, other):
        each.deliver_lines(line("A2", 2), name="lines_2.csv")
    result = shop.run("silver")
    assert result.failed and gmv(shop) == {"shop": 20, "other": 10}
    assert "silver.order_lines: key_unique" in held(result)["other"]
    assert {t.status for t in result.tables} <= {"built", "updated", "fresh"}
    file.write_text(sql)
    heals(shop, {"shop": 20, "other": 20})


def test_too_many_torn_rows_hold_back_their_brand(sold_by_two: tuple[Shop, Shop]) -> None:
    shop, other = sold_by_two
    config = other.brand / "brand.yml"
    config.write_text(config.read_text().replace("quarantine: {stop: 100 %}", "quarantine: {stop: 20 %}"))
    for each in (shop, other):
        each.deliver_lines(line("A2", 2), "torn", name="lines_2.csv")
    result = shop.run("silver")
    assert result.failed and gmv(shop) == {"shop": 20, "other": 10}
    assert "silver.sales_clean: quarantine_below_stop" in held(result)["other"]


def test_sql_that_fails_holds_back_its_brand(shop: Shop) -> None:
    other = two(shop)
    sql = (other.brand / "order_lines.sql").read_text()
    (other.brand / "order_lines.sql").write_text(sql.replace("qty AS", "qtty AS"))
    message = held(shop.run("silver"))["other"]
    assert "order_lines.sql, column `quantity`: `qtty`: there is no column `qtty`. There are" in message
    assert gmv(shop) == {"shop": 10}
    (other.brand / "order_lines.sql").write_text(sql)
    heals(shop, {"shop": 10, "other": 10})


def test_sql_that_fails_of_the_only_brand_is_named(shop: Shop) -> None:
    """DuckDB lacks a function of Spark; what waits says for which table, not for which of those between."""
    shop.deliver_lines(line("A1", 1))
    file = shop.brand / "order_lines.sql"
    file.write_text(file.read_text().replace("qty AS", "SIZE(SENTENCES(title)) AS"))
    told = {t.table: t.reason for t in shop.run().tables if t.reason}
    assert str(file) in told.pop("silver.order_lines")
    assert set(told.values()) == {"waits for silver.order_lines"}


def test_the_last_brand_that_is_left_is_said_to_be_held_back_too(sold_by_two: tuple[Shop, Shop]) -> None:
    """All tables wait then, and nothing is wrong with any: `check`, too, knows by the log alone."""
    shop, other = sold_by_two
    sql = (shop.brand / "order_lines.sql").read_text()
    for each in (shop, other):
        each.deliver_lines(line("A2", 2), name="lines_2.csv")
    other.configure("label: [")
    (shop.brand / "order_lines.sql").write_text(sql.replace("qty AS", "qtty AS"))
    result = shop.run("silver")
    assert result.failed and gmv(shop) == {"shop": 10, "other": 10}
    assert "order_lines.sql, column `quantity`" in held(result)["shop"] and "YAML" in held(result)["other"]
    (shop.brand / "order_lines.sql").write_text(sql)
    other.configure(SHOP_BRAND)
    assert waiting(shop.lakehouse).keys() == {"shop", "other"}
    heals(shop, {"shop": 20, "other": 20})


@pytest.mark.parametrize("garbled", [b"{", b'{"shop": 3}'])
def test_a_garbled_note_of_what_folders_said_stops_no_run(
    sold_by_two: tuple[Shop, Shop], garbled: bytes
) -> None:
    shop, other = sold_by_two
    (shop.folder / "lakehouse" / "monitor" / "sound_brands.json").write_bytes(garbled)
    other.configure("label: [")
    with pytest.raises(ConfigError, match=r"other/brand.yml.*not valid YAML"):
        shop.run("silver")
    other.configure(SHOP_BRAND.replace("EUR", "GBP"))
    sql = other.brand / "order_lines.sql"
    sql.write_text(sql.read_text().replace("title", "titel"))
    assert held(shop.run("silver"))["other"].endswith("told by the settings and lists of now.")
    sql.write_text(sql.read_text().replace("titel", "title"))
    other.configure(SHOP_BRAND)
    shop.deliver_lines(line("A2", 2), name="lines_2.csv")
    heals(shop, {"shop": 20, "other": 10})
    other.configure("label: [")
    assert "YAML" in held(shop.run("silver"))["other"]


def test_what_is_changed_together_with_what_is_wrong_waits_with_it(shop: Shop) -> None:
    """Currency, as-of date and rules of a brand that is held back are those that its figures were made by, be
    it that its SQL is wrong, that it cannot be computed, or that a file which brings nothing cannot be read.
    """
    others = shop.brands("sound", "by_name", "by_value", "by_file")
    for each in others:
        each.deliver_lines(*(line(f"A{n}", n).removesuffix("EUR") for n in (1, 2)))
    assert not shop.run().failed
    told = "SELECT * FROM gold.{} WHERE source_system LIKE 'by%' ORDER BY ALL"
    figures = [told.format(table) for table in ("dim_brand", "sales_daily", "customer_brand_360")]
    before = [shop.rows(sql) for sql in figures]
    for each in others[1:]:
        config = each.brand / "brand.yml"
        config.write_text(
            f"{config.read_text().replace('EUR', 'GBP')}as_of: 2026-05-01\nchurn_after_days: 7\n"
        )
        (each.brand / "line_types.csv").write_text("match,pattern,line_class\ncode,P1,postage\n")
    sound, by_name, by_value, by_file = others
    sql = by_name.brand / "order_lines.sql"
    sql.write_text(sql.read_text().replace("title", "titel"))
    by_value.configure((by_value.brand / "brand.yml").read_text().replace("100 %", "1 %"))
    by_name.deliver_lines(line("A3", 3), name="lines_2.csv")
    by_value.deliver_lines(line("A3", 3, "?"), name="lines_2.csv")
    by_file.deliver_lines(line("A3", 3), name="lines_2.csv", header="nothing")
    sound.deliver_lines(line("A3", 3), name="lines_2.csv")
    for _ in range(2):
        result = shop.run()
        assert result.faults.keys() == {"by_name", "by_value", "by_file"}
        assert [shop.rows(sql) for sql in figures] == before
    assert gmv(shop) == {"sound": 30} | dict.fromkeys(result.faults, 20)


def test_a_row_of_a_list_that_cannot_be_used_is_left_out_alone(shop: Shop) -> None:
    """No code, a cost below zero, a code twice: the later row counts, and order lines are not doubled."""
    brand = (shop.brand / "brand.yml").read_text()
    columns = "{code: {type: code}, name: {}, cost: {type: number}}"
    shop.configure(f"{brand}  items: {{files: 'items*', columns: {columns}}}\n")
    (shop.brand / "products.sql").write_text(
        "SELECT code AS product_code, name AS product_name, cost AS unit_cost FROM items"
    )
    (shop.brand / "customers.sql").write_text("SELECT DISTINCT customer AS customer_code FROM lines")
    shop.deliver("code,name,cost\nP1,Old mug,2\n,Nothing,3\nP2,Lamp,-1\nP1,Mug,3\nP3,Cup,1\n", "items.csv")
    shop.deliver_lines(line("A1", 1), line("A2", 1).replace(",77,", ",,"))
    result = shop.run("silver")
    assert not result.failed and gmv(shop) == {"shop": 20}
    assert shop.rows(
        "SELECT product_code, product_name, unit_cost FROM silver.products_clean ORDER BY 1"
    ) == [
        ("P1", "Mug", 3),
        ("P3", "Cup", 1),
    ]
    assert shop.rows("SELECT list, reason_code, entries FROM silver.unusable_entries ORDER BY ALL") == [
        ("customers", "missing_customer_code", 1),
        ("products", "missing_product_code", 1),
        ("products", "repeated_product_code", 1),
        ("products", "unit_cost_out_of_range", 1),
    ]
    assert [c.failures for c in result.checks if c.check == "entries_are_usable"] == [4]


def test_what_nobody_foresaw_in_a_file_stops_its_source_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    two(shop)

    def fails_for_one(path: Path, encoding: str | None) -> Inspection:
        if path.parent.name == "other":
            raise ZeroDivisionError("division by zero")
        return inspect(path, encoding)

    monkeypatch.setattr("mergehouse.ingest.duckdb_loader.inspect", fails_for_one)
    result = shop.run("bronze")
    assert shop.rows("SELECT count(*) FROM bronze.shop_lines") == [(1,)]
    assert "Other Ltd, source `lines`" in str(result.ingest.failures["bronze.other_lines"])
    assert "ZeroDivisionError: division by zero" in str(result.ingest.failures["bronze.other_lines"])


def test_a_brand_that_has_sold_no_goods_holds_nobody_back(shop: Shop) -> None:
    other = two(shop)
    (other.brand / "line_types.csv").write_text("match,pattern,line_class\ncode,*,fee\n")
    result = shop.run()
    assert not result.failed and not held(result)
    assert gmv(shop) == {"shop": 10, "other": 0}


def test_a_brand_does_not_vanish_with_its_file(shop: Shop) -> None:
    other = two(shop)
    assert not shop.run("silver").failed
    (other.brand / "brand.yml").unlink()
    shop.deliver_lines(line("A2", 2), name="lines_2.csv")
    result = shop.run("silver")
    assert result.failed and "brand.yml not found" in held(result)["other"]
    assert gmv(shop) == {"shop": 20, "other": 10}
    shutil.rmtree(other.brand)
    result = shop.run("silver")
    assert not result.failed and gmv(shop) == {"shop": 20}
    [said] = [check for check in result.checks if check.check == "brand_has_its_folder"]
    assert said.table == "other.folder" and "`former_brands: [other]`" in said.why
    config = shop.folder / "mergehouse.yml"
    config.write_text(f"{config.read_text()}former_brands: [other]\n")
    result = shop.run("silver")
    assert gmv(shop) == {"shop": 20}
    assert "brand_has_its_folder" not in {check.check for check in result.checks}
    other.brand.mkdir()
    with pytest.raises(ConfigError, match="former_brands: `other` has a folder"):
        _ = shop.project


def test_a_condition_that_no_row_meets_is_an_error(shop: Shop) -> None:
    other = two(shop)
    file = other.brand / "order_lines.sql"
    file.write_text(file.read_text() + "WHERE qty > 100")
    result = shop.run("silver")
    assert result.failed and "every_row_gives_a_line" in held(result)["other"]
    assert gmv(shop) == {"shop": 10}


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("SOUNDEX(title)", "`SOUNDEX(title)`: DuckDB, which runs it, has no function SOUNDEX. Say it"),
        ("GREATEST(title, 3)", "`GREATEST(title, 3)`: it cannot be computed (Binder Error: Cannot combine"),
    ],
)
def test_what_the_engine_cannot_compute_is_named_as_the_file_says_it(
    sold: Shop, expression: str, said: str
) -> None:
    other = sold.another("other")
    other.deliver_lines("A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR")
    (other.brand / "order_lines.sql").write_text(SHOP_ORDER_LINES.replace("title AS", f"{expression} AS"))
    [finding] = [c for c in sold.run(until="silver").checks if c.check == "brand_is_current" and not c.passed]
    assert f"brands/other/order_lines.sql, column `product_name`: {said}" in finding.why


def test_rows_of_a_list_that_come_later_and_do_not_count_are_kept_and_said(shop: Shop) -> None:
    """A cost below zero, and one that a later one replaces, in a delivery of the catalogue alone."""
    catalogue = "\n  catalogue:\n    files: 'cat*'\n    columns: {sku: {type: code}, cost: {type: number}}\n"
    shop.configure(SHOP_BRAND + catalogue)
    (shop.brand / "products.sql").write_text("SELECT sku AS product_code, cost AS unit_cost FROM catalogue")
    shop.deliver_lines("A1,1,2026-03-01 10:00:00,P1,Mug,2,10.00,77,Germany,EUR")
    shop.deliver("sku,cost\nP1,4\n", "cat_1.csv")
    assert not shop.run(until="silver").failed
    shop.deliver("sku,cost\nP1,6\nP2,-1\n", "cat_2.csv")
    result = shop.run(until="silver")
    [told] = [c for c in result.checks if c.check == "entries_are_usable"]
    assert [(row["reason_code"], row["entries"]) for row in told.sample] == [
        ("repeated_product_code", 1), ("unit_cost_out_of_range", 1),
    ]  # fmt: skip
    assert differences(shop.lakehouse, shop.folder) == {}


def test_a_file_in_the_folders_of_two_brands_is_said_until_one_leaves_it_out(shop: Shop) -> None:
    """Of twelve lines of 10 euros; files alike in their length alone are others, and so are parts."""
    other = two(shop)
    orders = [line(f"A{n}", n % 9 + 1) for n in range(10, 22)]
    shop.deliver_lines(*orders, name="lines_2.csv")
    other.deliver_lines(*(row.replace("A", "B", 1) for row in orders), name="lines_2.csv")
    other.deliver_lines(*orders[1:], name="lines_3.csv")
    assert "a_file_is_of_one_brand" not in {c.check for c in shop.run("silver").checks if not c.passed}
    other.deliver_lines(*orders, name="lines_4.csv")
    [said] = [c for c in shop.run("silver").checks if c.check == "a_file_is_of_one_brand"]
    [row] = said.sample
    assert (row["source_system"], row["source_file"], row["other"]) == ("other", "lines_4.csv", "shop")
    assert (row["order_lines"], row["amount"]) == (12, 120)
    left_out = f"CASE WHEN batch_id = '{row['batch_id']}' THEN 'left_out' END AS problem, qty AS"
    file = other.brand / "order_lines.sql"
    file.write_text(file.read_text().replace("qty AS", left_out))
    result = shop.run("silver")
    assert not result.failed and gmv(shop)["shop"] == 130
    assert "a_file_is_of_one_brand" not in {c.check for c in result.checks if not c.passed}
