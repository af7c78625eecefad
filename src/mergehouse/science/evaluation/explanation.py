"""What a churn model goes by: coefficients, SHAP values, and what is lost where an input is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl

from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import append_rows
from mergehouse.science.churn.model import Churn, ChurnModel, fit_boosted, fit_churn, lapsed
from mergehouse.science.churn.reasons import TRAITS
from mergehouse.science.evaluation.backtest import HORIZON, judged_cutoffs
from mergehouse.science.features.dataset import INPUTS, Dataset, active, matrix
from mergehouse.science.registry.versions import Version

EXPLANATIONS = "gold.model_explanations"
SAMPLE = 2000  # customers by whom trees are explained: over a million it takes hours
SHUFFLES = 5
NORMAL_95 = 1.959964
TRAIT_OF = {name: trait.name for trait in TRAITS for name in trait.inputs}
REGRESSION, TREES = "logistic regression", "gradient boosting"


def explain_churn(dataset: Dataset, model: ChurnModel) -> pl.DataFrame:
    """Rows of `gold.model_explanations` without brand, name and version, of a model fitted at the brand's
    as-of date.

    SHAP values of a linear model are its contributions, exact where inputs are taken as independent; those of
    trees are Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for
    trees", Nature Machine Intelligence 2, by the package shap on `SAMPLE` customers.
    """
    parts: list[pl.DataFrame] = []
    for population, regressions in (("active", model.of_active), ("lapsed", model.of_lapsed)):
        parts += [
            _rows(REGRESSION, population, horizon, "coefficient", *_coefficients(fit))
            for horizon, fit in regressions.items()
        ]
    rows = dataset.at(dataset.as_of)
    for population, part, regressions in (
        ("active", active(rows), model.of_active),
        ("lapsed", lapsed(rows), model.of_lapsed),
    ):
        if regressions and len(part):
            contributions = regressions[HORIZON].contributions(matrix(_sample(part)))
            parts.append(_rows(REGRESSION, population, HORIZON, "shap", *_spread(contributions)))
    if len(active(rows)):
        trees = fit_boosted(dataset, dataset.as_of)
        parts.append(
            _rows(
                TREES, "active", HORIZON, "shap", *_spread(_tree_shap(trees, matrix(_sample(active(rows)))))
            )
        )
    parts += [_rows(method, "active", HORIZON, "permutation", *found) for method, found in _permuted(dataset)]
    return pl.concat(parts)


def keep_explanations(lakehouse: Lakehouse, version: Version, rows: pl.DataFrame) -> None:
    """Appends what `explain_churn` says of a registered version to `gold.model_explanations`.

    >>> from types import SimpleNamespace
    >>> version = SimpleNamespace(brand="shop", name="shop-churn", version=3)
    >>> rows = _rows(REGRESSION, "active", 90, "coefficient", *np.zeros((3, len(INPUTS))))
    >>> lakehouse = Lakehouse("new")
    >>> keep_explanations(lakehouse, version, rows)
    >>> lakehouse.rows(EXPLANATIONS) == len(INPUTS)
    True
    """
    contract = contract_of(EXPLANATIONS)
    named = rows.with_columns(
        source_system=pl.lit(version.brand),
        model_name=pl.lit(version.name),
        model_version=pl.lit(version.version),
    ).select(*contract.columns)
    append_rows(lakehouse, contract, [list(row) for row in named.iter_rows()])


def _coefficients(fit: Churn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    width = NORMAL_95 * fit.deviation
    return fit.coefficients, fit.coefficients - width, fit.coefficients + width


def _spread(added: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean size of what each input adds (n, inputs), and the ends of the interval that holds 95 % of it."""
    low, high = np.percentile(added, [2.5, 97.5], axis=0)
    return np.abs(added).mean(axis=0), low, high


def _tree_shap(trees: Any, inputs: np.ndarray) -> np.ndarray:
    import shap

    return shap.TreeExplainer(trees).shap_values(inputs)


def _permuted(dataset: Dataset) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """AUC lost at the last tested cut-off, mean and range over shuffles, by models fitted there: they knew
    nothing of what came after.
    """
    cutoff = judged_cutoffs(dataset)[-1]
    rows = _sample(active(dataset.at(cutoff)))
    churned = (rows[f"next_purchases_{HORIZON}d"] == 0).to_numpy()
    if churned.all() or not churned.any():
        return
    for method, log_odds in (
        (REGRESSION, fit_churn(dataset, cutoff).log_odds),
        (TREES, fit_boosted(dataset, cutoff).decision_function),
    ):
        lost = auc_lost(log_odds, matrix(rows), churned)
        yield method, (lost.mean(axis=0), lost.min(axis=0), lost.max(axis=0))


def auc_lost(
    log_odds: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, churned: np.ndarray, seed: int = 1
) -> np.ndarray:
    """AUC that predictions lose where one of the inputs (n, k) is shuffled: shape (`SHUFFLES`, k) (Breiman
    2001, section 10).

    >>> inputs = np.array([[n, 0] for n in range(100)])
    >>> lost = auc_lost(lambda rows: rows[:, 0], inputs, churned=np.arange(100) >= 50)
    >>> bool((lost[:, 0] > 0.3).all()), bool((lost[:, 1] == 0).all())  # all hangs on the first input
    (True, True)
    """
    rng = np.random.default_rng(seed)
    lost = np.empty((SHUFFLES, inputs.shape[1]))
    for column in range(inputs.shape[1]):
        shuffled = np.tile(inputs, (SHUFFLES, 1))
        shuffled[:, column] = np.concatenate([rng.permutation(inputs[:, column]) for _ in range(SHUFFLES)])
        lost[:, column] = _auc(churned, log_odds(shuffled).reshape(SHUFFLES, -1))
    return _auc(churned, log_odds(inputs)) - lost


def _auc(churned: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Areas under ROC curves, one for each row of log-odds, by the ranks of those who left (Mann & Whitney
    1947).
    """
    from scipy.stats import rankdata

    left = int(churned.sum())
    above = rankdata(log_odds, axis=-1)[..., churned].sum(axis=-1) - left * (left + 1) / 2
    return above / (left * (len(churned) - left))


def _sample(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sample(min(len(rows), SAMPLE), seed=1)


def _rows(
    method: str,
    population: str,
    horizon: int,
    kind: str,
    value: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> pl.DataFrame:
    constants = {"method": method, "population": population, "horizon_days": horizon, "kind": kind}
    return pl.DataFrame(
        {
            "input": list(INPUTS),
            "trait": [TRAIT_OF[name] for name in INPUTS],
            "value": value,
            "low": low,
            "high": high,
        }
    ).select(*(pl.lit(value).alias(name) for name, value in constants.items()), pl.all())
