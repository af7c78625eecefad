"""FEBRL's four sets of person records with known duplicates, without their national number."""

from __future__ import annotations

from pathlib import Path

import polars as pl

FILES = {1: ["dataset1.csv"], 2: ["dataset2.csv"], 3: ["dataset3.csv"], 4: ["dataset4a.csv", "dataset4b.csv"]}


def records(folder: Path, number: int) -> pl.DataFrame:
    """source_system, customer_code, attributes and `person`. Set 4 has two brands; in the others a person has
    several records in one list, so that each record is a brand of its own: any two may be one person.
    """
    lists = [_read(folder / file, "ab"[place]) for place, file in enumerate(FILES[number])]
    found = pl.concat(lists)
    return found if len(lists) > 1 else found.with_columns(source_system="customer_code")


def _read(file: Path, brand: str) -> pl.DataFrame:
    raw = pl.read_csv(file, infer_schema=False)
    raw = raw.rename({name: name.strip() for name in raw.columns}).with_columns(pl.all().str.strip_chars())
    day = pl.col("date_of_birth")
    return raw.select(
        source_system=pl.lit(brand),
        customer_code="rec_id",
        first_name="given_name",
        last_name="surname",
        birth_date=pl.concat_str(day.str.slice(0, 4), day.str.slice(4, 2), day.str.slice(6), separator="-"),
        address_line_1=pl.concat_str("street_number", "address_1", separator=" ", ignore_nulls=True),
        address_line_2="address_2",
        postcode="postcode",
        city="suburb",
        person=pl.col("rec_id").str.extract(r"rec-(\d+)"),
    )
