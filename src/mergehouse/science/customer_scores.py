"""`gold.customer_scores_gold` as a run sees it (see pipeline/computed.py): what the scores depend on, told
without the libraries that they are made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergehouse.science.extra import lacking_packages
from mergehouse.science.registry.mlflow_client import experiment_name

if TYPE_CHECKING:
    from mergehouse.pipeline.computed import Request, Rows

SCORES = "gold.customer_scores_gold"
PROMOTIONS = "gold.model_promotions"
EDITION = "2"  # raise when the same models and features give other scores


def scores(request: Request) -> Rows:
    from mergehouse.science.scoring import score

    return score(request)


def version(request: Request) -> str:
    """The models in use, the last promotion of each, and the days after which customers have churned."""
    promoted: dict[str, int] = {}
    if request.lakehouse.exists(PROMOTIONS):
        rows = request.lakehouse.table(PROMOTIONS).duckdb().filter("is_promoted").order("decided_ts")
        promoted = dict(rows.project("model_name, model_version").fetchall())
    models = (f"{name} {number}" for name, number in sorted(promoted.items()))
    churn = (f"{brand} {request.project.churn_after_days(brand)}" for brand in request.project.brands)
    return " ".join([EDITION, experiment_name(request.project), *models, *churn])


def lacking() -> str:
    return lacking_packages()
