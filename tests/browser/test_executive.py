"""The Executive page in Chromium: read by axe, walked by filters, and drawn in every look.

Screenshots go to the folder that `--basetemp` names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from tests.app.served import served
from tests.app.two_times import apart, say
from tests.browser.conftest import IN_A_BROWSER
from tests.browser.test_shell import LOOKS, VIOLATIONS, expect_clean
from tests.conftest import Shop
from tests.prepared import prepared
from tests.suite import PASSWORD

from mergehouse.access.extract import write_extracts
from mergehouse.access.policy import load_policy
from mergehouse.app.server import create_app

pytestmark = IN_A_BROWSER
PAGES = {
    "executive": ("/", "/?clock=season", "/?clock=calendar", "/?period=2011-12", "/kpis", "/kpis/aov"),
    "brand_manager_zebra": ("/", "/kpis/active_rate"),
    "marketing": ("/?country=DE",),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    project = Shop(prepared("suite apart", apart, tmp_path_factory.mktemp("far") / "suite")).project
    say(project.folder)
    write_extracts(project, load_policy(project))
    with served(uvicorn.Config(create_app(project), log_level="warning")) as at:
        yield at


@pytest.fixture(scope="module")
def cookies(chromium: Any, address: str) -> dict[str, Any]:
    """Of one session of each role."""
    found = {}
    for role in PAGES:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{address}/sign-in")
        page.fill("#name", role)
        page.fill("#password", PASSWORD)
        page.click("button.button")
        page.wait_for_selector("header.top")
        found[role] = context.cookies()
    return found


def opened(chromium: Any, cookies: dict[str, Any], role: str, url: str, **options: Any) -> Any:
    context = chromium.new_context(
        **({"viewport": {"width": 1440, "height": 1000}, "locale": "en-GB"} | options)
    )
    context.add_cookies(cookies[role])
    page = context.new_page()
    page.add_init_script(VIOLATIONS)
    page.goto(url, wait_until="networkidle")
    return page


@pytest.mark.parametrize("role", PAGES)
def test_pages_are_clean(chromium: Any, cookies: dict[str, Any], address: str, role: str) -> None:
    for path in PAGES[role]:
        page = opened(chromium, cookies, role, f"{address}{path}")
        assert all(plot.locator("svg").count() for plot in page.locator("[data-chart]").all()), path
        expect_clean(page)
        page.context.close()


@pytest.mark.parametrize("look", LOOKS)
def test_the_page_is_clean_in_every_look(
    chromium: Any, cookies: dict[str, Any], address: str, look: str
) -> None:
    """Annotations are flags at the axis, and one flag where there is no room beside each other."""
    page = opened(chromium, cookies, "executive", f"{address}/", **LOOKS[look])
    expect_clean(page)
    drawn = page.locator("#trend svg text").all_text_contents()
    flags = ["1–3"] if "phone" in look else ["1–2", "3"]
    assert [text for text in drawn if text in ("1–2", "1–3", "3")] == flags
    assert page.locator("ol.annotations li").count() == 3


def test_filters_change_page_and_address_and_back_undoes_it(
    chromium: Any, cookies: dict[str, Any], address: str
) -> None:
    page = opened(chromium, cookies, "executive", f"{address}/")
    page.check("input[name=clock][value=season]")
    page.get_by_role("heading", name="The brands at the same time of the year").wait_for()
    assert page.url == f"{address}/?clock=season"
    page.get_by_role("link", name="KPI catalogue").click()
    page.wait_for_url(f"{address}/kpis?clock=season")
    page.go_back()
    page.wait_for_selector("#trend-title")
    page.get_by_role("link", name="Remove the filter Same season").click()
    page.get_by_role("heading", name="The brands in their last weeks").wait_for()
    assert page.url == f"{address}/"
    expect_clean(page)


def test_it_works_without_scripts(chromium: Any, cookies: dict[str, Any], address: str) -> None:
    page = opened(chromium, cookies, "executive", f"{address}/", java_script_enabled=False)
    page.select_option("#filter-brand", "zebra")
    page.click("button.apply")
    assert page.url == f"{address}/?brand=zebra"
    page.locator("figure.chart summary").first.click()
    assert page.locator("figure.chart table").first.is_visible()
