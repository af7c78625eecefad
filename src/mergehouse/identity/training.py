"""Learns from customers alone, without known pairs, how much agreement in each attribute says."""

from __future__ import annotations

import datetime as dt

import duckdb
import polars as pl

import mergehouse
from mergehouse.errors import FitError
from mergehouse.identity.comparisons import DIFFERENT, Comparison, comparisons
from mergehouse.identity.guard import pair_exactly
from mergehouse.identity.input_table import load_customers, usable_attributes
from mergehouse.identity.model import OTHERS, Level, LinkModel
from mergehouse.identity.splink_model import linker
from mergehouse.identity.two_persons import HALF, shares_among_two_persons
from mergehouse.lakehouse.reader import limited
from mergehouse.project.settings import Limits

Block = tuple[str, ...]  # columns that both customers of a pair have alike

FOUND_EXACTLY = 0.8  # of pairs of the same person, the share that is assumed to agree exactly
LEAST_PAIRS, MOST_PAIRS = 50, 20_000_000  # that a block must and may have to learn from it
SHARE_IN_A_BLOCK = 0.3  # of pairs that are one person, where the estimation starts
LEAST_CUSTOMERS = 10  # that share a value whose frequency is kept; rarer ones could name a person
# Blocks that hold few pairs of a family, who share surname, address, phone and e-mail.
BLOCKS: tuple[Block, ...] = (
    ("birth_date", "last_name"),
    ("birth_date", "postcode"),
    ("first_name", "email"),
    ("first_name", "last_name", "postcode"),
    ("first_name", "phone"),
)
SECOND_CHOICE: tuple[Block, ...] = (
    ("birth_date", "email"),
    ("birth_date", "phone"),
    ("loyalty_card",),
    ("email", "phone"),
)


def train(customers: pl.DataFrame, trained_at: dt.datetime, limits: Limits | None = None) -> LinkModel:
    """A model from the `customers` of `standardise`, of two brands or more.

    `u` is counted over all pairs of customers of two brands, or over a sample of some millions where a level
    has no key to count by. `m` is estimated by expectation maximisation, blocked so that few pairs are of
    families (Fellegi and Sunter, 1969; Splink). The `prior` is the share of pairs that agree exactly, over
    FOUND_EXACTLY. The same customers give the same model, whatever their order.

    Raises FitError where attributes are too few, or too few customers of two brands look alike.
    """
    with limited(limits or Limits()) as connection:
        load_customers(connection, customers)
        attributes = usable_attributes(connection)
        _check(attributes)
        pair_exactly(connection)
        compared = comparisons(attributes)
        levels = _levels(connection, compared)
        return LinkModel(
            trained_at=trained_at,
            version=mergehouse.__version__,
            attributes=attributes,
            customers=dict(
                connection.sql(
                    "SELECT source_system, count(*) FROM customers GROUP BY ALL ORDER BY ALL"
                ).fetchall()
            ),
            prior=_prior(connection),
            comparisons=levels,
            frequencies={
                column: _frequencies(connection, column)
                for column in dict.fromkeys(
                    c.frequency for one in compared for c in one.conditions if c.frequency
                )
            },
        )


def _check(attributes: tuple[str, ...]) -> None:
    missing = [name for name in ("first_name", "last_name") if name not in attributes]
    others = [
        name
        for name in ("birth_date", "email", "phone", "address_line_1", "loyalty_card")
        if name in attributes
    ]
    if missing or len(others) < 2:
        raise FitError(
            f"No linkage model: customers of two brands have {', '.join(attributes) or 'no attribute'} in"
            " common. Needed are first_name, last_name and two of birth_date, email, phone, address_line_1"
            " and loyalty_card, filled in by both brands with more than placeholders and constants."
        )


def _prior(connection: duckdb.DuckDBPyConnection) -> float:
    exact, pairs = connection.sql("""
        SELECT (SELECT count(*) FROM exact), (sum(n) ** 2 - sum(n ** 2)) / 2
        FROM (SELECT count(*) AS n FROM customers GROUP BY source_system)
    """).fetchall()[0]
    if not exact:
        raise FitError(
            "No linkage model: no customer of one brand agrees exactly with one of another, so there is"
            " nothing to learn from. Where brands share so few, customers are linked by decisions alone."
        )
    return exact / FOUND_EXACTLY / pairs


