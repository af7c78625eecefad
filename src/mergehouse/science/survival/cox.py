"""What makes customers buy again sooner: Cox proportional hazards of the next purchase, its assumption
tested.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from mergehouse.errors import FitError
from mergehouse.science.survival.curves import Watch

if TYPE_CHECKING:
    import pandas as pd

# customers the model is fitted on at most: more would only make intervals shorter than the model is right
SAMPLE = 20_000
HORIZON = 365  # days watched
EARLY = 30  # days of the first of two periods, where an effect does not stay the same
SUSPECT = 0.01  # p-value from which on an effect counts as not proportional
WIDEST = 1_000  # an interval whose ends, as ratios, lie further apart says nothing
FEWEST_EVENTS = 10  # for each effect (Peduzzi et al. 1995, "Importance of events per independent variable")


@dataclass(frozen=True)
class Ratio:
    """A hazard ratio and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """How many times the interval's lower end its upper end is."""
        return self.high / self.low if self.low > 0 else math.inf


@dataclass(frozen=True)
class Effect:
    """How many times as likely to buy on any day a customer is, per `step` of one trait, the others being
    equal.

    `p_proportional` tests that the ratio stays the same over time (Grambsch & Therneau 1994, on ranks of
    time). Where it does not, `early` is the ratio of the first 30 days, `late` that of the days after; None
    where too few bought in one of them.
    """

    trait: str
    step: str
    ratio: Ratio
    p_proportional: float
    early: Ratio | None
    late: Ratio | None

    @property
    def is_proportional(self) -> bool:
        return self.p_proportional >= SUSPECT

    @property
    def words(self) -> str:
        if self.is_proportional:
            return f"{self.step}: {_more(self.ratio)}."
        if self.early is None or self.late is None:
            return (
                f"{self.step}: {_more(self.ratio)}, on average: it changes with time, and too few bought to"
                " say how."
            )
        return f"{self.step}: {_more(self.early)} in the first {EARLY} days, {_more(self.late)} later."


@dataclass(frozen=True)
class Hazards:
    """`customers` were fitted, each at one cut-off; `concordance` is Harrell's C within cut-offs.

    `left_out` are traits that hardly differ or whose effect cannot be told.
    """

    effects: tuple[Effect, ...]
    customers: int
    events: int
    concordance: float
    left_out: tuple[str, ...]


TRAITS: dict[str, tuple[str, str]] = {  # trait: expression over customer features, what one more of it is
    "days silent": ("log2(recency_days + 1)", "Silent for twice as long"),
    "days known": ("log2(tenure_days + 1)", "A customer for twice as long"),
    "purchases": ("log2(purchases)", "Twice as many purchases"),
    "purchase value": ("log2(gmv_eur::DOUBLE / purchases + 1)", "Twice the value per purchase"),
    "bought once": ("(purchases = 1)::INT", "Has bought only once"),
    "returns": (
        "10 * least(returns_eur::DOUBLE / (gmv_eur::DOUBLE + 1), 1)",
        "10 points more of the value returned",
    ),
    "discount": (
        "10 * discount_eur::DOUBLE / (gmv_eur::DOUBLE + discount_eur::DOUBLE + 1)",
        "10 points more discount",
    ),
    "several brands": ("is_cross_brand::INT", "Has bought at another brand, too"),
}


