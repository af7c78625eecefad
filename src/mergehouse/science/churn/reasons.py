"""Why a customer's chance is what it is, in words: what each trait adds to it, and what the trait is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from mergehouse.science.features.dataset import INPUTS

SHOWN = 3


@dataclass(frozen=True)
class Trait:
    """Several inputs of the model that say one thing of a customer, and the sentence about it, over the
    columns of the features.
    """

    name: str
    inputs: tuple[str, ...]
    words: pl.Expr


def counted(column: str | pl.Expr, one: str, many: str) -> pl.Expr:
    """A number and what it counts, in words."""
    number = pl.col(column) if isinstance(column, str) else column
    return pl.format(
        "{} {}", number.cast(pl.Int64), pl.when(number == 1).then(pl.lit(one)).otherwise(pl.lit(many))
    )


def _money(amount: pl.Expr) -> pl.Expr:
    return pl.format("{} EUR", amount.round(0).cast(pl.Int64))


def _percent(share: pl.Expr) -> pl.Expr:
    return pl.format("{} %", (share.clip(0, 1) * 100).round(0).cast(pl.Int64))


_RHYTHM = pl.col("gap_mean_days").round(0)
_SILENCE = counted("recency_days", "day", "days")
_THIS_YEAR = counted("purchases_365d", "purchase", "purchases")
_BASKET = pl.col("gmv_eur") / pl.col("purchases")
_RETURNED = pl.col("returns_eur") / (pl.col("gmv_eur") + 0.01)
_SAVED = pl.col("discount_eur") / (pl.col("gmv_eur") + pl.col("discount_eur") + 0.01)
# Inputs that move together belong to one trait: what the regression gives to one of them it takes from
# another.
TRAITS = (
    Trait(
        "silence",
        (
            "recency",
            "recency_days",
            "contact_recency",
            "gap_mean",
            "gap_deviation",
            "gap_longest",
            "gap_last",
            "overdue",
        ),
        pl.when(_RHYTHM.is_null())
        .then(pl.format("Last purchase {} ago", _SILENCE))
        .otherwise(
            pl.format("Buys every {} on average, last {} ago", counted(_RHYTHM, "day", "days"), _SILENCE)
        ),
    ),
    Trait(
        "frequency",
        (
            "purchases",
            "purchases_30d",
            "purchases_60d",
            "purchases_90d",
            "purchases_180d",
            "purchases_365d",
            "purchase_rate",
            "only_one_purchase",
            "active_months",
            "activity_20d",
            "activity_80d",
            "activity_320d",
            "trend",
        ),
        pl.when(pl.col("purchases") == 1)
        .then(pl.lit("Has bought only once"))
        .otherwise(
            pl.format("{} in the last year, {} of them in the last 90 days", _THIS_YEAR, "purchases_90d")
        ),
    ),
    Trait("tenure", ("tenure",), pl.format("First purchase {} ago", counted("tenure_days", "day", "days"))),
    Trait(
        "season",
        ("purchases_season",),
        pl.format("{} in the same season a year ago", counted("purchases_season", "purchase", "purchases")),
    ),
    Trait(
        "value",
        (
            "gmv",
            "gmv_90d",
            "gmv_365d",
            "gmv_last",
            "margin",
            "margin_90d",
            "margin_365d",
            "basket",
            "lines_per_purchase",
            "units_per_line",
        ),
        pl.format(
            "Buys for {} at a time, for {} in the last year",
            _money(_BASKET),
            _money(pl.col("gmv_365d_eur")),
        ),
    ),
    Trait(
        "returns",
        ("returns_share", "return_days"),
        pl.format("Returned {} of what was bought", _percent(_RETURNED)),
    ),
    Trait(
        "discount",
        ("discount_share",),
        pl.format(
            "Bought at a discount of {}",
            _percent(
                (pl.col("discount_eur") / (pl.col("gmv_eur") + pl.col("discount_eur") + 0.01)).clip(0, 1)
            ),
        ),
    ),
    Trait(
        "diversity",
        ("categories",),
        pl.format("Bought from {}", counted("categories", "category", "categories")),
    ),
    Trait(
        "cross-brand",
        ("cross_brand",),
        pl.when("is_cross_brand")
        .then(pl.lit("Buys at another brand, too"))
        .otherwise(pl.lit("Buys at no other brand")),
    ),
)


def by_trait(contributions: np.ndarray) -> np.ndarray:
    """Contributions of the inputs (n, inputs) summed by trait: (n, traits)."""
    names = list(INPUTS)
    return np.stack(
        [contributions[:, [names.index(i) for i in trait.inputs]].sum(axis=1) for trait in TRAITS], axis=1
    )


def reasons(rows: pl.DataFrame, contributions: np.ndarray) -> list[pl.Series]:
    """The traits that move each customer's log-odds of churn most, in words, most first.

    Takes features of n customers and what each input adds, (n, inputs), as `Churn.contributions` gives it.
    Returns `SHOWN` series.
    """
    moved = by_trait(contributions)
    order = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :SHOWN]
    words = rows.select(trait.words.alias(trait.name) for trait in TRAITS)
    found = []
    for place in range(SHOWN):
        which = order[:, place]
        raises = moved[np.arange(len(moved)), which] > 0
        chosen = words.with_columns(which=pl.Series(which), raises=pl.Series(raises)).select(
            pl.format(
                "{}: {} the risk",
                pl.coalesce(
                    pl.when(pl.col("which") == n).then(pl.col(trait.name)) for n, trait in enumerate(TRAITS)
                ),
                pl.when("raises").then(pl.lit("raises")).otherwise(pl.lit("lowers")),
            )
        )
        found.append(chosen.to_series().alias(f"reason_{place + 1}"))
    return found
