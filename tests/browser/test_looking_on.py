"""An admin looks on as a role in Chromium: the role stays with every step until it is ended."""

from __future__ import annotations

from typing import Any

import uvicorn
from tests.app.served import served
from tests.browser.conftest import IN_A_BROWSER
from tests.browser.test_shell import VIOLATIONS, expect_clean
from tests.conftest import Shop
from tests.suite import PASSWORD

from mergehouse.access.audience import refresh_extracts
from mergehouse.access.people import People
from mergehouse.app.server import create_app

pytestmark = IN_A_BROWSER
ROLE = "brand_manager_shop"
LINES = (
    "A1,1,2024-03-01 10:00:00,P1,Mug,2,10.00,C1,Germany,EUR",
    "A2,1,2024-04-06 10:00:00,P2,Bowl,1,7.00,C2,Spain,EUR",
)


def test_the_role_stays_until_it_is_ended(shop: Shop, chromium: Any) -> None:
    shop.deliver_lines(*LINES)
    assert not shop.run().failed
    People(shop.project.folder).add("ann", "Ann Admin", ["admin"], PASSWORD)
    refresh_extracts(shop.project)
    config = uvicorn.Config(create_app(shop.project), log_level="warning")
    with served(config) as address:
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.add_init_script(VIOLATIONS)
        page.goto(address)
        page.fill("#name", "ann")
        page.fill("#password", PASSWORD)
        page.click("button.button")
        page.click(".menu summary")
        page.select_option("select[name=view_as]", ROLE)
        page.click(".look-on button")
        page.wait_for_url(f"**view_as={ROLE}*")
        assert "You look on as Brand manager Shop" in page.inner_text(".banner")
        expect_clean(page)
        page.select_option("#filter-country", "DE")  # changes a part of the page
        page.wait_for_url("**country=DE*")
        assert f"view_as={ROLE}" in page.url
        page.locator(".top nav a[href*='country=DE']").first.wait_for()
        page.click(".top nav a >> text=Customers")
        page.wait_for_url("**/customers*")
        assert f"view_as={ROLE}" in page.url and "country=DE" in page.url
        page.click(".banner a")
        page.wait_for_url(lambda address: "view_as" not in address)
        assert "country=DE" in page.url and not page.query_selector(".banner")
