"""The demonstration's exports look like two businesses: read here as files, before any run."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from mergehouse.cli.scaffold import write_project
from mergehouse.demo import generate
from mergehouse.kpi.targets import target_rows
from mergehouse.project.annotations import annotation_rows
from mergehouse.project.config import load_project

LINES = 50_000
FEW = 2_000
Exports = tuple[pl.DataFrame, pl.DataFrame, dict]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """The lines of the wide brand, each once, with `value`, `day` and `noun`; the other's items, with the
    customer; the truth.
    """
    folder = tmp_path_factory.mktemp("exports")
    write_project(folder)
    truth = generate(folder, LINES, 3)
    names = ["invoice", "code", "name", "quantity", "time", "price", "customer", "country"]
    read = [
        pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True, new_columns=names)
        for file in sorted((folder / "raw" / "eurostyle").glob("online_*.csv"))
    ]
    formats = ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M")
    wide = (
        pl.concat(read)
        .with_columns(
            pl.col("customer").str.strip_suffix(".0"),
            pl.col("quantity").cast(pl.Int64, strict=False),
            pl.col("price").cast(pl.Float64, strict=False).fill_nan(None),
            pl.col("code").str.strip_chars().str.to_uppercase(),
            pl.coalesce(pl.col("time").str.to_datetime(f, strict=False) for f in formats).alias("time"),
            noun=pl.col("name").str.strip_chars().str.extract(r"(\w+)$"),
        )
        .drop_nulls(["quantity", "time"])
        .filter(pl.col("price") > 0, pl.col("time").dt.year() < 2099)
        .unique(names, maintain_order=True)
        .with_columns(value=pl.col("quantity") * pl.col("price"), day=pl.col("time").dt.date())
    )
    raw = folder / "raw" / "contoso"
    items = pl.read_csv(raw / "demo_fashion_store_salesitems.csv", try_parse_dates=True).unique("item_id")
    sales = pl.read_csv(raw / "demo_fashion_store_sales.csv").select("sale_id", "customer_id", "country")
    return wide, items.join(sales, on="sale_id"), truth


def top_decile(spend: pl.DataFrame) -> float:
    """Share of the best tenth of the customers in `spend` (customer, value)."""
    of = spend.group_by("customer").agg(pl.col("value").sum())["value"].sort(descending=True)
    return of[: len(of) // 10].sum() / of.sum()


def test_few_customers_bring_much(exports: Exports) -> None:
    wide, items, _ = exports
    sold = wide.filter(pl.col("quantity") > 0).drop_nulls("customer")
    assert 0.3 < top_decile(sold) < 0.6
    assert 0.3 < top_decile(items.select(customer="customer_id", value="item_total")) < 0.6


def test_returns_follow_purchases(exports: Exports) -> None:
    """Nothing comes back that was not sold before, but what was sold before the data begin."""
    wide, _, _ = exports
    key = ["customer", "code", "price"]
    known = wide.filter(pl.col("code").str.contains(r"^\d{5}")).with_columns(pl.col("customer").fill_null(""))
    returned = known.filter(pl.col("invoice").str.starts_with("C")).with_columns(-pl.col("quantity"))
    sold = known.filter(pl.col("quantity") > 0).select(*key, "quantity", sold="time")
    pairs = returned.join(sold, on=[*key, "quantity"]).filter(pl.col("sold") <= pl.col("time"))
    orphans = returned.join(pairs, on=["invoice", *key, "quantity"], how="anti")
    assert returned.height > 200
    late = orphans.filter(pl.col("day") >= dt.date(2010, 3, 1))
    assert late.height <= 0.02 * returned.height  # the sale itself cannot be read
    assert pairs.select((pl.col("time") - pl.col("sold")).dt.total_days().median()).item() < 30


def test_jewellery_comes_back_and_ribbon_is_kept(exports: Exports) -> None:
    """Accessories are ten times as likely as gift wrap to be among what comes back of an order."""
    goods = exports[0].filter(pl.col("code").str.contains(r"^\d{5}"))

    def lines_returned(*nouns: str) -> float:
        quantity = goods.filter(pl.col("noun").is_in(nouns))["quantity"]
        return (quantity < 0).sum() / (quantity > 0).sum()

    accessories = lines_returned("UMBRELLA", "PURSE", "NECKLACE", "BRACELET")
    assert accessories > 2 * lines_returned("BUNTING", "RIBBON", "CARD", "NOTEBOOK") > 0


def test_the_shop_is_shut_on_saturdays_and_between_the_years(exports: Exports) -> None:
    day = exports[0]["day"]
    assert not (day.dt.weekday() == 6).any()
    assert not ((day.dt.month() == 12) & (day.dt.day() >= 24)).any()
    assert day.max() == dt.date(2011, 12, 9)
    assert exports[1]["sale_date"].max() == dt.date(2025, 6, 30)


def test_revenue_has_a_season_and_grows(exports: Exports) -> None:
    wide, items, _ = exports

    def total(frame: pl.DataFrame, day: str, value: str, first: str, last: str) -> float:
        within = pl.col(day).is_between(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        return frame.filter(within)[value].sum()

    gifts = wide.filter(pl.col("quantity") > 0)
    orders = gifts.unique("invoice").with_columns(one=pl.lit(1))
    summer, autumn = (
        sum(total(orders, "day", "one", f"{year}-{first}", f"{year}-{last}") for year in (2010, 2011))
        for first, last in (("07-01", "08-31"), ("10-01", "11-30"))
    )
    # (1.35 + 1.7) / (0.75 + 0.75) by the months' weights, a quarter of a year's growth; of some 250 orders
    # in the two summers and 550 in the autumns, within 2.5 standard errors
    assert autumn / summer == pytest.approx(2.03 * 1.05, rel=0.2)
    spring = [total(gifts, "day", "value", f"{y}-01-01", f"{y}-09-30") for y in (2010, 2011)]
    assert 1.05 < spring[1] / spring[0] < 1.7
    years = [total(items, "sale_date", "item_total", f"{y}-07-01", f"{y + 1}-06-30") for y in (2023, 2024)]
    assert 1.3 < years[1] / years[0] < 2.2


def test_orders_and_countries_are_the_brands_own(exports: Exports) -> None:
    wide, items, truth = exports
    of = {brand: figures["kpis"] for brand, figures in truth["brands"].items()}
    aov = {brand: float(kpis["gmv"]) / kpis["orders"] for brand, kpis in of.items()}
    assert 250 < aov["eurostyle"] < 450 and 100 < aov["contoso"] < 200
    customers = wide.drop_nulls("customer").unique("customer")
    assert 0.5 < (customers["country"] == "United Kingdom").mean() < 0.8
    south = items.unique("customer_id")["country"].is_in(["Italy", "Portugal", "Spain"]).mean()
    assert south == pytest.approx(0.55, abs=0.08)


def test_a_good_part_has_left(exports: Exports) -> None:
    """Of all customers they are a minority: many just buy rarely."""
    for brand in exports[2]["brands"].values():
        assert 0.12 < brand["customers_left"] / brand["kpis"]["customers"] < 0.4


def test_one_in_25_is_a_customer_of_both(exports: Exports) -> None:
    truth = exports[2]
    pairs = truth["shared_customers"]["pairs"]
    # 42 % of those who registered with the one brand never bought, yet may be the other's customers
    bought = {brand: of["kpis"]["customers"] for brand, of in truth["brands"].items()}
    registered = bought["contoso"] / 0.58
    assert pairs / (registered + bought["eurostyle"] - pairs) == pytest.approx(0.04, abs=0.001)


def test_boards_aim_near_what_is_sold(tmp_path: Path) -> None:
    write_project(tmp_path)
    sold = generate(tmp_path, FEW, 3)["brands"]["contoso"]["kpis"]["net_revenue"]
    project = load_project(tmp_path)
    aims = {(kpi, brand, period): value for kpi, brand, period, value in target_rows(project)[1]}
    assert abs(Decimal(aims["net_revenue", "contoso", "2025"]) - Decimal(sold) * 34 / 100) <= 50
    assert aims["return_rate", "eurostyle", "2011"] == "0.06"
    assert ["2024-11-25", "contoso", "Marketing", "Black week"] in annotation_rows(project)[1]
