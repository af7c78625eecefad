"""Data quality tells of freshness, findings and runs, each to those who may see them."""

from __future__ import annotations

import datetime as dt

from tests.app.trusted import House

from mergehouse.app.figures.quality import quality

LIMITS = {"shop": 2, "zebra": None}


def test_freshness_counts_from_the_last_sale_to_today(trusted: House) -> None:
    reader = trusted.reader("executive")
    states = {
        day: [
            (one.days_behind, one.state)
            for one in quality(reader, None, dt.date(2024, 3, day), LIMITS).freshness
        ]
        for day in (5, 7, 8)
    }
    assert states[5][0] == (0, "fresh") and states[7][0] == (2, "fresh") and states[8][0] == (3, "stale")
    assert states[5][1] == (1463, "no limit")  # 3 March 2020 to 5 March 2024


def test_checks_are_those_of_the_last_runs(trusted: House) -> None:
    found = quality(trusted.reader("executive"), None, dt.date(2024, 3, 6), LIMITS)
    rows = trusted.shop.rows(
        "SELECT table_name, check_name, passed FROM monitor.quality_results"
        " QUALIFY row_number() OVER (PARTITION BY table_name, check_name ORDER BY started DESC) = 1"
    )
    assert found.checks == len(rows) > 300
    assert found.held == sum(passed for *_, passed in rows)
    assert {(f.table, f.check) for f in found.findings} == {(t, c) for t, c, passed in rows if not passed}
    assert list(found.layers)[:3] == ["bronze", "silver", "gold"]


def test_the_page_says_what_is_stale(trusted: House) -> None:
    page = trusted.browser("executive").get("/quality").text
    assert "The data of Shop is older than it should be." in page and "shop.freshness" in page
    assert "Last runs" not in page
    assert "Last runs" in trusted.browser("admin").get("/quality").text


def test_checks_of_whole_tables_are_not_for_one_brand(trusted: House) -> None:
    page = trusted.browser("brand_manager_shop").get("/quality").text
    assert "Checks are of whole tables." in page and "zebra" not in page.lower()
    answer = trusted.browser("brand_manager_shop").get("/quality/export?of=tables")
    assert answer.content.decode("utf-8-sig").splitlines()[-2:] == [
        "# rows: 0",
        "Table,Checks,Held,Errors,Warnings,Checked",
    ]
