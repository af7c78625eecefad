"""Customers by segment, risk and value, their cohorts, the list and one of them."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal

import polars as pl
import pytest
from fastapi import FastAPI
from tests.app.shared_customers import browser, reader, rows, with_people
from tests.app.two_times import Open
from tests.conftest import Shop
from tests.suite import PASSWORD

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway
from mergehouse.access.people import People
from mergehouse.access.policy import load_policy
from mergehouse.app.figures.customer_list import Asked, customer, customer_list
from mergehouse.app.figures.customers import overview
from mergehouse.app.server import create_app
from mergehouse.app.view import View, choices
from mergehouse.kpi.catalogue import compute

BRAND, GROUP = "gold.customer_brand_360", "gold.customer_360"


def test_segments_add_up_to_customers(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    for view, table, where in (
        (View(), GROUP, "TRUE"),
        (View(brand="shop"), BRAND, "source_system = 'shop'"),
        (
            View(brand="zebra", region="South Europe"),
            BRAND,
            "source_system = 'zebra' AND region = 'South Europe'",
        ),
        (View(country="DE"), GROUP, "country_code = 'DE'"),
    ):
        figures = overview(executive, view, choices(executive))
        sums = "count(*), sum(monetary_eur), sum(clv_12m_eur)"
        sql = f"SELECT segment, {sums} FROM {table} WHERE {where} AND frequency > 0 GROUP BY 1"
        told = {each.name: (each.customers, each.net_revenue, each.clv_12m) for each in figures.segments}
        assert told == {row[0]: row[1:] for row in rows(house, sql)}
        assert sum(each.share for each in figures.segments) == pytest.approx(Decimal(1))
        sql = f"SELECT risk_band, clv_tier, count(*) FROM {table} WHERE {where} GROUP BY ALL"
        matrix = {(c.risk, c.tier): c.customers for line in figures.matrix for c in line if c.customers}
        assert matrix == {row[:2]: row[2] for row in rows(house, sql)}


def test_cards_are_those_of_the_catalogue(gateway: Gateway, house: Shop) -> None:
    executive, expected = reader(gateway, "executive"), compute(house.lakehouse)
    for view, name in ((View(), "group"), (View(brand="shop"), "shop")):
        kpis = overview(executive, view, choices(executive)).kpis
        assert kpis is not None
        for kpi in ("customers", "active_customers", "active_rate", "repeat_customers", "repeat_rate"):
            assert kpis[kpi] == expected[name][kpi]


def test_cohorts_are_counted_from_orders(gateway: Gateway, house: Shop) -> None:
    """The last month, of which half is delivered, is open; those before have ended."""
    executive = reader(gateway, "executive")
    (triangle,) = overview(executive, View(brand="shop"), choices(executive)).triangles
    sql = """
      WITH bought AS (
        SELECT DISTINCT customer_id, date_trunc('month', order_date)::DATE AS month FROM silver.orders
        WHERE is_sale AND source_system = 'shop' AND customer_id IS NOT NULL
      ), first AS (SELECT customer_id, min(month) AS month FROM bought GROUP BY 1)
      SELECT f.month, count(DISTINCT f.customer_id),
      count(DISTINCT CASE WHEN b.month = f.month + INTERVAL 3 MONTH THEN b.customer_id END) FROM first AS
      f JOIN bought AS b USING (customer_id) GROUP BY 1
    """
    expected = {row[0]: row[1:] for row in rows(house, sql)}
    assert len(triangle.cohorts) == len(expected) > 5
    for cohort in triangle.cohorts:
        size, later = expected[cohort.month]
        assert cohort.customers == size and cohort.kept[2] == Decimal(later) / size
    assert triangle.brand.as_of and triangle.brand.as_of.day != 1
    last = triangle.cohorts[-1]
    assert last.open_from == len(last.kept)  # the month of the last order


@pytest.mark.parametrize("sort", ["revenue", "orders", "days", "churn", "value"])
def test_lists_are_sorted_and_paged(gateway: Gateway, house: Shop, sort: str) -> None:
    executive = reader(gateway, "executive")
    asked = Asked(sort=sort, risk="low")
    pages = [
        customer_list(executive, View(brand="shop"), Asked(**vars(asked) | {"page": n}), 20)
        for n in (1, 2, 3, 4)
    ]
    listed = [row for page in pages for row in page.rows]
    (count,) = rows(house, f"SELECT count(*) FROM {BRAND} WHERE source_system = 'shop' AND risk_band = 'low'")
    assert pages[0].found == count[0] == len(listed) == len({row["customer"] for row in listed}) > 20
    column = {"revenue": "net_revenue", "churn": "churn_probability", "value": "clv_12m"}.get(sort, sort)
    values = [row[column] for row in listed]
    assert values == sorted(values, reverse=True)


def test_filters_and_search_narrow_a_list(gateway: Gateway, house: Shop) -> None:
    executive = reader(gateway, "executive")
    everybody = customer_list(executive, View(), Asked())
    assert everybody.together and everybody.found == rows(house, f"SELECT count(*) FROM {GROUP}")[0][0] == 132
    long = customer_list(executive, View(region="South Europe"), Asked(recency="91-180", tier="low"))
    where = "recency_days BETWEEN 91 AND 180 AND clv_tier = 'low' AND region = 'South Europe'"
    assert long.found == rows(house, f"SELECT count(*) FROM {GROUP} WHERE {where}")[0][0]
    key = everybody.rows[0]["customer"]
    assert customer_list(executive, View(), Asked(search=key[:12].upper())).rows[0]["customer"] == key
    assert customer_list(executive, View(), Asked(search="c11")).found == 1  # a number of one brand
    assert customer_list(executive, View(), Asked(search=key[:5])).found == 0  # too little of a key
    for nobody in ("%", "_", "' OR 1=1 --", "K11'"):
        assert customer_list(executive, View(), Asked(search=nobody)).found == 0


def test_one_customer_at_two_brands(gateway: Gateway, house: Shop) -> None:
    executive, manager = reader(gateway, "executive"), reader(gateway, "brand_manager_shop")
    key = customer_list(executive, View(), Asked(search="C3")).rows[0]["customer"]
    both = customer(executive, key)
    assert both and both.numbers == (("shop", "C3"), ("zebra", "K3")) and len(both.brands) == 2
    expected = "SELECT count(*), sum(gmv_eur - returns_eur) FROM silver.orders WHERE customer_id = 'shop:C3'"
    count, money = rows(house, expected)[0]
    assert (len(both.orders), both.whole["monetary_eur"]) == (count, money)
    assert sum(sum(sums.values()) for _, sums in both.by_month) == money
    mine = customer(manager, customer_list(manager, View(), Asked(search="C3")).rows[0]["customer"])
    assert (
        mine
        and mine.numbers == (("shop", "C3"),)
        and {row["source_system"] for row in mine.orders} == {"shop"}
    )
    assert mine.reasons == ("Last purchase long ago",)  # the other is about another brand
    assert customer(manager, key) is None and customer_list(manager, View(), Asked(search="K3")).found == 0


def test_pages_answer_each_role_as_it_may(app: FastAPI) -> None:
    listed = "/customers/list?segment=Lost&sort=orders&dir=asc"
    for role, sees in (("executive", True), ("brand_manager_shop", True), ("marketing", False)):
        client = browser(app, role)
        page = client.get("/customers")
        assert page.status_code == 200 and "Which customers bring the money?" in page.text
        assert ("/customers/list?segment=" in page.text) is sees
        assert client.get(listed).status_code == (200 if sees else 403)
        assert client.get("/customers/list.csv").status_code == (200 if sees else 403)
        assert client.get("/customers/" + "0" * 16).status_code == (404 if sees else 403)


def test_a_manager_is_told_nothing_of_the_other_brand(app: FastAPI) -> None:
    client = browser(app, "brand_manager_shop")
    key = re.search(r"/customers/([0-9a-f]{16})", client.get("/customers/list?q=C3").text)
    assert key
    for path in (
        "/customers",
        "/customers/list",
        f"/customers/{key[1]}",
        "/what-if",
        "/campaign",
        "/customers/list.csv",
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        assert not re.search("zebra|K3|another brand|cross_brand|more than one brand", answer.text, re.I), (
            path
        )


def test_another_scopes_key_is_as_unknown_as_none(app: FastAPI) -> None:
    theirs = re.search(
        r"/customers/([0-9a-f]{16})", browser(app, "executive").get("/customers/list?q=K20").text
    )
    client = browser(app, "brand_manager_shop")
    assert theirs
    answers = [
        client.get(f"/customers/{key}")
        for key in (theirs[1], "0" * 16, "no-such-key", "../x", theirs[1].upper())
    ]
    assert {answer.status_code for answer in answers} == {404} and len(
        {answer.text for answer in answers[:3]}
    ) == 1
    hidden = ("x-request-id", "date")
    told = [{k: v for k, v in answer.headers.items() if k not in hidden} for answer in answers[:2]]
    assert told[0] == told[1]


def test_files_are_what_is_seen_with_its_filters(app: FastAPI, house: Shop) -> None:
    client = browser(app, "executive")
    answer = client.get("/customers/list.csv?brand=shop&risk=low&sort=value&page=2")
    text = answer.content.decode("utf-8-sig")
    about = [line for line in text.splitlines() if line.startswith("#")]
    found = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    (count,) = rows(house, f"SELECT count(*) FROM {BRAND} WHERE source_system = 'shop' AND risk_band = 'low'")
    assert len(found) == count[0] and f"# rows: {count[0]}" in about
    assert {"# risk: low", "# brand: shop"} <= set(about) and any("zebra" not in line for line in about)
    values = [Decimal(row["Expected value in 12 months, EUR"]) for row in found]
    assert values == sorted(values, reverse=True)
    parquet = client.get("/customers/list.parquet?brand=shop&risk=low&sort=value")
    assert pl.read_parquet(io.BytesIO(parquet.content))["clv_12m"].to_list() == values


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=201",
        "page=1e1",
        "sort=email",
        "sort=monetary_eur DESC",
        "dir=up",
        "segment=lost",
        "risk=",
        "tier=top&tier=low",
    ]
    + ["recency=1-2", "q=" + "x" * 65, "q=a%00b", "brand=other", "page=%EF%BC%91"],
)
def test_what_a_list_does_not_offer_is_refused(app: FastAPI, query: str) -> None:
    answer = browser(app, "executive").get(f"/customers/list?{query}")
    assert answer.status_code == (200 if query == "risk=" else 422)


def test_whoever_sees_no_persons_is_told_the_same_totals(gateway: Gateway) -> None:
    """Small segments are told together, so that nothing is missing from the sum."""
    executive, marketing = reader(gateway, "executive"), reader(gateway, "marketing")
    for view in (View(), View(brand="shop"), View(brand="zebra")):
        all_told, joined = (overview(one, view, choices(one)) for one in (executive, marketing))
        assert (joined.buyers.customers, joined.buyers.net_revenue) == (
            all_told.buyers.customers,
            all_told.buyers.net_revenue,
        )
        assert joined.kpis and all_told.kpis
        few = all_told.kpis["customers"] - all_told.kpis["repeat_customers"]  # who have bought once
        assert few < 5
        assert joined.kpis == all_told.kpis | {"repeat_customers": None, "repeat_rate": None}
        assert min(each.customers for each in joined.segments) >= 5
        assert min(c.customers for line in joined.matrix for c in line if c.customers) >= 5
        assert min(c.customers for each in joined.triangles for c in each.cohorts) >= 5


def test_one_brand_with_one_customer_and_no_scores(sold: Shop) -> None:
    with_people(sold.folder, "executive", "marketing")
    write_extracts(sold.project, load_policy(sold.project))
    small = create_app(sold.project)
    for role, words in (("executive", "No scores yet"), ("marketing", "Not shown")):
        client = browser(small, role)
        for path in ("/customers", "/what-if"):
            page = client.get(path)
            assert page.status_code == 200 and words in page.text
    assert "No customer meets this rule" in browser(small, "executive").get("/campaign").text
    page = browser(small, "executive").get("/customers/list").text
    assert "1 customer</h1>" in page
    key = re.search(r"/customers/([0-9a-f]{16})", page)
    assert key
    one = browser(small, "executive").get(f"/customers/{key[1]}").text
    assert "There is no score yet" in one and "\N{EURO SIGN}30.00" in one  # three times two mugs


def test_names_that_are_markup_are_text(app: FastAPI) -> None:
    answer = browser(app, "executive").get("/customers/list?q=<img src=x onerror=alert(1)>")
    assert answer.status_code == 200 and "<img src=x" not in answer.text and "&lt;img src=x" in answer.text


def test_filters_stay_on_the_way_to_a_customer_and_back(app: FastAPI) -> None:
    client = browser(app, "executive")
    asked = "brand=shop&period=all&segment=Lost&sort=days"
    page = client.get(f"/customers/list?{asked}").text
    link = re.search(r'href="(/customers/[0-9a-f]{16}\?[^"]+)"', page)
    assert link
    back = client.get(link[1].replace("&amp;", "&")).text
    assert f'href="/customers/list?{asked}"'.replace("&", "&amp;") in back
    assert 'href="/customers?brand=shop&amp;period=all"' in back


def test_a_region_of_two_brands_is_counted_at_each(house: Shop) -> None:
    """Whoever may not see the group has no count of both together."""
    file = house.folder / "access.yml"
    before = file.read_text()
    rule = "{column: region, values: [South Europe]}"
    file.write_text(f"{before}  south: {{label: South, rows: [{rule}], persons: true}}\n")
    policy = load_policy(house.project)
    write_extracts(house.project, policy)
    file.write_text(before)
    scope = policy.scope(["south"])
    assert scope
    south = Gateway(house.project, policy).reader(scope)
    figures = overview(south, View(), choices(south))
    sql = f"SELECT count(*), sum(monetary_eur) FROM {BRAND} WHERE region = 'South Europe' AND frequency > 0"
    assert [(figures.buyers.customers, figures.buyers.net_revenue)] == rows(house, sql)
    assert figures.is_of_each and figures.kpis is None and figures.overlap is None
    listed = customer_list(south, View(), Asked())
    assert not listed.together and listed.found == figures.buyers.customers + figures.prospects
    one = customer(south, customer_list(south, View(), Asked(search="C7")).rows[0]["customer"])
    assert one is not None and len(one.brands) == 2  # C7 is from Spain at both


def test_a_customer_of_two_places_counts_in_both_and_the_page_says_so(shop: Shop) -> None:
    """Customer 1 buys in Germany, then at the other brand in Spain; 2 and 3 stay where they are."""
    other = shop.another("other")
    line = "{order},1,2026-03-{day} 10:00:00,P1,Mug,1,5.00,{customer},{country},EUR".format
    shop.deliver_lines(line(order="A1", day="01", customer="1", country="Germany"))
    other.deliver_lines(
        line(order="B1", day="02", customer="1", country="Spain"),
        line(order="B2", day="02", customer="2", country="Spain"),
        line(order="B3", day="02", customer="3", country="Germany"),
    )
    (shop.brand / "customer_xref.csv").write_text(
        "source_customer_id,other_source_system,other_source_customer_id\n1,other,1\n"
    )
    assert not shop.run().failed
    People(shop.folder).add("executive", "executive", ["executive"], PASSWORD)
    page = Open(shop.folder).visitor("executive")
    said = "where any brand has them; 1 where the first brand does"
    assert said in page.get("/customers?region=South+Europe").text
    assert "where any brand has them" not in page.get("/customers?region=North+Europe").text
