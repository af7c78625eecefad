"""What is measured: FEBRL's sets, generated brands, and a shop that gives its own phone for theirs."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.identity.febrl import FILES, records
from benchmarks.identity.measures import Measured, measure
from benchmarks.identity.population import World, two_brands

# Seeds that were not used while the rules were made.
GENERATED = {
    "200 k": World(200_000, 30_000, seed=101),
    "1 M": World(1_000_000, 150_000, seed=202),
    "200 k, hard": World(200_000, 30_000, seed=303, members=0.40, without_birth_date=0.65),
}
ONE_PHONE = World(100_000, 15_000, seed=404)
JOBS = [*(f"FEBRL {number}" for number in FILES), *GENERATED, "usual phones", "one phone"]


def job(name: str, febrl: Path) -> Measured:
    """Makes the customers of a job of JOBS, and measures."""
    if name.startswith("FEBRL"):
        return measure(name, records(febrl, int(name[-1])))
    if name in GENERATED:
        return measure(name, two_brands(GENERATED[name]))
    customers = two_brands(ONE_PHONE)
    if name == "one phone":  # of half of each brand: 100,000 customers
        half = pl.int_range(pl.len()).over("source_system") < ONE_PHONE.customers // 2
        customers = customers.with_columns(phone=pl.when(half).then(pl.lit("0612345679")).otherwise("phone"))
    return measure(name, customers)
