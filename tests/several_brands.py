"""Brands whose customers go from one to another, or stay: small enough to work out by hand."""

from __future__ import annotations

import itertools

from tests.conftest import SHOP_BRAND, Shop

# 365 days before the as-of date of `shop` and `zebra` begin on 1 January 2025, 730 days on 2 January 2024
AS_OF = "2026-01-01"
BEFORE, LAST = "2024-06-01", "2025-06-01"
numbers = itertools.count()


def line(customer: str, day: str, price: int, quantity: int = 1) -> str:
    return f"A{next(numbers)},1,{day} 10:00:00,P1,Mug,{quantity},{price}.00,{customer},Germany,EUR"


def several_brands(shop: Shop) -> None:
    """Ten customers of more than one brand. `yak` ends 183 days before `shop` and `zebra`, a day too early;
    `young` has sold for less than a year.
    """
    others = {name: shop.another(name) for name in ("zebra", "yak", "young")}
    for brand, as_of in ((shop, AS_OF), *zip(others.values(), (AS_OF, "2025-07-02", AS_OF), strict=True)):
        brand.configure(
            f"as_of: {as_of}\n{SHOP_BRAND}".replace("label: Shop", f"label: {brand.brand.name.title()}")
        )
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
    others["yak"].deliver_lines(
        line("C8", "2025-05-01", 500), line("C10", "2025-05-01", 500), line("X2", long_ago, 10)
    )
    others["young"].deliver_lines(line("C9", LAST, 500))
    assert not shop.run().failed
