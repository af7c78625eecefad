"""Will a customer buy nothing within so many days, told from the sequence of purchases by a small recurrent
network: extra `deep`.

A challenger to the models on features: a gated recurrent unit (Cho et al. 2014; Keras on JAX) reads a
customer's purchases one after the other, and then for how long there has been none. It learns from the same
customers at the same cut-offs as they do, and its level is anchored in the same way.
"""

from __future__ import annotations

import datetime as dt
import math
import os
from dataclasses import dataclass
from functools import cache

import duckdb
import numpy as np
import polars as pl
from scipy.special import expit, logit

from mergehouse.errors import MergehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.science.churn.model import anchored_rate, intercept_for, training_rows
from mergehouse.science.features.dataset import ACTIVE_DAYS, Dataset, active

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported; its own default is TensorFlow
try:
    import keras
except ModuleNotFoundError as error:
    raise MergehouseError(
        f"{error.name} is not installed: pip install 'mergehouse[deep]' brings what the sequence model needs."
    ) from None

LENGTH = 24  # of a sequence: a customer's last purchases
UNITS = 16
MEMBERS = 3  # networks that differ in their seed alone, whose log-odds are averaged
EPOCHS = 10
BATCH = 256
RATE = 0.005  # of learning, falling to 0 along a cosine
MOST = 200 * BATCH  # sequences that are learned from: bounds time and memory
DAY_0 = dt.date(1970, 1, 1)

DAYS = f"""
SELECT
  d.source_system, d.customer_id, d.order_date, d.is_purchase, v.voided_on,
  d.sale_lines, d.gmv_eur, d.returns_eur
FROM silver.customer_days AS d
LEFT JOIN (
  SELECT source_system, customer_id, order_date, count(*) AS orders, max(voided_on) AS voided_on
  FROM silver.order_voids GROUP BY ALL
) AS v USING (source_system, customer_id, order_date, orders)
SEMI JOIN (
  SELECT source_system, customer_id FROM gold.customer_features WHERE recency_days <= {ACTIVE_DAYS}
) AS f USING (source_system, customer_id)
"""


@dataclass(frozen=True, eq=False)
class Sequences:
    """Days with an order or a return of one brand's customers, by customer and date: arrays of shape (days,).

    `places` says between which places, `begin` and `end`, the days of a `customer_id` are. Dates count days
    since 1970, amounts are in EUR. From `voided_on` on, a purchase was never made; of one that stands it lies
    beyond all dates.
    """

    places: pl.DataFrame
    date: np.ndarray
    is_purchase: np.ndarray
    voided_on: np.ndarray
    sale_lines: np.ndarray
    gmv: np.ndarray
    returns: np.ndarray


def read_sequences(lakehouse: Lakehouse, brand: str) -> Sequences:
    """The days of all customers who were in the headline population at some cut-off: of the rest nothing is
    predicted.
    """
    of_brand = duckdb.ColumnExpression("source_system") == duckdb.ConstantExpression(brand)
    days = (
        lakehouse.query(DAYS).filter(of_brand).order("customer_id, order_date").pl().with_row_index("place")
    )
    places = days.group_by("customer_id").agg(
        begin=pl.col("place").min().cast(pl.Int64), end=pl.col("place").max().cast(pl.Int64) + 1
    )
    date, voided_on = (
        days[name].cast(pl.Int32).fill_null(np.iinfo(np.int32).max).to_numpy()
        for name in ("order_date", "voided_on")
    )
    amounts = (days[name].cast(pl.Float64).to_numpy() for name in ("sale_lines", "gmv_eur", "returns_eur"))
    return Sequences(places, date, days["is_purchase"].to_numpy(), voided_on, *amounts)


