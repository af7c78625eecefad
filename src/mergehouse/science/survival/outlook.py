"""What buy-till-you-die expects of a brand's customers: who is alive, who buys in the next days, what each
will be worth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl

from mergehouse.errors import FitError
from mergehouse.science.btyd.lifetime_value import BGNBD, GammaGamma, fit_bgnbd, fit_gamma_gamma
from mergehouse.science.churn.model import history
from mergehouse.science.survival.curves import ALL, Watch

SILENT_WITHIN, EXPECTED_WITHIN = (30, 60, 90), (30, 60, 90, 365)  # days
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
PURCHASES_SHOWN = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30)
SILENCES_SHOWN = (0, 7, 14, 30, 45, 60, 90, 120, 180, 240, 300, 365, 455, 545, 635)
LONGEST_KNOWN = 730


@dataclass(frozen=True)
class Expected:
    """Means over a segment's customers at the as-of date. `value` are the quantiles 10, 25, 50, 75, 90 % of
    the net margin expected in 12 months, in EUR, and `mean_value` its mean; None where the value of a
    purchase is not known.
    """

    segment: str
    customers: int
    p_alive: float
    p_no_purchase: tuple[float, ...]
    purchases: tuple[float, ...]
    value: tuple[float, ...] | None
    mean_value: float | None


@dataclass(frozen=True)
class Heat:
    """What is expected of customers first seen `known_days` ago, by their purchases (columns) and the days
    silent since (rows).
    """

    known_days: int
    purchases: tuple[int, ...]
    silences: tuple[int, ...]
    p_alive: tuple[tuple[float, ...], ...]
    expected: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Outlook:
    """`notes` say in words what the models cannot tell: drop-out not identified, values without a mean, a
    year beyond the history.
    """

    customers: int
    parameters: dict[str, float]
    dropout_identified: bool
    segments: tuple[Expected, ...]
    heat: Heat
    notes: tuple[str, ...]


def outlook(connection: duckdb.DuckDBPyConnection, seen: Watch) -> Outlook:
    """BG/NBD and Gamma-Gamma fitted to all customers known at the as-of date.

    Reads what `survival.watch` has prepared. Raises FitError where the first cannot be fitted.
    """
    rows = connection.sql("""
        SELECT purchases, recency_days, tenure_days, gmv_eur::DOUBLE AS gmv_eur,
          margin_eur::DOUBLE AS margin_eur, segment
        FROM segmented WHERE is_as_of ORDER BY customer_id
        """).pl()
    bought = history(rows)
    bgnbd = fit_bgnbd(*bought)
    notes = [] if bgnbd.dropout_identified else [_sentence(bgnbd.reason)]
    gamma_gamma, note = _fit_values(rows)
    notes += [note] if note else []
    days = int((seen.as_of - seen.first).days)
    if days < max(EXPECTED_WITHIN):
        notes.append(
            f"{seen.brand} has {days} days of history: what is expected of a year reaches"
            f" {max(EXPECTED_WITHIN) / days:.0f} times as far as what was seen, and knows nothing of the"
            " seasons that were not."
        )
    parameters = dict(zip(("r", "alpha", "a", "b"), bgnbd.parameters, strict=True))
    if gamma_gamma:
        parameters |= dict(zip(("p", "q", "gamma"), gamma_gamma.parameters, strict=True))
    segments = tuple(_segments(rows, bought, bgnbd, gamma_gamma))
    return Outlook(
        len(rows),
        parameters,
        bgnbd.dropout_identified,
        segments,
        _heat(bgnbd, min(days, LONGEST_KNOWN)),
        tuple(notes),
    )


def _fit_values(rows: pl.DataFrame) -> tuple[GammaGamma | None, str]:
    """Of the merchandise sold per purchase: a purchase always sells, a margin may be below zero."""
    paid = rows.filter(pl.col("gmv_eur") > 0)
    try:
        model = fit_gamma_gamma(
            paid["purchases"].to_numpy(), (paid["gmv_eur"] / paid["purchases"]).to_numpy()
        )
    except FitError as error:
        return None, str(error)
    return (model, "") if model.mean_is_finite else (None, _sentence(model.reason))


def _segments(
    rows: pl.DataFrame,
    bought: tuple[np.ndarray, np.ndarray, np.ndarray],
    bgnbd: BGNBD,
    gamma_gamma: GammaGamma | None,
) -> Iterator[Expected]:
    alive = bgnbd.p_alive(*bought)
    silent = np.column_stack([bgnbd.p_no_purchase(*bought, days) for days in SILENT_WITHIN])
    purchases = np.column_stack([bgnbd.expected_purchases(*bought, days) for days in EXPECTED_WITHIN])
    value = None
    if gamma_gamma:
        times, sold = rows["purchases"].to_numpy(), rows["gmv_eur"].to_numpy()
        margin = rows["margin_eur"].sum() / sold.sum()
        each = gamma_gamma.expected_value(np.where(sold > 0, times, 0), sold / times)
        value = margin * each * purchases[:, -1]
    names = rows["segment"].to_numpy()
    for name in [ALL, *sorted(set(names))]:
        of = slice(None) if name == ALL else names == name
        worth = None if value is None else value[of]
        yield Expected(
            name,
            len(alive[of]),
            float(alive[of].mean()),
            tuple(silent[of].mean(axis=0).tolist()),
            tuple(purchases[of].mean(axis=0).tolist()),
            None if worth is None else tuple(np.quantile(worth, QUANTILES).tolist()),
            None if worth is None else float(worth.mean()),
        )


def _heat(bgnbd: BGNBD, known_days: int) -> Heat:
    silences = tuple(s for s in SILENCES_SHOWN if s < known_days)
    x, silent = np.meshgrid(np.array(PURCHASES_SHOWN) - 1, silences)
    grid = (x, known_days - silent, np.full(x.shape, known_days))
    alive, expected = bgnbd.p_alive(*grid), bgnbd.expected_purchases(*grid, 90)
    return Heat(
        known_days,
        PURCHASES_SHOWN,
        silences,
        *(tuple(map(tuple, found.tolist())) for found in (alive, expected)),
    )


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."
