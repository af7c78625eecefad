"""The shell in Chromium: it signs in, looks as it should, breaks no rule of its own and none of axe.

The figures are made up, see tests/suite.py. Screenshots go to the folder that `--basetemp` names.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import APIRouter, Depends, Request
from tests.app.served import served
from tests.browser.conftest import IN_A_BROWSER
from tests.suite import PASSWORD, PUBLISHED, suite, with_people

from mergehouse.app import rendering
from mergehouse.app.page import Page
from mergehouse.app.visitor import SignedIn, signed_in

HERE = Path(__file__).parent
pytestmark = IN_A_BROWSER
VIOLATIONS = (
    "addEventListener('securitypolicyviolation', e => (window.violations ??= []).push(e.violatedDirective))"
)
IN_DRAWING = "selector => document.querySelector(selector).closest('[data-chart]') !== null"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("project")
    with_people(folder)
    app = suite(folder)
    router = APIRouter()

    @router.get("/components")
    def components(request: Request, visitor: SignedIn, region: str = "") -> Any:
        figures = {
            "region": region,
            "months": MONTHS,
            "shop": [800_000 + 40_000 * (n % 5) + 15_000 * n for n in range(12)],
            "other": [700_000 - 30_000 * (n % 4) + 9_000 * n if n != 4 else None for n in range(12)],
            "before": [760_000 + 30_000 * (n % 5) + 9_000 * n for n in range(12)],
            "published": PUBLISHED,
        }
        return rendering.page(request, visitor, "components_shown", **figures)

    app.include_router(router, dependencies=[Depends(signed_in)])
    app.state.suite.pages.insert(0, (Page("/components", "Components", "Overview"), router))
    shown = folder / "components_shown.html.j2"
    shown.write_text((HERE / "components.html.j2").read_text())
    rendering._environment().loader.searchpath.append(str(folder))  # type: ignore[union-attr]
    with served(uvicorn.Config(app, log_level="warning")) as at:
        yield at


def open_page(chromium: Any, address: str, path: str = "/components", **options: Any) -> Any:
    """A page of somebody who has signed in."""
    given = {"viewport": {"width": 1440, "height": 1000}, "locale": "en-GB"} | options
    page = chromium.new_context(**given).new_page()
    page.add_init_script(VIOLATIONS)
    page.goto(f"{address}{path}")
    page.fill("#name", "ann")
    page.fill("#password", PASSWORD)
    page.click("button.button")
    page.wait_for_url(f"{address}{path}*")
    return page


def expect_clean(page: Any) -> None:
    """No rule of content broken, nothing found by axe, no scroll bar across."""
    from axe_playwright_python.sync_playwright import Axe

    assert page.evaluate("window.violations ?? []") == []
    found = Axe().run(page).response
    said = [
        (rule["id"], node["target"], node.get("failureSummary"))
        for kind in ("violations", "incomplete")
        for rule in found[kind]
        for node in rule["nodes"]
        # what is behind text of a drawing axe cannot tell; its colours are tokens with measured contrast
        if not (kind == "incomplete" and page.evaluate(IN_DRAWING, node["target"][0]))
    ]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "phone dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_component_is_drawn_and_can_be_read(
    chromium: Any, address: str, look: str, tmp_path: Path
) -> None:
    page = open_page(chromium, address, **LOOKS[look])
    page.screenshot(path=tmp_path / f"{look}.png", full_page=True)
    plots = page.locator("[data-chart]")
    assert plots.count() == 8
    assert page.locator("[data-chart] svg path").count() > 30
    assert "<b>Other</b>" in page.locator("#trend").inner_text() or "phone" in look  # text, never markup
    expect_clean(page)


def test_sign_in_and_error_are_clean(chromium: Any, address: str, tmp_path: Path) -> None:
    page = chromium.new_context(color_scheme="dark").new_page()
    page.add_init_script(VIOLATIONS)
    page.goto(f"{address}/sign-in")
    page.screenshot(path=tmp_path / "sign in.png")
    expect_clean(page)
    page.fill("#name", "ann")
    page.fill("#password", "not the password")
    page.click("button.button")
    page.get_by_role("alert").wait_for()
    expect_clean(page)
    page.goto(f"{address}/nowhere")
    page.screenshot(path=tmp_path / "not found.png")
    expect_clean(page)


def test_a_filter_changes_the_page_and_its_address(chromium: Any, address: str) -> None:
    page = open_page(chromium, address)
    page.evaluate("window.same = true")
    page.select_option("#region", "South")
    page.get_by_role("link", name="Remove the filter Region: South").wait_for()
    assert page.url == f"{address}/components?region=South"
    assert "South" in page.locator(".story").inner_text()
    assert page.evaluate("window.same"), "the whole page was loaded anew"
    assert page.locator("#trend svg").count() == 1
    page.go_back()
    page.wait_for_function("() => !document.querySelector('.chip')")  # an expression would be evaluated
    assert page.url == f"{address}/components"
    page.get_by_role("link", name="Risk").click()
    page.wait_for_url("**/components?sort=risk&dir=desc")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


def test_on_paper_charts_are_light(chromium: Any, address: str) -> None:
    page = open_page(chromium, address, color_scheme="dark")
    has_fill = """colour => [...document.querySelectorAll("#bars svg path")]
        .some(bar => getComputedStyle(bar).fill === colour)"""
    light, dark = "rgb(31, 95, 168)", "rgb(108, 176, 255)"  # of the first brand
    assert page.evaluate(has_fill, dark)
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function(has_fill, arg=light)
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function(has_fill, arg=dark)
    assert page.evaluate("document.documentElement.dataset.theme") is None


def test_a_chart_is_saved_as_it_is_seen(chromium: Any, address: str, tmp_path: Path) -> None:
    page = open_page(chromium, address, color_scheme="dark")
    with page.expect_download() as download:
        page.locator("[data-picture=trend]").click()
    download.value.save_as(tmp_path / "trend.png")
    picture = (tmp_path / "trend.png").read_bytes()
    wide, high = struct.unpack(">II", picture[16:24])
    shown = page.locator("#trend").bounding_box()
    assert picture.startswith(b"\x89PNG") and wide == int(2 * (shown["width"] + 32))
    assert high > 2 * shown["height"] and len(picture) > 10_000  # and not of one colour
    assert page.evaluate("window.violations ?? []") == []


def test_without_scripts_it_is_links_and_forms(chromium: Any, address: str) -> None:
    page = open_page(chromium, address, java_script_enabled=False)
    page.select_option("#region", "North")
    page.click("button.apply")
    assert "region=North" in page.url
    page.click(".menu summary")
    page.click("button:text('Sign out')")
    assert page.url == f"{address}/sign-in"


def test_a_session_that_has_ended_leads_the_whole_page_to_sign_in(chromium: Any, address: str) -> None:
    page = open_page(chromium, address)
    page.context.clear_cookies()
    page.select_option("#region", "South")
    page.wait_for_url(f"{address}/sign-in*")
    assert page.locator("#password").count() == 1 and page.locator(".top nav").count() == 0


def test_light_and_dark_are_kept(chromium: Any, address: str, tmp_path: Path) -> None:
    page = open_page(chromium, address, "/about", color_scheme="light")
    page.click(".menu summary")
    page.screenshot(path=tmp_path / "menu.png")
    expect_clean(page)
    page.click("button:text('Dark')")
    page.wait_for_url(f"{address}/about")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