def sequence_churn(dataset: Dataset, sequences: Sequences, day: dt.date, horizon: int = 90) -> np.ndarray:
    """P(no purchase within the horizon) of the active on `day`, as it could be learned on that day: shape
    (n,).

    The churn rate of each training cut-off is given to the network, so that it learns who leaves and not when
    many do; the level of the prediction comes from `anchored_rate`. The same call gives the same numbers, for
    which it seeds the process's random generators. Raises FitError where no window has closed yet or all or
    none left in them.
    """
    rows, churned = training_rows(dataset, day, horizon)
    # in whole batches: a last one of another size would have to be compiled for
    whole = max(len(rows) // BATCH, 1) * BATCH
    sample = np.random.default_rng(1).permutation(len(rows))[: min(whole, MOST)]
    rates = pl.DataFrame({"cutoff_date": rows["cutoff_date"], "churned": churned}).select(
        pl.col("churned").mean().over("cutoff_date")
    )
    level = logit(rates["churned"].to_numpy()[sample].clip(0.001, 0.999)).astype(np.float32)
    seen, asked = purchases(sequences, rows[sample]), purchases(sequences, active(dataset.at(day)))
    seen, asked = _standardised(seen, seen), _standardised(asked, seen)
    log_odds = np.mean(
        [_log_odds(seed, seen, level, churned[sample], asked) for seed in range(1, MEMBERS + 1)], axis=0
    )
    return expit(log_odds + intercept_for(log_odds, anchored_rate(dataset, day, horizon)))


def purchases(sequences: Sequences, rows: pl.DataFrame) -> np.ndarray:
    """What was known of customers at their cut-offs, `customer_id` and `cutoff_date` of `rows`: shape (n,
    LENGTH, 5).

    The last `LENGTH` purchases, the latest last, zeros before the first. Of each log(1 + x), where x is how
    many days before the cut-off it was, how many days after the one before (0 for the first), its GMV, what
    was returned until the next, its sale lines.
    """
    found = np.zeros((len(rows), LENGTH, 5), np.float32)
    for cutoff in rows["cutoff_date"].unique():
        at = (rows["cutoff_date"] == cutoff).to_numpy()
        found[at] = _purchases_before((cutoff - DAY_0).days, sequences, rows["customer_id"].filter(at))
    return found


def _purchases_before(day: int, known: Sequences, customers: pl.Series) -> np.ndarray:
    begin, end = (
        customers.to_frame()
        .join(known.places, on="customer_id", maintain_order="left")[["begin", "end"]]
        .to_numpy()
        .T[:, :, None]
    )
    past = known.date < day
    counted = np.flatnonzero(known.is_purchase & past & (known.voided_on >= day))
    # of a customer, in `counted`
    first, after = (np.searchsorted(counted, begin), np.searchsorted(counted, end))
    place = after + np.arange(-LENGTH, 0)
    this, previous = counted[place.clip(first)], counted[(place - 1).clip(first)]
    until = np.where(place + 1 < after, counted[(place + 1).clip(first, after - 1)], end)
    returned = np.append(0, np.cumsum(np.where(past, known.returns, 0)))  # before each day
    date = known.date[this]
    of_each = [
        day - date,
        date - known.date[previous],
        known.gmv[this],
        (returned[until] - returned[this]).clip(0),
        known.sale_lines[this],
    ]
    return np.where((place >= first)[:, :, None], np.log1p(np.stack(of_each, axis=-1)), 0)


def _standardised(steps: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1 over the purchases in `by`; the zeros before a first purchase stay: the network
    skips them.
    """
    known = by[by.any(axis=-1)]
    deviation = known.std(axis=0)
    return np.where(
        steps.any(axis=-1, keepdims=True),
        (steps - known.mean(axis=0)) / np.where(deviation > 0, deviation, 1),
        0,
    )


def _log_odds(
    seed: int, seen: np.ndarray, level: np.ndarray, churned: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Log-odds of those who are `asked` about, from a network that learned from those it has `seen`."""
    network = _network()
    keras.utils.set_random_seed(seed)
    network.set_weights(keras.models.clone_model(network).get_weights())
    for variable in network.optimizer.variables:
        variable.assign(np.zeros(variable.shape))
    cosine = keras.callbacks.LearningRateScheduler(
        lambda epoch: RATE * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2
    )
    network.fit(
        [seen, level], churned.astype(np.float32), BATCH, EPOCHS, verbose=0, callbacks=[cosine], shuffle=False
    )
    return network.predict([asked, np.zeros(len(asked))], batch_size=BATCH, verbose=0)[:, 0].astype(float)


@cache
def _network() -> keras.Model:
    """Purchases through the recurrent unit; its last state and the silence since through a hidden layer; plus
    the level.

    One for all fits, which begin with new weights: to compile it takes longer than to train it.
    """
    steps, level = keras.Input((LENGTH, 5)), keras.Input((1,))
    state = keras.layers.GRU(UNITS)(keras.layers.Masking()(steps))
    hidden = keras.layers.Dense(UNITS, "relu")(keras.layers.Concatenate()([state, steps[:, -1, :1]]))
    network = keras.Model([steps, level], keras.layers.Dense(1)(hidden) + level)
    network.compile(keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    network.optimizer.build(network.trainable_variables)
    return network
