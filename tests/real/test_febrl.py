"""FEBRL, the field's benchmark of record linkage: persons with known duplicates, without their national
number.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from benchmarks.identity.febrl import records
from tests.real.conftest import DATA

from mergehouse.identity.attributes import standardise
from mergehouse.identity.linkage import candidates
from mergehouse.identity.training import train

LONG = pytest.mark.long("a model is trained for each set")


@LONG
@pytest.mark.parametrize(
    ("number", "true_pairs", "least"), [(1, 500, 0.99), (2, 1934, 0.99), (3, 6538, 0.99), (4, 5000, 0.995)]
)
def test_pairs_that_score_a_half_are_the_true_ones(number: int, true_pairs: int, least: float) -> None:
    people = records(DATA / "febrl", number)
    sizes = people["person"].value_counts()["count"].cast(pl.Int64)
    assert (sizes * (sizes - 1) // 2).sum() == true_pairs  # as published
    customers = standardise(people.drop("person"), dt.date(2026, 11, 1)).customers
    model = train(customers, dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
    pairs = candidates(customers, model).pairs.filter(pl.col("score") >= 0.5)
    who = dict(people.select("customer_code", "person").iter_rows())
    right = sum(who[a] == who[b] for a, b in pairs.select("customer_code_a", "customer_code_b").iter_rows())
    precision, recall = right / pairs.height, right / true_pairs
    assert 2 * precision * recall / (precision + recall) >= least
