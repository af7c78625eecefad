"""The Data Vault of a project, run by run: histories worked out by hand, Gold with and without it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, Shop
from tests.pipeline.rebuilds import differences, line

from mergehouse.contracts.registry import contracts, models
from mergehouse.engine.dialect import to_duckdb
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import connect, select
from mergehouse.pipeline.results import RunResult

pytestmark = pytest.mark.slow("several deliveries into a vault")

VAULT = [contract.table for contract in contracts("silver") if contract.part == "vault"]
GHOST = "0" * 32
CUSTOMERS = """
  customers:
    files: "customers*"
    key: [number]
    updated_at: changed
    deleted: {state: [gone]}
    columns:
      number: {type: code}
      changed: {type: date}
      country: {type: text}
      state: {type: text}
"""
CUSTOMERS_SQL = "SELECT number AS customer_code, country FROM customers\n"
HEADER = "number,changed,country,state"


def with_vault(shop: Shop) -> Shop:
    """A shop with a vault, one order of customer 77 and one of a guest, and a list of customers."""
    config = shop.folder / "mergehouse.yml"
    config.write_text(config.read_text() + "\nvault: true\n")
    shop.configure(SHOP_BRAND + CUSTOMERS)
    (shop.brand / "customers.sql").write_text(CUSTOMERS_SQL)
    shop.deliver_lines(line("A1"), line("A2", customer=""))
    return shop


def list_customers(shop: Shop, number: int, *rows: str) -> RunResult:
    """Delivers versions of customers and runs to Silver."""
    shop.deliver("\n".join([HEADER, *rows]) + "\n", f"customers_{number}.csv")
    result = shop.run("silver")
    assert not result.failed, [t.reason for t in result.tables if t.reason]
    return result


def history(shop: Shop, customer: str = "77") -> list[tuple[str, ...]]:
    """(from, to, country) of a customer's records, days without the year."""
    view = to_duckdb(models("vault")["staging.customer_history"])
    found = shop.rows(
        "SELECT strftime(effective_from, '%m-%d'), strftime(effective_to, '%m-%d'), country, is_deleted"
        f" FROM ({view}) WHERE source_customer_id = '{customer}' ORDER BY effective_from"
    )
    return [(begin, end, "gone" if gone else country) for begin, end, country, gone in found]


def satellite(shop: Shop) -> set[tuple]:
    return set(shop.rows("SELECT * FROM silver.customer_satellite"))


@pytest.mark.long("seven deliveries, and two rebuilds")
def test_records_that_come_late_take_their_place_and_nothing_is_kept_twice(shop: Shop) -> None:
    with_vault(shop)
    list_customers(shop, 1, "77,2026-01-01,France,")
    assert history(shop) == [("01-01", None, "France")]
    first = satellite(shop)
    list_customers(shop, 2, "77,2026-01-01,France,", "78,2026-01-01,Spain,")  # 77 as before
    assert {row for row in satellite(shop) if "77" in row} == first
    list_customers(shop, 3, "77,2026-03-01,Spain,", "77,2026-04-01,France,")  # A -> B -> A
    assert history(shop) == [
        ("01-01", "03-01", "France"),
        ("03-01", "04-01", "Spain"),
        ("04-01", None, "France"),
    ]
    known = satellite(shop)
    list_customers(shop, 4, "77,2026-02-15,Italy,")  # what held before what is known by now
    assert history(shop) == [
        ("01-01", "02-15", "France"),
        ("02-15", "03-01", "Italy"),
        ("03-01", "04-01", "Spain"),
        ("04-01", None, "France"),
    ]
    assert shop.rows("SELECT country FROM silver.customers_clean WHERE source_customer_id = '77'") == [
        ("France",)
    ]
    # on one day there and back; the last one holds, and both are kept
    list_customers(shop, 5, "77,2026-04-01,Italy,", "77,2026-04-01,France,", "78,2026-02-01,Spain,gone")
    assert history(shop)[-1] == ("04-01", None, "France")
    assert history(shop, "78") == [("01-01", "02-01", "Spain"), ("02-01", None, "gone")]
    assert len(satellite(shop)) == len(known) + 1 + 2 + 1 and known < satellite(shop)
    before = satellite(shop)
    assert not shop.run(full=True).failed
    assert satellite(shop) == before
    list_customers(shop, 6, "78,2026-03-01,Spain,")  # who was gone is back
    assert history(shop, "78") == [
        ("01-01", "02-01", "Spain"),
        ("02-01", "03-01", "gone"),
        ("03-01", None, "Spain"),
    ]
    assert not shop.run().failed  # Gold, too
    assert differences(shop.lakehouse, shop.folder) == {}


def test_what_was_known_of_a_customer_on_a_day_is_one_query_of_the_manual(shop: Shop) -> None:
    """Of 1 March: at first France, by the second delivery Italy."""
    page = (Path(__file__).parents[2] / "docs" / "data-vault.md").read_text(encoding="utf-8")
    query = next(code for code in re.findall(r"```sql\n(.*?)```", page, re.DOTALL) if "LIMIT 1" in code)
    with_vault(shop)
    list_customers(shop, 1, "77,2026-01-01,France,")
    list_customers(shop, 2, "77,2026-02-15,Italy,", "77,2026-04-01,Spain,")
    loads = [
        str(at) for (at,) in shop.rows("SELECT DISTINCT load_ts FROM silver.customer_satellite ORDER BY 1")
    ]
    found = []
    for known_on in loads:
        asked = query.replace("'eurostyle'", "'shop'").replace("'13085'", "'77'")
        asked = re.sub(r"load_ts <= TIMESTAMPTZ '[^']*'", f"load_ts <= TIMESTAMPTZ '{known_on}'", asked)
        asked = re.sub(
            r"effective_from <= TIMESTAMPTZ '[^']*'", "effective_from <= TIMESTAMPTZ '2026-03-01'", asked
        )
        found += shop.rows(f"SELECT country FROM ({asked})")
    assert found == [("France",), ("Italy",)]


