"""The demonstration's customers: whom both brands know is told twice, in other words; others are others."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from mergehouse.demo.people import COLUMNS, members
from mergehouse.identity.attributes import standardise
from mergehouse.identity.linkage import candidates
from mergehouse.identity.training import train

SHARED = np.column_stack([np.arange(200), np.arange(1_400, 1_200, -1)])


@pytest.fixture(scope="module")
def told() -> tuple[pl.DataFrame, pl.DataFrame]:
    return members(3_000, 1_500, SHARED, np.random.default_rng(5))


def agreeing(one: pl.DataFrame, other: pl.DataFrame) -> dict[str, float]:
    """By column the share of rows that agree, of those that have a value in both."""
    pairs = {name: pl.DataFrame({"a": one[name], "b": other[name]}).drop_nulls() for name in COLUMNS}
    return {name: float((both["a"] == both["b"]).mean()) for name, both in pairs.items()}  # type: ignore[arg-type]


def test_whoever_both_brands_know_is_told_in_other_words(told: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    one, other = told
    shared = agreeing(one[SHARED[:, 0]], other[SHARED[:, 1]])
    assert 0.5 < shared["first_name"] < 0.9 and 0.5 < shared["last_name"] < 0.9
    assert 0.6 < shared["email"] < 0.9 and 0.9 < shared["birth_date"] < 1
    strangers = agreeing(one[1_000:1_200], other[:200])
    assert strangers["email"] == strangers["birth_date"] == 0 and max(strangers.values()) < 0.15


def test_some_live_together_and_are_two(told: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    one = told[0].drop_nulls()
    at_home = one.filter(pl.struct("last_name", "address", "postcode").is_duplicated())
    assert 0.1 < at_home.height / one.height < 0.4
    assert at_home["email"].n_unique() == at_home.height


@pytest.mark.long("trains a linkage model")
def test_they_are_found_and_nobody_else(told: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    key = [
        pl.int_range(pl.len()).cast(pl.String).alias("customer_code"),
        pl.col("address").alias("address_line_1"),
    ]
    brands = [
        people.with_columns(*key, source_system=pl.lit(brand))
        for brand, people in zip("ab", told, strict=True)
    ]
    today = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    customers = standardise(pl.concat(brands), today.date()).customers
    found = candidates(customers, train(customers, today)).pairs.filter(verdict="link")
    pairs = set(found.select("customer_code_a", "customer_code_b").rows())
    right = pairs & {(str(a), str(b)) for a, b in SHARED}
    assert len(right) / len(pairs) >= 0.99 and len(right) / len(SHARED) >= 0.9
