"""The KPI catalogue's pages: every number is what the command line tells, and its SQL gives it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from tests.app.shared_customers import with_people
from tests.app.two_times import Open
from tests.conftest import Shop

from mergehouse.app.figures.kpis import entries, entry
from mergehouse.kpi.catalogue import catalogue, compute

LINES = ("A1,1,2026-03-01 10:00:00,P1,Mug,1,10.00,C1,Germany,EUR",)


def test_every_value_is_the_command_lines(near: Open) -> None:
    reader, _, offered = near.view()
    expected = compute(near.shop.lakehouse)
    told = {
        each.kpi.name: {value.scope: value.value for value in each.values}
        for each in entries(reader, offered)
    }
    assert told == {
        kpi.name: {scope: expected[scope][kpi.name] for scope in ("shop", "zebra", "group")}
        for kpi in catalogue()
    }


@pytest.mark.parametrize("role", ["executive", "brand_manager_shop"])
def test_the_sql_gives_the_measures(near: Open, role: str) -> None:
    reader, _, offered = near.view(role)
    expected = compute(near.shop.lakehouse)
    for each in entries(reader, offered):
        measures = [kpi.name for kpi in each.parts or (each.kpi,)]
        found = {row[0]: row[1:] for row in near.shop.rows(each.sql)}
        for value in each.values:
            assert found[value.scope] == tuple(expected[value.scope][name] for name in measures), (
                each.kpi.name
            )


def test_a_kpi_is_told_of_the_filters_period_and_place(near: Open) -> None:
    reader, view, offered = near.view(period="13w", region="South Europe")
    found = entry(reader, "net_revenue", view, offered)
    assert found
    window = found.values[0].window
    assert window and window.days == 91
    sql = (
        "SELECT SUM(gmv_eur) - SUM(returns_eur) FROM silver.sales_clean WHERE region = 'South Europe'"
        f" AND order_date BETWEEN '{window.since}' AND '{window.until}'"
    )
    told = {value.scope: value.in_window for value in found.values}
    assert told["group"] == near.shop.rows(sql)[0][0]
    assert told["shop"] == near.shop.rows(f"{sql} AND source_system = 'shop'")[0][0]


def test_what_brands_of_other_times_sell_together_in_a_period_is_not_told(far: Open) -> None:
    reader, view, offered = far.view()
    found = entry(reader, "gmv", view, offered)
    assert found
    group = next(value for value in found.values if value.scope == "group")
    assert group.in_window is None and group.not_in_window and group.not_in_window.word == "not comparable"


def test_pages_explain_each_kpi(near: Open) -> None:
    client = near.visitor("executive")
    listed = client.get("/kpis").text
    for kpi in catalogue():
        assert f'href="/kpis/{kpi.name}"' in listed
        answer = client.get(f"/kpis/{kpi.name}?region=South+Europe")
        assert answer.status_code == 200 and kpi.meaning in html.unescape(answer.text)
        assert 'href="/kpis?region=South+Europe"' in answer.text
    assert client.get("/kpis/unheard_of").status_code == 404
    assert client.get("/kpis/gmv?region=Atlantis").status_code == 422


def test_a_brand_manager_reads_of_one_brand_alone(near: Open) -> None:
    client = near.visitor("brand_manager_zebra")
    for path in ("/kpis", "/kpis/aov", "/kpis/customers"):
        page = client.get(path)
        assert page.status_code == 200 and "Zebra" in page.text
        assert not re.search(r"Long|shop\b|All brands|GROUPING", page.text), path


def test_counts_of_a_few_customers_are_not_told(far: Open) -> None:
    reader, _, offered = far.view("marketing")
    found = {each.kpi.name: each.values for each in entries(reader, offered)}
    early = found["active_customers"][1:]  # of the brand of 75 days, and with it of both
    assert [value.absence.word for value in early if value.absence] == ["not observable yet"] * len(early)
    for name in ("customers", "active_customers", "repeat_rate"):
        words = {value.absence.word for value in found[name] if value.absence and value not in early}
        assert words == {"fewer than 5"}, name
        assert all(value.value is None and value.rows is None for value in found[name])
    assert all(value.value for value in found["gmv"])


@pytest.mark.slow("a run of many brands")
def test_of_many_brands_the_table_has_all_together(shop: Shop, bundled: Path, quick: None) -> None:
    """And each brand's own are on the KPI's page; one that has sold nothing is among them."""
    for number in range(2, 8):
        shop.another(f"brand{number}").deliver_lines(*([] if number == 7 else LINES))
    shop.deliver_lines(*LINES)
    assert not shop.run().failed
    with_people(shop.folder, "executive")
    suite = Open(shop.folder)
    answer = suite.visitor("executive").get("/kpis").text
    assert "Those of each of the 7 brands are on the KPI" in answer
    assert answer.count('<th scope="col" class="n">') == 1  # all brands
    assert suite.visitor("executive").get("/kpis/gmv").text.count('data-label="All data"') == 8
    for path, said in (("/", "no sales yet"), ("/customers", "No customer has bought here")):
        page = suite.visitor("executive").get(f"{path}?brand=brand7").text
        assert said in page and "No brand has" not in page and f'class="button" href="{path}"' in page
