"""What a training leaves to read: a page on survival for every brand, a card for every model or for why there
is none, an index.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mergehouse.errors import FitError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.science.cards.card import Card
from mergehouse.science.cards.contents import churn_card, untrained_card, value_card
from mergehouse.science.cards.pages import write_cards
from mergehouse.science.cards.tables import keep_cards
from mergehouse.science.evaluation.backtest import last_values
from mergehouse.science.features.dataset import Dataset
from mergehouse.science.registry.versions import CHAMPION, Version, versions
from mergehouse.science.survival.page import keep_survival
from mergehouse.science.survival.tables import BrandSurvival

if TYPE_CHECKING:
    from mergehouse.science.tasks import Task


def write_reports(
    project: Project,
    survivals: Mapping[str, BrandSurvival | str],
    cards: Iterable[Card],
    progress: Progress = silent,
) -> list[str]:
    """Survival by brand, or why there is none, and cards, after a training; the caller holds the lakehouse.
    Returns paths or URLs, the index first.
    """
    pages, cards = [], list(cards)
    for survival in survivals.values():
        if isinstance(survival, str):
            progress(survival)
        else:
            pages.append(keep_survival(project, survival))
    keep_cards(Lakehouse(project.lakehouse_location, newest=True), cards)
    return write_cards(project, cards) + pages


def model_cards(
    project: Project, brand: str, dataset: Dataset | None, tasks: Iterable[Task], why: str
) -> Iterator[Card]:
    """A card for each task of a brand: about the version that scores come from; where there is none, about
    the latest. `why` says why there is no model; nor is there one without a `dataset`, where nobody has
    bought. A brand that has sold nothing, as one of returns alone, has no as-of date, and no card.
    """
    lakehouse = Lakehouse(project.lakehouse_location, newest=True)
    now = dt.datetime.now(dt.UTC)
    as_of = dict(lakehouse.table("gold.dim_brand").duckdb().project("source_system, as_of_date").fetchall())[
        brand
    ]
    if as_of is None:
        return
    known = versions(project, brand)
    for task in tasks:
        of_target = sorted(
            (v for v in known if v.target == task.target), key=lambda v: (CHAMPION in v.aliases, v.version)
        )
        if not of_target or dataset is None:
            yield untrained_card(brand, task.judged, as_of, now, why)
            continue
        version = of_target[-1]
        about = (version.method, task.rules, version.trained_ts, version.name, str(version.version))
        parameters = {name: str(value) for name, value in task.parameters.get(version.method, {}).items()}
        try:
            if task.target == "churn":
                card = churn_card(lakehouse, dataset, *about, parameters)
            else:
                horizon = int(task.judged.removeprefix("clv_").removesuffix("d"))
                judged = last_values(dataset, horizon)
                card = value_card(lakehouse, dataset, horizon, *about, parameters, judged)
        except FitError as error:  # at the last cut-off, whose curves a card draws
            yield untrained_card(brand, task.judged, as_of, now, str(error))
            continue
        yield replace(card, main_metric=task.metric, standing=_standing(version), code_version=version.code)


def _standing(version: Version) -> str:
    return (
        f"{'Champion, scores come' if CHAMPION in version.aliases else 'Not the champion, no score comes'}"
        " from it:"
        f" {version.why}."
    )
