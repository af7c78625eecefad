"""The preview of the report: its figures are those of the catalogue, and its page has every visual."""

from __future__ import annotations

import datetime as dt
import re
import sys
from decimal import Decimal
from html import escape
from pathlib import Path

import pytest
from tests.command import call
from tests.conftest import Shop
from tests.platform.powerbi_projects import project_apart

from mergehouse.kpi.catalogue import catalogue, compute
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.preview import reading
from mergehouse.platform.powerbi.preview.figures import Gold, gold
from mergehouse.platform.powerbi.preview.page import preview_page
from mergehouse.platform.powerbi.preview.reading import DrawnFilter
from mergehouse.platform.powerbi.report.fields import Field
from mergehouse.platform.powerbi.report.files import field_of, report_files
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.project.config import Project, load_project

SHOP = (dt.date(2011, 10, 1), dt.date(2011, 12, 9))  # ten weeks, as zebra has no more
ZEBRA = (dt.date(2025, 4, 9), dt.date(2025, 6, 17))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_apart(tmp_path_factory.mktemp("far") / "suite")


@pytest.fixture(scope="module")
def lakehouse(project: Project) -> Lakehouse:
    return Lakehouse(project.lakehouse_location)


@pytest.fixture(scope="module")
def model(project: Project) -> SemanticModel:
    return semantic_model(project)


@pytest.fixture(scope="module")
def figures(lakehouse: Lakehouse, project: Project, model: SemanticModel) -> Gold:
    return gold(lakehouse, project, model)


def field(model: SemanticModel, reference: str) -> Field:
    found = field_of(model, reference)
    assert found
    return found


def measure(model: SemanticModel, name: str) -> Field:
    return field(model, f"{model.measure(name)[0].name}[{name}]")


def labels(project: Project) -> dict[str, str]:
    return {brand.label: name for name, brand in project.brands.items()}


def test_kpis_are_those_of_the_catalogue(
    lakehouse: Lakehouse, project: Project, model: SemanticModel, figures: Gold
) -> None:
    expected, keys = compute(lakehouse), labels(project)
    kpis = [kpi for kpi in catalogue() if kpi.name in expected["group"]]
    fields = [measure(model, kpi.label) for kpi in kpis]
    for n, kpi in enumerate(kpis):
        assert figures.value(fields[n]) == expected["group"][kpi.name], kpi.name
    by_brand = figures.rows([field(model, "Brand[Brand]")], fields)
    for row in by_brand:
        assert list(row.values) == [expected[keys[row.keys[0]]][kpi.name] for kpi in kpis]
    assert {row.keys[0] for row in by_brand} == set(keys)


def test_windows_are_of_each_brands_clock(figures: Gold) -> None:
    found = {name: (window.since, window.until) for name, window in figures.windows.items()}
    assert found == {"shop": SHOP, "zebra": ZEBRA}


def test_what_is_of_a_window_is_of_its_days(
    lakehouse: Lakehouse, project: Project, model: SemanticModel, figures: Gold
) -> None:
    keys = labels(project)
    fields = [measure(model, f"Net revenue {what}") for what in ("in window", "per day", "year on year")]
    for row in figures.rows([field(model, "Brand[Brand]")], fields):
        brand = keys[row.keys[0]]
        since, until = SHOP if brand == "shop" else ZEBRA
        now, before = (
            _revenue(lakehouse, brand, since - gap, until - gap)
            for gap in (dt.timedelta(0), dt.timedelta(364))
        )
        assert row.values[0] == now
        assert row.values[1] == pytest.approx(now / 70, abs=Decimal("0.000001"))
        assert row.values[2] == (pytest.approx(now / before - 1) if brand == "shop" else None)
    assert figures.value(fields[2]) is None  # the brands' windows are of other days


def _revenue(lakehouse: Lakehouse, brand: str, since: dt.date, until: dt.date) -> Decimal:
    sql = (
        f"SELECT SUM(net_revenue_eur) FROM gold.sales_daily WHERE source_system = '{brand}'"
        f" AND order_date BETWEEN DATE '{since}' AND DATE '{until}'"
    )
    found: Decimal = lakehouse.query(sql).fetchall()[0][0]
    return found or Decimal(0)


