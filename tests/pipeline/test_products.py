"""Products of two brands: categories suggested for those that no rule places, likely same items, a brand's
own tree, rates of whole departments, codes that collide.
"""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest
from tests.command import call
from tests.conftest import SHOP_BRAND, Shop, prepared_shop

from mergehouse.errors import ConfigError
from mergehouse.identity.product_suggestions import (
    accept_suggestions,
    suggestions,
    write_suggestions,
)
from mergehouse.project.mapping_files import mapping_tables

pytestmark = pytest.mark.slow("several runs")

COLOURS = ("red", "blue", "green", "white", "black", "pink", "yellow", "grey", "brown", "ivory")
RULES = """match,pattern,department,category
name,MUG*,Kitchen & dining,"Mugs, cups & teaware"
name,BAG*,Bags & travel,Shopping bags
"""


def sold(item: str, name: str, price: str = "5.00", order: str | None = None) -> str:
    return f"{order or item},1,2026-03-01 10:00:00,{item},{name},1,{price},77,DE,EUR"


def two_brands(shop: Shop) -> None:
    """One with mugs and bags, two names that no rule knows, and a name that a spreadsheet would run; another
    with a mug of the same name, and one whose code the first has for something else.
    """
    (shop.brand / "category_map.csv").write_text(RULES)
    shop.deliver_lines(
        *(sold(f"M{n}", f"{colour} mug") for n, colour in enumerate(COLOURS)),
        *(sold(f"B{n}", f"{colour} bag") for n, colour in enumerate(COLOURS)),
        sold("N1", "violet smug", "70.00"),
        sold("N2", "=handbag", "20.00"),
        sold("N3", "", "1.00"),
    )
    other = shop.another("other")
    (other.brand / "category_map.csv").unlink()
    other.deliver_lines(sold("X1", "Pink Mug"), sold("N1", "Garden hose"))
    result = shop.run()
    assert not result.failed


@pytest.fixture
def merged(tmp_path: Path) -> Shop:
    return prepared_shop("products of two brands", two_brands, tmp_path / "project")


def marked(file: Path, *accepted: tuple[str, str], mark: str = "yes", delimiter: str = ",") -> None:
    """Marks rows by brand and product code, as a spreadsheet saves it."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    for row in rows:
        if (row["source_system"], row["product_code"]) in accepted:
            row["accept"] = mark
    with file.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.DictWriter(text, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_what_is_accepted_places_products_and_joins_items(merged: Shop) -> None:
    file = merged.folder / "review.csv"
    found = suggestions(merged.lakehouse)
    write_suggestions(found, file)
    categories = found.rows.filter(found.rows["kind"] == "category")
    assert categories.select("product_code", "category", "gmv_eur").rows()[:2] == [
        ("N1", "Mugs, cups & teaware", Decimal("70.00")),
        ("N2", "Shopping bags", Decimal("20.00")),
    ], "by GMV, the nameless one left out"
    assert (found.unmapped, found.nameless) == (5, 1)
    assert found.skill is None, "two rules are too few to hide one of them"
    pairs = found.rows.filter(found.rows["kind"] == "same item")
    assert pairs.select("product_code", "other_product_code", "similarity").rows() == [("X1", "M5", 1.0)]
    assert "'=handbag" in file.read_text(encoding="utf-8-sig")

    marked(file, ("shop", "N1"), ("other", "X1"), delimiter=";")
    done = accept_suggestions(merged.project, file)
    rules, other = merged.brand / "category_map.csv", merged.folder / "brands" / "other"
    joined = other / "product_xref.csv"
    assert done.written == {rules: 1, other / "category_map.csv": 1, joined: 1} and done.known == 0
    assert rules.read_text() == RULES + 'code,N1,Kitchen & dining,"Mugs, cups & teaware"\n'
    assert joined.read_text() == ("product_code,other_source_system,other_product_code\nX1,shop,M5\n")
    again = accept_suggestions(merged.project, file)
    assert (again.written, again.known) == ({}, 3)

    assert not merged.run().failed
    assert merged.rows(
        "SELECT product_id, group_product_id, category FROM gold.dim_product"
        " WHERE product_id IN ('shop:N1', 'shop:M5', 'other:X1', 'shop:M4') ORDER BY 1"
    ) == [
        ("other:X1", "other:X1", "Mugs, cups & teaware"),
        ("shop:M4", "shop:M4", "Mugs, cups & teaware"),
        ("shop:M5", "other:X1", "Mugs, cups & teaware"),
        ("shop:N1", "shop:N1", "Mugs, cups & teaware"),
    ]
    left = suggestions(merged.lakehouse).rows
    assert "N1" not in left.filter(left["kind"] == "category")["product_code"].to_list()[:1]
    assert left.filter(left["kind"] == "same item").is_empty()


def test_codes_of_two_brands_are_a_finding(merged: Shop) -> None:
    found = merged.rows(
        "SELECT failures, sample FROM monitor.quality_results WHERE check_name = 'codes_of_brands_are_apart'"
    )
    assert found[0][0] == 1
    assert json.loads(found[0][1])[0] == {
        "product_code": "N1", "product_id": "other:N1", "product_name": "Garden hose",
        "other_product_id": "shop:N1", "other_product_name": "violet smug",
    }  # fmt: skip


def test_marks_that_cannot_be_used_are_named_and_nothing_is_written(merged: Shop) -> None:
    file = merged.folder / "review.csv"
    write_suggestions(suggestions(merged.lakehouse), file)
    marked(file, ("shop", "N1"))
    with pytest.raises(ConfigError, match="has rows that somebody marked"):
        write_suggestions(suggestions(merged.lakehouse), file)
    marked(file, ("shop", "N2"), mark="maybe")
    with pytest.raises(
        ConfigError, match=r"review.csv, row 3: found accept `maybe`; expected yes or nothing."
    ):
        accept_suggestions(merged.project, file)
    assert (merged.brand / "category_map.csv").read_text() == RULES
    text = file.read_text(encoding="utf-8-sig")
    file.write_text(text.replace("maybe", "yes").replace(",shop,N2", ",gone,N2"))
    with pytest.raises(ConfigError, match="row 3: found brand `gone`; expected one of other, shop"):
        accept_suggestions(merged.project, file)
    lines = text.replace("maybe", "yes").splitlines()
    again = lines[2].replace("Shopping bags", "Bags", 1)
    assert again != lines[2]
    file.write_text("\n".join([*lines[:3], again, *lines[3:]]))
    with pytest.raises(
        ConfigError, match="row 4: found `Bags & travel, Bags` for code `N2`, which has `Bags &"
    ):
        accept_suggestions(merged.project, file)
    assert (merged.brand / "category_map.csv").read_text() == RULES
    file.write_text("accept,kind\nyes,category\n")
    with pytest.raises(ConfigError, match="column `source_system` is missing"):
        accept_suggestions(merged.project, file)


def test_the_command_line_suggests_and_accepts(merged: Shop) -> None:
    said = call("products", "suggest", "-C", merged.folder)
    assert "5 products without a category, 1 of them without a name." in said.stdout
    marked(merged.folder / "product_suggestions.csv", ("shop", "N2"))
    done = json.loads(call("products", "accept", "-C", merged.folder, "--json").stdout)
    assert list(done["written"].values()) == [1] and done["left"] == 4


OWN_TREE = """SELECT item AS product_code, MAX(title) AS product_name, 'Outdoor' AS source_department,
  CASE WHEN MAX(title) LIKE 'tent%' THEN 'Tents' END AS source_category
