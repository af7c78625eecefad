"""Trains and judges the models of every brand: what came out goes to `gold.model_metrics` and to MLflow, the
best model to the registry.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from threadpoolctl import threadpool_limits

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import FitError, RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.science.evaluation.backtest import (
    ALL,
    HORIZON,
    LEARNED_FROM,
    Tested,
    backtest_churn,
    judged_cutoffs,
)
from mergehouse.science.evaluation.explanation import keep_explanations
from mergehouse.science.features.dataset import Dataset, expect_features, read_dataset
from mergehouse.science.registry.champion import LOWER_IS_BETTER, Comparison, compare, record
from mergehouse.science.registry.experiment_runs import log_training, means
from mergehouse.science.registry.provenance import Origin, origin_of
from mergehouse.science.registry.versions import (
    CHAMPION,
    Version,
    challenge,
    load,
    promote,
    register,
    versions,
)
from mergehouse.science.registry.versions import as_json as version_as_json
from mergehouse.science.reports import write_reports
from mergehouse.science.tasks import TASKS, Task

METRICS, CUTOFFS = "gold.model_metrics", "gold.feature_cutoffs"


@dataclass(frozen=True)
class Decision:
    """What became of a training: its version, and `why` it is champion or is not. `is_new` is False where it
    was there already.

    `champion` is the number of the version that scores come from now; None where there is none.
    """

    version: Version
    is_new: bool
    champion: int | None
    why: str

    @property
    def is_champion(self) -> bool:
        return self.champion == self.version.version


@dataclass
class Training:
    """`tested` are all methods at all cut-offs; `untrained` maps a brand to why it has no model of its own,
    or no new one.

    `pages` are model cards and pages on survival, the index first.
    """

    tested: list[Tested] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    untrained: dict[str, str] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)

    @property
    def leaks(self) -> list[Tested]:
        return [t for t in self.tested if t.leaks]


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
    with exclusive(lakehouse):
        return train_brands(project, lakehouse, [brand] if brand else list(project.brands), progress, deep)


# the same sums on any number of cores; and on a busy machine threads wait for each other
@threadpool_limits.wrap(limits=1)
def train_brands(
    project: Project,
    lakehouse: Lakehouse,
    brands: list[str],
    progress: Progress = silent,
    deep: bool = False,
) -> Training:
    """As `train`, for a caller that holds the lakehouse's lock already and knows that there are features."""
    result = Training()
    for brand in brands:
        try:
            dataset = read_dataset(lakehouse, brand)
            if not judged_cutoffs(dataset):
                raise FitError(_too_short(dataset))
            _train_brand(project, lakehouse, dataset, result, progress, deep)
        except FitError as error:
            result.untrained[brand] = str(error)
    result.pages = write_reports(project, brands, TASKS, result.untrained, progress)
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


def as_json(result: Training) -> dict[str, Any]:
    """A training as values for `--json`."""
    decided = [
        {
            "is_new": d.is_new,
            "is_champion": d.is_champion,
            "champion": d.champion,
            "why": d.why,
            "version": version_as_json(d.version),
        }
        for d in result.decisions
    ]
    return {
        "tested": result.tested,
        "decisions": decided,
        "untrained": result.untrained,
        "pages": result.pages,
    }


def _train_brand(
    project: Project, lakehouse: Lakehouse, dataset: Dataset, result: Training, progress: Progress, deep: bool
) -> None:
    now, origin = dt.datetime.now(dt.UTC), origin_of(lakehouse, dataset)
    of_tasks = {task.target: list(task.backtest(dataset, progress)) for task in TASKS}
    if deep:
        of_tasks["churn"] += _backtest_sequences(lakehouse, dataset, progress)
    tested = [t for of_task in of_tasks.values() for t in of_task]
    result.tested += tested
    append_metrics(lakehouse, tested, now, origin.feature_version)
    progress(f"{dataset.brand}: keeping in MLflow")
    runs = log_training(
        project, tested, {name: given for task in TASKS for name, given in task.parameters.items()}, origin
    )
    for task in TASKS:
        if any(t.leaks for t in of_tasks[task.target]):
            continue  # a model that knows the future is not for use
        progress(f"{dataset.brand}: {task.target} model")
        judged = [t for t in of_tasks[task.target] if (t.target, t.group) == (task.judged, ALL) and t.metrics]
        if not judged:
            raise FitError(
                f"{dataset.brand}: at every cut-off all customers or none left; no method can be judged. No"
                " model is kept."
            )
        version, rule = _candidate(task, judged, origin, dataset, now)
        known = [v for v in versions(project, dataset.brand) if v.target == task.target]
        former = next((v for v in known if CHAMPION in v.aliases), None)
        same = next(
            (v for v in known if v.fingerprint == version.fingerprint and _is_usable(project, v)), None
        )
        if same and same.why:
            result.decisions.append(Decision(same, False, former.version if former else None, same.why))
            continue
        model = task.models[version.method](dataset, dataset.as_of)
        if same is None:  # else it was registered by a training that was stopped before it decided
            same = register(
                project, model, version, dataset.at(dataset.as_of), runs[task.judged, version.method]
            )
        if task.explain:
            progress(f"{dataset.brand}: what the {task.target} model goes by")
            keep_explanations(lakehouse, same, task.explain(dataset, model))
        result.decisions.append(_decide(project, lakehouse, dataset, task, same, rule, former))


