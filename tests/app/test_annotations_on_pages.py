"""Notes on days stand at every axis of time: at the month or cut-off that has the day, and nowhere else."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from tests.app.shared_customers import browser, reader
from tests.app.trusted import House
from tests.conftest import Shop

from mergehouse.access.extract import write_extracts
from mergehouse.access.gateway import Gateway
from mergehouse.app.figures.annotations import Annotation, annotated
from mergehouse.app.figures.campaign import Plan, Replay, campaign
from mergehouse.app.figures.customer_list import Asked, customer, customer_list
from mergehouse.app.figures.first_look import first_look
from mergehouse.app.figures.models import models
from mergehouse.app.pages.first_look import _months_written, _notes
from mergehouse.app.plots import customers as plots
from mergehouse.app.view import View, choices
from mergehouse.app.wording import Wording
from mergehouse.app.writing import Writing
from mergehouse.app.written.models import judged_at, judged_notes, judged_rows

pytestmark = pytest.mark.slow("runs, and the files of pages, for each case")

HARM = "<b>Sale</b>"


@pytest.fixture(scope="module")
def noted(house: Shop, gateway: Gateway) -> Iterator[Gateway]:
    """With notes on 14 February 2025 of Shop, on 2 March 2015 of Zebra, and on all brands."""
    file = house.folder / "mappings" / "annotations.csv"
    file.write_text(
        f"day,brand,who,text\n2025-02-14,shop,Ann,{HARM}\n2015-03-02,zebra,Bob,Strike\n"
        "2025-03-31,group,Board,Merger\n"
    )
    write_extracts(house.project, gateway.policy)
    yield gateway
    file.unlink()
    write_extracts(house.project, gateway.policy)


def test_months_of_deliveries_have_them(noted: Gateway, app: FastAPI) -> None:
    executive = reader(noted, "executive")
    said = annotated(executive, None, choices(executive))
    shop = next(brand for brand in first_look(executive, None) if brand.name == "shop")
    of = _notes(shop, said, Writing())
    months = [month.start for month in shop.months]
    assert [flag["at"] for flag in of.flags] == [
        months.index(dt.date(2025, 2, 1)),
        months.index(dt.date(2025, 3, 1)),
    ]
    written = {row["month"]: row["said"] for row in _months_written(shop, Writing(), of)}
    assert written["Feb 2025"] == f"1: 14 Feb 2025, Shop: {HARM} (Ann)" and written["Jan 2025"] == "none"
    page = browser(app, "executive").get("/first-look").text
    assert HARM not in page and html.escape(HARM) in page and "Strike" in page and "Merger" in page
    own = browser(app, "brand_manager_shop").get("/first-look").text
    assert html.escape(HARM) in own and "Strike" not in own and "Merger" not in own
    file = browser(app, "executive").get("/first-look/export?of=months&brand=shop").text
    assert "Annotations" in file and "2: 31 Mar 2025, All brands: Merger (Board)" in file


def test_months_of_a_customer_have_them(noted: Gateway) -> None:
    executive = reader(noted, "executive")
    key = customer_list(executive, View(brand="shop"), Asked()).rows[0]["customer"]
    found = customer(executive, key)
    assert found
    offered = choices(executive)
    words = Wording(Writing(), offered, View())
    options, of = plots.timeline(found, annotated(executive, "shop", offered), words)
    months = [month for month, _ in found.by_month]
    assert {flag["at"] for flag in options["flags"]} == {
        months.index(day) for day in (dt.date(2025, 2, 1), dt.date(2025, 3, 1)) if day in months
    }
    assert "Strike" not in of.says


def test_past_cut_offs_of_a_campaign_have_them(noted: Gateway, app: FastAPI) -> None:
    """From a cut-off to the day before the next, each brand at its own place of one axis."""
    executive = reader(noted, "executive")
    offered = choices(executive)
    planned = campaign(executive, View(), Plan())
    _, of, rows = plots.replays(
        planned, annotated(executive, None, offered), Wording(Writing(), offered, View())
    )
    assert of.told and len(rows) == len(planned.replays)
    for row in rows:
        days = {"Shop": dt.date(2025, 2, 14), "Zebra": dt.date(2015, 3, 2)}
        is_there = row["cutoff"] <= days[row["brand"]] < row["cutoff"] + dt.timedelta(days=28)
        if is_there:
            assert {"Shop": HARM, "Zebra": "Strike"}[row["brand"]] in row["said"]
    assert html.escape(HARM) in browser(app, "executive").get("/campaign").text


def test_cut_offs_that_are_told_together_are_of_no_month(gateway: Gateway) -> None:
    executive = reader(gateway, "executive")
    words = Wording(Writing(), choices(executive), View())
    planned = campaign(executive, View(brand="shop"), Plan())
    together = Replay("shop", None, 7, 2)
    chart, _, rows = plots.replays(replace(planned, replays=(*planned.replays, together)), (), words)
    assert chart == plots.replays(planned, (), words)[0] and rows[-1]["cutoff"] is None
    assert plots.replays(replace(planned, replays=(together,)), (), words)[0]["labels"] == []


def test_past_cut_offs_of_a_model_have_them(trusted: House) -> None:
    (card,) = models(trusted.reader("executive"), "shop", "Shop").cards
    first, *_ = judged_at(card)
    said = [
        Annotation(first, "shop", "Shop", "Ann", "That day"),
        Annotation(first - dt.timedelta(days=1), "shop", "Shop", "Ann", "The day before"),
        Annotation(first, "zebra", "Zebra", "Bob", "Another's"),
    ]
    of = judged_notes(card, "shop", said, Writing())
    columns, rows = judged_rows(card, of, Writing())
    assert of.flags == [{"at": 0, "first": 1, "last": 1}] and columns[-1]["label"] == "Annotations"
    assert rows[0]["said"].endswith("That day (Ann)")
    assert judged_rows(card, judged_notes(card, "shop", [], Writing()), Writing())[0] == columns[:-1]
