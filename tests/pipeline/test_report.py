"""The quality report: one file, nothing loaded from elsewhere, the run's figures, empty states written."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from tests.conftest import Demo, Shop

from mergehouse.errors import LakehouseError
from mergehouse.quality.report import write_report

LINE = "A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR"


def test_report_shows_the_truth(demo: Demo) -> None:
    project, truth, _ = demo
    page = Path(write_report(project)).read_text()
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    assert not re.search(r'(src|href)="(?!#)', page) and "@import" not in page and "url(" not in page
    for brand in truth["brands"].values():
        assert f"{float(brand['kpis']['gmv']):,.2f}" in text
    for words in (
        "The quantity is no number",
        "fewer cells than the header",
        "overlap",
        "BROKEN OFF",
        "Products without a category",
        "CURIO",
    ):
        assert words in text
    assert "Something stopped" not in text


def test_delivered_text_is_escaped(shop: Shop) -> None:
    shop.deliver_lines(LINE, "<script>alert(1)</script>,torn")
    shop.run()
    page = Path(write_report(shop.project)).read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_report_of_a_run_that_stopped(shop: Shop) -> None:
    with pytest.raises(LakehouseError, match="nothing ran here yet"):
        write_report(shop.project)
    shop.deliver("")
    shop.run()
    text = Path(write_report(shop.project)).read_text()
    assert "Something stopped" in text and "No KPI yet" in text and "Nothing was delivered yet" in text


def test_report_shows_drift(shop: Shop) -> None:
    shop.deliver(
        "order,line,when,item,title,qty,price,customer,country,currency\n" + LINE + "\n", "lines_1.csv"
    )
    shop.deliver(
        "order,line,when,item,title,qty,price,customer,country,currency,Till\n" + LINE + ",4\n", "lines_2.csv"
    )
    shop.run()
    assert "new column `Till` kept as `till`" in Path(write_report(shop.project)).read_text()
