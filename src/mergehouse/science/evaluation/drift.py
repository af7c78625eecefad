"""Do today's customers look like those a model learned from, and do its scores hold what they said once time
has passed?
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from scipy.special import chdtrc

from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append_rows
from mergehouse.quality.checks import CheckResult
from mergehouse.science.churn.model import Churn
from mergehouse.science.customer_scores import SCORES
from mergehouse.science.evaluation.backtest import ALL, HORIZON, Tested
from mergehouse.science.evaluation.metrics import churn_metrics, intervals
from mergehouse.science.evaluation.metrics_table import METRICS, append_metrics
from mergehouse.science.features.dataset import INPUTS, Dataset, active, matrix
from mergehouse.science.registry.versions import Registered

BINS = 10
RARE = 1e-4  # a share that counts instead of none
SHIFTED, DRIFTED = 0.1, 0.25
PREDICTION = "prediction"
FALL = 0.05  # of the AUC, from which on it is worth a word
AS_SCORED = f"scored_churn_{HORIZON}d"  # the target of scores that have come of age
DRIFT = "gold.score_drift"
EVENTS = "silver.identity_events"  # of customers who had other ids when they were scored
LATER_IDS = f"SELECT DISTINCT previous_id, current_id FROM {EVENTS} WHERE current_id <> previous_id"
MATURED = """
SELECT
  s.source_system, s.as_of_date, s.model_name, s.model_version, s.customer_id,
  CAST(s.churn_probability_{horizon}d AS DOUBLE) AS probability,
  COUNT_IF(p.order_date >= s.as_of_date) = 0 AS churned
FROM gold.customer_scores_gold AS s
JOIN gold.dim_brand AS b ON b.source_system = s.source_system AND s.as_of_date + {horizon} <= b.as_of_date
LEFT JOIN ({later_ids}) AS i ON i.previous_id = s.customer_id
JOIN silver.customer_days AS p
  ON p.source_system = s.source_system AND p.customer_id = COALESCE(i.current_id, s.customer_id)
  AND p.is_purchase AND p.order_date >= s.as_of_date - {horizon} AND p.order_date < s.as_of_date + {horizon}
