"""The wide export: one table in two yearly files that overlap, one row per order line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mergehouse.demo.population import one_of
from mergehouse.demo.truth import ADJUSTMENT, GUEST, NON_MERCHANDISE, RETURN, SALE, BrandTruth, Lines, half_up
from mergehouse.demo.wide_documents import (
    BAD_DEBT,
    CANCELLATION,
    ORDER,
    WRITE_OFF,
    Catalogue,
    contents,
    documents,
)

DOCUMENTS_PER_CHUNK = 10_000
FIRST_INVOICE, FIRST_CUSTOMER = 489_434, 12_346
PREFIXES = {ORDER: "", CANCELLATION: "C", BAD_DEBT: "A", WRITE_OFF: ""}
OPENS, OPEN_FOR = 7 * 60, 13 * 60  # minutes
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
    customers, docs = documents(spec, lines, seed)
    truth = BrandTruth.of(spec["brand"], FIRST_CUSTOMER, customers.height, int(customers["left"].sum()))
    catalogue = Catalogue(spec, seed)
    files = [_File(folder, f) for f in spec["files"]]
    done = 0
    for start in range(0, docs.height, DOCUMENTS_PER_CHUNK):
        chunk = _chunk(spec, catalogue, docs, start, seed, truth)
        for file in files:
            file.append(chunk, torn=TORN)
        _count(chunk, files, truth)
        done += int(docs["size"][start : start + DOCUMENTS_PER_CHUNK].sum())
        progress(done)
    for file in files:
        file.close()
        truth.rejected.update(file.torn)
    return truth


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


def _chunk(
    spec: dict[str, Any], catalogue: Catalogue, docs: pl.DataFrame, start: int, seed: int, truth: BrandTruth
) -> pl.DataFrame:
    """One run of documents as the lines to write, in order; the truth takes the valid ones."""
    rng = np.random.default_rng([seed, 1, start // DOCUMENTS_PER_CHUNK])
    order, place, product, units, is_free = contents(docs, catalogue, start, DOCUMENTS_PER_CHUNK, seed)
    total = len(order)
    customer, kind, moment = (
        docs[name].slice(start, DOCUMENTS_PER_CHUNK).to_numpy() for name in ("customer", "kind", "day")
    )
    day = moment.astype(np.int64)
    # most of a day's orders come around its middle: the inverse of 3 x^2 - 2 x^3
    passed = 0.5 - np.sin(np.arcsin(1 - 2 * (moment - day)) / 3)
    minute = OPENS + (passed * OPEN_FOR).astype(np.int64)
    is_guest = customer == GUEST
    cancelled, bad_debt, written_off = ((kind == k)[order] for k in (CANCELLATION, BAD_DEBT, WRITE_OFF))
    product = np.where(bad_debt, catalogue.bad_debt, product)
    is_goods = product < catalogue.products

    quantity = np.where(is_goods, units, 1) * np.where(cancelled | written_off, -1, 1)
    price = np.where(is_goods, catalogue.prices[np.where(is_goods, product, 0)], 100 + place)
    free = written_off | (is_goods & is_free)
    price = np.where(free, 0, np.where(bad_debt, -price, price))

    invalid = _invalid(rng, is_goods & ~free & ~cancelled)
    unrounded = quantity * price * catalogue.rates[day[order]]
    amount = half_up(unrounded, 10**8)
    line_type = np.select([~is_goods, free, cancelled], [NON_MERCHANDISE, ADJUSTMENT, RETURN], SALE)
    cost = half_up(unrounded * catalogue.cost_rates[np.where(is_goods, product, 0)], 10**12)
    valid = invalid < 0
    truth.add(Lines(order, customer[order], day[order], line_type, quantity, amount, cost).where(valid))

    country = np.where(is_guest, catalogue.countries.len() - 1, one_of(catalogue.of_100, customer))
    prefix = pl.Series([PREFIXES[k] for k in range(len(PREFIXES))]).gather(kind)
    invoice = prefix + pl.Series(FIRST_INVOICE + start + np.arange(len(kind))).cast(pl.String)
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
