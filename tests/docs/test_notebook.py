"""`import mergehouse as mh`: what it takes and returns, and how that shows itself."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import polars
import pytest
from tests.conftest import Shop
from tests.docs.shop import LINES

import mergehouse as mh
from mergehouse import display
from mergehouse.errors import ConfigError, LakehouseError, MergehouseError
from mergehouse.lakehouse.delta import Lakehouse

HEAVY = ("duckdb", "polars", "pydantic", "deltalake", "numpy", "yaml", "rich", "obstore")


@pytest.fixture
def house(shop_folder: Path, tmp_path: Path) -> Path:
    """A copy of the shop, to be spoilt."""
    return Path(shutil.copytree(shop_folder / "shop", tmp_path / "shop"))


def test_importing_is_cheap_and_leaves_the_functions_in_their_place() -> None:
    program = """
import json, sys
import mergehouse as mh
loaded = sorted(sys.modules)
import mergehouse.project.config, mergehouse.project.mapping_files
from mergehouse.project import load_project
print(json.dumps([loaded, load_project.__module__, type(mh.project).__name__]))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded, module, kind = json.loads(said)
    assert not set(HEAVY) & set(loaded)
    assert [name for name in loaded if name.startswith("mergehouse")] == ["mergehouse", "mergehouse.project"]
    assert (module, kind) == ("mergehouse.project.config", "function")


def test_the_package_carries_its_types() -> None:
    assert (Path(mh.__file__).parent / "py.typed").is_file()


def test_each_function_takes_a_folder_or_the_object(shop_folder: Path) -> None:
    folder = shop_folder / "shop"
    location = str((folder / "lakehouse").resolve())
    project, lakehouse = mh.project(folder), mh.open(folder)
    assert mh.project(project) is project and mh.open(lakehouse) is lakehouse
    assert {mh.open(given).location for given in (str(folder), project, location, Path(location))} == {
        location
    }
    assert mh.open("s3://bucket/house").location == "s3://bucket/house"
    assert (
        mh.open(mh.project(folder, "prod")).location == mh.open(folder, "prod").location == f"{location}-prod"
    )
    assert {mh.kpis(given).values["group"]["gmv"] for given in (folder, project, lakehouse)} == {
        Decimal("60.00")
    }


@pytest.mark.parametrize("given", ["s3://bucket/house", "lakehouse", "project", "open"])
def test_an_environment_is_of_a_folder(shop_folder: Path, given: str) -> None:
    folder = shop_folder / "shop"
    there = {"lakehouse": folder / "lakehouse", "project": mh.project(folder), "open": mh.open(folder)}
    place = there.get(given, given)
    with pytest.raises(ConfigError, match="environment prod: it is chosen where a project's folder is given"):
        mh.open(place, "prod")


def test_where_nothing_is_the_message_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mergehouse.yml not found"):
        mh.open(tmp_path)
    (tmp_path / "gold").mkdir()
    with pytest.raises(LakehouseError, match="nothing is published yet"):
        mh.kpis(tmp_path)
    with pytest.raises(MergehouseError, match="there is no release"):
        mh.verify(tmp_path / "none")


def test_a_lakehouse_prints_itself_from_its_logs(house: Path) -> None:
    for file in (house / "lakehouse" / "silver" / "sales_clean").rglob("*.parquet"):
        file.unlink()
    said = repr(mh.open(house)).splitlines()
    assert said[0] == f"Lakehouse {(house / 'lakehouse').resolve()}"
    assert said[1] == "  as of     shop 2026-03-06"
    assert said[2].startswith("  last run  20") and ", ok (" in said[2]
    assert said[3].startswith("  bronze    batches 1, ") and ", shop_lines 4" in said[3]
    assert re.search(r"\bsales_clean 4\b", "\n".join(said)) and len(said) <= 15
    assert max(map(len, said)) <= max(display.WIDTH, len(said[0]))


def test_a_lakehouse_prints_itself_whatever_is_wrong_with_it(house: Path, tmp_path: Path) -> None:
    assert repr(Lakehouse(tmp_path / "none")).endswith("tables  none yet; `mergehouse run` builds them")
    for log in (house / "lakehouse" / "gold" / "sales_daily" / "_delta_log").iterdir():
        log.write_text("torn")
    assert "sales_daily unreadable" in repr(mh.open(house))
    for log in (house / "lakehouse" / "gold" / "dim_brand" / "_delta_log").iterdir():
        log.write_text("torn")
    assert "as of     unreadable; `mergehouse run` mends it" in repr(mh.open(house))
    assert "unreadable" in mh.open(house)._repr_html_()


def test_the_table_of_a_lakehouse_is_one_for_screen_readers_too(shop_folder: Path) -> None:
    html = mh.open(shop_folder / "shop")._repr_html_()
    table = ElementTree.fromstring(html.replace("<br>", "<br/>"))
    assert "shop 2026-03-06" in "".join(table.find("caption").itertext())  # type: ignore[union-attr]
    assert [(th.text, th.get("scope")) for th in table.iterfind("thead/tr/th")] == [
        ("table", "col"),
        ("rows", "col"),
    ]
    rows = {tr.find("th").text: tr.find("td").text for tr in table.iterfind("tbody/tr")}  # type: ignore[union-attr]
    assert rows["silver.sales_clean"] == "4" and rows["gold.dim_date"] == "365"
    assert {tr.find("th").get("scope") for tr in table.iterfind("tbody/tr")} == {"row"}  # type: ignore[union-attr]
    assert "#" not in html and "script" not in html  # no colour of its own


