"""The multitable export: sales, their items, products, customers, stock, campaigns, channels."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mergehouse.demo.truth import SALE, BrandTruth, Lines, half_up

ITEMS_PER_SALE = 2.5
SALES_PER_CHUNK = 80_000
SALES_PER_BUYER = 1.6
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
    sizes = _sale_sizes(items, rng)
    customers = max(20, int(len(sizes) / SALES_PER_BUYER / BUYERS_SHARE))
    truth = BrandTruth.of(spec["brand"], 1, customers)
    prices, costs = _write_products(spec, folder, rng)
    _write_customers(spec, folder, customers, rng)
    _write_small_tables(spec, folder, rng)
    with _open(folder, spec, "sales") as sales_file, _open(folder, spec, "salesitems") as items_file:
        for number, start in enumerate(range(0, len(sizes), SALES_PER_CHUNK)):
            rng = np.random.default_rng([seed, 5, number])
            sales, lines = _chunk(spec, sizes, start, customers, prices, costs, rng, truth)
            sales.write_csv(sales_file, include_header=start == 0)
            lines.write_csv(items_file, include_header=start == 0)
            progress(int(sizes[: start + SALES_PER_CHUNK].sum()))
    return truth


def _chunk(
    spec: dict[str, Any], sizes: np.ndarray, start: int, customers: int, prices: np.ndarray,
    costs: np.ndarray, rng: np.random.Generator, truth: BrandTruth,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """A run of sales and their items."""
    size = sizes[start : start + SALES_PER_CHUNK]
    count, total = len(size), int(size.sum())
    sale = np.repeat(np.arange(count), size)
    place = np.arange(total) - np.repeat(np.cumsum(size) - size, size)
    days = (spec["end"] - spec["start"]).days + 1
    day = rng.integers(0, days, count)
    day[0] = days - 1
    customer = (customers * BUYERS_SHARE * rng.random(count)).astype(np.int64)
    channels = list(spec["channels"])
    channel = rng.integers(0, len(channels), count)

    product = (rng.integers(0, PRODUCTS, count)[sale] + place * rng.integers(1, 20, count)[sale]) % PRODUCTS
    quantity = rng.choice([1, 1, 1, 2, 3], total)
    percent = np.where(rng.random(count) < DISCOUNT_SHARE, _campaign_percent(spec, days)[day], 0)[sale]
    price = prices[product]
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
        half_up(quantity * costs[product], 1),
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
            "country": pl.Series(spec["countries"]).gather(customer % len(spec["countries"])),
        }
    ).filter(~pl.Series(lost))
    items = pl.DataFrame(
        {
            "item_id": int(sizes[:start].sum()) + 1 + np.arange(total),
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


def _sale_sizes(items: int, rng: np.random.Generator) -> np.ndarray:
    drawn = rng.geometric(1 / ITEMS_PER_SALE, size=int(2 * items / ITEMS_PER_SALE) + 50).clip(1, 20)
    last = int(np.searchsorted(np.cumsum(drawn), items))
    sizes = drawn[: last + 1].astype(np.int32)
    sizes[-1] -= int(sizes.sum()) - items
    return sizes


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


def _write_products(
    spec: dict[str, Any], folder: Path, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Writes the catalogue; returns prices and unit costs in cents, shape (products,) each."""
    prices = np.clip(rng.lognormal(8.2, 0.4, PRODUCTS), 900, 15_000).astype(np.int64)
    costs = (prices * rng.uniform(0.45, 0.75, PRODUCTS)).astype(np.int64)
    words = [
        (kind, category, style) for kind, category in spec["categories"].items() for style in spec["styles"]
    ]
    rows = []
    for n in range(PRODUCTS):
        kind, category, style = words[n % len(words)]
        rows.append(
            [n + 1, f"{style} {kind}", category, spec["house_brand"], spec["colors"][n % len(spec["colors"])],
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
    return prices, costs


def _write_customers(spec: dict[str, Any], folder: Path, customers: int, rng: np.random.Generator) -> None:
    number = np.arange(customers)
    ages = pl.Series(spec["age_ranges"])
    frame = pl.DataFrame(
        {
            "customer_id": 1 + number,
            "country": pl.Series(spec["countries"]).gather(number % len(spec["countries"])),
            "age_range": ages.gather(rng.integers(0, len(ages), customers)),
            "signup_date": (
                pl.Series(
                    (np.datetime64(spec["start"]) + rng.integers(0, 700, customers) * -DAY).astype(
                        "datetime64[us]"
                    )
                ).dt.date()
            ),
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
    with (folder / f"{spec['prefix']}{table}.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([header, *rows])