def fit_hazards(connection: duckdb.DuckDBPyConnection, seen: Watch) -> Hazards:
    """A Cox model after `survival.watch`: one row a customer, at one cut-off drawn by a hash, followed for at
    most a year.

    Each cut-off has a baseline of its own (strata), so that the season is no trait; one row a customer leaves
    nothing to cluster. A trait that hardly differs, or that splits those who bought from those who did not,
    is left out. Raises FitError where too few come back to tell the traits apart.
    """
    frame = sample(connection, seen)
    traits = [name for name in TRAITS if frame[name].std() > 1e-9] if len(frame) > 1 else []
    events = int(frame["happened"].sum())
    if frame.empty:
        raise FitError(
            f"{seen.brand}: there is no cut-off from which customers were watched yet; hazard ratios need"
            " one."
        )
    if not traits or events < FEWEST_EVENTS * len(traits):
        raise FitError(
            f"{seen.brand}: {events:,} of {len(frame):,} customers bought again after a cut-off with"
            f" {len(traits)} traits to tell apart; hazard ratios need {FEWEST_EVENTS} purchases for each."
        )
    while True:
        frame = frame[["day", "happened", "cutoff", *traits]]
        whole, p_values, concordance = fit_cox(frame)
        widest = max(whole, key=lambda trait: whole[trait].width)
        if whole[widest].width <= WIDEST:
            break
        traits.remove(widest)
        if not traits:
            raise FitError(f"{seen.brand}: of no trait can be told what it does to the chance to buy.")
    parts = [_until(frame, EARLY), _after(frame, EARLY)]
    is_enough = all(part["happened"].sum() >= FEWEST_EVENTS * len(traits) for part in parts)
    early, late = (
        {t: r for t, r in fit_cox(part)[0].items() if r.width <= WIDEST} if is_enough else {}
        for part in parts
    )
    effects = tuple(Effect(t, TRAITS[t][1], whole[t], p_values[t], early.get(t), late.get(t)) for t in traits)
    return Hazards(effects, len(frame), events, concordance, tuple(t for t in TRAITS if t not in traits))


def fit_cox(frame: pd.DataFrame) -> tuple[dict[str, Ratio], dict[str, float], float]:
    """Hazard ratios, p-values of proportionality, and Harrell's C, of day, happened, cutoff (the stratum) and
    traits.

    Raises FitError where the likelihood has no maximum: a trait that splits those who bought from those who
    did not.
    """
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError
    from lifelines.statistics import proportional_hazard_test

    # lifelines joins by index: duplicates in it make C wrong without a word
    frame = frame.reset_index(drop=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = CoxPHFitter().fit(frame, "day", "happened", strata=["cutoff"])
            test = proportional_hazard_test(model, frame, time_transform="rank")
    except (ConvergenceError, np.linalg.LinAlgError) as error:
        raise FitError(f"Cox proportional hazards cannot be fitted: {str(error).splitlines()[0]}") from None
    with np.errstate(over="ignore"):
        limits = np.exp(model.confidence_intervals_.to_numpy())
    ratios = {
        t: Ratio(float(v), float(low), float(high))
        for (t, v), (low, high) in zip(model.hazard_ratios_.items(), limits, strict=True)
    }
    return (
        ratios,
        dict(zip(test.name, np.atleast_1d(test.p_value).tolist(), strict=True)),
        float(model.concordance_index_),
    )


def sample(connection: duckdb.DuckDBPyConnection, seen: Watch) -> pd.DataFrame:
    """At most SAMPLE customers in the order of a hash, one row each: day, happened, cutoff and the traits.
    Its index is unique.
    """
    traits = ", ".join(f'{expression} AS "{name}"' for name, (expression, _) in TRAITS.items())
    frame = connection.execute(
        f"""
        SELECT cutoff_date::VARCHAR AS cutoff, least(day, {HORIZON}) AS day,
          happened AND day <= {HORIZON} AS happened,
          {traits}
        FROM (
          SELECT *, coalesce(next_date + 1, $as_of) - cutoff_date AS day, next_date IS NOT NULL AS happened
          FROM looked_at
          QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY md5(customer_id || cutoff_date)) = 1
        )
        ORDER BY md5(customer_id) LIMIT {SAMPLE}
        """,
        {"as_of": seen.as_of},
    ).df()
    return frame.reset_index(drop=True)


def _until(frame: pd.DataFrame, day: int) -> pd.DataFrame:
    """The same customers, watched until a day."""
    return frame.assign(happened=frame["happened"] & (frame["day"] <= day), day=frame["day"].clip(upper=day))


def _after(frame: pd.DataFrame, day: int) -> pd.DataFrame:
    """Those who had not bought by a day, watched from it on."""
    return frame[frame["day"] > day].assign(day=lambda rows: rows["day"] - day)


def _more(ratio: Ratio) -> str:
    interval = f"{ratio.low:.2f} to {ratio.high:.2f}"
    if ratio.low <= 1 <= ratio.high:
        return f"as likely to buy on any day, as far as can be told (ratio {interval})"
    return f"{ratio.value:.2f} times as likely to buy on any day (95 % interval {interval})"