def test_weeks_of_the_clock_add_up_to_the_window(model: SemanticModel, figures: Gold) -> None:
    week, revenue = field(model, "Week[Week]"), measure(model, "Net revenue in week")
    rows = [row for row in figures.rows([week], [revenue]) if row.keys[0] >= -10]
    assert sum(row.values[0] or 0 for row in rows) == figures.value(measure(model, "Net revenue in window"))


def test_a_week_in_which_nothing_was_sold_is_no_gap(model: SemanticModel, figures: Gold) -> None:
    columns = [field(model, "Week[Week]"), field(model, "Brand[Brand]")]
    nowhere = [DrawnFilter(field(model, "Country[Region]"), ("Nowhere",))]
    rows = figures.rows(columns, [measure(model, "Net revenue in week")], nowhere)
    assert len(rows) == 52 + 10 and {row.values for row in rows} == {(Decimal(0),)}


def test_filters_are_held(lakehouse: Lakehouse, model: SemanticModel, figures: Gold) -> None:
    region, gmv = field(model, "Country[Region]"), measure(model, "GMV")
    north = figures.value(gmv, [DrawnFilter(region, ("North Europe",))])
    others = figures.value(gmv, [DrawnFilter(region, ("North Europe",), excluded=True)])
    sql = "SELECT SUM(gmv_eur) FROM gold.sales_daily WHERE region = 'North Europe'"
    assert north == lakehouse.query(sql).fetchall()[0][0]
    assert (north or 0) + (others or 0) == figures.value(gmv)


def test_the_largest_are_taken(model: SemanticModel, figures: Gold) -> None:
    category, revenue = field(model, "Product[Category]"), field(model, "Category[Net revenue of products]")
    every = figures.rows([category], [revenue])
    two = figures.rows([category], [revenue], [DrawnFilter(category, by=revenue, count=2)])
    largest = sorted(every, key=lambda row: row.values[0] or 0)[-2:]
    assert {row.keys for row in two} == {row.keys for row in largest}


def test_the_page_has_every_visual_and_escapes_names(model: SemanticModel, figures: Gold) -> None:
    files = report_files(model)
    html = preview_page(files, figures, "somewhere")
    for page in reading.pages(files):
        shown = [visual for visual in page.visuals if not visual.hidden]
        canvas = html.partition(f'id="canvas-{page.name}"')[2].partition('<div class="frame"')[0]
        assert canvas.count("<section") == len(shown)
        assert all(escape(visual.title, quote=False) in canvas.replace("&#39;", "'") for visual in shown)
    assert figures.unknown == set()
    assert "<b>& old" not in html
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", html)


def test_a_tiny_shop_is_drawn_whole(sold: Shop) -> None:
    project = load_project(sold.folder)
    made = semantic_model(project)
    drawn = gold(Lakehouse(project.lakehouse_location), project, made)
    html = preview_page(report_files(made), drawn, "somewhere")
    assert drawn.unknown == set()
    assert "not observable yet" in html  # three days of data, of which 90 are needed


def test_without_figures_there_is_one_message(tmp_path: Path) -> None:
    call("init", tmp_path / "new")
    failed = call("powerbi", "preview", tmp_path / "out", "-C", tmp_path / "new", code=2)
    assert "`mergehouse run`" in failed.stderr
    assert not (tmp_path / "out").exists()


def test_without_playwright_there_is_the_page_and_a_word(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    done = call("powerbi", "preview", tmp_path, "-C", project.folder)
    assert "no pictures" in done.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.long("starts a browser")
def test_pictures_are_as_large_as_pages(project: Project, tmp_path: Path) -> None:
    call("powerbi", "preview", tmp_path, "-C", project.folder)
    picture = tmp_path / "executive.png"
    if not picture.exists():
        pytest.skip("no Chromium")
    width, height = (int.from_bytes(picture.read_bytes()[n : n + 4]) for n in (16, 20))
    assert (width, height) == (1440, 810)