WHERE s.method = 'model'
GROUP BY ALL
HAVING COUNT_IF(p.order_date < s.as_of_date) > 0
"""


def watch(
    lakehouse: Lakehouse, scored: list[tuple[Dataset, Registered]], now: dt.datetime
) -> list[CheckResult]:
    """Keeps how far customers have drifted from those that each brand's churn model learned from, and how
    earlier scores turned out.

    The former goes to `gold.score_drift`, the latter to `gold.model_metrics`. Returns what a reader of the
    scores should know.

    >>> watch(Lakehouse("new"), [], dt.datetime(2026, 3, 7, tzinfo=dt.UTC))
    []
    """
    results = []
    for dataset, champion in scored:
        found = drift(dataset, champion.model.of_active[HORIZON], champion.as_of)
        head = [now, dataset.brand, dataset.as_of, champion.name, champion.version]
        append_rows(lakehouse, contract_of(DRIFT), [[*head, *row] for row in found.iter_rows()])
        moved = found.filter((pl.col("item") == PREDICTION) & (pl.col("verdict") == "drifted"))
        why = (
            f"{champion} learned from customers to whom it gave other chances than to those of"
            f" {dataset.as_of}; train again."
        )
        results.append(
            CheckResult(
                DRIFT,
                f"{dataset.brand}: predictions have not drifted",
                "warn",
                len(moved),
                why,
                moved.to_dicts(),
            )
        )
        why = (
            f"{champion} was trained at {champion.as_of} and has learned what came after {dataset.as_of}, the"
            " as-of date: its scores of that day are better than anybody could have told then, and no test of"
            " it. `mergehouse train` tries a model that has not; or set `as_of` in brand.yml to a later day."
        )
        knows = champion.as_of > dataset.as_of
        days = [{"as_of_date": dataset.as_of, "trained_at": champion.as_of}] if knows else []
        results.append(
            CheckResult(
                SCORES, f"{dataset.brand}: the model knows no later days", "warn", int(knows), why, days
            )
        )
    promised = {dataset.brand: champion.metrics["auc"] for dataset, champion in scored}
    trained = {(champion.name, champion.version): champion.as_of for _, champion in scored}
    came = list(matured(lakehouse, _judged(lakehouse), trained))
    append_metrics(lakehouse, came, now, scored[0][1].feature_version if scored else "")
    for brand, auc in promised.items():
        worse = [t for t in came if t.brand == brand and t.metrics and t.metrics["auc"] < auc - FALL]
        why = (
            f"Backtests gave an AUC of {auc:.3f}; scores that have come of age fell short by more than"
            f" {FALL:g}. Train again."
        )
        sample = [{"as_of_date": t.cutoff, "auc": round(t.metrics["auc"], 3)} for t in worse]
        results.append(
            CheckResult(
                METRICS, f"{brand}: scores hold what the backtest promised", "warn", len(worse), why, sample
            )
        )
    return results


def psi(reference: np.ndarray, current: np.ndarray) -> float:
    """Population stability index of `current` against `reference`, over the deciles of the latter (Siddiqi
    2006, "Credit Risk Scorecards").

    Values that many share make fewer bins. 0 where both are spread alike; by convention above 0.1 shifted,
    above 0.25 drifted.

    >>> psi(np.arange(1000), np.arange(1000))
    0.0
    >>> round(psi(np.arange(1000), np.arange(500, 1000)), 2)  # five tenths doubled, five gone
    3.8
    """
    shares = [counts / counts.sum() for counts in _binned(reference, current)]
    expected, found = (np.maximum(share, RARE) for share in shares)
    return float(((found - expected) * np.log(found / expected)).sum())


def differ_by_chance(reference: np.ndarray, current: np.ndarray) -> bool:
    """True where samples of one population differ as much once in a hundred times, by Pearson's chi-squared
    test of homogeneity over the bins of `psi`: among few customers a PSI of 0.25 says nothing.

    >>> [differ_by_chance(np.arange(n), np.arange(n // 4, n)) for n in (20, 200)]
    [True, False]
    """
    counts = np.stack(_binned(reference, current))
    counts = counts[:, counts.any(axis=0)]
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    statistic = ((counts - expected) ** 2 / expected).sum()
    return counts.shape[1] < 2 or bool(chdtrc(counts.shape[1] - 1, statistic) > 0.01)


def _binned(reference: np.ndarray, current: np.ndarray) -> list[np.ndarray]:
    """How many of either are in each bin, between deciles of the first."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    return [
        np.bincount(np.searchsorted(edges, v, side="left"), minlength=len(edges) + 1)
        for v in (reference, current)
    ]


def drift(dataset: Dataset, model: Churn, trained: dt.date) -> pl.DataFrame:
    """PSI and verdict of every input, and of the prediction, of active customers at the as-of date against
    the newest learned from.

    These are the active customers of the last cut-off whose window was closed at `trained`, the as-of date of
    the model's training: customers of earlier cut-offs cannot have been there for as long, and differ for
    that alone. What may be chance is stable. Empty where nobody is active.

    >>> from types import SimpleNamespace
    >>> rows = pl.DataFrame({"cutoff_date": [dt.date(2026, 3, 7)], "recency_days": [500]})
    >>> model = SimpleNamespace(horizon=90)  # not asked: nobody is active
    >>> drift(Dataset("shop", dt.date(2026, 3, 7), rows), model, dt.date(2026, 3, 7)).is_empty()
    True
    """
    newest = dataset.closed_before(trained, model.horizon)[-1:]
    learned = active(dataset.rows.filter(pl.col("cutoff_date").is_in(newest)))
    now = active(dataset.at(dataset.as_of))
    if learned.is_empty() or now.is_empty():
        return pl.DataFrame(schema={"item": pl.String, "psi": pl.Float64, "verdict": pl.String})
    before, after = matrix(learned), matrix(now)
    pairs = [(before[:, n], after[:, n]) for n in range(len(INPUTS))]
    pairs.append((model.log_odds(before), model.log_odds(after)))
    values, chances = [psi(*pair) for pair in pairs], [differ_by_chance(*pair) for pair in pairs]
    return pl.DataFrame({"item": [*INPUTS, PREDICTION], "psi": values}).with_columns(
        pl.when((pl.col("psi") < SHIFTED) | pl.Series(chances)).then(pl.lit("stable"))
        .when(pl.col("psi") < DRIFTED).then(pl.lit("shifted")).otherwise(pl.lit("drifted")).alias("verdict")
    )  # fmt: skip


def _judged(lakehouse: Lakehouse) -> set[tuple[str, dt.date]]:
    """Brands and as-of dates whose scores have been judged before."""
    if not lakehouse.exists(METRICS):
        return set()
    known = lakehouse.query(
        f"SELECT DISTINCT source_system, cutoff_date FROM {METRICS} WHERE target = '{AS_SCORED}'"
    )
    return {(brand, day) for brand, day in known.fetchall()}


def matured(
    lakehouse: Lakehouse, judged: set[tuple[str, dt.date]], trained: Mapping[tuple[str, int], dt.date]
) -> Iterator[Tested]:
    """Scores of earlier as-of dates against what happened since, on customers active then; those in `judged`
    (brand, date) are left out, and those of a model (name, version) that was `trained` at a later day, when
    that was known.

    The method is the model's name and version: what its backtest promised stands beside it in
    `gold.model_metrics`.

    >>> list(matured(mh.open("shop"), set(), {}))  # no score has come of age yet
    []
    """
    if not lakehouse.exists(SCORES):
        return
    nobody = "SELECT NULL AS previous_id, NULL AS current_id WHERE FALSE"
    later_ids = LATER_IDS if lakehouse.exists(EVENTS) else nobody
    rows = lakehouse.query(MATURED.format(horizon=HORIZON, later_ids=later_ids)).pl()
    for (brand, as_of, name, version), part in rows.group_by(
        "source_system", "as_of_date", "model_name", "model_version", maintain_order=True
    ):
        if (brand, as_of) in judged or trained.get((str(name), version), as_of) > as_of:
            continue
        churned, probability = part["churned"].to_numpy(), part["probability"].to_numpy()
        found = churn_metrics(churned, probability)
        yield Tested(
            str(brand), AS_SCORED, ALL, f"{name} version {version}", as_of,
            len(part), float(churned.mean()), found,
            intervals(churn_metrics, churned, [probability])[0],
        )  # fmt: skip
