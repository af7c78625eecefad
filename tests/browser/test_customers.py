"""Pages of customers in Chromium: from a segment to a customer and back, limits that move, axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from tests.app.served import served
from tests.app.shared_customers import make
from tests.browser.conftest import IN_A_BROWSER
from tests.browser.test_shell import LOOKS, VIOLATIONS, expect_clean
from tests.prepared import prepared
from tests.suite import PASSWORD

from mergehouse.access.extract import write_extracts
from mergehouse.access.policy import load_policy
from mergehouse.app.server import create_app
from mergehouse.project.config import load_project

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    project = load_project(prepared("shared_customers", make, tmp_path_factory.mktemp("house") / "shop"))
    write_extracts(project, load_policy(project))
    with served(uvicorn.Config(create_app(project), log_level="warning")) as address:
        yield address


@pytest.fixture(scope="module")
def signed_in(suite: str, chromium: Any) -> Any:
    """What a session is kept in, by role: a password is hashed once for each."""
    states: dict[str, Any] = {}

    def open_page(role: str, path: str, **options: Any) -> Any:
        if role not in states:
            context = chromium.new_context()
            page = context.new_page()
            page.goto(f"{suite}/sign-in")
            page.fill("#name", role)
            page.fill("#password", PASSWORD)
            page.click("button.button")
            page.wait_for_url(f"{suite}/")
            states[role] = context.storage_state()
        given = {"viewport": {"width": 1440, "height": 1000}, "locale": "en-GB"} | options
        page = chromium.new_context(storage_state=states[role], **given).new_page()
        page.add_init_script(VIOLATIONS)
        page.goto(f"{suite}{path}")
        return page

    return open_page


@pytest.mark.parametrize(
    "role, look", [("executive", "light"), ("marketing", "dark"), ("brand_manager_shop", "phone")]
)
def test_pages_are_clean(suite: str, signed_in: Any, role: str, look: str) -> None:
    paths = ["/customers", "/what-if?days=120&chance=50", "/campaign?from=31"]
    paths += ["/customers/list?risk=low"] if role != "marketing" else []
    page = signed_in(role, paths[0], **LOOKS[look])
    for place, path in enumerate(paths):
        if place:
            page.goto(f"{suite}{path}")
        if look == "phone":  # the list of pages scrolls sideways: of what is cut off there axe cannot tell
            page.evaluate("document.querySelector('.top nav').remove()")
        expect_clean(page)


def test_from_a_segment_to_a_customer_and_back(signed_in: Any) -> None:
    page = signed_in("executive", "/customers?brand=shop")
    page.get_by_role("link", name="Champions", exact=True).click()
    page.wait_for_url("**/customers/list?brand=shop&segment=Champions")
    page.get_by_role("link", name="Days silent").click()
    page.wait_for_url("**sort=days**")
    page.locator(".content tbody tr").first.click()  # the whole row is the link
    page.wait_for_url(re.compile(r"/customers/[0-9a-f]{16}\?"))
    assert page.locator("#timeline svg").count() == 1
    expect_clean(page)
    page.get_by_label("Where you are").get_by_role("link", name="Champions").click()
    page.wait_for_url("**/customers/list?brand=shop&segment=Champions&sort=days")
    page.keyboard.press("/")
    page.keyboard.type("C1")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=C1**")
    page.get_by_role("link", name="Remove the filter Key or number: C1").wait_for()


def test_a_slider_moves_both_worlds_when_it_is_let_go(signed_in: Any) -> None:
    page = signed_in("executive", "/what-if")
    page.evaluate("window.same = true")
    slider = page.get_by_label("Silent after, slider")
    slider.press("ArrowRight")
    page.wait_for_url("**/what-if?days=95")
    page.get_by_text("You changed 1 limit.").wait_for()
    assert page.locator("#limit-days").input_value() == "95" and page.evaluate("window.same")
    page.get_by_role("link", name="Back to as it is").click()
    page.wait_for_url("**/what-if")
    assert page.evaluate("window.same")


def test_limits_and_plans_need_no_scripts(signed_in: Any) -> None:
    page = signed_in("marketing", "/what-if", java_script_enabled=False)
    page.fill("#limit-days", "150")
    page.locator("button.apply").nth(1).click()
    assert "days=150" in page.url and "You changed 1 limit." in page.content()
    page = signed_in("marketing", "/campaign", java_script_enabled=False)
    page.select_option("#plan-from", "31")
    page.locator(".limits button.apply").first.click()
    assert "from=31" in page.url