FROM lines GROUP BY item"""


def test_a_brand_keeps_its_own_tree_and_departments_have_rates(shop: Shop) -> None:
    shop.configure(SHOP_BRAND + "hierarchy: own\n")
    (shop.brand / "products.sql").write_text(OWN_TREE)
    (shop.brand / "category_map.csv").write_text(RULES)
    rates = shop.folder / "mappings" / "hierarchy.csv"
    rates.write_text(rates.read_text() + "Outdoor,,0.30,agreed with purchasing\nOutdoor,Tents,0.25,\n")
    shop.deliver_lines(sold("T1", "tent"), sold("H1", "hammock"), sold("M1", "red mug"))
    result = shop.run("silver")
    assert not result.failed
    assert shop.rows(
        "SELECT product_code, department, category, cost_rate FROM silver.products_clean ORDER BY 1"
    ) == [
        ("H1", "Outdoor", "Outdoor", Decimal("0.3000")),
        ("M1", "Kitchen & dining", "Mugs, cups & teaware", Decimal("0.5200")),
        ("T1", "Outdoor", "Tents", Decimal("0.2500")),
    ]
    assert not [
        check for check in result.checks if check.check == "category_in_hierarchy" and not check.passed
    ]


def test_a_rate_said_twice_or_no_share_is_named(shop: Shop) -> None:
    rates = shop.folder / "mappings" / "hierarchy.csv"
    whole = rates.read_text()
    last = whole.count("\n") + 1
    for line, message in (
        ("Outdoor,,1.3,", "found department `Outdoor` and cost_rate `1.3`"),
        ("Outdoor,,0.3,\nOutdoor,,0.4,", "department `Outdoor` has a rate above already"),
        (
            "Outdoor,Tents,0.3,\nOutdoor,tents ,0.4,",
            "found `tents`, and `Tents` above; expected one spelling",
        ),
        ("Outdoor,Tents,0.3,\nOUTDOOR,Rope,0.4,", "found `OUTDOOR`, and `Outdoor` above"),
    ):
        rates.write_text(whole + line + "\n")
        with pytest.raises(ConfigError, match=message) as error:
            mapping_tables(shop.project)
        assert f"hierarchy.csv, row {last + line.count(chr(10))}:" in str(error.value)


def test_a_code_given_to_another_product_is_a_finding(shop: Shop) -> None:
    lines = [
        f"{name[0]}{n},1,2026-0{month}-01 10:00:00,P1,{name},1,5.00,77,DE,EUR"
        for month, name in ((1, "winter coat"), (2, "coat for winter"), (3, "beach ball"))
        for n in range(12)
    ]
    shop.deliver_lines(*lines)
    shop.run("silver")
    found = shop.rows(
        "SELECT failures FROM monitor.quality_results WHERE check_name = 'a_code_names_one_product'"
    )
    assert found == [(2,)], "the ball is neither of the two coats, which share their words"