def _levels(
    connection: duckdb.DuckDBPyConnection, compared: tuple[Comparison, ...]
) -> dict[str, tuple[Level, ...]]:
    sizes = {
        block: _pairs(connection, block)
        for block in BLOCKS + SECOND_CHOICE
        if {*block} <= {column for comparison in compared for column in comparison.columns}
    }
    blocks = _blocks(compared, sizes)
    by_chance = shares_among_two_persons(connection, compared)
    known = {name: [{"u_probability": u} for u, _ in levels] for name, levels in by_chance.items()}
    splink = linker(connection, compared, known, prior=SHARE_IN_A_BLOCK)
    for block in blocks:
        rule = " AND ".join(f"l.{column} = r.{column}" for column in block)
        splink.training.estimate_parameters_using_expectation_maximisation(
            f"{rule} AND l.source_system <> r.source_system", estimate_without_term_frequencies=True
        )
    estimated = splink.misc.save_model_to_json()["comparisons"]
    return {
        comparison.name: _smoothed(
            comparison,
            [level.get("m_probability") for level in found["comparison_levels"][1:]],
            by_chance[comparison.name],
            max(pairs for block, pairs in sizes.items() if block in blocks and _teaches(block, comparison)),
        )
        for comparison, found in zip(compared, estimated, strict=True)
    }


def _smoothed(
    comparison: Comparison,
    estimated: list[float | str | None],
    by_chance: list[tuple[float, bool]],
    pairs: int,
) -> tuple[Level, ...]:
    """A level that none of the `pairs` learned from was at counts as half a pair."""
    least = HALF / (pairs + 1)
    shares = [max(m, least) if isinstance(m, float) else least for m in estimated]
    labels = [*(condition.label for condition in comparison.conditions), DIFFERENT]
    return tuple(
        Level(label, _rounded(share / sum(shares)), _rounded(u), is_exact)
        for label, share, (u, is_exact) in zip(labels, shares, by_chance, strict=True)
    )


def _rounded(share: float) -> float:
    """Sums of floating-point numbers differ in their last digits with the order of rows."""
    return float(f"{share:.8g}")


def _blocks(compared: tuple[Comparison, ...], sizes: dict[Block, int]) -> list[Block]:
    """Blocks to learn from: all of BLOCKS that are large enough, and where these say nothing of a comparison,
    the first of SECOND_CHOICE that does.
    """
    large = [block for block, pairs in sizes.items() if LEAST_PAIRS <= pairs <= MOST_PAIRS]
    chosen = [block for block in large if block in BLOCKS]
    for comparison in compared:
        teachers = [block for block in (*chosen, *large) if _teaches(block, comparison)]
        if not teachers:
            raise FitError(
                f"No linkage model: nothing to learn {comparison.name} from. Pairs of customers of two"
                f" brands that agree: {_in_words(sizes, comparison)}; at least {LEAST_PAIRS} are needed."
                " Where brands share so few, customers are linked by exact agreement and by decisions alone."
            )
        if teachers[0] not in chosen:
            chosen.append(teachers[0])
    return chosen


def _teaches(block: Block, comparison: Comparison) -> bool:
    return not {*block} & {*comparison.columns}


def _in_words(sizes: dict[Block, int], comparison: Comparison) -> str:
    found = [
        f"{pairs:,} in {' and '.join(block)}" for block, pairs in sizes.items() if _teaches(block, comparison)
    ]
    return ", ".join(found) or "none in other attributes"


def _pairs(connection: duckdb.DuckDBPyConnection, block: Block) -> int:
    names = ", ".join(block)
    return connection.sql(f"""
        WITH counted AS (
            SELECT source_system, {names}, count(*)::HUGEINT AS n FROM customers
            WHERE {" AND ".join(f"{column} IS NOT NULL" for column in block)} GROUP BY ALL
        )
        SELECT coalesce(sum(n * n - of_one_brand) // 2, 0)
        FROM (SELECT sum(n) AS n, sum(n * n) AS of_one_brand FROM counted GROUP BY {names})
    """).fetchall()[0][0]


def _frequencies(connection: duckdb.DuckDBPyConnection, column: str) -> dict[str, float]:
    """Of values that many customers share, their share of all; of the others, what a customer's has on
    average.
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE counted AS
        SELECT {column} AS value, count(*) AS n FROM customers WHERE value IS NOT NULL GROUP BY ALL
    """)
    total, others = connection.sql(f"""
        SELECT sum(n), sum(n * n) FILTER (n < {LEAST_CUSTOMERS}) / sum(n) FILTER (n < {LEAST_CUSTOMERS})
        FROM counted
    """).fetchall()[0]
    listed = connection.sql(
        f"SELECT value, n FROM counted WHERE n >= {LEAST_CUSTOMERS} ORDER BY value"
    ).fetchall()
    rare = (others or LEAST_CUSTOMERS) / total
    return {OTHERS: _rounded(rare)} | {value: _rounded(n / total) for value, n in listed}
