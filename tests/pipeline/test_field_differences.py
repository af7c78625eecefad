"""Fields that two tables carry: every disagreement is kept, and deliveries change those of the keys that they
touch.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import SHOP_BRAND, Shop, prepared_shop
from tests.pipeline.rebuilds import differences, line

from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import check

pytestmark = pytest.mark.slow("several deliveries")

BRAND = (
    SHOP_BRAND
    + """
  heads:
    files: "heads*"
    key: [number]
    columns:
      number: {type: code}
      place: {type: text}
      total: {type: number}
  parts:
    files: "parts*"
    key: [part]
    columns:
      part: {type: code}
      number: {type: code}
      place: {type: text}
      amount: {type: number}
reconcile:
  - {field: place, use: heads.place, against: parts.place, key: number, why: The head is kept by hand.}
  - {field: total, use: parts.amount, against: heads.total, key: number, sum_over: [part], 
   why: Parts are billed.}
"""
)
DISAGREE = "SELECT field, key_value, used, other FROM silver.field_differences ORDER BY ALL"


def counted(result: RunResult) -> dict[str, int]:
    return {c.table: c.failures for c in result.checks if c.table in ("shop.place", "shop.total")}


@pytest.fixture
def began(tmp_path: Path) -> Shop:
    """A shop whose tables disagree about one place, run to Silver."""
    return prepared_shop("field differences", start, tmp_path / "project")


def start(shop: Shop) -> None:
    deliver(shop)
    assert not shop.run("silver").failed


def deliver(shop: Shop) -> None:
    shop.configure(BRAND)
    shop.deliver_lines(line("A1"))
    shop.deliver("number,place,total\nN1,Rome,30\nN2,Oslo,5\nN3,Bonn,1\n", "heads.csv")
    shop.deliver(
        "part,number,place,amount\nP1,N1,Rome,10\nP2,N1,Rome,20\nP3,N2,Bergen,5\n,N3,Bonn,1\n", "parts.csv"
    )


def test_a_disagreement_is_kept_with_both_values_and_counted_by_key(shop: Shop) -> None:
    deliver(shop)
    result = shop.run("silver")
    assert shop.rows(DISAGREE) == [("place", "N2", "Oslo", "Bergen")]
    assert counted(result) == {"shop.place": 1, "shop.total": 0}
    sample = next(c.sample for c in result.checks if c.table == "shop.place")
    assert sample == [{"number": "N2", "used": "Oslo", "other": "Bergen"}]


def test_a_version_that_moves_to_another_key_touches_both(began: Shop) -> None:
    began.deliver("part,number,place,amount\nP2,N2,Oslo,20\n", "parts_2.csv")  # was N1's
    result = began.run()
    assert began.rows(DISAGREE) == [
        ("place", "N2", "Oslo", "Bergen"),
        ("total", "N1", "10", "30"),
        ("total", "N2", "25", "5"),
    ]
    assert {t.table: t.changed_rows for t in result.tables}["silver.field_differences"] == 2
    assert counted(result) == {
        c.table: c.failures for c in check(began.project) if c.table in ("shop.place", "shop.total")
    }
    assert differences(began.lakehouse, began.folder) == {}


def test_a_row_without_a_key_of_its_own_replaces_the_one_before(began: Shop) -> None:
    began.deliver("part,number,place,amount\n,N2,Oslo,2\n", "parts_2.csv")  # N3 has no part any more
    began.run("silver")
    assert began.rows(DISAGREE) == [("place", "N2", "Oslo", "Bergen"), ("total", "N2", "7", "5")]
    assert differences(began.lakehouse, began.folder) == {}


def test_what_is_delivered_right_is_no_difference_any_more(began: Shop) -> None:
    began.deliver("number,place,total\nN2,Bergen,5\nN3,,1\n", "heads_2.csv")
    result = began.run("silver")
    assert began.rows(DISAGREE) == [("place", "N3", "", "Bonn")]
    assert counted(result) == {"shop.place": 1, "shop.total": 0}
    assert differences(began.lakehouse, began.folder) == {}
