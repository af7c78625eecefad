"""The pages about trust in Chromium, as several people, in light, dark and on a phone: axe finds nothing.

Screenshots go to the folder that `--basetemp` names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from tests.app.served import served
from tests.app.trusted import HTML, House, opened
from tests.browser.conftest import IN_A_BROWSER
from tests.browser.test_shell import LOOKS, VIOLATIONS, expect_clean

pytestmark = IN_A_BROWSER
PAGES = ("first-look", "raw-vs-silver", "models", "quality")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return opened(tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    with served(uvicorn.Config(house.app, log_level="warning")) as at:
        yield at


def open_as(chromium: Any, house: House, address: str, role: str, **options: Any) -> Any:
    given = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "base_url": address} | options
    context = chromium.new_context(**given)
    session = house.people.begin_session(house.person(role))
    context.add_cookies([{"name": "mergehouse", "value": session, "url": address}])
    page = context.new_page()
    page.add_init_script(VIOLATIONS)
    return page


@pytest.mark.parametrize("look", ["light", "phone dark"])
@pytest.mark.parametrize("role", ["executive", "brand_manager_zebra", "marketing"])
def test_pages_are_drawn_and_can_be_read(
    chromium: Any, house: House, address: str, role: str, look: str
) -> None:
    page = open_as(chromium, house, address, role, **LOOKS[look])
    for name in PAGES:
        assert page.goto(f"/{name}").status == 200
        plots = page.locator("[data-chart]")
        assert page.locator("[data-chart] svg").count() == plots.count()
        expect_clean(page)


def test_a_step_leads_to_its_reasons_and_their_lines(chromium: Any, house: House, address: str) -> None:
    page = open_as(chromium, house, address, "executive")
    page.goto("/raw-vs-silver?brand=shop")
    page.get_by_role("link", name="Quarantine").click()
    assert page.url.endswith("/raw-vs-silver?brand=shop#b1-quarantine")
    page.get_by_text("unreadable_date", exact=True).click()
    assert page.get_by_role("cell", name=HTML.upper()).is_visible()  # text, never markup
    page.select_option("select[name=brand]", "zebra")
    page.wait_for_url("**/raw-vs-silver?brand=zebra")
    assert page.get_by_text("Every delivered line is a sale of goods").is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="steps (CSV)").click()
    assert download.value.suggested_filename == "raw-vs-silver-steps.csv"
