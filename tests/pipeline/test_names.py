"""Names that mean something to engines, catalogues or reports, as names of brands, sources and columns, and
those of countries.
"""

from __future__ import annotations

import pytest
from tests.conftest import SHOP_BRAND, SHOP_ORDER_LINES, Shop

from mergehouse.errors import ConfigError
from mergehouse.project.config import load_project

GOOD = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


@pytest.mark.parametrize("name", ["group", "both", "all", "gold"])
def test_a_word_for_all_brands_is_no_brand(shop: Shop, name: str) -> None:
    shop.another(name)
    with pytest.raises(ConfigError, match=rf"brands/{name}: `{name}` cannot be a brand's name: .* Rename"):
        load_project(shop.folder)


@pytest.mark.parametrize("name", ["Shop2", "2shop", "the shop", "bücher", "_shop", "s" * 101])
def test_a_name_that_not_all_engines_take(shop: Shop, name: str) -> None:
    shop.another(name)
    with pytest.raises(
        ConfigError, match=f"brands/{name}: a brand folder's name must be a lower-case letter"
    ):
        load_project(shop.folder)


def test_a_name_too_long_for_a_table(shop: Shop) -> None:
    shop.configure(SHOP_BRAND.replace("  lines:", f"  {'l' * 101}:"))
    with pytest.raises(ConfigError, match="at most 100 characters"):
        load_project(shop.folder)


def test_two_sources_that_would_share_a_table(shop: Shop) -> None:
    """Brand `shop` with `eu_lines`, brand `shop_eu` with `lines`."""
    other = shop.another("shop_eu")
    both = SHOP_BRAND.replace("sources:\n", "sources:\n  eu_lines: {files: 'eu*', columns: {item: {}}}\n")
    shop.configure(both)
    message = (
        "source `eu_lines` of brand `shop` and source `lines` of brand `shop_eu` would both be"
        " `bronze.shop_eu_lines`. Rename one"
    )
    with pytest.raises(ConfigError, match=message):
        load_project(shop.folder)
    other.configure(SHOP_BRAND.replace("  lines:", "  sold:"))
    assert set(load_project(shop.folder).brands) == {"shop", "shop_eu"}


def test_words_of_sql_and_names_of_ctes(shop: Shop) -> None:
    """Brand `select` keeps lines in `table`, customers in `order`; a CTE is called as the source it reads."""
    other = shop.another("select")
    brand = SHOP_BRAND.replace("  lines:", "  table:").replace(" order: {", " group: {header: order, ")
    people = '  order: {files: "people*", columns: {from: {type: code}, order: {type: code}}}\n'
    rule = "reconcile:\n- {field: id, use: order.order, against: table.customer, key: from, why: asked}\n"
    other.configure(brand.replace(" item: {", " from: {header: item, ") + people + rule)
    (other.brand / "order_lines.sql").write_text(
        SHOP_ORDER_LINES.replace("`order`", "`group`").replace("item", "t.`from`").replace(
            "FROM lines", "FROM `table` AS t"
        )
    )  # fmt: skip
    (other.brand / "customers.sql").write_text(
        "SELECT `order`.`order` AS customer_code FROM `order` WHERE `order`.`order` IS NOT NULL"
    )
    (shop.brand / "order_lines.sql").write_text(f"WITH lines AS (SELECT * FROM lines) {SHOP_ORDER_LINES}")
    for each in (shop, other):
        each.deliver_lines(GOOD)
    other.deliver("from,order\nP1,78\n", "people.csv")
    result = shop.run()
    assert not result.failed
    assert shop.rows("SELECT source_system, sum(gmv_eur) FROM gold.sales_daily GROUP BY ALL ORDER BY 1") == [
        ("select", 10),
        ("shop", 10),
    ]
    assert shop.rows("SELECT source_customer_id FROM silver.customers_clean ORDER BY ALL") == [
        ("77",),
        ("77",),
        ("78",),
    ]
    assert [(c.check, c.failures) for c in result.checks if c.table == "select.id"] == [
        ("order.order = table.customer", 1)
    ]


COUNTRIES = {  # as people write them, and the one that all these are
    "CI": "Côte d’Ivoire;Cote d'Ivoire;COTE D IVOIRE;Ivory Coast",
    "IE": "Éire;Eire;ÉIRE;Irlande;Irland",
    "BY": "Weissrussland;Weißrussland;Bielorussia;Беларусь",
    "GB": "UK;U.K.;The United Kingdom;Grossbritannien;Grande Bretagne;England",
    "US": "USA;U.S.A.;U.S.;The United States;Etats-Unis;Estados Unidos",
    "NL": "The Netherlands;Nederland;Pays Bas;Holland",
    "GW": "Guinea Bissau;Guinea-Bissau",
    "BA": "Bosnia & Herzegovina;Bosnia-and-Herzegovina",
    "LC": "St. Lucia;St Lucia",
    "GR": "Ελλάδα;ΕΛΛΑΔΑ;Griechenland",
    "PL": "Polska;Polen",
    "AT": "Osterreich;Österreich;Austria",
}


def test_countries_are_known_by_the_names_that_people_write(shop: Shop) -> None:
    """And `Guinea` stays what it is, `NI` is Nicaragua, and what is no country's name is said."""
    spelt = [(code, name) for code, names in COUNTRIES.items() for name in names.split(";")]
    spelt += [("GN", "Guinea"), ("NI", "NI"), ("ZZ", "N.A.")]
    shop.deliver_lines(*(GOOD.replace("A1", f"A{n}").replace("Germany", c) for n, (_, c) in enumerate(spelt)))
    result = shop.run(until="silver")
    read = dict(shop.rows("SELECT order_id, country_code FROM silver.sales_clean"))
    assert [(read[f"A{n}"], name) for n, (_, name) in enumerate(spelt)] == spelt
    [unknown] = [check.sample for check in result.checks if check.check == "country_is_known"]
    assert [row["country"] for row in unknown] == ["N.A."]
