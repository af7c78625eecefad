"""The profile: figures worked out by hand on tiny shops or by other queries, nothing personal on a page,
empty states, errors.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.command import call
from tests.conftest import SHOP_BRAND, SHOP_HEADER, SHOP_ORDER_LINES, Demo, Shop

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.profile.pages import write_pages
from mergehouse.profile.profiling import Page, Profile, profile
from mergehouse.profile.tables import Column
from mergehouse.project.config import Project

pytestmark = pytest.mark.slow("profiles of whole lakehouses")


def line(
    order: str,
    day: str,
    customer: str = "",
    quantity: object = 1,
    price: str = "5.00",
    time: str = "10:00:00",
) -> str:
    return f"{order},1,{day} {time},P1,Mug,{quantity},{price},{customer},Germany,EUR"


def page_of(found: Profile, layer: str) -> Page:
    return next(p for p in found.pages if p.layer == layer)


def column(found: Profile, table: str, name: str) -> Column:
    tables = [t for p in found.pages for t in p.tables if t.name == table]
    return next(c for c in tables[0].columns if c.name == name)


def as_text(page: Path) -> str:
    return html.unescape(
        re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style>.*?</style>", "", page.read_text()))
    ).replace("\xa0", " ")


LINES = {  # by brand
    "tiny": [
        line(f"A{n}", "2026-03-01", "K" if n % 4 else "", quantity)
        for n, quantity in enumerate([*range(1, 21), 60])
    ],
    "long_tail": [
        line(f"A{n}", "2026-03-01", "K", quantity) for n, quantity in enumerate([*range(1, 21), 1000])
    ],
    "cohorts": [
        line("A1", "2026-01-05", "ANNA"),
        line("A2", "2026-02-07", "ANNA"),
        line("A3", "2026-02-07", "ANNA", time="18:00:00"),
        line("B1", "2026-01-09", "BEN"),
        line("C1", "2026-02-10", "CLEO"),
        line("C2", "2026-02-20", "CLEO", quantity=-1),
        line("G1", "2026-02-28"),
    ],
    "seasons": [
        line("A1", "2026-03-02", "K", price="10.00"),
        line("A2", "2026-03-09", price="30.00"),
        line("A3", "2026-03-10", "K", price="8.00", time="23:30:00"),
    ],
    "silent": [
        *(line("G0", "2024-01-01"), line("G1", "2025-12-31")),
        *(line(f"S{n}", "2024-06-01", f"S{n}") for n in range(100)),
        *(line(f"SB{n}", "2025-03-01", f"S{n}") for n in range(40)),
        *(line(f"R{n}", "2024-12-20", f"R{n}") for n in range(50)),
        *(line(f"RB{n}", "2025-01-01", f"R{n}") for n in range(45)),
        *(line(f"N{n}", "2025-02-01", f"N{n}") for n in range(60)),
    ],
    "short": [line(f"A{n}", f"2026-03-{n + 1:02}", f"K{n % 5}") for n in range(20)],
}


@pytest.fixture(scope="module")
def project(open_shop: Callable[[], Shop]) -> Project:
    """LINES at a brand each, run to Gold. Read only."""
    shop = open_shop()
    for brand, lines in zip(shop.brands(*LINES), LINES.values(), strict=True):
        brand.deliver_lines(*lines)
    assert not shop.run().failed
    return shop.project


def test_columns_of_a_tiny_shop(project: Project) -> None:
    """21 quantities, 1 to 20 and one far away: quartiles 6, 11, 16; fences 6 - 30 and 16 + 30."""
    found = profile(project, "silver", "tiny")
    numbers = column(found, "silver.sales_clean", "quantity").numbers
    assert numbers is not None
    assert (numbers.lower_quartile, numbers.median, numbers.upper_quartile) == (6, 11, 16)
    assert (numbers.scale, numbers.fences, numbers.outliers) == ("linear", (-24, 46), 1)
    assert sum(c.rows for c in numbers.classes) == 21
    customer = column(found, "silver.sales_clean", "customer_id")
    assert (customer.rows, customer.missing, customer.distinct, customer.shown) == (21, 6, 1, "personal")


def test_a_long_tail_has_logarithmic_classes(project: Project) -> None:
    """1 to 20 and 1000: ln(1 + q) has quartiles ln 7 and ln 17, the upper fence is 17 x (17 / 7)^3 - 1 =
    242.5.
    """
    numbers = column(profile(project, "silver", "long_tail"), "silver.sales_clean", "quantity").numbers
    assert numbers is not None and numbers.fences is not None
    assert numbers.scale == "log" and numbers.outliers == 1
    assert numbers.fences[1] == pytest.approx(17 * (17 / 7) ** 3 - 1)
    assert [(c.low, c.high, c.rows) for c in numbers.classes[:4]] == [
        (1, 2, 1),
        (2, 5, 3),
        (5, 10, 5),
        (10, 20, 10),
    ]


def test_bronze_counts_what_is_missing_and_what_cannot_be_read(shop: Shop) -> None:
    shop.deliver_lines(
        line("A1", "2026-03-01", "K", "2"),
        line("A2", "2026-03-01", "K", "two"),
        line("A3", "2026-03-01", "K", " "),
    )
    shop.run(until="bronze")
    quantity = column(profile(shop.project, "bronze"), "bronze.shop_lines", "qty")
    assert (quantity.rows, quantity.missing, quantity.unreadable, quantity.distinct) == (3, 1, 1, 1)


def test_cohorts_gaps_and_customer_days(project: Project) -> None:
    """Anna comes back once, on a day with two orders; Ben never; Cleo's return and the guest are no
    purchases.
    """
    found = page_of(profile(project, "gold", "cohorts"), "gold").customers
    assert found is not None and found.gaps is not None
    assert (found.customers, found.purchases, found.end) == (3, 4, dt.date(2026, 3, 1))
    assert [(c.month, c.customers, c.active) for c in found.cohorts] == [
        (dt.date(2026, 1, 1), 2, (2, 1)),
        (dt.date(2026, 2, 1), 1, (1,)),
    ]
    assert found.last_month_complete
    assert (found.gaps.count, found.gaps.median, found.gaps.weeks) == (1, 33, ((5, 1),))


def test_seasons_in_the_clocks_of_the_brand(project: Project) -> None:
    """Monday 2 March to Tuesday 10 March: two Mondays and Tuesdays, one of each other day. 10:00 in Berlin is
    9:00 UTC.
    """
    found = page_of(profile(project, "silver", "seasons"), "silver").seasons
    assert found is not None
    assert [(d.name, d.days, float(d.gmv_eur)) for d in found.weekdays[:3]] == [
        ("Monday", 2, 20),
        ("Tuesday", 2, 4),
        ("Wednesday", 1, 0),
    ]
    assert [hour for hour in found.hours if hour[1]] == [(10, 2), (23, 1)]
    assert [(m.start, float(m.gmv_eur), m.orders, m.complete) for m in found.months] == [
        (dt.date(2026, 3, 1), 48, 3, False)
    ]


def test_the_inactivity_curve(project: Project, tmp_path: Path) -> None:
    """Data end with 31 December 2025, so the cut-off is 1 January 2025. 100 customers are silent since 1
    June, 40 of whom come back; 50 since 20 December, 45 of whom come back. Whoever came first after the
    cut-off does not count.
    """
    of_gold = profile(project, "gold", "silent")
    found = page_of(of_gold, "gold").customers
    assert found is not None
    curve = found.inactivity
    assert curve.cut_off == dt.date(2025, 1, 1) and curve.history_days == 731
    by_days = {p.days: (p.customers, p.came_back) for p in curve.points}
    assert by_days[0] == by_days[10] == (150, 85)
    assert by_days[20] == by_days[90] == by_days[210] == (100, 40)
    assert max(by_days) == 210  # 214 days: nobody is silent for longer
    assert curve.at_churn is not None and curve.at_churn.share == 0.4
    assert (
        "Of the 100 customers silent for more than 90 days on 1 January 2025, 40.0 % bought again"
        in curve.words
    )
    assert "lapsed, not gone" in curve.words
    page = as_text(Path(write_pages(project, of_gold, tmp_path)[1]))
    assert "210 100 40 40.0 %" in " ".join(page.split())


def test_a_short_history_is_said_not_drawn(project: Project, tmp_path: Path) -> None:
    found = profile(project, "gold", "short")
    customers = page_of(found, "gold").customers
    assert (
        customers is not None and customers.inactivity.points == () and customers.inactivity.at_churn is None
    )
    pages = write_pages(project, found, tmp_path)
    gold = Path(next(page for page in pages if page.endswith("gold-short.html")))
    assert "The data cover 20 days" in as_text(gold) and "No curve is drawn" in as_text(gold)
    assert 'class="curve"' not in gold.read_text().split("</style>")[1]


def test_nothing_personal_is_shown(shop: Shop, tmp_path: Path) -> None:
    """Values of columns with `pii`, what these are made of in Bronze, and columns that nobody declared."""
    item = "      item: {type: code}"
    shop.configure(
        SHOP_BRAND.replace(item, f"{item}\n      phone: {{type: text}}\n      birth: {{type: date}}")
    )
    renamed = SHOP_ORDER_LINES.replace(
        "customer AS customer_code", "concat(customer, phone) AS customer_code"
    )
    (shop.brand / "order_lines.sql").write_text(
        f"WITH renamed AS ({renamed}) SELECT * FROM renamed".replace("SELECT * FROM", _SELECTED)
    )
    lines = [
        f"{line(f'A{n}', '2026-03-01', f'SECRET{n % 2}')},PHONE{n % 2},1977-07-0{n % 2 + 1},HIDDEN{n % 2}"
        for n in range(60)
    ]
    shop.deliver_lines(*lines, name="lines.csv", header=f"{SHOP_HEADER},phone,birth,till")
    assert not shop.run().failed
    found = profile(shop.project)
    assert {c: column(found, "bronze.shop_lines", c).shown for c in ("customer", "phone", "birth", "till",
        "country")} == {
        "customer": "personal", "phone": "personal", "birth": "unknown", "till": "unknown", "country": "text",
    }  # fmt: skip
    pages = [Path(p).read_text() for p in write_pages(shop.project, found, tmp_path / "pages")]
    for secret in ("SECRET", "PHONE", "HIDDEN", "1977"):
        assert not any(secret in page for page in pages)
    assert "SECRET" not in json.dumps(call("profile", "-C", shop.folder, "--json").stdout)


_SELECTED = (
    "SELECT order_id, line_id, order_local_ts, product_code, product_name, quantity, unit_price,"
    " customer_code, country, currency, batch_id, source_row, ingest_ts FROM"
)


@pytest.fixture(scope="module")
def of_demo(demo: Demo) -> Profile:
    return profile(demo[0])


def test_pages_are_self_contained_and_escaped(demo: Demo, of_demo: Profile, tmp_path: Path) -> None:
    project, _, _ = demo
    pages = [Path(p) for p in write_pages(project, of_demo, tmp_path)]
    assert [p.name for p in pages][0] == "index.html" and len(pages) == 1 + 3 * len(project.brands)
    written = {p.name for p in pages}
    for page in pages:
        text = page.read_text()
        assert "<script" not in text and "@import" not in text and "url(" not in text and " src=" not in text
        anchors = set(re.findall(r'id="([^"]+)"', text))
        for link in re.findall(r'href="([^"]+)"', text):
            file, _, anchor = link.partition("#")
            assert file in written if file else anchor in anchors
        for figure in re.findall(r"<svg.*?</svg>", text):
            assert re.match(r'<svg [^>]*role="img" aria-label="[^"]+"><title>[^<]+</title>', figure)


def test_delivered_text_is_escaped(shop: Shop) -> None:
    shop.deliver_lines(
        line("A1", "2026-03-01").replace("Mug", "<b>Mug"), line("A2", "2026-03-01"), line("A3", "2026-03-01")
    )
    shop.run(until="bronze")
    bronze = next(
        p
        for p in write_pages(shop.project, profile(shop.project, "bronze"))
        if p.endswith("bronze-shop.html")
    )
    assert "&lt;b&gt;Mug" in Path(bronze).read_text() and "<b>Mug" not in Path(bronze).read_text()


def test_overlaps_by_other_queries(demo: Demo, of_demo: Profile) -> None:
    project, _, _ = demo
    overlaps = of_demo.overlaps
    assert overlaps is not None and overlaps.customers and overlaps.countries and overlaps.categories
    lakehouse = Lakehouse(project.lakehouse_location)
    one, other = project.brands
    bought = (
        "SELECT customer_id FROM silver.orders WHERE is_sale AND customer_id IS NOT NULL AND source_system ="
        " '{}'"
    )
    both = lakehouse.query(
        f"SELECT count(*) FROM ({bought.format(one)} INTERSECT {bought.format(other)})"
    ).fetchall()[0][0]
    assert overlaps.customers[one].get(other, 0) == both
    alone = lakehouse.query(f"SELECT count(DISTINCT customer_id) FROM ({bought.format(one)})").fetchall()[0][
        0
    ]
    assert overlaps.customers[one][one] == alone
    sold = "SELECT DISTINCT {} FROM silver.sales_clean WHERE line_type = 'sale' AND source_system = '{}'"
    for key, found in (
        ("department, category", overlaps.categories),
        ("country_code, region", overlaps.countries),
    ):
        common = f"{sold.format(key, one)} INTERSECT {sold.format(key, other)}"
        assert found.common == lakehouse.query(f"SELECT count(*) FROM ({common})").fetchall()[0][0]
        share = lakehouse.query(
            f"SELECT sum(amount_eur) FILTER ({key.split(', ')[1]} IS NOT NULL AND ({key}) IN ({common})) /"
            f" sum(amount_eur) FROM silver.sales_clean WHERE line_type = 'sale' AND source_system = '{one}'"
        ).fetchall()[0][0]
        assert found.common_share[one] == pytest.approx(share or 0)


def test_one_brand_one_layer(demo: Demo) -> None:
    project, _, _ = demo
    one = next(iter(project.brands))
    found = profile(project, "silver", one)
    assert [(p.layer, p.brand) for p in found.pages] == [("silver", one)]
    assert found.overlaps is None and found.group_tables == ()


def test_rows_of_shared_customers_are_the_groups(of_demo: Profile) -> None:
    of_brands = {t.name for p in of_demo.pages for t in p.tables}
    assert {"gold.customer_360", "gold.dim_customer", "gold.dim_date"} <= {
        t.name for t in of_demo.group_tables
    }
    assert "gold.customer_brand_360" in of_brands and "gold.customer_360" not in of_brands


def test_before_gold_and_before_anything(shop: Shop) -> None:
    shutil.rmtree(shop.folder / "lakehouse")
    with pytest.raises(LakehouseError, match="nothing ran here yet"):
        profile(shop.project)
    shop.deliver_lines(line("A1", "2026-03-01"))
    shop.run(until="silver")
    with pytest.raises(LakehouseError, match="no table of gold is published yet"):
        profile(shop.project, layer="gold")
    index = as_text(Path(write_pages(shop.project, profile(shop.project))[0]))
    assert (
        "No sales by country are published yet" in index
        and "gold.customer_brand_360 is not published" in index
    )


def test_nothing_usable_was_delivered(shop: Shop) -> None:
    shop.deliver_lines(line("A1", "2026-03-01", "K", "two"))
    shop.run()
    text = " ".join(as_text(Path(p)) for p in write_pages(shop.project, profile(shop.project)))
    assert "No sale of Shop is published yet" in text and "No known customer of Shop has bought yet" in text
    assert "nothing to look at" in text and "nobody known has bought" in text


@pytest.mark.long("every page of the demonstration")
def test_the_command(shop: Shop, tmp_path: Path) -> None:
    shutil.rmtree(shop.folder / "lakehouse")
    assert "nothing ran here yet" in call("profile", "-C", shop.folder, code=2).stderr
    shop.deliver_lines(line("A1", "2026-03-01", "K"))
    shop.run()
    assert "did you mean `shop`" in call("profile", "-C", shop.folder, "--brand", "shp", code=2).stderr
    assert "expected one of bronze" in call("profile", "-C", shop.folder, "--layer", "golden", code=2).stderr
    (tmp_path / "file").write_text("")
    assert "cannot be written" in call("profile", "-C", shop.folder, "--to", tmp_path / "file", code=2).stderr
    places = call("profile", "-C", shop.folder, "--to", tmp_path / "pages").stdout.split()
    assert places[0].endswith("index.html") and all(Path(p).exists() for p in places)
    figures = json.loads(call("profile", "-C", shop.folder, "--json").stdout)
    assert set(figures) == {"pages", "churn_after_days", "layers", "group_tables", "overlaps"}
    customers = figures["layers"]["gold"]["shop"]["customers"]
    assert customers["inactivity"]["history_days"] == 1 and customers["customers"] == 1
    assert all(Path(p).parent.name == "profile" and Path(p).exists() for p in figures["pages"])


def test_colours_can_be_read() -> None:
    """WCAG 2.2, success criterion 1.4.3: a contrast of at least 4.5 for text, also on the darkest cell of the
    heat map.
    """
    import mergehouse.charts.pages as pages

    style = (pages.HERE / "base.html.j2").read_text()
    colours = {n: (a, b) for n, a, b in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", style)}
    for mode in (0, 1):
        for text in ("ink", "quiet", "total", "less", "more", "warn", "bad"):
            for ground in ("page", "card"):
                assert contrast(rgb(colours[text][mode]), rgb(colours[ground][mode])) >= 4.5
        cell = [
            0.45 * a + 0.55 * b
            for a, b in zip(rgb(colours["total"][mode]), rgb(colours["card"][mode]), strict=True)
        ]
        assert contrast(rgb(colours["ink"][mode]), cell) >= 4.5


def test_pages_have_one_style() -> None:
    import mergehouse.charts.pages as pages

    templates = [
        file
        for file in pages.HERE.parent.rglob("*.html.j2")
        if file.parent.name != "templates" and file.name not in ("base.html.j2", "parts.html.j2")
    ]  # but for those of the dashboards, whose content policy takes no style in a page
    assert len(templates) >= 8
    for file in templates:
        page = file.read_text()
        assert page.startswith("{% extends") and "<style" not in page and "light-dark" not in page, file


def rgb(colour: str) -> list[float]:
    return [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]


def contrast(one: list[float], other: list[float]) -> float:
    light = sorted(
        sum(
            w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)
        )
        for rgb in (one, other)
    )
    return (light[1] + 0.05) / (light[0] + 0.05)
