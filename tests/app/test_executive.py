"""The Executive page: brands that never overlap are compared by their own clocks, and nothing is told that
is not so.

Expected figures are known from how the orders were made, or asked of the lakehouse in other words.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
import pytest
from tests.app.two_times import Open

from mergehouse.app.figures.cards import SALES
from mergehouse.app.figures.executive import Executive, executive
from mergehouse.app.figures.windows import Absence, Window
from mergehouse.app.view import UnknownFilter
from mergehouse.kpi.catalogue import compute

DAY = dt.date
LONG_NAME = "Long <b>& old</b>"


def figures(
    suite: Open, role: str = "executive", measure: str = "net_revenue", scale: str = "value", **view: str
) -> Executive:
    reader, seen, offered = suite.view(role, **view)
    return executive(reader, seen, offered, measure, scale)  # type: ignore[arg-type]


def shown(suite: Open, path: str = "/", role: str = "executive") -> str:
    answer = suite.visitor(role).get(path)
    assert answer.status_code == 200, answer.status_code
    return re.sub(r"\s+", " ", answer.text)


def test_equal_sales_14_years_apart_are_equal(far: Open) -> None:
    """739 days against 75: the same run-rate, the same index, no growth of the two together."""
    page = figures(far, scale="index")
    windows = {each.name: each.window for each in page.brands}
    assert windows == {
        "shop": Window(DAY(2011, 10, 1), DAY(2011, 12, 9)),
        "zebra": Window(DAY(2025, 4, 9), DAY(2025, 6, 17)),
    }
    assert [each.card("net_revenue").per_day for each in page.brands] == [Decimal(10), Decimal(10)]
    assert page.combined and page.combined.card("net_revenue").per_day == Decimal(20)
    assert page.combined.card("aov").value == Decimal(10)
    assert all(card.change is None for card in page.combined.cards)
    assert page.brands[0].card("net_revenue").change == 0  # the same weeks of 2010
    lines = {line.name: [point.value for point in line.points] for line in page.trend.lines}
    assert lines == {"shop": [100] * 26, "zebra": [100] * 10} and page.trend.common == -9
    assert not page.trend.is_apart and {line.is_earlier for line in page.trend.lines} == {False}


def test_churn_of_a_brand_of_75_days_is_not_observable(far: Open) -> None:
    page = figures(far)
    shop, zebra = (each.card("active_rate") for each in page.brands)
    assert shop.value == 1 and zebra.value is None and zebra.absence
    assert (zebra.absence.word, zebra.absence.have, zebra.absence.need) == ("not observable yet", 75, 90)
    assert page.combined and page.combined.card("active_rate").absence == zebra.absence
    assert "not observable yet" in shown(far) and "Zebra has 75 days of data, 90 needed." in shown(far)


def test_the_page_says_that_the_times_differ(far: Open) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", shown(far)))
    assert "These periods are more than 13 years apart and in different seasons" in text
    assert "'s includes the run-up to Christmas. In the same weeks of spring 2011" in text
    assert "Combined daily run-rate" in text and "each brand's last 10 full weeks; periods differ" in text
    assert "No comparison: Zebra delivered nothing before 4 Apr 2025." in text
    assert "Sum of both deliveries" in text and "50.0% of the combined run-rate" in text
    combined = text[text.index("Combined daily run-rate") : text.index("50.0% of the combined run-rate")]
    assert not re.search("better|worse|unchanged|not comparable", combined)


def test_a_locale_that_is_none_is_english(far: Open) -> None:
    """Whoever names it, a browser or an address, which has no parameter for it."""
    visitor = far.visitor("executive")
    for language in ("xx-YY", "xx_YY", "\u0661, ;q=", "ar", "*", "," * 3000):
        page = visitor.get("/?locale=xx_YY", headers={"Accept-Language": language.encode()})
        assert page.status_code == 200 and 'data-locale="en-GB"' in page.text and "9 Dec 2011" in page.text


def test_brand_names_are_text(far: Open) -> None:
    page = shown(far)
    assert LONG_NAME not in page and html.escape(LONG_NAME) in page


def test_the_same_season_is_the_last_year_that_has_it(far: Open) -> None:
    page = figures(far, clock="season")
    shop, zebra = page.brands
    assert shop.window == Window(DAY(2011, 4, 9), DAY(2011, 6, 17)) and zebra.window
    assert shop.compared == Window(DAY(2010, 4, 9), DAY(2010, 6, 17)) and zebra.compared is None
    earlier = {line.name: line.is_earlier for line in page.trend.lines if line.is_earlier}
    assert earlier == {"shop": True} and len(page.trend.places) == 10


def test_the_calendar_puts_each_brand_into_its_own_time(far: Open) -> None:
    assert figures(far, clock="calendar").trend.is_apart
    page = shown(far, "/?clock=calendar")
    assert 'id="trend-1"' in page and 'id="trend-2"' in page
    page = html.unescape(
        shown(far, "/?clock=calendar&measure=aov")
    )  # a rate need not begin at zero, but here
    heights = re.findall(r'"min": ?([^,}]+), ?"max": ?([^,}]+)', page)
    assert len(heights) == 2 and len(set(heights)) == 1 and heights[0][0] == "0"


def test_a_window_that_a_brand_has_not_is_said(far: Open) -> None:
    page = figures(far, period="13w")
    assert page.brands[0].window == Window(DAY(2011, 9, 10), DAY(2011, 12, 9))
    assert page.brands[1].absence == Absence("not observable yet", "weeks", "Zebra", 10, 13)
    assert page.combined and page.combined.absence and page.combined.absence.word == "not comparable"
    assert "Zebra has 10 whole weeks of data, 13 needed." in shown(far, "/?period=13w")
    alone = shown(far, "/?period=13w&brand=zebra")
    assert "Show the usual period" in alone and "Nothing matches" not in alone


def test_a_month_that_is_not_whole_is_compared_with_nothing(far: Open) -> None:
    page = figures(far, period="2011-12")
    shop, zebra = page.brands
    assert shop.window == Window(DAY(2011, 12, 1), DAY(2011, 12, 9), is_partial=True)
    assert shop.no_change and shop.no_change.reason == "so_far" and zebra.absence
    assert zebra.absence.word == "no data"
    assert figures(far, period="2011-11", compare="previous").brands[0].compared == Window(
        DAY(2011, 10, 1), DAY(2011, 10, 31)
    )
    assert "so far" in shown(far, "/?period=2011-12")


def test_all_data_are_the_command_lines_figures(far: Open, near: Open) -> None:
    for suite in (far, near):
        expected = compute(suite.shop.lakehouse)
        page = figures(suite, period="all")
        assert page.combined
        for each in (*page.brands, page.combined):
            told = {card.kpi.name: card.value for card in each.cards if card.value is not None}
            assert {name: expected[each.name][name] for name in told} == told and set(SALES) <= set(told)


def test_brands_of_the_same_time_share_a_calendar(near: Open) -> None:
    """Then both together have a change, too."""
    page = figures(near)
    window = Window(DAY(2025, 1, 2), DAY(2025, 12, 31))
    assert page.story.on_one_calendar and {each.window for each in page.brands} == {window}
    assert page.combined and page.combined.window == window
    assert {each.no_change.reason for each in page.brands if each.no_change} == {"nothing_before"}
    page = figures(near, period="13w")
    assert page.combined and page.combined.compared
    window, before = page.combined.window, page.combined.compared
    assert window == Window(DAY(2025, 10, 2), DAY(2025, 12, 31))
    assert before == Window(DAY(2024, 10, 3), DAY(2025, 1, 1))
    now, then = (net_revenue(near, each) for each in (window, before))
    assert page.combined.card("net_revenue").value == now
    assert page.combined.card("net_revenue").change == now / then - 1
    assert "so they stand on one calendar" in shown(near)


def net_revenue(suite: Open, window: Window, where: str = "TRUE") -> Decimal:
    """Asked of the order lines."""
    sql = (
        "SELECT SUM(amount_eur) FROM silver.sales_clean WHERE line_type IN ('sale', 'return')"
        f" AND order_date BETWEEN '{window.since}' AND '{window.until}' AND {where}"
    )
    return suite.shop.rows(sql)[0][0] or Decimal(0)


def in_all(per_day: Iterable[Decimal], days: int = 13 * 7) -> Decimal:
    return round(sum(per_day, Decimal(0)) * days, 2)


def test_regions_and_categories_are_those_of_the_lines(near: Open) -> None:
    page = figures(near, period="13w")
    assert page.combined and page.combined.window
    window = page.combined.window
    assert [part.name for part in page.regions] == ["North Europe", "South Europe", "Rest of world"]
    for part in page.regions:
        for each, told in zip(page.brands, part.by_brand, strict=True):
            where = f"region = '{part.name}' AND source_system = '{each.name}'"
            assert in_all([told]) == net_revenue(near, window, where)
    total = net_revenue(near, window)
    assert in_all(part.per_day for part in page.categories) == total
    assert sum(part.share or 0 for part in page.regions) == pytest.approx(1)


def test_a_place_narrows_every_figure(near: Open) -> None:
    page = figures(near, period="13w", country="ES")
    assert page.combined and page.combined.window
    spain = net_revenue(near, page.combined.window, "country_code = 'ES'")
    assert page.combined.card("net_revenue").value == spain
    assert in_all(part.per_day for part in page.categories) == spain
    points = [p.value or 0 for line in page.trend.lines for p in line.points if p.place > -13]
    assert sum(points) * 7 == pytest.approx(spain)
    assert (
        page.combined.card("customers").value
        == near.shop.rows(
            "SELECT COUNT(DISTINCT customer_id) FROM silver.customers_clean WHERE country_code = 'ES'"
        )[0][0]
    )


@pytest.mark.parametrize("kpi", ["aov", "return_rate"])
def test_intervals_are_those_of_a_bootstrap(near: Open, kpi: str) -> None:
    card = figures(near, period="all").brands[0].card(kpi)
    orders = near.shop.rows(
        "SELECT gmv_eur, returns_eur, is_sale FROM silver.orders WHERE source_system = 'shop'"
    )
    gmv, returned, sales = (np.array([float(row[n]) for row in orders]) for n in range(3))
    drawn = np.random.default_rng(1).integers(0, len(orders), (4000, len(orders)))
    of = (
        (gmv[drawn].sum(1) / sales[drawn].sum(1))
        if kpi == "aov"
        else (returned[drawn].sum(1) / gmv[drawn].sum(1))
    )
    low, high = np.quantile(of, [0.025, 0.975])
    assert card.interval and card.value is not None
    assert card.interval.high - card.interval.low == pytest.approx(high - low, rel=0.06)
    assert card.interval.low == pytest.approx(low, abs=0.1 * (high - low))


def test_a_brand_without_returns_has_no_interval_and_no_verdict(far: Open) -> None:
    returns = next(each for each in figures(far).versus if each.kpi == "return_rate")
    assert returns.is_clear is None and all(card.interval is None for _, card in returns.cards)
    assert "delivered no returns: no interval" in shown(far)


def test_a_brand_manager_sees_one_brand_and_no_share(far: Open) -> None:
    page = shown(far, role="brand_manager_zebra")
    assert "Zebra sold" in page and "€10.00" in page
    assert not re.search("Long|2011|2009|[Cc]ombined|[Bb]oth|shop\\b|all brands", page, re.IGNORECASE)
    for query in (
        "brand=shop",
        "brand=zebra&brand=shop",
        "brand=",
        "brand=*",
        "brand=SHOP",
        "period=2011",
        "measure=x",
    ):
        assert far.visitor("brand_manager_zebra").get(f"/?{query}").status_code == 422, query
    with pytest.raises(UnknownFilter):
        far.view("brand_manager_zebra", brand="shop")
    assert figures(far, "brand_manager_zebra").combined is None


def test_a_role_of_a_region_sees_its_sales_by_their_own_clock(near: Open) -> None:
    page = figures(near, "north", period="13w")
    assert page.combined is None and [each.name for each in page.brands] == ["shop", "zebra"]
    window = page.brands[0].window
    assert window
    north = net_revenue(near, window, "region = 'North Europe' AND source_system = 'shop'")
    assert page.brands[0].card("net_revenue").value == north
    assert [part.name for part in page.regions] == ["North Europe"]
    assert "ombined" not in shown(near, "/?period=13w", "north")


def test_a_role_of_a_region_knows_what_its_brands_are_called_and_when_silence_is_leaving(near: Open) -> None:
    north, everything = figures(near, "north"), figures(near)
    assert [each.label for each in north.brands] == [each.label for each in everything.brands]
    sql = (
        "SELECT source_system, avg(CASE WHEN is_churned THEN 0 ELSE 1 END) FROM gold.customer_brand_360"
        " WHERE frequency > 0 AND region = 'North Europe' GROUP BY 1"
    )
    active = dict(near.shop.lakehouse.query(sql).fetchall())
    told = {each.name: each.card("active_rate").value for each in north.brands}
    assert told == pytest.approx(active, abs=1e-6)
    assert not any(each.brand and each.brand.last_order for each in north.brands)  # not that of an export


def test_few_customers_are_not_told_to_who_sees_no_persons(far: Open) -> None:
    assert figures(far, "executive").brands[0].card("customers").value == 1
    cards = [each.card("customers") for each in figures(far, "marketing").brands]
    assert [card.absence.word for card in cards if card.absence] == ["fewer than 5"] * 2
    assert "fewer than 5" in shown(far, role="marketing")


def test_filters_stay_and_say_only_what_differs(near: Open) -> None:
    client = near.visitor("executive")
    answer = client.get(
        "/?brand=all&region=South+Europe&country=all&period=13w&clock=calendar&compare=last_year",
        follow_redirects=False,
    )
    assert answer.status_code == 303 and answer.headers["location"] == "/?region=South+Europe&period=13w"
    page = html.unescape(client.get(answer.headers["location"]).text)
    assert '"/kpis?region=South+Europe&period=13w"' in page  # the header
    assert '"/?region=South+Europe&period=13w&measure=gmv"' in page
    assert 'aria-label="Remove the filter South Europe"' in page


def test_every_link_of_the_page_leads_somewhere(near: Open) -> None:
    client = near.visitor("executive")
    for path in ("/?measure=aov&scale=index&period=13w&region=South+Europe", "/kpis/aov?compare=off"):
        page = html.unescape(client.get(path).text)
        links = {link for link in re.findall(r'href="([^"#]+)"', page) if not link.startswith("/static")}
        links |= {link.replace("\\u0026", "&") for link in re.findall(r'"(/\?[^"]*)"', page)}
        assert len(links) > 10
        refused = {link for link in links if client.get(link).status_code != 200}
        assert not refused


def test_what_matches_nothing_says_so_and_offers_all(near: Open) -> None:
    page = shown(near, "/?region=South+Europe&country=DE")
    assert "Nothing matches." in page and "Show all" in page


def test_files_hold_what_the_page_shows(near: Open) -> None:
    client = near.visitor("executive")
    answer = client.get("/?period=13w&region=South+Europe&download=kpis.csv")
    assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
    notes = [line for line in answer.text.splitlines() if line.startswith("# ")]
    assert "# region: South Europe" in notes and "# period: last 13 weeks" in notes and "# rows: 24" in notes
    page = figures(near, period="13w", region="South Europe")
    assert page.combined
    value = page.combined.card("net_revenue").value
    assert f"all brands,Net revenue,EUR,2025-10-02,2025-12-31,{value}," in answer.text
    for of in ("trend", "regions", "categories"):
        assert client.get(f"/?download={of}.parquet").content.startswith(b"PAR1")
    assert client.get("/?download=customers.csv").status_code == 422
    assert "shop" not in near.visitor("brand_manager_zebra").get("/?download=trend.csv").text.lower()
