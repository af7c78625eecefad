"""Trains and judges the models of every brand: what came out goes to `gold.model_metrics` and to MLflow, the
best model to the registry.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial

import polars as pl
from threadpoolctl import threadpool_limits

from mergehouse.errors import FitError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import republishing
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.science.candidate import Candidate, candidate_of, settled
from mergehouse.science.cards.card import Card
from mergehouse.science.evaluation.backtest import (
    HORIZON,
    LEARNED_FROM,
    Tested,
    backtest_churn,
    beside_rules,
    judged_cutoffs,
)
from mergehouse.science.evaluation.metrics_table import append_metrics
from mergehouse.science.features.dataset import Dataset, expect_features, read_dataset
from mergehouse.science.registry.experiment_runs import log_training
from mergehouse.science.registry.mlflow_client import prepare
from mergehouse.science.registry.provenance import origin_of
from mergehouse.science.registry.versions import versions
from mergehouse.science.reports import model_cards, write_reports
from mergehouse.science.side_by_side import workers
from mergehouse.science.survival.page import brand_survival, or_reason
from mergehouse.science.survival.tables import BrandSurvival
from mergehouse.science.tasks import TASKS
from mergehouse.science.training_result import Decision, Training

CUTOFFS = "gold.feature_cutoffs"


def train(
    project: Project, brand: str | None = None, progress: Progress = silent, deep: bool = False
) -> Training:
    """Backtests every method for one brand or all, keeps what came out, and registers the models that are
    new.

    With `deep` the sequence model is judged beside them; it is never kept. A brand whose history closes too
    few windows is named in `untrained`; the others go on. Raises LakehouseError where there are no features
    yet, RegistryError where MLflow cannot be used, MergehouseError where the extra `deep` is wanted and
    missing.
    """
    if deep:
        import mergehouse.science.churn.sequence_model  # noqa: F401 - what is missing is said before anything is trained
    lakehouse = Lakehouse(project.lakehouse_location)
    expect_features(lakehouse)
    with exclusive(lakehouse, "train", wait=True, progress=progress), republishing(lakehouse):
        return train_brands(project, lakehouse, [brand] if brand else list(project.brands), progress, deep)


def train_brands(
    project: Project,
    lakehouse: Lakehouse,
    brands: list[str],
    progress: Progress = silent,
    deep: bool = False,
) -> Training:
    """As `train`, for a caller that holds the lakehouse's lock already and knows that there are features."""
    import sklearn.ensemble  # noqa: F401 - of libraries that are loaded alone threads can be limited

    result, cards = Training(), list[Card]()
    # the same sums on any number of cores; and on a busy machine threads wait for each other
    with threadpool_limits(limits=1), workers(project.config.limits.threads) as pool:
        survivals = pool.submit(_survivals, project, brands, progress)
        for brand in brands:
            began, dataset = time.perf_counter(), None
            try:
                dataset = read_dataset(lakehouse, brand)
                if not judged_cutoffs(dataset):
                    raise FitError(too_short(dataset))
                _train_brand(project, lakehouse, dataset, result, progress, deep, pool)
            except FitError as error:
                result.untrained[brand] = str(error)
            result.seconds[brand] = time.perf_counter() - began
            why = result.untrained.get(brand, "No model has been trained yet.")
            progress(f"{brand}: model cards")
            cards += model_cards(project, brand, dataset, TASKS, why)
        result.pages = write_reports(project, survivals.result(), cards, progress)
    return result


def train_missing(project: Project, lakehouse: Lakehouse, progress: Progress = silent) -> Training:
    """As `train_brands`, for the brands of which a target has no model registered; nothing where none has the
    history for one.
    """
    known = {(version.brand, version.target) for version in versions(project)}
    missing = [brand for brand in project.brands if any((brand, task.target) not in known for task in TASKS)]
    if not any(_has_history(lakehouse, brand) for brand in missing):
        return Training()
    return train_brands(project, lakehouse, missing, progress)


def _survivals(project: Project, brands: list[str], progress: Progress) -> dict[str, BrandSurvival | str]:
    """Of each brand; in words where no known customer has bought yet."""
    return {brand: or_reason(partial(brand_survival, project, brand, progress)) for brand in brands}


def _has_history(lakehouse: Lakehouse, brand: str) -> bool:
    """True where a brand's cut-offs suffice for a model; told without its customers."""
    cutoffs = lakehouse.table(CUTOFFS).polars().filter(pl.col("source_system") == brand)
    as_of = cutoffs.filter("is_as_of")["cutoff_date"].max()
    return isinstance(as_of, dt.date) and bool(judged_cutoffs(Dataset(brand, as_of, cutoffs)))


def too_short(dataset: Dataset) -> str:
    """Why a brand's history carries no model, in words."""
    days = dataset.rows.select(pl.max("tenure_days")).item()
    closed = len(dataset.closed_before(dataset.as_of, HORIZON))
    return (
        f"{dataset.brand}: {days} days of history hold {closed} monthly cut-offs whose {HORIZON} days after"
        f" are known, and a model needs {LEARNED_FROM + 1}: {LEARNED_FROM} to learn from and one to be judged"
        " by. No model is trained."
    )


def _train_brand(
    project: Project,
    lakehouse: Lakehouse,
    dataset: Dataset,
    result: Training,
    progress: Progress,
    deep: bool,
    pool: Executor,
) -> None:
    """A task of which nothing comes leaves the others standing."""
    prepared = pool.submit(prepare, project)
    dataset.at(dataset.as_of)  # parted by cut-off now, not by each thread
    begun = {task.target: task.backtest(dataset, progress, pool) for task in TASKS}
    now, origin = dt.datetime.now(dt.UTC), origin_of(lakehouse, dataset)
    of_tasks = {target: list(tested) for target, tested in begun.items()}
    if deep:
        of_tasks["churn"] = beside_rules(
            [*of_tasks["churn"], *_backtest_sequences(lakehouse, dataset, progress)]
        )
    tested = [t for of_task in of_tasks.values() for t in of_task]
    result.tested += tested
    append_metrics(lakehouse, tested, now, origin.feature_version)
    prepared.result()
    candidates: list[Candidate | Decision] = []
    reasons: list[str] = []
    for task in TASKS:
        try:
            candidates.append(candidate_of(project, dataset, task, of_tasks[task.target], origin, now, pool))
        except FitError as error:
            reasons.append(str(error))
    progress(f"{dataset.brand}: models, and keeping in MLflow what was tried")
    runs = log_training(
        project, tested, {name: given for task in TASKS for name, given in task.parameters.items()}, origin
    )
    for candidate in candidates:
        try:
            if isinstance(candidate, Candidate):
                candidate = settled(project, lakehouse, dataset, candidate, runs)
            result.decisions.append(candidate)
        except FitError as error:
            reasons.append(str(error))
    if reasons:
        result.untrained[dataset.brand] = " ".join(dict.fromkeys(reasons))


def _backtest_sequences(lakehouse: Lakehouse, dataset: Dataset, progress: Progress) -> Iterator[Tested]:
    from mergehouse.science.churn.sequence_model import read_sequences, sequence_churn

    sequences = read_sequences(lakehouse, dataset.brand)
    return backtest_churn(
        dataset,
        progress,
        methods={"sequence model": lambda known, day: sequence_churn(known, sequences, day)},
    )
