"""A row of a mapping file that would do nothing, or something else than it says, is refused by its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Shop

from mergehouse.errors import BrandError, ConfigError
from mergehouse.project.mapping_files import mapping_tables

TYPES, CATEGORIES = "match,pattern,line_class\n", "match,pattern,department,category\n"
PAIRS = "source_customer_id,other_source_system,other_source_customer_id\n"
RATES = "currency,rate_date,units_per_eur\n"


@pytest.fixture(scope="module")
def project(open_shop: Callable[[], Shop]) -> Shop:
    return open_shop()


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("line_types", TYPES + "code,POST\n", "row 2: `POST` has no line_class"),
        ("line_types", TYPES + "code,POST,postage\ncode,post,fee\n", "row 3: `post` is `fee`, and `postage`"),
        ("line_types", "match,pattern,pattern,line_class\ncode,A,B,fee\n", "column `pattern` is there twice"),
        ("line_types", TYPES + 'code,"POST,postage\ncode,FEE,fee\n', "not CSV"),
        (
            "line_types",
            TYPES + "code,P*,Goods\n",
            "row 2: `P*` is `Goods`, and would be in no figure of goods",
        ),
        ("customer_xref", PAIRS + "77.0,Shop,77\n", "row 2: both are 77 of shop"),
        ("product_xref", "product_code,other_source_system,other_product_code\np1,shop,P1\n", "both are P1"),
        ("category_map", CATEGORIES + "name,MUG,Home,\n", "row 2: `MUG` lacks a department or a category"),
        ("category_map", CATEGORIES + "name,MUG,,Mugs\n", "row 2: `MUG` lacks a department or a category"),
        ("category_map", CATEGORIES + "code,FEE,Non-merchandise,Fees\n", "in line_types.csv"),
        ("category_map", CATEGORIES + "code,A,Home,Mugs\ncode,A,Home,Cups\n", "row 3: `A` is `Home, Cups`"),
        ("line_types", TYPES + "\n\ncode,POST,postage\n\ncode,FEE\n", "row 6: `FEE` has no line_class"),
        ("customer_xref", PAIRS + "\n77.0,Shop,77\n", "row 3: both are 77 of shop"),
        ("fx_rates", RATES + "\nEUR,2026-03-01,1\n\nEUR,2026-03-01,1,2\n", "row 5: more cells than columns"),
        ("fx_rates", RATES + "EUR,2026-03-01,1.1\n", "row 2: a euro is worth 1.1 EUR"),
    ],
)
def test_a_brands_row(project: Shop, file: str, text: str, says: str) -> None:
    path = project.brand / f"{file}.csv"
    path.write_text(text)
    with pytest.raises(BrandError) as error:  # others go on
        mapping_tables(project.project)
    path.unlink()
    assert f"{file}.csv" in str(error.value) and says in str(error.value)


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("rfm_segments", ("1,1,", "one,1,"), "found `one,1,Lost`; expected an r_score and an f_score"),
        ("rfm_segments", ("1,1,Lost", "5,5,Lost"), "found `5,5,Lost`; expected an r_score and an f_score"),
        ("rfm_segments", ("1,1,Lost\n", ""), "r_score 1 with f_score 1 has no segment"),
        ("countries", ("DE,DEU,Germany,North Europe", "DE,DEU,Germany,"), "region ``; expected"),
        ("countries", ("DE,DEU,Germany,", "de,DEU,Germany,"), "found country_code `de`"),
        ("countries", ("DE,DEU,Germany,North", "DE,DEU,Germany,NORTH"), "expected one spelling"),
        ("countries", ("DE,DEU,Germany,", "DE,DEU,Andorra,"), "`Andorra` is AD in row 2 already"),
        ("countries", ("\nAD,AND,Andorra,", "\n\n\nAD,AND,,"), "row 4: found country_code `AD`"),
    ],
)
def test_a_groups_row(project: Shop, file: str, change: tuple[str, str], says: str) -> None:
    path: Path = project.folder / "mappings" / f"{file}.csv"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    with pytest.raises(ConfigError) as error:
        mapping_tables(project.project)
    path.write_text(text)
    assert f"{file}.csv" in str(error.value) and says in str(error.value)