def _candidate(
    task: Task, judged: list[Tested], origin: Origin, dataset: Dataset, now: dt.datetime
) -> tuple[Version, Comparison]:
    """The best method as a version to register, against the best rule."""
    of_methods = {method: [t for t in judged if t.method == method] for method in (*task.models, *task.rules)}
    by_cutoff = {
        method: {t.cutoff: t.metrics[task.metric] for t in tested} for method, tested in of_methods.items()
    }
    sign = -1 if task.metric in LOWER_IS_BETTER else 1
    method, rule = (
        max(names, key=lambda name: sign * means(of_methods[name])[task.metric])
        for names in (task.models, task.rules)
    )
    version = Version(
        brand=dataset.brand,
        target=task.target,
        method=method,
        feature_version=origin.feature_version,
        as_of=dataset.as_of,
        trained_ts=now,
        metric=task.metric,
        metrics=means(of_methods[method]),
        by_cutoff=by_cutoff[method],
        fingerprint=origin.fingerprint,
        code=origin.code,
    )
    against = compare(task.metric, by_cutoff[method], by_cutoff[rule], f"the {rule}")
    assert against is not None  # models and rules are judged at the same cut-offs
    return version, against


def _decide(
    project: Project,
    lakehouse: Lakehouse,
    dataset: Dataset,
    task: Task,
    version: Version,
    rule: Comparison,
    former: Version | None,
) -> Decision:
    """Makes a registered version the champion where it beats the rules and the `former` champion, else the
    challenger.
    """
    decisive: Comparison | None = rule
    is_better, why = rule.is_better, str(rule)
    if rule.is_better and former:
        try:
            decisive = compare(
                version.metric,
                version.by_cutoff,
                _of_champion(project, dataset, task, former),
                f"version {former.version}",
            )
            is_better = decisive is not None and decisive.is_better
            why = (
                str(decisive)
                if decisive
                else f"there is no cut-off at which to compare it with version {former.version}"
            )
        except RegistryError as error:
            why = f"{rule}; version {former.version} cannot be used any more ({error})"
    (promote if is_better else challenge)(project, version, why)
    record(lakehouse, version, is_better, why, decisive)
    return Decision(version, True, version.version if is_better else former.version if former else None, why)


def _is_usable(project: Project, version: Version) -> bool:
    try:
        return load(project, version) is not None
    except RegistryError:
        return False


def _of_champion(project: Project, dataset: Dataset, task: Task, former: Version) -> dict[dt.date, float]:
    """What the champion reached: its backtest before it was trained, and since then the model itself, which
    has not seen these days.
    """
    before = {
        day: value
        for day, value in former.by_cutoff.items()
        if day < former.as_of and former.metric == task.metric
    }
    model = load(project, former).model
    since = [day for day in judged_cutoffs(dataset) if day >= former.as_of]
    found = {day: task.judge(model, dataset, day).get(task.metric) for day in since}
    return before | {day: value for day, value in found.items() if value is not None}


def _has_history(lakehouse: Lakehouse, brand: str) -> bool:
    """True where a brand's cut-offs suffice for a model; told without its customers."""
    cutoffs = lakehouse.table(CUTOFFS).polars().filter(pl.col("source_system") == brand)
    as_of = cutoffs.filter("is_as_of")["cutoff_date"].max()
    return isinstance(as_of, dt.date) and bool(judged_cutoffs(Dataset(brand, as_of, cutoffs)))


def _backtest_sequences(lakehouse: Lakehouse, dataset: Dataset, progress: Progress) -> Iterator[Tested]:
    from mergehouse.science.churn.sequence_model import read_sequences, sequence_churn

    sequences = read_sequences(lakehouse, dataset.brand)
    return backtest_churn(
        dataset, progress, {"sequence model": lambda known, day: sequence_churn(known, sequences, day)}
    )


def _too_short(dataset: Dataset) -> str:
    days = dataset.rows.select(pl.max("tenure_days")).item()
    closed = len(dataset.closed_before(dataset.as_of, HORIZON))
    return (
        f"{dataset.brand}: {days} days of history hold {closed} monthly cut-offs whose {HORIZON} days after"
        f" are known, and a model needs {LEARNED_FROM + 1}: {LEARNED_FROM} to learn from and one to be judged"
        " by. No model is trained."
    )


def append_metrics(
    lakehouse: Lakehouse, tested: list[Tested], now: dt.datetime, feature_version: str
) -> None:
    """Keeps what came out in `gold.model_metrics`."""
    lakehouse.append_rows(
        contract_of(METRICS), [row for t in tested for row in _rows(t, now, feature_version)]
    )


def _rows(tested: Tested, now: dt.datetime, version: str) -> list[list[object]]:
    head = [
        now,
        tested.brand,
        tested.target,
        tested.group,
        tested.method,
        tested.cutoff,
        version,
        tested.customers,
    ]
    rates = [[*head, "observed_mean", tested.rate, tested.rate, tested.rate]]
    return rates + [
        [*head, metric, value, *tested.intervals[metric]] for metric, value in tested.metrics.items()
    ]
