"""The documents of the wide brand - orders, cancellations, bad debts, write-offs - and what stands in them.

What stands in an order is worked out from its number, so that a cancellation months later finds the very
lines that it takes back without anybody keeping them.
"""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import polars as pl

from mergehouse.demo.population import TradingTime, first_lines, population, sized, spending
from mergehouse.demo.truth import GUEST, euro_rates
from mergehouse.project.templates import TEMPLATES

ORDER, CANCELLATION, BAD_DEBT, WRITE_OFF = range(4)
GUESTS, BAD_DEBTS, WRITE_OFFS = 0.2, 0.0003, 0.01  # shares of lines in documents without a customer
SPLIT_SHARE, NON_MERCHANDISE_SHARE, FREE_SHARE = 0.02, 0.006, 0.003  # of lines
FIRST_CODE = 70_000
PRODUCTS_PER_NOUN = 127  # no order has more lines, so that none has a product twice by accident
MOST_UNITS = 5_000
PLACES = 512  # numbers for the lines of a document; the last is that of the document itself


class Catalogue:
    """Products with names, prices in pence and the cost rate of their category in 1e-4."""

    def __init__(self, spec: dict[str, Any], seed: int):
        rng = np.random.default_rng([seed, 0])
        with (TEMPLATES / "mappings" / "hierarchy.csv").open(encoding="utf-8") as file:
            rates = {
                (r["department"], r["category"]): round(float(r["cost_rate"]) * 10_000)
                for r in csv.DictReader(file)
            }
        nouns = list(spec["nouns"])
        departments = [spec["departments"][department] for department, _ in spec["nouns"].values()]
        words = [f"{colour} {style}" for colour in spec["colours"] for style in spec["styles"]]
        names = [
            f"{words[i]} {noun}" for noun in nouns for i in rng.permutation(len(words))[:PRODUCTS_PER_NOUN]
        ]
        of_noun = np.repeat(np.arange(len(nouns)), PRODUCTS_PER_NOUN)
        self.products = len(names)
        self.days = (spec["end"] - spec["start"]).days + 1
        self.rates = euro_rates(spec["currency"], spec["start"], self.days)
        self.cost_rates = np.array([rates[tuple(of)] for of in spec["nouns"].values()], np.int64)[of_noun]
        usual = np.array([d["price"] for d in departments])[of_noun] * rng.lognormal(0, 0.6, self.products)
        self.prices = np.clip(usual, 20, 20_000).astype(np.int64)
        self.returned = np.array([d["returned"] for d in departments])[of_noun]
        self.at_first, self.at_last = (
            _quantiles(np.array([d["weights"][n] for d in departments]) * popular)
            for popular in [rng.uniform(0.5, 1.5, len(nouns))]
            for n in (0, 1)
        )
        # quantiles of an exponential distribution of mean 1
        self.units = -np.log1p(-(np.arange(1 << 10) + 0.5) / (1 << 10))
        others = spec["non_merchandise"]
        letters = np.where(rng.random(self.products) < 0.1, "B", "")
        codes = [f"{FIRST_CODE + i}{letters[i]}" for i in range(self.products)]
        self.codes = pl.Series([*codes, *others, spec["bad_debt"][0]])
        self.names = pl.Series([*names, *others.values(), spec["bad_debt"][1]])
        self.others = len(others)
        self.bad_debt = self.products + self.others
        self.remarks = pl.Series(spec["remarks"])
        self.countries = pl.Series([*spec["countries"], spec["guest_country"]])
        self.of_100 = np.array(list(spec["countries"].values()))