@pytest.mark.long("four runs, another project, and a rebuild")
def test_gold_is_the_same_with_a_vault_and_without(shop: Shop, tmp_path: Path) -> None:
    """After corrections, repeats, guests and a list of customers; brought up to date here, built there."""
    with_vault(shop)
    list_customers(shop, 1, "77,2026-01-01,France,")
    shop.deliver_lines(line("A1", quantity=7), line("A3", customer="79"), name="lines_2.csv")
    shop.run()
    shop.deliver_lines(line("A1", quantity=2), line("A3", customer="77"), name="lines_3.csv")
    result = shop.run()
    assert not result.failed and "updated" in {t.status for t in result.tables if t.table in VAULT}
    assert shop.rows(
        "SELECT quantity FROM silver.sales_satellite WHERE order_id = 'A1' ORDER BY load_ts"
    ) == [
        (2,),
        (7,),
        (2,),
    ]
    guests = "SELECT customer_hk, source_customer_id FROM silver.sales_link WHERE order_id = 'A2'"
    assert shop.rows(guests) == [(GHOST, None)]
    assert shop.rows("SELECT source_system FROM silver.customer_hub WHERE load_ts < '1901-01-01'") == [("",)]
    other = shop.copy(tmp_path / "other")
    config = other.folder / "mergehouse.yml"
    config.write_text(config.read_text().replace("vault: true", "vault: false"))
    shutil.rmtree(other.folder / "lakehouse" / "silver")
    assert not other.run().failed
    assert not set(VAULT) & set(other.lakehouse.tables())
    assert unlike(shop.lakehouse, other.lakehouse) == []
    assert differences(shop.lakehouse, shop.folder) == {}


def unlike(one: Lakehouse, other: Lakehouse) -> list[str]:
    """Tables of Silver and Gold that both have, and that are not alike row by row."""
    found, connection = [], connect()
    for name in sorted(set(one.tables()) & set(other.tables())):
        if name.startswith(("silver.", "gold.")):
            a, b = (select(connection, lakehouse.delta(name)) for lakehouse in (one, other))
            unequal = f"({a} EXCEPT ALL {b}) UNION ALL ({b} EXCEPT ALL {a})"
            if connection.execute(f"SELECT count(*) FROM ({unequal})").fetchall() != [(0,)]:
                found.append(name)
    return found


def links(shop: Shop) -> list[tuple[str, str, bool]]:
    view = to_duckdb(models("vault")["staging.customer_same_as_history"])
    return shop.rows(
        f"SELECT source_customer_id, customer_id, is_current FROM ({view}) ORDER BY 1, effective_from"
    )


def test_who_was_taken_for_whom_is_kept_though_the_file_of_pairs_has_no_history(shop: Shop) -> None:
    with_vault(shop)
    shop.deliver_lines(line("A1"), line("A3", customer="78"))
    list_customers(shop, 1, "77,2026-01-01,France,")
    alone = [("77", "shop:77", True), ("78", "shop:78", True)]
    assert links(shop) == alone
    pairs = shop.brand / "customer_xref.csv"
    pairs.write_text("source_customer_id,other_source_system,other_source_customer_id\n78,shop,77\n")
    assert not shop.run("silver").failed
    together = [
        ("77", "shop:77", False),
        ("77", "shop:77", True),
        ("78", "shop:78", False),
        ("78", "shop:77", True),
    ]
    assert links(shop) == together
    assert not shop.run("silver", full=True).failed
    assert links(shop) == together
    pairs.unlink()
    shop.deliver_lines(line("A4", customer="78"), name="lines_2.csv")
    assert not shop.run("silver").failed
    assert links(shop) == [
        ("77", "shop:77", False), ("77", "shop:77", False), ("77", "shop:77", True),
        ("78", "shop:78", False), ("78", "shop:77", False), ("78", "shop:78", True),
    ]  # fmt: skip


def test_a_list_whose_versions_cannot_be_told_is_said(shop: Shop) -> None:
    """Gold needs the present alone, and there it is."""
    with_vault(shop)
    (shop.brand / "customers.sql").write_text(
        "SELECT number AS customer_code, MAX(country) AS country FROM customers GROUP BY number\n"
    )
    result = list_customers(shop, 1, "77,2026-01-01,France,")
    said = [c for c in result.checks if c.check == "deliveries_are_told_apart" and not c.passed]
    assert [(c.table, c.severity) for c in said] == [("silver.customer_satellite", "warn")]
    assert shop.rows("SELECT country FROM silver.customers_clean WHERE source_customer_id = '77'") == [
        ("France",)
    ]


def test_who_a_customer_is_stays_out_of_the_vault(shop: Shop) -> None:
    """Attributes of identity are read by what links customers alone; no history of them is kept."""
    with_vault(shop)
    brand = (shop.brand / "brand.yml").read_text()
    (shop.brand / "brand.yml").write_text(brand + "identity: [city]\n")
    customers = shop.brand / "customers.sql"
    customers.write_text(customers.read_text().replace("country", "country, 'Nowhere-on-Sea' AS city", 1))
    shop.deliver_lines(line("A1"))
    assert not list_customers(shop, 1, "77,2026-01-01,France,").failed
    for table in (name for name in VAULT if shop.lakehouse.rows(name)):
        assert "NOWHERE-ON-SEA" not in str(shop.rows(f"SELECT * FROM {table}")).upper()
    assert shop.rows("SELECT country FROM silver.customer_satellite WHERE source_customer_id = '77'") == [
        ("France",)
    ]
