"""Targets and annotations on pages, in files and for programs, each within its scope.

`shop` sells one order of 10 EUR a day from 1 December 2009 to 9 December 2011, `zebra` from 4 April to 17
June 2025: what a period comes to is 10 EUR times its days.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import html
import io
import json
import re
from decimal import Decimal

import polars as pl
import pytest
from mcp import Client
from starlette.testclient import TestClient
from tests.app.two_times import ANNOTATIONS, HARM, Open, say

from mergehouse.access.extract import write_extracts
from mergehouse.access.people import People, Person
from mergehouse.access.serving import serving_folder
from mergehouse.app.api.assistant import assistant_server
from mergehouse.app.figures.annotations import Annotation, Span, marks
from mergehouse.app.figures.cards import kpi_named
from mergehouse.app.figures.executive import executive
from mergehouse.app.figures.targets import Target, all_targets, targets_of
from mergehouse.app.figures.windows import Window
from mergehouse.app.plots.annotations import MOST_FLAGS
from mergehouse.app.plots.trend import trend_plots
from mergehouse.app.serve import Service, expect_servable
from mergehouse.app.wording import Wording
from mergehouse.app.writing import Writing
from mergehouse.errors import ConfigError

DAY = dt.date(2026, 1, 1)
ALL = dict.fromkeys(("brand", "since", "until"))


@pytest.fixture(scope="module")
def aimed(far: Open, bundled: object, tmp_path_factory: pytest.TempPathFactory) -> Open:
    shop = far.shop.copy(tmp_path_factory.mktemp("aimed") / "suite")
    say(shop.folder)
    return Open(shop.folder)


def told(aimed: Open, role: str = "executive") -> dict[tuple[str, str, str], Target]:
    reader, _, offered = aimed.view(role)
    found = all_targets(reader, None, offered)
    return {(each.name, each.kpi.name, each.period): each for each in found}


def shown(aimed: Open, path: str = "/", role: str = "executive") -> str:
    answer = aimed.visitor(role).get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.text)


def test_what_a_target_has_come_to(aimed: Open) -> None:
    found = told(aimed)
    outcomes = {key: (each.outcome, each.actual) for key, each in found.items()}
    assert outcomes == {
        ("shop", "net_revenue", "2009"): (None, None),  # begins in December
        ("shop", "net_revenue", "2009-12"): ("met", 310),
        ("shop", "net_revenue", "2010"): ("met", 3650),
        ("shop", "gmv", "2010"): ("missed", 3650),
        ("shop", "orders", "2010-q1"): ("missed", 90),
        ("shop", "net_revenue", "2011"): ("open", 3430),
        ("shop", "gmv", "2011"): ("met so far", 3430),
        ("shop", "aov", "2011"): ("met so far", 10),
        ("shop", "margin_rate", "2011"): ("missed so far", found["shop", "margin_rate", "2011"].actual),
        ("shop", "return_rate", "2011"): ("met so far", 0),
        ("shop", "net_revenue", "2012"): (None, None),
        ("zebra", "net_revenue", "2025-05"): ("missed", 310),
        ("zebra", "net_revenue", "2025-q2"): (None, None),
        ("group", "net_revenue", "2011"): (None, None),
    }
    assert found["zebra", "net_revenue", "2025-05"].reached == Decimal("0.5")
    assert found["shop", "aov", "2011"].reached is None
    why = {key[2]: each.absence.reason for key, each in found.items() if each.absence and key[0] == "shop"}
    assert why == {"2009": "begins", "2012": "period"}
    group = found["group", "net_revenue", "2011"].absence
    assert group and (group.reason, group.brand) == ("period", "Zebra")


def test_what_must_not_grow_is_missed_for_good() -> None:
    days = Window(DAY, DAY, is_partial=True)
    returns = Target(kpi_named("returns"), "shop", "Shop", "2026", Decimal(10), days, Decimal(11))
    assert returns.outcome == "missed"
    rate = Target(kpi_named("return_rate"), "shop", "Shop", "2026", Decimal("0.1"), days, Decimal("0.2"))
    assert rate.outcome == "missed so far"


def test_the_page_has_the_latest_or_those_of_its_period(aimed: Open) -> None:
    reader, view, offered = aimed.view()
    latest = [(each.name, each.kpi.name, each.period) for each in targets_of(reader, view, offered)]
    assert latest == [
        ("group", "net_revenue", "2011"),
        ("shop", "gmv", "2011"),
        ("shop", "net_revenue", "2011"),
        ("shop", "aov", "2011"),
        ("shop", "return_rate", "2011"),
        ("shop", "margin_rate", "2011"),
        ("shop", "orders", "2010-q1"),
        ("shop", "net_revenue", "2009-12"),
        ("zebra", "net_revenue", "2025-q2"),
        ("zebra", "net_revenue", "2025-05"),
    ]
    reader, view, offered = aimed.view(period="2010")
    assert [each.kpi.name for each in targets_of(reader, view, offered)] == ["gmv", "net_revenue"]
    reader, view, offered = aimed.view(period="2010", region="North Europe")
    assert targets_of(reader, view, offered) == () and executive(reader, view, offered).hides_targets
    page = shown(aimed)
    assert "3 met so far, 1 missed so far, 1 not met yet, 2 not known" in page
    assert "not met yet, after 343 of 365 days" in page and "Zebra has no data in 2011." in page
    year = shown(aimed, "/?period=2010&brand=shop")
    assert "Target €3,650: met" in year and "Target €3,650: missed" in year


def test_annotations_stand_at_their_weeks_and_are_text(aimed: Open) -> None:
    reader, view, offered = aimed.view()
    figures = executive(reader, view, offered)
    words = Wording(Writing(), offered, view)
    (plot,) = trend_plots(figures, {"shop": "brand-1", "zebra": "brand-2"}, words)
    # 26 weeks to 0: 28 November is in the week from 26 November, the last but one; 2 June in that from 28 May
    at = [(mark.number, mark.place, mark.of.text.split()[0]) for mark in plot.notes.marks]
    assert at == [(1, -2, "Portal"), (2, -2, "Merger"), (3, -1, "Catalogue")]
    assert plot.options["flags"] == [{"at": 23, "first": 1, "last": 2}, {"at": 24, "first": 3, "last": 3}]
    assert [row["block"] for row in plot.rows if row["said"] != "none"] == [1, 2]
    page = shown(aimed)
    assert HARM not in page and html.escape(HARM) in page and "(Ann)" in page
    before = shown(aimed, "/?brand=shop")
    assert "a year before" in before  # the dashed line has its week


def test_many_annotations_leave_room_for_the_plot() -> None:
    spans = [Span("shop", n, DAY.replace(month=n), DAY.replace(month=n, day=28)) for n in range(1, 13)]
    said = [Annotation(DAY.replace(month=n), "shop", "Shop", "Ann", f"{n}") for n in range(1, 13)]
    assert [mark.place for mark in marks(reversed(said), spans)] == list(range(1, 13))
    assert MOST_FLAGS == 12


@pytest.mark.parametrize(
    ("role", "kept"),
    [
        ("executive", {"shop", "zebra", "group"}),
        ("marketing", {"shop", "zebra", "group"}),
        ("brand_manager_shop", {"shop"}),
        ("brand_manager_zebra", {"zebra"}),
        ("north", set()),
    ],
)
def test_each_scope_has_its_own(aimed: Open, role: str, kept: set[str]) -> None:
    reader = aimed.reader(role)
    for query in ("targets", "annotations"):
        given = ALL if query == "annotations" else {"brand": None}
        assert {row["source_system"] for row in reader.rows(query, **given)} == kept
    answers = [aimed.visitor(role).get("/"), aimed.visitor(role).get("/?download=targets.csv")]
    answers += [aimed.visitor(role).get("/?download=trend.csv"), *programs(aimed, role)]
    text = " ".join(answer.text for answer in answers)
    marks_of = {"shop": "Catalogue", "zebra": "Portal", "group": "Merger|77,?777"}
    assert {name for name, mark in marks_of.items() if re.search(mark, text)} == kept


def programs(aimed: Open, role: str) -> list[object]:
    client = TestClient(aimed.app, base_url="http://localhost")
    client.headers["Authorization"] = f"Bearer {People(aimed.shop.folder).make_token(role, 1)}"
    return [client.get(f"/api/v1/{path}") for path in ("targets", "annotations")]


def test_programs_are_told_the_same(aimed: Open) -> None:
    targets, said = (answer.json()["rows"] for answer in programs(aimed, "executive"))  # type: ignore[attr-defined]
    of_2010 = next(row for row in targets if (row["kpi"], row["period"]) == ("gmv", "2010"))
    assert of_2010 == {
        "brand": "shop", "kpi": "gmv", "unit": "EUR", "period": "2010", "period_days": 365,
        "since": "2010-01-01", "until": "2010-12-31", "target": "3650.010000", "value": "3650.00",
        "reached": "0.999997", "outcome": "missed", "cost": None, "why": None,
    }  # fmt: skip
    assert [row["day"] for row in said][:2] == ["2030-01-01", "2025-06-03"]

    async def ask(tool: str, **given: str) -> list[dict[str, object]]:
        person = Person("zebra", "zebra", ("brand_manager_zebra",))
        async with Client(assistant_server(aimed.shop.project, lambda: person)) as client:
            answer = await client.call_tool(tool, given)
            return json.loads(answer.content[0].text)["rows"]  # type: ignore[union-attr, no-any-return]

    assert {row["brand"] for row in asyncio.run(ask("list_targets"))} == {"zebra"}
    assert [row["text"] for row in asyncio.run(ask("list_annotations", until="2025-06-02"))] == [
        "Portal opened"
    ]


def test_files_have_them_too(aimed: Open) -> None:
    client = aimed.visitor("executive")
    table = client.get("/?brand=shop&download=trend.csv").text
    assert "'=1+1" not in table and "2010-11-30 =1+1, a year before (Ben)" in table
    frame = pl.read_parquet(io.BytesIO(client.get("/?period=2010&download=targets.parquet").content))
    assert frame["outcome"].to_list() == ["missed", "met"]


def test_what_is_written_holds_without_a_run(aimed: Open) -> None:
    """Other files stay as they are. A row that cannot be used leaves what was shown, and starts nothing."""
    project, scope = aimed.shop.project, aimed.reader().scope
    root, file = serving_folder(project), project.mappings_folder / "annotations.csv"
    before = aimed.gateway.version().version
    file.write_text(ANNOTATIONS + "2025-06-10,zebra,Cat,Added\n")
    try:
        after = write_extracts(project, aimed.policy)
        assert after != before and aimed.reader().rows("annotations", **ALL)[1]["text"] == "Added"
        files = {path.name: path.stat().st_ino for path in (root / before / scope.id).iterdir()}
        new = {
            path.name
            for path in (root / after / scope.id).iterdir()
            if path.stat().st_ino != files[path.name]
        }
        assert new == {"mapping.annotations.parquet"}
        file.write_text(ANNOTATIONS + "soon,zebra,Cat,Added\n")
        with pytest.raises(ConfigError, match="annotations.csv, row 7: found day `soon`"):
            write_extracts(project, aimed.policy)
        assert aimed.gateway.version().version == after
        with pytest.raises(ConfigError, match="row 7"):
            expect_servable(Service(project.folder, None, "127.0.0.1", 8800, 1, (), (), ""), project, True)
    finally:
        file.write_text(ANNOTATIONS)
        write_extracts(project, aimed.policy)
