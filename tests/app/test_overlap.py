"""Customers of several brands, on the Executive and the Customers page, for whoever sees all brands."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.app.shared_customers import browser, reader, rows, with_people
from tests.app.two_times import Open
from tests.conftest import Shop, prepared_shop
from tests.several_brands import several_brands
from tests.suite import at_once

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway, Reader
from mergehouse.access.policy import load_policy
from mergehouse.app.figures.overlap import Overlap, Part, _largest, _of_one_time, overlap
from mergehouse.app.server import create_app
from mergehouse.app.view import Brand, View, choices

pytestmark = pytest.mark.slow("a run for each case")

PAGES = ("/", "/customers")
TITLE = "Customers of several brands"


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return prepared_shop("several brands", several_brands, tmp_path_factory.mktemp("merged") / "project")


@pytest.fixture(scope="module")
def several(merged: Shop) -> Gateway:
    policy = load_policy(merged.project)
    write_extracts(merged.project, policy)
    return Gateway(merged.project, policy)


def seen(reader: Reader, **view: str) -> Overlap:
    found = overlap(reader, View(**view), choices(reader))  # type: ignore[arg-type]
    assert found
    return found


def words(page: str) -> str:
    """The card as it is read, without markup."""
    card = re.search(
        r'<section class="card" aria-labelledby="overlap-title">(.*?)</section>', page, re.DOTALL
    )
    return " ".join(re.sub("<[^>]+>", " ", card[1]).split()) if card else ""


def test_customers_of_several_brands_by_order_movement_segment_and_country(several: Gateway) -> None:
    """Who they are is worked out beside `several_brands`."""
    told = seen(reader(several, "executive"))
    assert {part.names: (part.customers, part.first_brand) for part in told.orders} == {
        ("shop", "zebra"): (5, Decimal(150 + 151 + 100 + 70 + 1099)),
        ("zebra", "shop"): (1, Decimal(200)),
        ("shop",): (1, Decimal(105)),
        ("shop", "yak"): (1, Decimal(100)),
        ("shop", "young"): (1, Decimal(100)),
        ("shop", "yak", "zebra"): (1, Decimal(100)),
    }
    assert {part.names: (part.customers, part.moved) for part in told.movements} == {
        ("shop", "zebra"): (3, Decimal(50 + 10 + 90)),
        ("zebra", "shop"): (1, Decimal(30)),
        ("not_moved",): (4, 0),
        ("not_comparable",): (2, 0),
    }
    assert [(part.names, part.customers) for part in told.countries] == [(("DE",), 10)]
    assert sum(part.customers for part in told.segments) == told.whole.customers == 10
    assert told.share == Decimal(10) / 13  # C11, X1 and X2 know one brand
    assert told.tells_movement


def test_groups_below_five_are_told_together_and_nobody_is_lost(several: Gateway) -> None:
    told = seen(reader(several, "marketing"))
    assert [(part.names, part.customers) for part in told.orders] == [(("shop", "zebra"), 5), ((), 5)]
    for parts in (told.movements, told.segments, told.countries):
        assert min(part.customers for part in parts) >= 5
        assert sum(part.customers for part in parts) == 10
    assert sum(part.moved for part in told.movements) == 180
    assert told.share is None  # three do not: fewer than five


def test_of_many_countries_the_largest_are_told() -> None:
    """Of ten the two smallest are one line; nine are nine, and small groups stay apart."""
    countries = [Part((f"C{n}",), 20 - n, Decimal(n), *[Decimal(0)] * 3) for n in range(10)]
    joined = Part((), 6, Decimal(1), *[Decimal(0)] * 3)
    told = _largest([*countries, joined])
    assert [part.customers for part in told] == [20, 19, 18, 17, 16, 15, 14, 13, 12 + 11, 6]
    assert (told[8].others, told[8].net_revenue, told[9].others) == (2, 8 + 9, 0)
    assert _largest(countries[:9]) == tuple(countries[:9])


def test_brands_are_of_one_time_where_each_has_two_years_and_ends_lie_half_a_year_apart() -> None:
    def brand(days: int, end: dt.date) -> Brand:
        return Brand("a", "A", "EUR", end - dt.timedelta(days=days), end, 90)

    end = dt.date(2025, 7, 1)
    assert _of_one_time([brand(730, end), brand(9, end), brand(900, end + dt.timedelta(days=182))])
    assert not _of_one_time([brand(729, end), brand(900, end)])
    assert not _of_one_time([brand(730, end), brand(730, end + dt.timedelta(days=183))])


def test_a_manager_has_no_file_of_it(several: Gateway) -> None:
    manager = reader(several, "brand_manager_shop")
    assert overlap(manager, View(), choices(manager)) is None
    assert not {name for name in manager.tables if "overlap" in name or "cross_brand" in name}


def test_pages_tell_it_to_whoever_may_see_all_brands(merged: Shop, several: Gateway, bundled: Path) -> None:
    with_people(merged.folder, "executive", "marketing", "brand_manager_shop")
    with at_once(bundled):
        app = create_app(merged.project)
    for path in PAGES:
        text = words(browser(app, "executive").get(path).text)
        assert "10 customers are known at more than one brand, 76.9% of all" in text
        assert "From Shop to Zebra 3" in text and "Not comparable 2" in text
        assert "Shop, then Yak, then Zebra 1" in text and "Germany 10" in text
        text = words(browser(app, "marketing").get(path).text)
        assert "10 customers are known" in text and "Told together, each fewer than 5" in text
        assert TITLE not in browser(app, "brand_manager_shop").get(path).text
        assert TITLE not in browser(app, "executive").get(f"{path}?brand=shop").text


def test_brands_that_end_ten_years_apart_are_not_comparable(
    app: FastAPI, gateway: Gateway, house: Shop
) -> None:
    told = seen(reader(gateway, "executive"))
    (money,) = rows(house, "SELECT sum(monetary_eur) FROM gold.customer_360 WHERE is_cross_brand")
    assert (told.whole.customers, told.whole.net_revenue) == (8, money[0])
    assert [(part.names, part.customers) for part in told.movements] == [(("not_comparable",), 8)]
    assert not told.tells_movement
    south = "SELECT count(*) FROM gold.customer_360 WHERE is_cross_brand AND region = 'South Europe'"
    inside = seen(reader(gateway, "executive"), region="South Europe")
    assert [(inside.whole.customers,)] == rows(house, south)
    for path in PAGES:
        assert "Movement is not comparable here" in words(browser(app, "executive").get(path).text)


def test_brands_that_share_nobody_say_what_would_be_needed(far: Open) -> None:
    visitor = far.visitor("executive")
    for path in PAGES:
        text = words(visitor.get(path).text)
        assert "No customer is known at more than one brand." in text and "identity" in text
        assert "Movement is not comparable here" in text and "2011" in text and "2025" in text
    told = words(far.visitor("marketing").get("/").text)
    assert "Fewer than 5 customers, or none, are known at more than one brand." in told


def test_data_of_before_it_was_told_have_the_customers_alone(merged: Shop) -> None:
    """A release, or a lakehouse that has not been run since."""
    old = merged.copy(merged.folder.parent / "old")
    shutil.rmtree(old.folder / "lakehouse" / "gold" / "cross_brand_customers")
    policy = load_policy(old.project)
    write_extracts(old.project, policy)
    told = seen(reader(Gateway(old.project, policy), "executive"))
    assert [(part.names, part.customers) for part in told.orders] == [(("unknown",), 10)]
    assert not told.tells_movement