def documents(spec: dict[str, Any], lines: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The brand's customers (see `population`), and its documents in order of time, with `lines` lines.

    Documents: `customer` (GUEST where there is none), `kind`, `size` in lines, `spend` in pence (of the order
    itself, in a cancellation too), `day` since the beginning with the part of it that has passed, and `of`:
    the document that a cancellation takes back, else -1.
    """
    rng = np.random.default_rng([seed, 2])
    shop = spec["population"]
    time = TradingTime.of(shop, spec["start"], spec["end"])
    without = int(lines * (GUESTS + BAD_DEBTS + WRITE_OFFS))
    customers, orders = population(shop, time, lines - without, rng)
    guests = first_lines(_guests(shop, time, without, rng), without)
    orders = pl.concat([orders.with_columns(kind=pl.lit(ORDER, pl.Int8)), guests]).with_row_index("number")
    return customers, _in_order(orders, time)


def _in_order(orders: pl.DataFrame, time: TradingTime) -> pl.DataFrame:
    """Orders, and cancellations of what comes back of them."""
    of_order = ["customer", "spend"]
    docs = pl.concat(
        [
            orders.filter(pl.col("size") > 0).select(
                *of_order, "kind", "size", "time", "number", of=pl.lit(None, pl.UInt32)
            ),
            orders.filter(pl.col("back") > 0).select(
                *of_order, pl.lit(CANCELLATION, pl.Int8).alias("kind"), pl.col("back").alias("size"),
                pl.col("returned").alias("time"), pl.lit(None, pl.UInt32).alias("number"), of="number",
            ),
        ]
    ).sort("time", maintain_order=True)  # fmt: skip
    places = docs.select("number", place=pl.int_range(pl.len(), dtype=pl.Int32)).drop_nulls()
    position = np.full(orders.height, -1, np.int32)
    position[places["number"]] = places["place"]
    return docs.select(
        *of_order, "kind", "size",
        day=pl.Series(time.days(docs["time"].to_numpy())),
        of=pl.Series(position)[docs["of"]].fill_null(-1),
    )  # fmt: skip


def _guests(spec: dict[str, Any], time: TradingTime, lines: int, rng: np.random.Generator) -> pl.DataFrame:
    """Documents without a customer, more than `lines` lines of them."""
    count = 3 * lines // (2 * spec["lines_per_order"]) + 50
    total = GUESTS + BAD_DEBTS + WRITE_OFFS
    drawn = rng.choice(
        [ORDER, BAD_DEBT, WRITE_OFF], count, p=[GUESTS / total, BAD_DEBTS / total, WRITE_OFFS / total]
    )
    shape = spec["spend"]["p"]
    orders = pl.DataFrame(
        {
            "customer": np.full(count, GUEST, np.int32),
            "time": time.arrivals(count, rng, since=0),
            "spend": spending(spec, count, rng) * rng.gamma(shape, 1 / shape, count),
            "returning": np.where(drawn == ORDER, spec["returns"]["share"], 0),
        }
    )
    return sized(spec, time, orders, rng).with_columns(kind=pl.Series(drawn.astype(np.int8)))


def contents(
    docs: pl.DataFrame, catalogue: Catalogue, start: int, count: int, seed: int
) -> tuple[np.ndarray, ...]:
    """What stands on the lines of `count` documents from the `start`-th on, one array element a line.

    The number of its document, counted from `start`; its place in the order; product (from
    `catalogue.products` on no merchandise); units above 0; whether the goods are free.
    """
    of, sizes = docs["of"].to_numpy(), docs["size"].to_numpy()
    own = np.arange(start, min(start + count, docs.height))
    source = np.where(of[own] < 0, own, of[own])
    size = sizes[own].astype(np.int64)
    order, place = _numbered(size)
    takes_back = of[own] >= 0
    if takes_back.any():
        place[takes_back[order]] = _sent_back(docs, catalogue, source[takes_back], size[takes_back], seed)
    source = source[order]
    bits, product, is_split = _picked(docs, catalogue, source, place, seed)
    spend = docs["spend"].to_numpy()[source] / sizes[source]
    units = np.rint(spend * catalogue.units[_field(bits, 24, 10)] / catalogue.prices[product])
    units = np.clip(units, 1, MOST_UNITS).astype(np.int64) + is_split
    apart = _field(bits, 34, 16) / (1 << 16)
    is_written_off = docs["kind"].to_numpy()[source] == WRITE_OFF
    is_other = (apart < NON_MERCHANDISE_SHARE) & ~is_split & ~is_written_off
    is_free = (apart >= NON_MERCHANDISE_SHARE) & (apart < NON_MERCHANDISE_SHARE + FREE_SHARE)
    product = np.where(is_other, catalogue.products + product % catalogue.others, product)
    return order, place, product, np.where(is_other, 1, units), is_free


def _sent_back(
    docs: pl.DataFrame, catalogue: Catalogue, of: np.ndarray, lines: np.ndarray, seed: int
) -> np.ndarray:
    """The places in the orders `of` of the lines that come back, so many of each, without repeats: a sample
    weighted by how readily each product comes back (Efraimidis & Spirakis 2006). Shape (sum of `lines`,).
    """
    order, place = _numbered(docs["size"].to_numpy()[of].astype(np.int64))
    _, product, _ = _picked(docs, catalogue, of[order], place, seed)
    chance = (_field(_scrambled(of[order], place, seed + 1), 0, 32) + 0.5) / (1 << 32)
    first = np.lexsort((-np.log(chance) / catalogue.returned[product], order))
    order, place = order[first], place[first]
    rank = np.arange(len(order)) - np.searchsorted(order, order)
    return place[rank < lines[order]]


def _picked(
    docs: pl.DataFrame, catalogue: Catalogue, document: np.ndarray, place: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The random bits and the product of lines, and which are the product of the line before once more."""
    bits = _scrambled(document, place, seed)
    is_split = (_field(bits, 50, 14) < SPLIT_SHARE * (1 << 14)) & (place > 0)
    place = place - is_split
    bits[is_split] = _scrambled(document[is_split], place[is_split], seed)
    part = docs["day"].to_numpy()[document] / catalogue.days
    noun = _field(bits, 0, 14)
    is_late = _field(bits, 14, 10) < part * (1 << 10)
    noun = np.where(is_late, catalogue.at_last[noun], catalogue.at_first[noun])
    popular = _field(_scrambled(document, PLACES - 1, seed), 0, 32) / (1 << 32)
    rank = (PRODUCTS_PER_NOUN * popular**3).astype(np.int64)
    return bits, noun * PRODUCTS_PER_NOUN + (rank + place) % PRODUCTS_PER_NOUN, is_split


def _numbered(size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each line of documents of so many lines: the number of its document, and its place in it."""
    order = np.repeat(np.arange(len(size)), size)
    return order, np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)


def _quantiles(weights: np.ndarray) -> np.ndarray:
    """Which of the weighted things each of 2^14 equal parts falls to."""
    total = np.cumsum(weights)
    return np.searchsorted(total / total[-1], (np.arange(1 << 14) + 0.5) / (1 << 14))


def _scrambled(document: np.ndarray, place: np.ndarray | int, seed: int) -> np.ndarray:
    """64 random bits for a line: SplitMix64 (Steele, Lea & Flood 2014) of its number."""
    x = (document * PLACES + place).astype(np.uint64)
    x += np.uint64((seed * 0x9E3779B97F4A7C15) % (1 << 64))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def _field(bits: np.ndarray, first: int, width: int) -> np.ndarray:
    return (bits >> np.uint64(first) & np.uint64((1 << width) - 1)).astype(np.int64)
