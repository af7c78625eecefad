"""Identity review in Chromium: both records can be read and compared, and three keys decide.

Screenshots go to the folder that `--basetemp` names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.app.served import served
from tests.browser.conftest import IN_A_BROWSER
from tests.browser.test_shell import LOOKS, VIOLATIONS, expect_clean
from tests.conftest import prepared_shop
from tests.security.merged import Merged, fill

from mergehouse.access.people import Person
from mergehouse.identity.review import decided

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Merged:
    return Merged(prepared_shop("merged", fill, tmp_path_factory.mktemp("merged") / "project"))


@pytest.fixture(scope="module")
def address(merged: Merged) -> Iterator[str]:
    with served(uvicorn.Config(merged.app, log_level="warning")) as at:
        yield at


def open_page(chromium: Any, merged: Merged, address: str, path: str = "/identity", **options: Any) -> Any:
    given = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "base_url": address} | options
    context = chromium.new_context(**given)
    session = merged.people.begin_session(Person("admin", "Admin", ("admin",)))
    context.add_cookies([{"name": "mergehouse", "value": session, "url": address}])
    page = context.new_page()
    page.add_init_script(VIOLATIONS)
    page.goto(path)
    return page


@pytest.mark.parametrize("look", ["light", "phone dark"])
def test_both_records_can_be_read(
    chromium: Any, merged: Merged, address: str, look: str, tmp_path: Path
) -> None:
    page = open_page(chromium, merged, address, **LOOKS[look])
    page.screenshot(path=tmp_path / f"{look}.png", full_page=True)
    assert page.locator("#evidence svg").count() == 1
    for value in page.get_by_role("cell", name="Zyxquil").all():  # side by side, also on a phone
        box = value.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
    expect_clean(page)


def test_keys_decide_and_put_off(chromium: Any, merged: Merged, address: str) -> None:
    page = open_page(chromium, merged, address)
    first, second = "C21", "C22"
    heading = page.locator("#records-title")
    assert first in heading.inner_text()
    page.keyboard.press("l")
    page.wait_for_url("**/identity?pair=*")
    assert second in heading.inner_text()
    page.fill("[name=why]", "sisters")  # letters in a field are letters
    page.keyboard.press("d")
    page.wait_for_timeout(100)
    assert second in heading.inner_text()
    page.locator("h1").click()
    page.keyboard.press("d")
    page.get_by_role("status").get_by_text("Decided: different").wait_for()
    page.wait_for_load_state()  # keys work once the script has run
    page.keyboard.press("s")
    page.get_by_text("Nobody waits").wait_for()
    found = decided(merged.shop.project)
    assert dict(found.select("customer_code_a", "decision").iter_rows()) == {
        "C20": "different",
        first: "same",
        second: "different",
    }


def test_letters_go_to_pages_and_can_be_switched_off(chromium: Any, merged: Merged, address: str) -> None:
    page = open_page(chromium, merged, address, "/about")
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keyboard").is_visible()
    expect_clean(page)
    page.keyboard.press("q")  # nothing happens behind a dialog
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url("**/kpis")
    page.keyboard.press("?")
    with page.expect_navigation():
        page.get_by_role("button", name="Switch these keys off").click()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.keyboard.press("?")
    page.wait_for_timeout(200)
    assert page.url == f"{address}/kpis" and page.get_by_role("dialog").count() == 0
    page.click(".menu summary")
    page.get_by_role("button", name="Keyboard").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Switch these keys on").click()
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/about")


def test_without_scripts_it_is_a_form(chromium: Any, merged: Merged, address: str) -> None:
    from mergehouse.project.known_pairs import DECISIONS

    file = merged.shop.folder / "mappings" / DECISIONS
    file.write_text("\n".join(file.read_text().splitlines()[:2]) + "\n")
    page = open_page(chromium, merged, address, java_script_enabled=False)
    page.get_by_role("button", name="Same").click()
    assert "Decided: same" in page.get_by_role("status").inner_text()
