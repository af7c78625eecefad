"""Features and outcomes of one brand's customers, cut-off by cut-off, and the columns that models are fitted
on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

import duckdb
import numpy as np
import polars as pl

from mergehouse.errors import FitError, LakehouseError
from mergehouse.lakehouse.delta import Lakehouse

FEATURES, OUTCOMES = "gold.customer_features", "gold.customer_outcomes"
Asked = ParamSpec("Asked")
Fitted = TypeVar("Fitted")
ACTIVE_DAYS = 90  # the headline population: customers with a purchase in so many days before the cut-off


@dataclass(frozen=True)
class Dataset:
    """One brand's customers at every cut-off: columns of `gold.customer_features`, joined with those of
    `gold.customer_outcomes`.

    Outcomes carry the prefix `next_`; they are null where their window was not closed at the brand's as-of
    date.

    >>> rows = pl.DataFrame({"cutoff_date": [dt.date(2025, 1, 1), dt.date(2025, 4, 1)]})
    >>> dataset = Dataset("shop", dt.date(2025, 4, 1), rows)
    >>> len(dataset.cutoffs), len(dataset.at(dt.date(2025, 4, 1))), len(dataset.at(dt.date(2025, 5, 1)))
    (2, 1, 0)
    """

    brand: str
    as_of: dt.date
    rows: pl.DataFrame

    @cached_property
    def cutoffs(self) -> list[dt.date]:
        """All cut-offs, the as-of date last."""
        return sorted(self.rows["cutoff_date"].unique())

    @cached_property
    def _fits(self) -> dict[object, object]:
        return {}

    @cached_property
    def _by_cutoff(self) -> dict[tuple[object, ...], pl.DataFrame]:
        return self.rows.partition_by("cutoff_date", as_dict=True)

    def at(self, cutoff: dt.date) -> pl.DataFrame:
        """Rows of one cut-off; empty where it is none."""
        return self._by_cutoff.get((cutoff,), self.rows.clear())

    def closed_before(self, day: dt.date, days: int) -> list[dt.date]:
        """Cut-offs whose window of so many days had closed by `day`: what that day could learn from.

        >>> rows = pl.DataFrame({"cutoff_date": [dt.date(2025, 1, 1), dt.date(2025, 4, 1)]})
        >>> Dataset("shop", dt.date(2025, 7, 1), rows).closed_before(dt.date(2025, 4, 1), days=90)
        [datetime.date(2025, 1, 1)]
        """
        return [c for c in self.cutoffs if c + dt.timedelta(days) <= day and c < self.as_of]


def fitted_once(
    fit: Callable[Concatenate[Dataset, Asked], Fitted],
) -> Callable[Concatenate[Dataset, Asked], Fitted]:
    """A fit that each dataset remembers: backtest, explanations and cards ask for the same ones.

    >>> @fitted_once
    ... def customers(dataset: Dataset, day: dt.date) -> int:
    ...     return print("counts") or len(dataset.at(day))
    >>> dataset = Dataset("shop", dt.date(2025, 4, 1), pl.DataFrame({"cutoff_date": [dt.date(2025, 1, 1)]}))
    >>> customers(dataset, dt.date(2025, 1, 1)), customers(dataset, dt.date(2025, 1, 1))
    counts
    (1, 1)
    """

    @wraps(fit)
    def once(dataset: Dataset, *asked: Asked.args, **named: Asked.kwargs) -> Fitted:
        key = (fit.__name__, asked, *named.items())
        if key not in dataset._fits:
            dataset._fits[key] = fit(dataset, *asked, **named)
        return cast(Fitted, dataset._fits[key])

    return once


def expect_features(lakehouse: Lakehouse) -> None:
    """Raises LakehouseError where there are no features yet."""
    if not lakehouse.exists(FEATURES):
        raise LakehouseError(
            f"{lakehouse.location}: there are no customer features yet; `mergehouse run` builds them."
        )


def read_dataset(lakehouse: Lakehouse, brand: str) -> Dataset:
    """Raises FitError where the brand has no customer with a purchase."""
    of_brand = duckdb.ColumnExpression("source_system") == duckdb.ConstantExpression(brand)
    features, outcomes = (
        lakehouse.table(name).duckdb().filter(of_brand).pl() for name in (FEATURES, OUTCOMES)
    )
    as_of = features.filter("is_as_of")["cutoff_date"]
    if as_of.is_empty():
        raise FitError(
            f"{brand}: no customer has bought anything yet; scores need orders with a customer number."
        )
    key = ["customer_id", "source_system", "cutoff_date"]
    outcomes = outcomes.rename({c: f"next_{c}" for c in outcomes.columns if c not in key})
    rows = (
        features.join(outcomes, on=key, how="left")
        .with_columns(pl.col(pl.Decimal).cast(pl.Float64))
        .sort(key)
    )
    return Dataset(brand, as_of[0], rows)


def active(rows: pl.DataFrame) -> pl.DataFrame:
    """The customers of the headline population.

    >>> active(pl.DataFrame({"recency_days": [4, 90, 91]}))["recency_days"].to_list()
    [4, 90]
    """
    return rows.filter(pl.col("recency_days") <= ACTIVE_DAYS)


def matrix(rows: pl.DataFrame) -> np.ndarray:
    """What models are fitted on, (customers, inputs): the columns of `INPUTS` as floats without nulls."""
    return rows.select(
        expression.cast(pl.Float64).alias(name) for name, expression in INPUTS.items()
    ).to_numpy()


def _log(column: str, empty: pl.Expr | float = 0.0) -> pl.Expr:
    return pl.col(column).fill_null(empty).clip(0).log1p()


_TENURE = pl.col("tenure_days").clip(30)
INPUTS: dict[str, pl.Expr] = {
    "recency": _log("recency_days"),
    "recency_days": pl.col("recency_days"),
    "contact_recency": _log("contact_recency_days"),
    "tenure": _log("tenure_days"),
    "purchases": _log("purchases"),
    "purchases_30d": _log("purchases_30d"),
    "purchases_60d": _log("purchases_60d"),
    "purchases_90d": _log("purchases_90d"),
    "purchases_180d": _log("purchases_180d"),
    "purchases_365d": _log("purchases_365d"),
    "purchases_season": _log("purchases_season"),
    "only_one_purchase": pl.col("purchases") == 1,
    "purchase_rate": pl.col("purchases") / (pl.col("tenure_days") + 30) * 30,
    "active_months": _log("active_months"),
    "trend": pl.col("trend_90d").clip(-5, 5),
    "activity_20d": (pl.col("activity_20d") + 0.01).log(),
    "activity_80d": (pl.col("activity_80d") + 0.01).log(),
    "activity_320d": (pl.col("activity_320d") + 0.01).log(),
    "gap_mean": _log("gap_mean_days", _TENURE),
    "gap_deviation": _log("gap_deviation_days", -0.5),
    "gap_longest": _log("gap_longest_days", _TENURE),
    "gap_last": _log("gap_last_days", _TENURE),
    "overdue": (pl.col("recency_days") / (pl.col("gap_mean_days").fill_null(_TENURE) + 7)).clip(0, 5),
    "gmv": _log("gmv_eur"),
    "gmv_90d": _log("gmv_90d_eur"),
    "gmv_365d": _log("gmv_365d_eur"),
    "gmv_last": _log("gmv_last_eur"),
    "basket": (pl.col("gmv_eur") / pl.col("purchases")).log1p(),
    "lines_per_purchase": (pl.col("sale_lines") / pl.col("purchases")).log1p(),
    "units_per_line": (pl.col("units") / pl.col("sale_lines").clip(1)).log1p(),
    "returns_share": (pl.col("returns_eur") / (pl.col("gmv_eur") + 1)).clip(0, 1),
    "return_days": _log("return_days"),
    "discount_share": (pl.col("discount_eur") / (pl.col("gmv_eur") + pl.col("discount_eur") + 1)).clip(0, 1),
    "categories": _log("categories"),
    "cross_brand": pl.col("is_cross_brand"),
    "margin": pl.col("margin_eur").clip(0).log1p(),
    "margin_90d": pl.col("margin_90d_eur").clip(0).log1p(),
    "margin_365d": pl.col("margin_365d_eur").clip(0).log1p(),
}
