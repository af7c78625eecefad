"""Customers of several brands: in which order they came there, and whether spend moved between them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.conftest import Shop, prepared_shop
from tests.several_brands import several_brands


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return prepared_shop("several brands", several_brands, tmp_path_factory.mktemp("merged") / "project")


def told(shop: Shop, columns: str) -> dict[str, tuple]:
    found = shop.rows(f"SELECT customer_id, {columns} FROM gold.cross_brand_customers")
    return {str(row[0]).removeprefix("shop:"): row[1:] for row in found}


def test_spend_has_moved_where_it_halved_at_one_brand_and_rose_at_another(merged: Shop) -> None:
    moved = {
        "C1": ("moved", "shop", "zebra", Decimal(50)),  # 100 to 50, 0 to 80
        "C4": ("moved", "zebra", "shop", Decimal(30)),  # 200 to 0, 0 to 30
        "C7": ("moved", "shop", "zebra", Decimal(10)),  # 100 to 0, 0 to 10
        "C10": (
            "moved",
            "shop",
            "zebra",
            Decimal(90),
        ),  # 100 to 0, 0 to 90; yak is not compared
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
