"""A finding is said by every run as long as it stands, whatever the run built, and no longer."""

from __future__ import annotations

import pytest
from tests.conftest import SHOP_BRAND, Shop

from mergehouse.pipeline.results import RunResult
from mergehouse.quality.standing import KEPT

pytestmark = pytest.mark.slow("several deliveries")

# -2 x -5 is a contradiction, and Atlantis no country
ODD = "A1,1,2026-03-01 10:00:00,P1,Mug,-2,-5.00,77,Atlantis,EUR"
DATED = (
    "  rates:\n    files: rates*\n    optional: true\n    updated_at: day\n    columns: {day: {type: date}}\n"
)
GOOD = "A{n},1,2026-03-0{n} 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"
OF_LINES = {"signs_agree", "country_is_known"}


def found(result: RunResult) -> set[str]:
    return {c.check for c in result.checks if not c.passed} - {"category_is_mapped"}


def test_what_is_odd_about_a_line_is_said_until_it_is_mended(shop: Shop) -> None:
    shop.deliver_lines(ODD, GOOD.format(n=2))
    other = shop.another("other")
    other.deliver_lines(GOOD.format(n=2).replace("P1", "Q1"))
    assert found(shop.run(until="silver")) == OF_LINES
    assert found(shop.run(until="silver")) == OF_LINES  # without news
    shop.deliver_lines(GOOD.format(n=3), name="lines_2.csv")
    assert found(shop.run(until="silver")) == OF_LINES  # of which no line is odd
    other.deliver_lines(GOOD.format(n=4).replace("P1", "Q1"), name="lines_2.csv")
    assert found(shop.run(until="silver")) == OF_LINES
    results = "SELECT DISTINCT check_name FROM monitor.quality_results QUALIFY NOT passed"
    latest = (
        f"{results} AND row_number() OVER (PARTITION BY table_name, check_name ORDER BY started DESC) = 1"
    )
    assert {name for (name,) in shop.rows(latest)} == OF_LINES | {
        "category_is_mapped"
    }  # as the report has it
    shop.deliver_lines(GOOD.format(n=1), name="lines_3.csv")
    assert found(shop.run(until="silver")) == {"country_is_known"}  # of the version before, which stays
    assert found(shop.run(until="silver")) == {"country_is_known"}


def test_what_a_run_that_was_killed_found_is_said_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables are up to date, and what is noted is of another delivery, or of none; or lost."""
    note = shop.folder / "lakehouse" / KEPT

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for n in (2, 3):
        shop.deliver_lines(ODD.replace("A1", f"B{n}"), GOOD.format(n=n), name=f"lines_{n}.csv")
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("mergehouse.pipeline.run_log.append_rows", killed)
            shop.run(until="silver")
        for garbled in ([False], [False, True])[n == 3]:
            if garbled:
                note.write_text('{"silver.order_lines": []}')
            healed = shop.run(until="silver")
            assert healed.changed and {t.status for t in healed.tables} == {"fresh"}
            odd = [c.failures for c in healed.checks if c.check == "signs_agree"]
            assert found(healed) == OF_LINES and odd == [n - 1]
    last = shop.run(until="silver")
    assert found(last) == OF_LINES and not last.changed


def test_what_no_table_tells_is_said_without_news_and_taken_back(sold: Shop) -> None:
    sold.configure(f"{SHOP_BRAND}{DATED}fresh_within_days: 2\n")
    misspelt = sold.brand / "line_type.csv"
    misspelt.write_text("match,pattern,line_class\n")
    rules, settings = sold.brand / "line_types.csv", sold.folder / "mergehouse.yml"
    rules.write_text("match,pattern,line_class,valid_until,note\n")
    settings.write_text(settings.read_text() + "churn_after_days: 90\n")
    (sold.brand / "category_map.xlsx").write_bytes(b"PK")
    mappings = sold.folder / "mappings"
    (mappings / "target.csv").write_text("kpi,brand,period,value\n")
    (mappings / "targets.csv").write_text("kpi,brand,period,value,owner\n")
    unread = sold.deliver("", "readme.pdf")
    sold.run()  # of a folder that was copied: its files are known by content
    late = sold.run()
    of_files = {"rule_files_are_read", "every_file_is_read", "settings_are_said_once", "versions_have_a_key"}
    assert not late.changed and found(late) == {"fresh_enough", *of_files}
    unread_rules = {c.table: c.sample for c in late.checks if c.check == "rule_files_are_read"}
    assert unread_rules == {
        "shop.folder": [
            {"file": "category_map.xlsx"},
            {"file": "line_type.csv"},
            {"column": "`valid_until` of line_types.csv"},
        ],
        "mappings": [{"file": "target.csv"}, {"column": "`owner` of targets.csv"}],
    }
    (sold.brand / "category_map.xlsx").unlink()
    (mappings / "target.csv").unlink()
    (mappings / "targets.csv").unlink()
    settings.write_text(settings.read_text().removesuffix("churn_after_days: 90\n"))
    rules.unlink()
    misspelt.unlink()
    unread.unlink()
    sold.configure(f"{SHOP_BRAND}fresh_within_days: 2\n")
    assert found(sold.run()) == {"fresh_enough"}


def test_what_comes_right_by_other_rows_is_taken_back(sold: Shop) -> None:
    """Sales of 30 euros, then 50 come back, then 100 are sold, all on one day: the brand's own row in
    `gold.dim_brand` is the same throughout.
    """

    def said(quantity: int) -> list[list[str]]:
        sold.deliver_lines(GOOD.format(n=3).replace("Mug,2", f"Mug,{quantity}").replace("A3", f"B{quantity}"))
        runs = [sold.run(select="+gold.dim_brand") for _ in range(2)]
        return [[c.check for c in run.checks if not c.passed and c.table == "gold.dim_brand"] for run in runs]

    assert said(-10) == [["more_is_sold_than_returned"]] * 2
    assert said(20) == [[], []]
