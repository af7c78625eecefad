"""Rules that map products by words of their names: where a pattern is looked for as a text that the name
contains, it finds what its LIKE pattern finds.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import duckdb
import pytest
from tests.conftest import SHOP_BRAND, Shop

from mergehouse.errors import ConfigError
from mergehouse.project.mapping_files import mapping_tables

FINDS = """
SELECT n.words, r.name_pattern, r.name_part FROM names AS n CROSS JOIN rules AS r
WHERE r.name_part IS NOT NULL AND contains(n.words, r.name_part) <> (n.words LIKE r.name_pattern)
"""


def texts(alphabet: str, longest: int) -> list[str]:
    return ["".join(t) for n in range(longest + 1) for t in itertools.product(alphabet, repeat=n)]


def test_a_text_that_is_contained_finds_what_the_pattern_finds(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    patterns = [pattern for pattern in texts("AB *_%", 4) if pattern.strip(" _%")]
    lines = (f"name,{pattern},Department,Category" for pattern in patterns)
    (shop.brand / "category_map.csv").write_text(
        "\n".join(["match,pattern,department,category", *lines]) + "\n"
    )
    columns, rules = mapping_tables(shop.project)["category_map"]
    found = {rule[columns.index("pattern")]: rule[columns.index("name_part")] for rule in rules}
    assert (found["A"], found["A*"], found["A B*"]) == (" A ", " A", " A B")
    assert not any(found[pattern] for pattern in ("A *", "*A", "A*B", "A**", "*"))
    assert (found["A_B"], found["_A%"]) == (" A B ", " A ")

    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE names AS SELECT unnest(?) AS words", [[f" {t.strip()} " for t in texts("AB ", 6)]]
    )
    connection.execute("CREATE TABLE rules (name_pattern VARCHAR, name_part VARCHAR)")
    places = [columns.index(name) for name in ("name_pattern", "name_part")]
    connection.execute(
        "INSERT INTO rules SELECT unnest(?), unnest(?)", [[rule[p] for rule in rules] for p in places]
    )
    assert connection.execute(FINDS).fetchall() == []


BRAND = (
    SHOP_BRAND
    + """
  catalogue:
    files: "catalogue*"
    columns:
      item: {type: code}
      kind: {type: text}
"""
)
CATEGORIES = """match,pattern,department,category
name,T-SHIRT,Clothing,Shirts
name,50% OFF,Sale,Reduced
name,L'ORÉAL,Beauty,Care
name,КНИГА*,Books,Books
name,GIFT * CARD,Gifts,Cards
code,A_1*,Codes,Underscore
code,100%,Codes,Percent
category,Women > *,Clothing,Women
category,kids_*,Clothing,Kids
name,NOTHING,Clothing,Nothing
name,T-SHIRT RED,Clothing,Red
code,NOTHING*,Clothing,Nothing
"""
LINE_TYPES = """match,pattern,line_class
category,Service*,fee
category,Nothing,fee
"""
# code, name, category of the catalogue -> where it belongs
PRODUCTS = {
    ("1", "Blue t-shirt", ""): "Shirts", ("2", "T/Shirt, red", ""): "Shirts", ("3", "Tshirt", ""): "Unmapped",
    ("4", "Lamp (50% off!)", ""): "Reduced", ("5", "Lamp 50 off", ""): "Reduced",
    ("6", "L\u2019Oréal Paris", ""): "Care", ("7", "Loreal", ""): "Unmapped",
    ("8", "Книга, первая", ""): "Books",
    ("9", "Gift voucher card", ""): "Cards", ("A_12", "x", ""): "Underscore", ("AB12", "x", ""): "Unmapped",
    ("100%", "x", ""): "Percent", ("1000", "x", ""): "Unmapped", ("10", "x", "women > Shoes"): "Women",
    ("11", "x", "Women"): "Unmapped", ("12", "x", "Kids_Toys"): "Kids", ("13", "x", "Kids Toys"): "Unmapped",
    ("14", "x", "Services"): "Non-merchandise",
}  # fmt: skip


def test_only_the_star_is_special_and_a_rule_that_matches_nothing_is_said(shop: Shop) -> None:
    shop.configure(BRAND)
    (shop.brand / "products.sql").write_text(
        "SELECT item AS product_code, kind AS source_category FROM catalogue"
    )
    (shop.brand / "category_map.csv").write_text(CATEGORIES)
    (shop.brand / "line_types.csv").write_text(LINE_TYPES)
    day = "2026-03-01 10:00:00"
    shop.deliver_lines(
        *[f'{n},1,{day},{code},"{name}",1,5.00,77,DE,EUR' for n, (code, name, _) in enumerate(PRODUCTS)]
    )
    kinds = [f"{code},{kind}" for code, _, kind in PRODUCTS]
    shop.deliver("\n".join(["item,kind", *kinds]) + "\n", "catalogue.csv")
    result = shop.run(until="silver")
    assert not result.failed
    found = dict(shop.rows("SELECT product_code, category FROM silver.products_clean"))
    assert found == {code: category for (code, _, _), category in PRODUCTS.items()}
    [said] = [c for c in result.checks if c.table == "silver.product_matches" and not c.passed]
    assert (said.check, said.severity) == ("rules_place_products", "warn")
    assert [(row["file"], row["pattern"]) for row in said.sample] == [
        ("category_map.csv", "NOTHING"),
        ("category_map.csv", "T-SHIRT RED"),  # shirts are taken above
        ("category_map.csv", "NOTHING*"),
        ("line_types.csv", "Nothing"),
    ]


def test_a_pattern_without_any_word_is_named(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    file = shop.brand / "category_map.csv"
    file.write_text("match,pattern,department,category\nname,&,Department,Category\n")
    with pytest.raises(ConfigError) as error:
        mapping_tables(shop.project)
    assert str(error.value).startswith(
        f"{file}, row 2: found match `name` and pattern `&`; expected a pattern"
    )
