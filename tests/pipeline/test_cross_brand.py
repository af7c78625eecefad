"""Customers of several brands: in which order they came to them, and whether spend moved from one to another."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from tests.conftest import SHOP_BRAND, Shop, prepared_shop

# 365 days before the as-of date of `shop` and `zebra` begin on 1 January 2025, 730 days on 2 January 2024
AS_OF = "2026-01-01"
BEFORE, LAST = "2024-06-01", "2025-06-01"
numbers = itertools.count()


def line(customer: str, day: str, price: int, quantity: int = 1) -> str:
    return f"A{next(numbers)},1,{day} 10:00:00,P1,Mug,{quantity},{price}.00,{customer},Germany,EUR"


def brands(shop: Shop) -> None:
    """`yak` ends 183 days before `shop` and `zebra`, a day too early; `young` has sold for less than two years."""
    others = {name: shop.another(name) for name in ("zebra", "yak", "young")}
    for brand, as_of in ((shop, AS_OF), *zip(others.values(), (AS_OF, "2025-07-02", AS_OF), strict=True)):
        brand.configure(f"as_of: {as_of}\n{SHOP_BRAND}")
    known_at = {"zebra": (1, 2, 3, 4, 5, 6, 7, 10), "yak": (8, 10), "young": (9,)}
    pairs = [f"C{number},{name},C{number}" for name, known in known_at.items() for number in known]
    header = "source_customer_id,other_source_system,other_source_customer_id"
    (shop.brand / "customer_xref.csv").write_text("\n".join([header, *pairs]) + "\n")
    long_ago = "2023-05-01"
    shop.deliver_lines(
        *(line("C1", BEFORE, 100), line("C1", LAST, 50)),  # half of it stays
        *(line("C2", BEFORE, 100), line("C2", LAST, 51)),  # more than half
        line("C3", BEFORE, 100),
        line("C4", LAST, 30),
        *(line("C5", BEFORE, 100), line("C5", LAST, 5)),
        line("C6", long_ago, 70),
        *(line("C7", "2024-01-01", 999), line("C7", "2024-01-02", 100)),  # a day outside, the first inside
        *(line("C8", BEFORE, 100), line("C9", BEFORE, 100)),
        *(line("C10", BEFORE, 100), line("C11", BEFORE, 100)),
    )
    others["zebra"].deliver_lines(
        *(line("C1", LAST, 80), line("C2", LAST, 80)),
        *(line("C3", "2024-08-01", 40), line("C3", LAST, 40)),  # no more than before
        line("C4", "2024-03-01", 200),
        line("C5", LAST, 20, quantity=-1),  # no purchase at all
        line("C6", "2023-06-01", 70),
        line("C7", "2025-01-01", 10),  # the first day of the last year
        *(line("C10", LAST, 90), line("X1", long_ago, 10)),
    )
    others["yak"].deliver_lines(line("C8", "2025-05-01", 500), line("C10", "2025-05-01", 500), line("X2", long_ago, 10))
    others["young"].deliver_lines(line("C9", LAST, 500))
    assert not shop.run().failed


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return prepared_shop("customers of several brands", brands, tmp_path_factory.mktemp("merged") / "project")


def told(shop: Shop, columns: str) -> dict[str, tuple]:
    found = shop.rows(f"SELECT customer_id, {columns} FROM gold.cross_brand_customers")
    return {str(row[0]).removeprefix("shop:"): row[1:] for row in found}


def test_spend_has_moved_where_it_halved_at_one_brand_and_rose_at_another(merged: Shop) -> None:
    moved = {
        "C1": ("moved", "shop", "zebra", Decimal(50)),  # 100 to 50, 0 to 80
        "C4": ("moved", "zebra", "shop", Decimal(30)),  # 200 to 0, 0 to 30
        "C7": ("moved", "shop", "zebra", Decimal(10)),  # 100 to 0, 0 to 10
        "C10": ("moved", "shop", "zebra", Decimal(90)),  # 100 to 0, 0 to 90; what is bought at yak is not compared
    }
    stayed = dict.fromkeys(("C2", "C3", "C5", "C6"), ("not_moved", None, None, None))
    apart = dict.fromkeys(("C8", "C9"), ("not_comparable", None, None, None))
    assert told(merged, "movement, moved_from, moved_to, moved_eur") == moved | stayed | apart


def test_brands_are_in_the_order_of_first_purchases(merged: Shop) -> None:
    assert told(merged, "brands, monetary_eur, first_brand_eur") == {
        "C1": ("shop, zebra", Decimal(230), Decimal(150)),
        "C2": ("shop, zebra", Decimal(231), Decimal(151)),
        "C3": ("shop, zebra", Decimal(180), Decimal(100)),
        "C4": ("zebra, shop", Decimal(230), Decimal(200)),
        "C5": ("shop", Decimal(85), Decimal(105)),
        "C6": ("shop, zebra", Decimal(140), Decimal(70)),
        "C7": ("shop, zebra", Decimal(1109), Decimal(1099)),
        "C8": ("shop, yak", Decimal(600), Decimal(100)),
        "C9": ("shop, young", Decimal(600), Decimal(100)),
        "C10": ("shop, yak, zebra", Decimal(690), Decimal(100)),
    }


def test_a_single_brand_shares_nobody(sold: Shop) -> None:
    assert sold.lakehouse.rows("gold.cross_brand_customers") == 0
