"""Writes the preview of a project's report: an HTML page, and pictures where there is a browser."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mergehouse.errors import ConfigError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.platform.powerbi.objects import Mode
from mergehouse.platform.powerbi.preview.figures import gold
from mergehouse.platform.powerbi.preview.page import preview_page
from mergehouse.platform.powerbi.report.files import left_out, report_files
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.project.config import Project
from mergehouse.storage import write_folder

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE = "index.html"


@dataclass(frozen=True)
class Preview:
    """`page`: the HTML page; `pictures`: PNG files; `notes`: what is to be known of them."""

    page: str
    pictures: list[str]
    notes: list[str]


def write_preview(project: Project, folder: Path) -> Preview:
    """Draws the report of a project with the figures of its Gold.

    Raises LakehouseError where nothing is published yet, ConfigError where the report cannot be made or the
    folder not be written.
    """
    html, left = drawn_pages(project)
    [page] = write_folder(folder, {PAGE: html})
    pictures, why_not = _pictures(page)
    return Preview(str(page), pictures, [*left, *why_not])


def drawn_pages(project: Project) -> tuple[str, list[str]]:
    """The HTML page, and what the report leaves out. Raises as `write_preview` does."""
    mode: Mode = "import"
    model = semantic_model(project, mode)
    files = report_files(model)
    lakehouse = Lakehouse(project.lakehouse_location)
    return preview_page(files, gold(lakehouse, project, model), lakehouse.location), list(left_out(model))


def _pictures(page: Path) -> tuple[list[str], list[str]]:
    """A PNG beside the page for each page of the report; or why there is none."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return [], ["no pictures: the Python package playwright draws them and is not installed"]
    browser_path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    made = []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=browser_path)
        except Error:
            return [], ["no pictures: Chromium draws them and is not there"]
        try:
            tab = browser.new_page(viewport={"width": 1600, "height": 900})
            tab.goto(page.absolute().as_uri())
            for canvas in tab.query_selector_all(".canvas"):
                name = str(canvas.get_attribute("id")).removeprefix("canvas-")
                picture = page.with_name(f"{name}.png")
                box = canvas.bounding_box()
                assert box
                box["x"], box["y"] = round(box["x"]), round(box["y"])  # else there is a line more
                tab.screenshot(path=picture, full_page=True, clip=box)
                made.append(str(picture))
        except Error as error:
            raise ConfigError(f"{page.parent}: pictures cannot be made ({error.message}).") from None
        finally:
            browser.close()
    return made, []
