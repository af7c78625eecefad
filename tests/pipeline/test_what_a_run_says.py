"""What a run says: times that add up, what was updated, notes on deliveries, defaults, names for people."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import call
from tests.conftest import SHOP_BRAND, SHOP_HEADER, Shop

from mergehouse.cli.render import print_run
from mergehouse.errors import LakehouseError
from mergehouse.pipeline.results import RunResult, summary
from mergehouse.quality.report import write_report
from mergehouse.science.survival.page import write_survival

pytestmark = pytest.mark.slow("a run for each case")

LINE = "A1,1,03/04/2026 10:00,P1,Mug,2,5.00,77,Germany,EUR"


def printed(shop: Shop, result: RunResult, capsys: pytest.CaptureFixture) -> str:
    print_run(shop.project, result, "report.html", 0.0)
    return capsys.readouterr().out


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture(scope="module")
def updated(open_shop: Callable[[], Shop]) -> tuple[Shop, RunResult]:
    """A shop after its second delivery, and what that run said. Read only."""
    shop = open_shop()
    shop.deliver_lines(LINE)
    shop.run()
    shop.deliver_lines(LINE.replace("A1", "A2"), name="lines_2.csv")
    return shop, shop.run()


def test_what_was_updated_counts_and_the_times_add_up(
    updated: tuple[Shop, RunResult], capsys: pytest.CaptureFixture
) -> None:
    shop, result = updated
    text = printed(shop, result, capsys)
    statuses = [t.status for t in result.tables]
    changed, built = statuses.count("updated"), statuses.count("built")
    assert changed and f"{changed} updated" in text
    ((recorded,),) = shop.rows("SELECT tables_built FROM monitor.runs ORDER BY started DESC LIMIT 1")
    assert recorded == changed + built
    said = summary(result)
    assert {"loading", "planning", "silver", "gold", "checks", "recording"} <= said["stages"].keys()
    assert said["seconds"] == pytest.approx(sum(said["stages"].values()), abs=0.01)
    times = next(line for line in text.splitlines() if line.startswith("Time"))
    total, *parts = re.findall(r"[0-9]+[.][0-9]", times)
    assert float(total) == pytest.approx(sum(map(float, parts)))


def test_screen_log_and_report_count_the_same_checks(
    updated: tuple[Shop, RunResult], capsys: pytest.CaptureFixture
) -> None:
    shop, result = updated
    count = summary(result)["checks_passed"]
    assert f"{count} checks passed" in printed(shop, result, capsys)
    latest = "run_id = (SELECT max_by(run_id, started) FROM monitor.runs)"
    assert shop.rows(f"SELECT count(*) FROM monitor.quality_results WHERE passed AND {latest}") == [(count,)]
    assert f"Checks passed in this run {count} " in text_of(Path(write_report(shop.project)).read_text())


def test_notes_on_deliveries_are_on_the_screen(shop: Shop, capsys: pytest.CaptureFixture) -> None:
    shop.deliver_lines(LINE)
    for number in (2, 3):  # which nothing ends
        shop.deliver(f"{SHOP_HEADER}\n{LINE.replace('A1', f'A{number}')}", name=f"lines_{number}.csv")
    result = shop.run("bronze")
    note, text = "when: nothing shows whether `03/04/2026 10:00` is day-first", printed(shop, result, capsys)
    assert f"lines.csv: {note}" in text
    assert "lines_2.csv and 1 more: the last line has no end" in text
    assert any(note in said for said in summary(result)["deliveries"][0]["notes"])


def test_every_default_is_in_the_report(shop: Shop, capsys: pytest.CaptureFixture) -> None:
    brand = SHOP_BRAND.replace("timezone: Europe/Berlin\n", "")
    shop.configure(brand.replace('files: "lines*"', 'files: "lines*"\n    delimiter: ","'))
    shop.deliver(b"order,line,when,item,title,qty,price,customer,country,currency\n" + LINE.replace(
        "Mug", "Caf\xe9"
    ).replace("Germany", "Atlantis").encode("cp1252"))  # fmt: skip
    result = shop.run()
    said = printed(shop, result, capsys)
    assert "Margin   cost of goods: Shop estimated" in said and summary(result)["margins"] == {
        "shop": "estimated"
    }
    assert "source_system = shop, country = ATLANTIS, order_lines = 1" in said
    assert [c["sample"] for c in summary(result)["findings"] if c["check"] == "country_is_known"] == [
        [{"source_system": "shop", "country": "ATLANTIS", "order_lines": 1}]
    ]
    text = text_of(Path(write_report(shop.project)).read_text())
    for words in (
        "timezone UTC ",
        "as_of 2026-04-04 The day after the last order",
        "sources.lines.encoding cp1252 (1 file)",
        "sources.lines.decimal_mark . (1 file)",
        "sources.lines.date_order when: d/M/yyyy H:mm (1 file)",
        "cost of goods 50 % of the price (1 products)",
        "margin estimated for 10.00 of 10.00 EUR of net revenue",
        "country ZZ on 1 of 1 order lines",
    ):
        assert words in text
    assert "sources.lines.delimiter" not in text and "churn_after_days" not in text  # they are declared


def test_people_read_labels(shop: Shop, capsys: pytest.CaptureFixture) -> None:
    """Two brands of one label are told apart; the group comes first in the report."""
    for name, label in (("a", "Nord"), ("b", "Nord"), ("c", "group")):
        other = shop.another(name)
        other.configure(SHOP_BRAND.replace("label: Shop", f"label: {label}"))
        other.deliver_lines(LINE)
    shop.deliver_lines(LINE)
    assert shop.project.labels == {
        "a": "Nord (a)", "b": "Nord (b)", "c": "group (c)", "shop": "Shop", "group": "Group",
    }  # fmt: skip
    result = shop.run()
    text = printed(shop, result, capsys)
    assert re.search(r"Nord \(a\) +Nord \(b\) +group \(c\) +Shop +Group", text)
    assert "Orders   Nord (a) up to 2026-04-03, Nord (b) up to 2026-04-03" in text
    page = text_of(Path(write_report(shop.project)).read_text())
    assert "KPI Unit Group Nord (a) Nord (b) group (c) Shop GMV EUR 40.00 10.00" in page
    assert set(json.loads(call("kpi", "-C", shop.folder, "--json").stdout)) == {
        "a",
        "b",
        "c",
        "shop",
        "group",
    }


def test_survival_says_what_is_off(sold: Shop) -> None:
    with pytest.raises(LakehouseError, match="set `science: true` in mergehouse.yml, then `mergehouse run`"):
        write_survival(sold.project, "shop")


def test_what_only_pages_would_stumble_over(shop: Shop) -> None:
    shop.deliver_lines(LINE)
    shop.configure(SHOP_BRAND + "kpi_definitions: {gvm: before vouchers}\n")
    mappings = shop.folder / "mappings"
    (mappings / "targets.csv").write_text("kpi,brand,period,value\ngmv,shoop,2026,1\n")
    (mappings / "annotations.csv").write_text("day,brand,who,text\n1.3.2026,shop,Ann,Sale\n")
    found = [(c.table, c.why) for c in shop.run(until="bronze").checks if c.check == "pages_can_be_made"]
    assert [table for table, _ in found] == ["shop.folder", "mappings", "mappings"]
    said = " ".join(why for _, why in found)
    assert "kpi_definitions: no KPI is named `gvm`; did you mean `gmv`? The report cannot be made" in said
    assert "targets.csv, row 2: found brand `shoop`; did you mean `shop`? Dashboards" in said
    assert "annotations.csv, row 2: found day `1.3.2026`; expected" in said
