"""A target or an annotation that nobody could read as it is meant is refused by its row, in one message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conftest import Shop

from mergehouse.errors import ConfigError
from mergehouse.kpi.periods import calendar_period
from mergehouse.kpi.targets import target_rows
from mergehouse.project.annotations import annotation_rows
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import Rows

TARGETS, ANNOTATIONS = "kpi,brand,period,value\n", "day,brand,who,text\n"


@pytest.fixture(scope="module")
def project(open_shop: Callable[[], Shop]) -> Shop:
    return open_shop()


def put(project: Shop, name: str, text: str) -> None:
    (project.folder / "mappings" / name).write_text(text)


def refusal(read: Callable[[Project], Rows], project: Shop) -> str:
    with pytest.raises(ConfigError) as error:
        read(project.project)
    return str(error.value)


def test_sound_rows_are_kept_as_they_are(project: Shop) -> None:
    put(project, "targets.csv", TARGETS + "gmv,shop,2026,1000\nreturn_rate,group,2026-q4,0.05\n")
    assert target_rows(project.project)[1] == [
        ["gmv", "shop", "2026", "1000"],
        ["return_rate", "group", "2026-q4", "0.05"],
    ]
    put(project, "annotations.csv", ANNOTATIONS + '2026-03-01,shop,Ann,"Prices up, by 5%"\n')
    assert annotation_rows(project.project)[1] == [["2026-03-01", "shop", "Ann", "Prices up, by 5%"]]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("gvm,shop,2026,1", "row 3: found kpi `gvm`; did you mean `gmv`?"),
        ("customers,shop,2026,1", "row 3: `customers` is as of each brand's own date and of no period"),
        (",shop,2026,1", "row 3: found kpi ``"),
        ("gmv,shoop,2026,1", "row 3: found brand `shoop`; did you mean `shop`?"),
        ("gmv,,2026,1", "row 3: found brand ``"),
        ("gmv,shop,2026-13,1", "row 3: found period `2026-13`; expected a year, a quarter or a month"),
        ("gmv,shop,13w,1", "row 3: found period `13w`; expected"),
        ("gmv,shop,0000,1", "row 3: found period `0000`; expected"),
        ("gmv,shop,2026,1e6", "row 3: found value `1e6`; expected EUR from 0 in digits and a point"),
        ("gmv,shop,2026,", "row 3: found value ``; expected EUR"),
        ('gmv,shop,2026,"1,000"', "row 3: found value `1,000`; expected EUR"),
        ("gmv,shop,2026,NaN", "row 3: found value `NaN`; expected EUR"),
        ("gmv,shop,2026,\u0663", "row 3: found value `\u0663`; expected EUR"),
        ("gmv,shop,2026,-1", "row 3: found value `-1`; expected EUR from 0"),
        ("return_rate,shop,2026,5", "row 3: found value `5`; expected share from 0 to 1 in digits"),
        ("gmv,shop,2025,7", "row 3: gmv of shop in 2025 has a target in row 2 already; expected one"),
        ("\n\ngvm,shop,2026,1", "row 5: found kpi `gvm`"),
        ("gmv,shop,2026,1,000", "row 3: more cells than columns"),
    ],
)
def test_a_target(project: Shop, row: str, says: str) -> None:
    put(project, "targets.csv", f"{TARGETS}gmv,shop,2025,5\n{row}\n")
    assert f"targets.csv, {says}" in refusal(target_rows, project)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1.3.2026,shop,Ann,Sale", "row 3: found day `1.3.2026`; expected one such as"),
        ("2026-02-30,shop,Ann,Sale", "row 3: found day `2026-02-30`"),
        ("2026-03-01,shoop,Ann,Sale", "row 3: found brand `shoop`; did you mean `shop`?"),
        ("2026-03-01,shop,,Sale", "row 3: found who ``; expected 1 to 60 letters"),
        ("2026-03-01,shop,Ann,", "row 3: found text ``; expected 1 to 200 letters"),
        (f"2026-03-01,shop,Ann,{'x' * 201}", "row 3: found text 201 letters; expected 1 to 200"),
        ("2026-03-01,shop,Ann,a\u202eb", "row 3: found text `a\\u202eb`; expected"),
        ('2026-03-01,shop,Ann,"a\nb"', "row 3: found text `a\\nb`; expected"),
        ("2026-01-01,shop,Ben,First", "row 3: this note is in row 2 already"),
    ],
)
def test_an_annotation(project: Shop, row: str, says: str) -> None:
    put(project, "annotations.csv", f"{ANNOTATIONS}2026-01-01,shop,Ann,First\n{row}\n")
    assert f"annotations.csv, {says}" in refusal(annotation_rows, project)


@pytest.mark.parametrize("period", ["2011-q5", "2011-00", "2011-1", "1799", "2011-12-09", "2011 ", "weeks"])
def test_what_is_no_period(period: str) -> None:
    assert calendar_period(period) is None