def test_what_is_shown_is_escaped() -> None:
    html = display.as_html("<b>&", {"<i>": "<script>"}, ["<u>"], [["<td>"]])
    assert all(f"&lt;{tag}&gt;" in html for tag in ("b", "i", "script", "u", "td"))


def test_kpis_are_exact(shop_folder: Path) -> None:
    frame = mh.kpis(shop_folder / "shop").polars()
    assert frame.schema["value"] == polars.Decimal(38, 6)
    assert frame.columns == ["scope", "kpi", "value", "unit"] and len(frame) == 2 * 16
    of_group = {row["kpi"]: row["value"] for row in frame.filter(scope="group").iter_rows(named=True)}
    # lines of 10, 30 and 20 EUR, one mug of 5 EUR sent back, two customers, one with two orders
    wanted = {
        "gmv": "60",
        "returns": "5",
        "net_revenue": "55",
        "orders": "3",
        "units": "7",
        "aov": "20",
        "return_rate": "0.083333",
    }
    wanted |= {"customers": "2", "repeat_customers": "1", "repeat_rate": "0.5"}
    assert {name: of_group[name] for name in wanted} == {
        name: Decimal(value) for name, value in wanted.items()
    }
    assert "<td" in mh.kpis(shop_folder / "shop")._repr_html_()


def test_a_run_prints_what_it_did_and_what_failed(shop: Shop) -> None:
    (shop.folder / "mergehouse.yml").write_text("name: tiny\nscience: false\n")
    stopped = mh.run(shop.folder, until="bronze")
    assert stopped.failed and "failed" in repr(stopped).splitlines()[0]
    assert "stopped bronze.shop_lines" in repr(stopped) and "no file matches lines*" in stopped._repr_html_()
    shop.deliver_lines(*LINES)
    result = mh.run(shop.folder, until="silver")
    assert "  deliveries  1 new, 4 rows" in repr(result).splitlines()
    rows = dict(table.split("</th>", 1) for table in result._repr_html_().split('<th scope="row"')[1:])
    (sales,) = [cells for name, cells in rows.items() if name.endswith(">silver.sales_clean")]
    assert [text.split("</td>")[0] for text in sales.split(">") if "</td" in text][:2] == [
        "built</td",
        "4</td",
    ]
    assert (shop.folder / "lakehouse" / "report.html").is_file()


def test_a_release_prints_itself_and_what_is_wrong_with_it(shop_folder: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(shop_folder / "release", tmp_path / "release"))
    files = len(list(root.glob("gold/*/*/*/part-*.parquet")))
    said = repr(mh.verify(root)).splitlines()
    assert said[0] == f"Release 1.0.0 in {root}: sound" and f" tables, {files} files, " in said[1]
    next(root.glob("gold/sales_daily/*/*/part-*.parquet")).write_bytes(b"")
    broken = mh.verify(str(root))
    assert repr(broken).splitlines()[0] == f"Release 1.0.0 in {root}: broken, 1 fault"
    assert "truncated" in repr(broken) and "truncated" in broken._repr_html_()
    project = mh.project(shop_folder / "shop", "prod")
    with pytest.raises(MergehouseError, match=f"{project.lakehouse_location}/release: there is no release"):
        mh.verify(project)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"version": -1}, "has no version -1"),
        ({"version": "0"}, "has no version 0 .*expected a whole number"),
        ({"version": 0, "as_of": "2026-11-01"}, "give one of them"),
        ({"as_of": "01.11.2026"}, "expected a day or an instant, such as 2026-11-01"),
        ({"as_of": 20261101}, "expected a day or an instant"),
        ({"as_of": "2020-01-01"}, "has no version as of 2020-01-01 .*the oldest is of 20"),  # not made yet
        ({"as_of": dt.date(2020, 1, 1)}, "has no version as of 2020-01-01"),
    ],
)
def test_a_time_at_which_a_table_was_not_there(shop_folder: Path, given: dict, words: str) -> None:
    with pytest.raises(LakehouseError, match=words):
        mh.open(shop_folder / "shop").table("gold.sales_daily", **given)


def test_an_instant_may_be_a_day(shop_folder: Path) -> None:
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    lakehouse = mh.open(shop_folder / "shop")
    for as_of in (tomorrow, str(tomorrow), f"{tomorrow}T12:00:00Z", dt.datetime.now(dt.UTC)):
        assert lakehouse.table("gold.sales_daily", as_of=as_of).polars().height == 4


@pytest.mark.parametrize("sql", ["", "DROP TABLE x", "SELECT 1; SELECT 2", "SELECT no FROM gold.dim_brand"])
def test_a_query_that_cannot_be_answered_is_an_error_of_ours(shop_folder: Path, sql: str) -> None:
    with pytest.raises(LakehouseError, match="exactly one SELECT|the query failed"):
        mh.open(shop_folder / "shop").query(sql)


def test_what_is_empty_is_not_taken_for_all(shop_folder: Path) -> None:
    for options in ({"select": ""}, {"until": ""}, {"select": "gold", "from_raw": True}):
        with pytest.raises(ConfigError, match="--select|--until|--from-raw"):
            mh.run(shop_folder / "shop", **options)
    with pytest.raises(MergehouseError, match="expected the 64 hexadecimal digits"):
        mh.verify(shop_folder / "release", digest="")
    with pytest.raises(MergehouseError, match="expected three numbers"):
        mh.verify(shop_folder / "release", version="")
    with pytest.raises(ConfigError, match="too long"):
        mh.open("long" * 100)
    with pytest.raises(LakehouseError, match="not found in .*; it has [0-9]+ tables, such as"):
        mh.open(shop_folder / "shop").table("xyz")
