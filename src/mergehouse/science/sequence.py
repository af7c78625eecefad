"""Will a customer buy nothing within so many days, told from the sequence of purchases by a small recurrent network: extra `deep`.

A challenger to the models on features: a gated recurrent unit (Cho et al. 2014; Keras on JAX) reads a customer's purchases one
after the other, and then for how long there has been none. It learns from the same customers at the same cut-offs as they do,
and its level is anchored in the same way.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
from scipy.special import expit, logit

from mergehouse.errors import MergehouseError
from mergehouse.lakehouse import Lakehouse
from mergehouse.science.churn import _intercept, _training, anchored_rate
from mergehouse.science.dataset import ACTIVE_DAYS, Dataset, active

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported; its own default is TensorFlow
try:
    import keras
except ModuleNotFoundError as error:
    raise MergehouseError(f"{error.name} is not installed: pip install 'mergehouse[deep]' brings what the sequence model needs.") from None

LENGTH = 24  # of a sequence: a customer's last purchases
UNITS = 16
MEMBERS = 3  # networks that differ in their seed alone, whose log-odds are averaged
EPOCHS = 10
BATCH = 256
RATE = 0.005  # of learning, falling to 0 along a cosine
MOST = 50_000  # sequences that are learned from: bounds time and memory
YEAR = 365.25
DAY_0 = dt.date(1970, 1, 1)

DAYS = f"""
SELECT
  o.source_system, o.customer_id, o.order_date,
  count_if(o.is_sale) > 0 AS is_purchase,
  CASE WHEN count_if(o.is_sale) = count(v.voided_on) THEN max(v.voided_on) END AS voided_on,
  sum(o.sale_lines) AS sale_lines, sum(o.gmv_eur) AS gmv_eur, sum(o.returns_eur) AS returns_eur
FROM silver.orders AS o
LEFT JOIN silver.order_voids AS v ON v.source_system = o.source_system AND v.order_id = o.order_id
SEMI JOIN (SELECT source_system, customer_id FROM gold.customer_features WHERE recency_days <= {ACTIVE_DAYS}) AS f
  ON f.source_system = o.source_system AND f.customer_id = o.customer_id
