"""After each delivery every scope's tables are those that it would have, were nothing there yet and nobody
else.
"""

from __future__ import annotations

import random

import pytest
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway
from mergehouse.access.policy import Policy, load_policy
from mergehouse.access.serving import remove, serving_folder

HEADER = f"{SHOP_HEADER},gone"
CHANGING = SHOP_BRAND.replace(
    'files: "lines*"', 'files: "lines*"\n    key: [order, line]\n    deleted: gone'
).replace("currency: {type: code}", "currency: {type: code}\n      gone: {type: boolean}")
ROLES = """
roles:
  executive: {label: Executive, rows: all, group: true, persons: true}
  brand_manager: {label: Brand manager, rows: each brand, persons: true}
  no_group: {label: No group, rows: all, persons: true}
  no_persons: {label: No persons, rows: [{column: brand, values: [zebra]}]}
  south: {label: South, rows: [{column: region, values: [South Europe]}], persons: true}
"""
BRANDS = ("brand_manager_shop", "brand_manager_zebra", "no_persons", "south")
COUNTRIES = ("Germany", "Spain", "Sweden")


AT_ONCE = pytest.mark.slow("two runs, and all files written five times")
ONE_BY_ONE = pytest.mark.long("seven runs, each followed by the files")


@pytest.mark.parametrize("deliveries", [pytest.param(1, marks=AT_ONCE), pytest.param(6, marks=ONE_BY_ONE)])
def test_what_is_written_after_deliveries_is_what_is_written_at_once(shop: Shop, deliveries: int) -> None:
    draw = random.Random(deliveries)
    shop.configure(CHANGING)
    other = shop.another("zebra")
    other.configure(CHANGING.replace("label: Shop", "label: Zebra"))
    (shop.folder / "access.yml").write_text(ROLES)
    known: dict[str, list[str]] = {"shop": [], "zebra": []}
    written: set[str] = set()
    for number in range(1 + deliveries):
        for brand in (shop, other)[: 1 + (number % 3 == 0)]:  # one of them does not always deliver
            lines = known[brand.brand.name]
            gone = draw.sample(lines, len(lines) // 10)
            new = [_line(draw, f"{brand.brand.name}{number}", each) for each in range(12 if number else 60)]
            lines += new
            ends = [f"{line},false" for line in new] + [f"{line},true" for line in gone]
            brand.deliver_lines(*ends, name=f"lines_{number}.csv", header=HEADER)
        linked = draw.sample(range(20), 6)  # other customers than before
        (shop.brand / "customer_xref.csv").write_text(
            "source_customer_id,other_source_system,other_source_customer_id\n"
            + "".join(f"C{customer},zebra,C{customer}\n" for customer in linked)
        )
        assert not shop.run().failed
        policy = load_policy(shop.project)
        written.add(write_extracts(shop.project, policy))
    assert len(written) == 1 + deliveries
    after = _told(shop, policy)
    alone = {}
    for roles in (("executive",), ("no_group",), BRANDS):
        _forget(shop)
        only = Policy({role: policy.roles[role] for role in roles}, policy.version, policy.labels)
        write_extracts(shop.project, only)
        alone |= _told(shop, only)
    assert alone.keys() == after.keys()
    assert [table for table in after if alone[table] != after[table]] == []
    assert all(rows for role, rows in after.items() if role[1] in ("cube.cohorts", "cube.customers"))


def _line(draw: random.Random, order: str, number: int) -> str:
    day = f"2024-{draw.randint(1, 6):02}-{draw.randint(1, 28):02} 10:00:00"
    product, customer = draw.choice(("P1,Mug", "P2,Bowl")), draw.randrange(20)
    quantity = draw.choice((1, 1, 2, -1))
    country = draw.choice(COUNTRIES)
    return f"{order}{number},1,{day},{product},{quantity},{draw.randint(5, 99)}.00,C{customer},{country},EUR"


def _told(shop: Shop, policy: Policy) -> dict[tuple[str, str], list[tuple[object, ...]]]:
    """The rows of each table that a reader of each role has."""
    gateway, told = Gateway(shop.project, policy), {}
    for role in policy.roles:
        scope = policy.scope([role])
        assert scope
        reader = gateway.reader(scope)
        for table in reader.tables:
            layer, name = table.split(".")
            rows = reader._connection.execute(f'FROM {layer}."{name}"').fetchall()
            told[role, table] = sorted(rows, key=repr)
    return told


def _forget(shop: Shop) -> None:
    for version in serving_folder(shop.project).iterdir():
        if version.is_dir():
            remove(version)
