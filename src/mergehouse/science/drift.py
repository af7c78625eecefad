"""Do today's customers look like those a model learned from, and do its scores hold what they said once time has passed?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl

from mergehouse.lakehouse import Lakehouse
from mergehouse.science.backtest import ALL, HORIZON, Tested
from mergehouse.science.churn import Churn
from mergehouse.science.dataset import INPUTS, Dataset, active, matrix
from mergehouse.science.evaluation import churn_metrics, intervals

BINS = 10
RARE = 1e-4  # a share that counts instead of none
SHIFTED, DRIFTED = 0.1, 0.25
PREDICTION = "prediction"
MATURED = """
WITH purchases AS (SELECT DISTINCT source_system, customer_id, order_date FROM silver.orders WHERE is_sale AND customer_id IS NOT NULL)
SELECT
  s.source_system, s.as_of_date, s.model_name, s.model_version, CAST(s.churn_probability_{horizon}d AS DOUBLE) AS probability,
  COUNT_IF(p.order_date >= s.as_of_date) = 0 AS churned
FROM gold.customer_scores_gold AS s
JOIN gold.dim_brand AS b ON b.source_system = s.source_system AND s.as_of_date + {horizon} <= b.as_of_date
JOIN purchases AS p ON p.source_system = s.source_system AND p.customer_id = s.customer_id
  AND p.order_date >= s.as_of_date - {horizon} AND p.order_date < s.as_of_date + {horizon}
WHERE s.method = 'model'
GROUP BY ALL
HAVING COUNT_IF(p.order_date < s.as_of_date) > 0
"""


def psi(reference: np.ndarray, current: np.ndarray) -> float:
    """Population stability index of `current` against `reference`, over the deciles of the latter (Siddiqi 2006, "Credit Risk Scorecards").

    Values that many share make fewer bins. 0 where both are spread alike; by convention above 0.1 shifted, above 0.25 drifted.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = [np.bincount(np.searchsorted(edges, v, side="left"), minlength=len(edges) + 1) / len(v) for v in (reference, current)]
    expected, found = (np.maximum(share, RARE) for share in shares)
    return float(((found - expected) * np.log(found / expected)).sum())


def drift(dataset: Dataset, model: Churn, trained: dt.date) -> pl.DataFrame:
    """PSI and verdict of every input, and of the prediction, of active customers at the as-of date against those learned from.

    `trained` is the as-of date of the model's training. Empty where nobody is active.
    """
    learned = active(dataset.rows.filter(pl.col("cutoff_date").is_in(dataset.closed_before(trained, model.horizon))))
    now = active(dataset.at(dataset.as_of))
    if learned.is_empty() or now.is_empty():
        return pl.DataFrame(schema={"item": pl.String, "psi": pl.Float64, "verdict": pl.String})
    before, after = matrix(learned), matrix(now)
    values = [psi(before[:, n], after[:, n]) for n in range(len(INPUTS))] + [psi(model.log_odds(before), model.log_odds(after))]
    return pl.DataFrame({"item": [*INPUTS, PREDICTION], "psi": values}).with_columns(
        pl.when(pl.col("psi") < SHIFTED).then(pl.lit("stable"))
        .when(pl.col("psi") < DRIFTED).then(pl.lit("shifted")).otherwise(pl.lit("drifted")).alias("verdict")
    )  # fmt: skip


def matured(lakehouse: Lakehouse, judged: set[tuple[str, dt.date]]) -> Iterator[Tested]:
    """Scores of earlier as-of dates against what happened since, on customers active then; those in `judged` (brand, date) are left out.

    The method is the model's name and version: what its backtest promised stands beside it in `gold.model_metrics`.
    """
    rows = lakehouse.query(MATURED.format(horizon=HORIZON)).pl()
    for (brand, as_of, name, version), part in rows.group_by(
        "source_system", "as_of_date", "model_name", "model_version", maintain_order=True
    ):
        if (brand, as_of) in judged:
            continue
        churned, probability = part["churned"].to_numpy(), part["probability"].to_numpy()
        found = churn_metrics(churned, probability)
        yield Tested(
            str(brand), f"churn_{HORIZON}d", ALL, f"{name} version {version}, as scored", as_of,  # type: ignore[arg-type]
            len(part), float(churned.mean()), found, intervals(churn_metrics, churned, probability) if found else {},
        )  # fmt: skip
