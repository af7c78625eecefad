"""Scores of an as-of date that was wrong and has been corrected are not there to be read as the latest."""

from __future__ import annotations

import datetime as dt

import duckdb
import polars as pl

from mergehouse.science.scoring import CONTRACT, SCHEMA, SCORES, without_later

JULY, OCTOBER, DECEMBER = (dt.date(2025, month, 1) for month in (7, 10, 12))


def scores(*rows: tuple[str, str, dt.date]) -> pl.DataFrame:
    keys = pl.DataFrame(rows, ["customer_id", "source_system", "as_of_date"], orient="row")
    return pl.concat([pl.DataFrame(schema=SCHEMA), keys], how="diagonal_relaxed").select(*CONTRACT.columns)


class Published:
    """A lakehouse that holds these scores alone."""

    def __init__(self, rows: pl.DataFrame | None):
        self.rows = rows

    def exists(self, _: str) -> bool:
        return self.rows is not None

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        connection = duckdb.connect()
        connection.register("published", self.rows.to_arrow())
        return connection.sql(sql.replace(SCORES, "published"))


def keys(frame: pl.DataFrame) -> set[tuple]:
    return set(frame.select([c for c in CONTRACT.key if c in frame.columns]).iter_rows())


def test_a_day_after_the_as_of_date_is_taken_back() -> None:
    """Brand a was scored as of December by mistake. Brand b was rightly, then and in October."""
    published = scores(
        *(("c1", of, day) for of in ("a", "group") for day in (JULY, DECEMBER)),
        *(("c2", of, day) for of in ("b", "group") for day in (OCTOBER, DECEMBER)),
    )
    now = scores(
        ("c1", "a", JULY), ("c1", "group", JULY),
        ("c2", "b", dt.date(2026, 1, 1)), ("c2", "group", dt.date(2026, 1, 1)),
    )  # fmt: skip
    kept, emptied = without_later(Published(published), now)
    assert keys(emptied) == {("a", DECEMBER), ("group", DECEMBER)}
    assert keys(kept) == {("c2", "group", DECEMBER)}


def test_a_day_that_another_brand_is_scored_at_now_is_written_anyway() -> None:
    published = scores(*(("c1", of, DECEMBER) for of in ("a", "group")))
    now = scores(("c1", "a", JULY), ("c1", "group", JULY), ("c2", "b", DECEMBER), ("c2", "group", DECEMBER))
    kept, emptied = without_later(Published(published), now)
    assert keys(emptied) == {("a", DECEMBER)} and not len(kept)


def test_earlier_days_stay_and_nothing_was_there_at_first() -> None:
    now = scores(("c1", "a", DECEMBER), ("c1", "group", DECEMBER))
    for published in (scores(*(("c1", of, JULY) for of in ("a", "group"))), None):
        kept, emptied = without_later(Published(published), now)
        assert not len(kept) and not len(emptied)