GROUP BY o.source_system, o.customer_id, o.order_date
"""


@dataclass(frozen=True, eq=False)
class Sequences:
    """Days with an order or a return of one brand's customers, by customer and date: arrays of shape (days,).

    `places` says between which places, `begin` and `end`, the days of a `customer_id` are. Dates count days since 1970, amounts
    are in EUR. From `voided_on` on, a purchase was never made; of one that stands it lies beyond all dates.
    """

    places: pl.DataFrame
    date: np.ndarray
    is_purchase: np.ndarray
    voided_on: np.ndarray
    sale_lines: np.ndarray
    gmv: np.ndarray
    returns: np.ndarray


def read_sequences(lakehouse: Lakehouse, brand: str) -> Sequences:
    """The days of all customers who were in the headline population at some cut-off: of the rest nothing is predicted."""
    of_brand = duckdb.ColumnExpression("source_system") == duckdb.ConstantExpression(brand)
    days = lakehouse.query(DAYS).filter(of_brand).order("customer_id, order_date").pl()
    index = pl.int_range(pl.len(), dtype=pl.Int64)
    places = days.group_by("customer_id").agg(begin=index.min(), end=index.max() + 1)
    date, voided_on = (days[name].cast(pl.Int32).fill_null(np.iinfo(np.int32).max).to_numpy() for name in ("order_date", "voided_on"))
    amounts = (days[name].cast(pl.Float64).to_numpy() for name in ("sale_lines", "gmv_eur", "returns_eur"))
    return Sequences(places, date, days["is_purchase"].to_numpy(), voided_on, *amounts)


def sequence_churn(dataset: Dataset, sequences: Sequences, day: dt.date, horizon: int = 90) -> np.ndarray:
    """P(no purchase within the horizon) of the active on `day`, as it could be learned on that day: shape (n,).

    The churn rate of each training cut-off is given to the network, so that it learns who leaves and not when many do; the
    level of the prediction comes from `anchored_rate`. The same call gives the same numbers. Raises FitError where no window
    has closed yet or all or none left in them.
    """
    rows, churned = _training(dataset, day, horizon)
    sample = np.sort(np.random.default_rng(1).permutation(len(rows))[:MOST])
    rates = pl.DataFrame({"cutoff_date": rows["cutoff_date"], "churned": churned}).select(pl.col("churned").mean().over("cutoff_date"))
    level = logit(rates["churned"].to_numpy()[sample].clip(0.001, 0.999)).astype(np.float32)
    wanted = active(dataset.at(day))
    (steps, silence), (steps_then, silence_then) = purchases(sequences, wanted), purchases(sequences, rows[sample])
    scale = _scale(steps_then)
    seen = {"steps": scale(steps_then), "silence": silence_then, "level": level}
    asked = {"steps": scale(steps), "silence": silence, "level": np.zeros(len(wanted), np.float32)}
    log_odds = np.mean([_log_odds(seed, seen, churned[sample], asked) for seed in range(1, MEMBERS + 1)], axis=0)
    return expit(log_odds + _intercept(log_odds, anchored_rate(dataset, day, horizon)))


def purchases(sequences: Sequences, rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """What was known of customers at their cut-offs, `customer_id` and `cutoff_date` of `rows`.

    Returns the last `LENGTH` purchases, the latest last and zeros before the first, shape (n, LENGTH, 6): log(1 + days since the
    one before, 0 for the first), log(1 + GMV), log(1 + what was returned until the next), log(1 + sale lines), sine and cosine
    of the season. And log(1 + days since the last), shape (n,).
    """
    steps, silence = np.zeros((len(rows), LENGTH, 6), np.float32), np.zeros(len(rows), np.float32)
    for cutoff in rows["cutoff_date"].unique():
        at = (rows["cutoff_date"] == cutoff).to_numpy()
        steps[at], silence[at] = _purchases_before((cutoff - DAY_0).days, sequences, rows["customer_id"].filter(at))
    return steps, silence


def _purchases_before(day: int, known: Sequences, customers: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    begin, end = customers.to_frame().join(known.places, on="customer_id", maintain_order="left")[["begin", "end"]].to_numpy().T
    past = known.date < day
    counted = np.flatnonzero(known.is_purchase & past & (known.voided_on >= day))
    first, after = np.searchsorted(counted, begin)[:, None], np.searchsorted(counted, end)[:, None]  # of a customer, in `counted`
    place = after + np.arange(-LENGTH, 0)
    there = place >= first
    this, previous = counted[place.clip(first)], counted[(place - 1).clip(first)]
    until = np.where(place + 1 < after, counted[(place + 1).clip(first, after - 1)], end[:, None])
    returned = np.append(0, np.cumsum(np.where(past, known.returns, 0)))  # before each place
    season = 2 * np.pi * known.date[this] / YEAR
    steps = np.stack(
        [
            np.log1p(known.date[this] - known.date[previous]),
            np.log1p(known.gmv[this]),
            np.log1p((returned[until] - returned[this]).clip(0)),
            np.log1p(known.sale_lines[this]),
            np.sin(season),
            np.cos(season),
        ],
        axis=-1,
    )
    return np.where(there[:, :, None], steps, 0), np.log1p(day - known.date[this[:, -1]])


def _scale(steps: np.ndarray):
    """Standardises purchases as `steps` need it, and leaves the zeros before a first purchase alone."""
    there = steps.any(axis=-1)
    mean, deviation = steps[there].mean(axis=0), steps[there].std(axis=0)
    return lambda other: np.where(other.any(axis=-1, keepdims=True), (other - mean) / np.where(deviation > 0, deviation, 1), 0)


def _log_odds(seed: int, seen: dict[str, np.ndarray], churned: np.ndarray, asked: dict[str, np.ndarray]) -> np.ndarray:
    """Log-odds of those who are `asked` about, from a network that learned from those it has `seen`."""
    keras.utils.set_random_seed(seed)
    network = _network()
    decay = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * -(-len(churned) // BATCH))
    network.compile(keras.optimizers.Adam(decay), keras.losses.BinaryCrossentropy(from_logits=True))
    network.fit(seen, churned.astype(np.float32), batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return network.predict(asked, batch_size=BATCH, verbose=0)[:, 0].astype(float)


def _network() -> keras.Model:
    """Purchases through the recurrent unit; its last state and the silence since through a hidden layer; plus the level."""
    steps, silence, level = keras.Input((LENGTH, 6), name="steps"), keras.Input((1,), name="silence"), keras.Input((1,), name="level")
    state = keras.layers.GRU(UNITS)(keras.layers.Masking()(steps))
    hidden = keras.layers.Dense(UNITS, "relu")(keras.layers.Concatenate()([state, silence]))
    return keras.Model([steps, silence, level], keras.layers.Add()([keras.layers.Dense(1)(hidden), level]))
