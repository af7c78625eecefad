"""`gold.customer_scores_gold` as a run sees it (see pipeline/computed.py): what the scores depend on, told
without the libraries that they are made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.science.extra import lacking_packages
from mergehouse.science.registry.mlflow_client import experiment_name

if TYPE_CHECKING:
    from mergehouse.pipeline.computed import Request, Rows
    from mergehouse.project.config import Project

SCORES = "gold.customer_scores_gold"
FEATURES = "gold.customer_features"
PROMOTIONS, BRANDS = "gold.model_promotions", "gold.dim_brand"
EDITION = "2"  # raise when the same models and features give other scores


def scores(request: Request) -> Rows:
    from mergehouse.science.scoring import score

    return score(request)


def trains_first(project: Project) -> bool:
    """True where the next scores come from models that are still to be trained: of a project or a brand that
    was never built.

    >>> trains_first(mh.project("shop"))  # says `science: false`
    False
    """
    science, lakehouse = project.config.science, Lakehouse(project.lakehouse_location)
    if not (science.tables and science.train) or lacking():
        return False
    if not all(map(lakehouse.exists, (SCORES, BRANDS))):
        return True
    known = lakehouse.table(BRANDS).duckdb().project("source_system").fetchall()
    return not project.brands.keys() <= {name for (name,) in known}


def can_be_made(project: Project) -> bool:
    """True where there are features to score by: not where every source has stopped at the first run.

    >>> can_be_made(mh.project("shop"))  # says `science: false`
    False
    """
    return Lakehouse(project.lakehouse_location).exists(FEATURES)


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
