"""The multitable export: sales, their items, products, customers, stock, campaigns, channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mergehouse.demo.csv_file import write_csv
from mergehouse.demo.population import TradingTime, countries, population, usual_spend
from mergehouse.demo.truth import SALE, BrandTruth, Lines, half_up

SALES_PER_CHUNK = 80_000
BUYERS_SHARE = 0.58  # the other registered customers never bought
PRODUCTS = 499
SWAPPED_SHARE, DISCOUNT_SHARE, REPEATED_SHARE = 0.1, 0.4, 0.004
SALES_PER_LOST_HEADER = 5_000
DAY = np.timedelta64(1, "D")


def write_multitable(
    spec: dict[str, Any], folder: Path, items: int, seed: int, progress: Callable[[int], None]
) -> BrandTruth:
    """Writes seven files, sales and items chunk by chunk, and returns the truth."""
    rng = np.random.default_rng([seed, 4])
    shop = spec["population"]
    time = TradingTime.of(shop, spec["start"], spec["end"])
    buyers, sales = population(shop, time, items, rng)
    sales = sales.sort("time", maintain_order=True).select(
        "customer",
        "size",
        "spend",
        day=pl.Series(time.days(sales["time"].sort().to_numpy()).astype(np.int32)),
    )
    customers = max(20, round(buyers.height / BUYERS_SHARE))
    truth = BrandTruth.of(spec["brand"], 1, customers, int(buyers["left"].sum()))
    catalogue = _write_products(spec, folder, rng)
    born = np.concatenate([buyers["born"], time.arrivals(customers - buyers.height, rng)])
    _write_customers(spec, folder, time.days(born), rng)
    _write_small_tables(spec, folder, rng)
    items_before = 0
    with _open(folder, spec, "sales") as sales_file, _open(folder, spec, "salesitems") as items_file:
        for number, start in enumerate(range(0, sales.height, SALES_PER_CHUNK)):
            rng = np.random.default_rng([seed, 5, number])
            chunk = sales[start : start + SALES_PER_CHUNK]
            sold, lines = _chunk(spec, chunk, start, items_before, catalogue, rng, truth)
            sold.write_csv(sales_file, include_header=start == 0)
            lines.write_csv(items_file, include_header=start == 0)
            items_before += int(chunk["size"].sum())
            progress(items_before)
    return truth


@dataclass(frozen=True)
class _Catalogue:
    """Prices and unit costs in cents, shape (products,). `ranked` has the products of each category together,
    cheap before dear, and `begin` where each category begins in it and the last one ends; `at_first` and
    `at_last` are the categories' shares of the items at either end of the data. An item is worth `usual_item`
    cents.
    """

    prices: np.ndarray
    costs: np.ndarray
    ranked: np.ndarray
    begin: np.ndarray
    at_first: np.ndarray
    at_last: np.ndarray
    usual_item: float


def _chunk(
    spec: dict[str, Any], chunk: pl.DataFrame, start: int, items_before: int, catalogue: _Catalogue,
    rng: np.random.Generator, truth: BrandTruth,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """A run of sales and their items."""
    customer, size, spend, day = (chunk[name].to_numpy() for name in ("customer", "size", "spend", "day"))
    count, total = len(size), int(size.sum())
    sale = np.repeat(np.arange(count), size)
    days = (spec["end"] - spec["start"]).days + 1
    channels = list(spec["channels"])
    channel = rng.integers(0, len(channels), count)

    part = day[sale] / days
    kind = np.where(
        rng.random(total) < part,
        rng.choice(len(catalogue.begin) - 1, total, p=catalogue.at_last),
        rng.choice(len(catalogue.begin) - 1, total, p=catalogue.at_first),
    )
    # who spends more an item takes it from the dearer end of its category
    dear = (spend / size / catalogue.usual_item)[sale].clip(0.2, 5)
    first, last = catalogue.begin[kind], catalogue.begin[kind + 1]
    product = catalogue.ranked[first + ((last - first) * rng.random(total) ** (1 / dear)).astype(np.int64)]
    quantity = rng.choice([1, 1, 1, 1, 1, 1, 1, 2, 2, 3], total)
    percent = np.where(rng.random(count) < DISCOUNT_SHARE, _campaign_percent(spec, days)[day], 0)[sale]
    price = catalogue.prices[product]
    unit_price = half_up(price * (100 - percent), 100)
    item_total = half_up(quantity * price * (100 - percent), 100)
    total_amount = np.bincount(sale, weights=item_total, minlength=count).astype(np.int64)

    lost = np.zeros(count, bool)
    lost[rng.choice(count, min(count - 1, rng.poisson(count / SALES_PER_LOST_HEADER)), replace=False)] = (
        count > 1
    )
    repeated = (rng.random(total) < REPEATED_SHARE) & ~lost[sale]
    truth.duplicates += int(repeated.sum())
    truth.quarantine["order_header_missing"] += int(lost[sale].sum())
    kept = ~lost[sale]
    lines = Lines(
        sale,
        customer[sale],
        day[sale],
        np.full(total, SALE),
        quantity,
        item_total,
        half_up(quantity * catalogue.costs[product], 1),
    )
    truth.add(lines.where(kept))

    date = pl.Series((np.datetime64(spec["start"]) + day * DAY).astype("datetime64[us]")).dt.date()
    number = start + 1 + np.arange(count)
    discounted = np.bincount(sale, weights=percent, minlength=count) > 0
    sales = pl.DataFrame(
        {
            "sale_id": number,
            "channel": pl.Series(channels).gather(channel),
            "discounted": discounted.astype(np.int64),
            "total_amount": total_amount / 100,
            "sale_date": _swapped(date, rng.random(count) < SWAPPED_SHARE),
            "customer_id": 1 + customer,
            "country": countries(spec, customer),
        }
    ).filter(~pl.Series(lost))
    items = pl.DataFrame(
        {
            "item_id": items_before + 1 + np.arange(total),
            "sale_id": number[sale],
            "product_id": 1 + product,
            "quantity": quantity,
            "original_price": price / 100,
            "unit_price": unit_price / 100,
            "discount_applied": (price - unit_price) / 100,
            "discount_percent": pl.Series(percent).cast(pl.String) + ".00%",
            "discounted": (percent > 0).astype(np.int64),
            "item_total": item_total / 100,
            "sale_date": date.gather(sale),
            "channel": pl.Series(channels).gather(channel[sale]),
            "channel_campaigns": pl.Series(channels).gather(channel[sale]),
        }
    )
    return sales, items[np.repeat(np.arange(total), np.where(repeated, 2, 1))]


def _campaign_percent(spec: dict[str, Any], days: int) -> np.ndarray:
    """Percent off on each day of the period."""
    percent = np.zeros(days, np.int64)
    for _, first, last, _, off in spec["campaigns"]:
        percent[(first - spec["start"]).days : (last - spec["start"]).days + 1] = off
    return percent


def _swapped(dates: pl.Series, chosen: np.ndarray) -> pl.Series:
    """Day and month exchanged where chosen and possible."""
    frame = pl.DataFrame({"d": dates, "chosen": chosen})
    wrong = pl.date(pl.col("d").dt.year(), pl.col("d").dt.day(), pl.col("d").dt.month())
    possible = pl.col("chosen") & (pl.col("d").dt.day() <= 12)
    return frame.select(pl.when(possible).then(wrong).otherwise("d").alias("sale_date"))["sale_date"]


def _write_products(spec: dict[str, Any], folder: Path, rng: np.random.Generator) -> _Catalogue:
    categories = list(spec["categories"].values())
    words = [(n, style) for n in range(len(categories)) for style in spec["styles"]]
    of = np.array([words[n % len(words)][0] for n in range(PRODUCTS)])
    usual, cost = (np.array([c[name] for c in categories])[of] for name in ("price", "cost"))
    prices = np.clip(usual * rng.lognormal(0, 0.35, PRODUCTS), 900, 15_000).astype(np.int64)
    costs = (prices * (cost + rng.uniform(-0.05, 0.05, PRODUCTS))).astype(np.int64)
    rows = []
    for n in range(PRODUCTS):
        category, style = words[n % len(words)]
        rows.append(
            [n + 1, f"{style} {categories[category]['word']}", list(spec["categories"])[category],
             spec["house_brand"], spec["colors"][n % len(spec["colors"])],
             spec["sizes"][n % len(spec["sizes"])], f"{prices[n] / 100:.2f}", f"{costs[n] / 100:.2f}",
             spec["genders"][0]]
        )  # fmt: skip
    header = [
        "product_id",
        "product_name",
        "category",
        "brand",
        "color",
        "size",
        "catalog_price",
        "cost_price",
        "gender",
    ]
    _write(folder, spec, "products", header, rows)
    first, last = (np.array([c["weights"][n] for c in categories]) for n in (0, 1))
    shop = spec["population"]
    return _Catalogue(
        prices,
        costs,
        ranked=np.lexsort((prices, of)),
        begin=np.searchsorted(np.sort(of), np.arange(len(categories) + 1)),
        at_first=first / first.sum(),
        at_last=last / last.sum(),
        usual_item=usual_spend(shop) / shop["lines_per_order"],
    )


def _write_customers(spec: dict[str, Any], folder: Path, born: np.ndarray, rng: np.random.Generator) -> None:
    """`born` is the day on which each first bought, or might have."""
    number = np.arange(len(born))
    ages = pl.Series(spec["age_ranges"])
    signed_up = np.floor(born - rng.exponential(10, len(born))).astype(np.int64)
    frame = pl.DataFrame(
        {
            "customer_id": 1 + number,
            "country": countries(spec, number),
            "age_range": ages.gather(rng.integers(0, len(ages), len(born))),
            "signup_date": pl.Series(
                (np.datetime64(spec["start"]) + signed_up * DAY).astype("datetime64[us]")
            ).dt.date(),
        }
    )
    with _open(folder, spec, "customers") as out:
        frame.write_csv(out)


def _write_small_tables(spec: dict[str, Any], folder: Path, rng: np.random.Generator) -> None:
    stock = ([c, p + 1, int(rng.integers(0, 200))] for c in spec["countries"] for p in range(PRODUCTS))
    _write(folder, spec, "stock", ["country", "product_id", "stock_quantity"], stock)
    _write(folder, spec, "channels", ["channel", "description"], spec["channels"].items())
    campaigns = (
        [n, name, a, b, c, "Percentage", f"{p}.00%"]
        for n, (name, a, b, c, p) in enumerate(spec["campaigns"], start=1)
    )
    header = [
        "campaign_id",
        "campaign_name",
        "start_date",
        "end_date",
        "channel",
        "discount_type",
        "discount_value",
    ]
    _write(folder, spec, "campaigns", header, campaigns)


def _open(folder: Path, spec: dict[str, Any], table: str) -> Any:
    return (folder / f"{spec['prefix']}{table}.csv").open("wb")


def _write(folder: Path, spec: dict[str, Any], table: str, header: list[str], rows: Iterable[Any]) -> None:
    write_csv(folder / f"{spec['prefix']}{table}.csv", header, rows)
