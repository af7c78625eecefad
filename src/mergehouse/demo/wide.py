"""The wide export: one table in two yearly files that overlap, one row per order line."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mergehouse.demo.truth import (
    ADJUSTMENT,
    GUEST,
    NON_MERCHANDISE,
    RETURN,
    SALE,
    BrandTruth,
    Lines,
    euro_rates,
    half_up,
)
from mergehouse.project.templates import TEMPLATES

LINES_PER_ORDER = 20
ORDERS_PER_CHUNK = 10_000
ORDERS_PER_CUSTOMER = 7
FIRST_INVOICE, FIRST_CUSTOMER, FIRST_CODE = 489_434, 12_346, 70_000
PRODUCTS = 3_989  # prime, so that a walk with any step visits a product once
GUEST_SHARE = 0.22
CANCELLATIONS, BAD_DEBTS, WRITE_OFFS = 0.035, 0.0003, 0.01  # shares of documents
NON_MERCHANDISE_SHARE, FREE_SHARE, SPLIT_SHARE = 0.006, 0.003, 0.02  # shares of lines
REPEATED_SHARE, LOWER_CASE_SHARE = 0.005, 0.01
LINES_PER_BROKEN = 20_000
MINUTE = np.timedelta64(1, "m")
TORN = {
    "too_few_columns": "489999,22222,BROKEN OFF",
    "too_many_columns": "489999,22222,ONE, TWO,1,2010-01-04 10:00:00,1.00,,UK,,",
}
INVALID = ("unreadable_quantity", "unreadable_date", "future_date", "unreadable_price")


def write_wide(
    spec: dict[str, Any], folder: Path, lines: int, seed: int, progress: Callable[[int], None]
) -> BrandTruth:
    """Writes the files chunk by chunk, each chunk a run of whole orders in time order, and returns the
    truth.
    """
    sizes = _order_sizes(lines, seed)
    customers = max(20, len(sizes) // ORDERS_PER_CUSTOMER)
    truth = BrandTruth.of(spec["brand"], FIRST_CUSTOMER, customers)
    catalogue = _Catalogue(spec, seed)
    files = [_File(folder, f) for f in spec["files"]]
    done = 0
    for number, start in enumerate(range(0, len(sizes), ORDERS_PER_CHUNK)):
        chunk = _chunk(
            spec, catalogue, sizes, start, customers, np.random.default_rng([seed, 1, number]), truth
        )
        for file in files:
            file.append(chunk, torn=TORN)
        _count(chunk, files, truth)
        done += int(sizes[start : start + ORDERS_PER_CHUNK].sum())
        progress(done)
    for file in files:
        file.close()
        truth.rejected.update(file.torn)
    return truth


class _Catalogue:
    """Products with names, prices in pence and the cost rate of their category in 1e-4."""

    def __init__(self, spec: dict[str, Any], seed: int):
        rng = np.random.default_rng([seed, 0])
        with (TEMPLATES / "mappings" / "hierarchy.csv").open(encoding="utf-8") as file:
            rates = {
                (r["department"], r["category"]): round(float(r["cost_rate"]) * 10_000)
                for r in csv.DictReader(file)
            }
        nouns = list(spec["nouns"])
        named = [
            (f"{c} {s} {n}", rates[tuple(spec["nouns"][n])])
            for n in nouns
            for c in spec["colours"]
            for s in spec["styles"]
        ]
        order = rng.permutation(len(named))[:PRODUCTS]
        self.days = (spec["end"] - spec["start"]).days + 1
        self.rates = euro_rates(spec["currency"], spec["start"], self.days)
        self.cost_rates = np.array([named[i][1] for i in order], np.int64)
        self.prices = np.clip(rng.lognormal(5.6, 0.8, PRODUCTS), 20, 20_000).astype(np.int64)
        others = spec["non_merchandise"]
        letters = np.where(rng.random(PRODUCTS) < 0.1, "B", "")
        codes = [f"{FIRST_CODE + i}{letters[i]}" for i in range(PRODUCTS)]
        self.codes = pl.Series([*codes, *others, spec["bad_debt"][0]])
        self.names = pl.Series([*(named[i][0] for i in order), *others.values(), spec["bad_debt"][1]])
        self.others = len(others)
        self.bad_debt = PRODUCTS + self.others
        self.remarks = pl.Series(spec["remarks"])
        self.countries = pl.Series([*spec["countries"], spec["guest_country"]])


class _File:
    """One yearly extract. `style` is the tool that wrote it: ISO dates, or US dates and decimal customer
    numbers.
    """

    def __init__(self, folder: Path, spec: dict[str, Any]):
        self.since, self.until = spec.get("since", dt.date.min), spec.get("until", dt.date.max)
        self.is_us = spec["style"] == "us"
        self.torn = dict.fromkeys(TORN, 0)
        self.lines = 0
        self.out = (folder / spec["name"]).open("wb")
        self.out.write(spec["header"].encode() + b"\r\n")

    def append(self, chunk: pl.DataFrame, torn: dict[str, str]) -> None:
        """Writes the chunk's lines of this file's period, then torn rows in proportion."""
        chunk = chunk.filter(pl.col("date").is_between(self.since, self.until))
        if not chunk.height:
            return
        date = pl.col("time").dt.to_string("%-m/%-d/%Y %-H:%M" if self.is_us else "%Y-%m-%d %H:%M:%S")
        text = chunk.select(
            "invoice", "code", "name", "quantity",
            pl.coalesce("bad_date", date).alias("date"), "price",
            (pl.col("customer").cast(pl.String) + (".0" if self.is_us else "")).alias("customer"), "country",
        )  # fmt: skip
        text.write_csv(self.out, include_header=False, line_terminator="\r\n")
        before, self.lines = self.lines // LINES_PER_BROKEN, self.lines + chunk.height
        for _ in range(
            self.lines // LINES_PER_BROKEN - before + (before == 0 and not any(self.torn.values()))
        ):
            for reason, row in torn.items():
                self.out.write(row.encode() + b"\r\n")
                self.torn[reason] += 1

    def holds(self, date: pl.Expr) -> pl.Expr:
        return date.is_between(self.since, self.until)

    def close(self) -> None:
        self.out.close()


def _order_sizes(lines: int, seed: int) -> np.ndarray:
    """Lines of every order; they sum up to `lines`."""
    rng = np.random.default_rng([seed, 2])
    drawn = rng.geometric(1 / LINES_PER_ORDER, size=2 * lines // LINES_PER_ORDER + 50).clip(1, 400)
    last = int(np.searchsorted(np.cumsum(drawn), lines))
    sizes = drawn[: last + 1].astype(np.int32)
    sizes[-1] -= int(sizes.sum()) - lines
    return sizes


def _chunk(
    spec: dict[str, Any], catalogue: _Catalogue, sizes: np.ndarray, start: int, customers: int,
    rng: np.random.Generator, truth: BrandTruth,
) -> pl.DataFrame:  # fmt: skip
    """One run of orders as the lines to write, in order; the truth takes the valid ones."""
    size = sizes[start : start + ORDERS_PER_CHUNK]
    orders, total = len(size), int(size.sum())
    order = np.repeat(np.arange(orders), size)
    place = np.arange(total) - np.repeat(np.cumsum(size) - size, size)

    kind = np.searchsorted(
        np.cumsum([CANCELLATIONS, BAD_DEBTS, WRITE_OFFS]), rng.random(orders), side="right"
    )
    cancelled, bad_debt, written_off = ((kind == k)[order] for k in range(3))
    is_guest = (rng.random(orders) < GUEST_SHARE) | (kind == 1) | (kind == 2)
    customer = np.where(is_guest, GUEST, (customers * rng.random(orders) ** 2).astype(np.int64))
    position = (start + np.arange(orders)) / len(sizes) * catalogue.days
    day = position.astype(np.int64)
    minute = 420 + ((position - day) * 780).astype(np.int64)

    step = rng.integers(1, 8, orders)
    walk = (PRODUCTS * rng.random(orders) ** 3).astype(np.int64)[order] + place * step[order]
    split = (rng.random(total) < SPLIT_SHARE) & (place > 0)  # the same product again, at another quantity
    product = np.where(split, walk - step[order], walk) % PRODUCTS
    other = (rng.random(total) < NON_MERCHANDISE_SHARE) & ~written_off & ~bad_debt
    product = np.where(other, PRODUCTS + rng.integers(0, catalogue.others, total), product)
    product = np.where(bad_debt, catalogue.bad_debt, product)
    is_goods = product < PRODUCTS

    quantity = rng.choice([1, 1, 1, 2, 2, 3, 4, 6, 6, 8, 10, 12, 12, 24, 25, 48], total)
    quantity = np.where(split, np.roll(quantity, 1) + 1, quantity)
    quantity = np.where(is_goods, quantity, 1) * np.where(cancelled | written_off, -1, 1)
    price = np.where(is_goods, catalogue.prices[np.where(is_goods, product, 0)], 100 + place)
    free = written_off | (is_goods & (rng.random(total) < FREE_SHARE))
    price = np.where(free, 0, np.where(bad_debt, -price, price))

    invalid = _invalid(rng, is_goods & ~free & ~cancelled)
    unrounded = quantity * price * catalogue.rates[day[order]]
    amount = half_up(unrounded, 10**8)
    line_type = np.select([~is_goods, free, cancelled], [NON_MERCHANDISE, ADJUSTMENT, RETURN], SALE)
    cost = half_up(unrounded * catalogue.cost_rates[np.where(is_goods, product, 0)], 10**12)
    valid = invalid < 0
    truth.add(Lines(order, customer[order], day[order], line_type, quantity, amount, cost).where(valid))

    country = np.where(
        is_guest, catalogue.countries.len() - 1, (customer * 7) % (catalogue.countries.len() - 1)
    )
    prefix = pl.Series(np.array(["C", "A", "", ""])[kind])
    invoice = prefix + pl.Series(FIRST_INVOICE + start + np.arange(orders)).cast(pl.String)
    name = catalogue.names.gather(product)
    remark = catalogue.remarks.gather(product % catalogue.remarks.len())
    times = np.where(valid & (rng.random(total) < REPEATED_SHARE), 2, 1)
    frame = pl.DataFrame(
        {
            "invoice": invoice.gather(order),
            "code": catalogue.codes.gather(product),
            "name": name,
            "quantity": pl.Series(quantity).cast(pl.String),
            "time": pl.Series(
                (np.datetime64(spec["start"]) + day * 1_440 * MINUTE + minute * MINUTE).astype(
                    "datetime64[us]"
                )
            )[order],
            "price": pl.Series(price / 100),
            "customer": pl.Series(np.where(is_guest, 0, FIRST_CUSTOMER + customer))[order],
            "country": catalogue.countries.gather(country[order]),
            "remark": remark,
            "written_off": written_off,
            "untidy": rng.random(total) < LOWER_CASE_SHARE,
            "invalid": invalid,
            "times": times,
        }
    )[np.repeat(np.arange(total), times)]
    reason = dict(zip(INVALID, range(len(INVALID)), strict=True))
    return frame.with_columns(
        date=pl.col("time").dt.date(),
        code=pl.when("untidy").then(pl.col("code").str.to_lowercase() + " ").otherwise("code"),
        name=pl.when("written_off")
        .then("remark")
        .when("untidy")
        .then(" " + pl.col("name"))
        .otherwise("name"),
        quantity=pl.when(pl.col("invalid") == reason["unreadable_quantity"])
        .then(pl.lit("n/a"))
        .otherwise("quantity"),
        price=pl.when(pl.col("invalid") == reason["unreadable_price"]).then(float("nan")).otherwise("price"),
        bad_date=pl.when(pl.col("invalid") == reason["unreadable_date"])
        .then(pl.lit("2011-02-29 10:00:00"))
        .when(pl.col("invalid") == reason["future_date"])
        .then(pl.lit("2099-01-04 10:00:00")),
        customer=pl.when(pl.col("customer") > 0).then("customer"),
    )


def _invalid(rng: np.random.Generator, candidates: np.ndarray) -> np.ndarray:
    """A few sale lines that cannot be read: the number of the reason, -1 on all others."""
    found = np.full(len(candidates), -1, np.int64)
    for reason in range(len(INVALID)):
        possible = np.flatnonzero(candidates & (found < 0))
        wanted = rng.poisson(len(candidates) / LINES_PER_BROKEN) + (reason == 0)
        found[rng.choice(possible, min(wanted, len(possible)), replace=False)] = reason
    return found


def _count(chunk: pl.DataFrame, files: list[_File], truth: BrandTruth) -> None:
    """Repeats and unreadable lines as written, over all files."""
    copies = pl.sum_horizontal(file.holds(pl.col("date")).cast(pl.Int64) for file in files)
    written = chunk.select("invalid", copies=copies)
    valid = written.filter(pl.col("invalid") < 0)
    once = int(float((1 / chunk.filter(pl.col("invalid") < 0)["times"]).sum()) + 0.5) if valid.height else 0
    truth.duplicates += int(valid["copies"].sum()) - once
    for number, reason in enumerate(INVALID):
        truth.quarantine[reason] += int(written.filter(pl.col("invalid") == number)["copies"].sum())
