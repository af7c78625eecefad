"""From a backtest to a champion: the best method is fitted and registered, and takes over where it beats the
rules and the champion before it.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
import polars as pl

from mergehouse.errors import FitError, RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project
from mergehouse.science.evaluation.backtest import ALL, Tested, judged_cutoffs
from mergehouse.science.evaluation.explanation import keep_explanations
from mergehouse.science.evaluation.metrics_table import METRICS
from mergehouse.science.features.dataset import Dataset
from mergehouse.science.registry.champion import LOWER_IS_BETTER, Comparison, compare, record, verdict
from mergehouse.science.registry.experiment_runs import means
from mergehouse.science.registry.model_file import Model
from mergehouse.science.registry.provenance import Origin
from mergehouse.science.registry.versions import (
    CHAMPION,
    Version,
    challenge,
    load,
    promote,
    register,
    versions,
)
from mergehouse.science.tasks import Task
from mergehouse.science.training_result import Decision

ByCutoff = dict[str, dict[dt.date, float]]  # by metric, then by cut-off


@dataclass(frozen=True)
class Candidate:
    """The best method of a backtest as a `version` to register: what it reached, alone (`own`) and `beside`
    the rules; the `former` champion; the `same` version where it was registered before; its `model`, which is
    being fitted, and what that goes by.
    """

    task: Task
    version: Version
    own: ByCutoff
    beside: list[Comparison]
    former: Version | None
    same: Version | None
    model: Future[tuple[Model, pl.DataFrame | None]]


def candidate_of(
    project: Project,
    dataset: Dataset,
    task: Task,
    tested: list[Tested],
    origin: Origin,
    now: dt.datetime,
    pool: Executor,
) -> Candidate | Decision:
    """Begins to fit what is to be registered, unless it was decided on before. Raises FitError where no model
    can be kept.
    """
    if leaks := [t for t in tested if t.leaks]:  # a model that knows the future is not for use
        raise FitError(
            f"{dataset.brand}: {leaks[0].method} is too good to be true at {leaks[0].cutoff}, AUC"
            f" {leaks[0].metrics['auc']:.3f} where rules reach {leaks[0].best_rule:.3f}. No {task.target}"
            " model is kept."
        )
    judged = [t for t in tested if (t.target, t.group) == (task.judged, ALL) and t.metrics]
    of_methods = _by_cutoff(judged)
    for needed in (task.models, task.rules):
        if not of_methods.keys() & {*needed}:
            why = next(
                (t.why for t in tested if t.why and t.method in needed),
                f"{dataset.brand}: at every cut-off all customers or none left; no method can be judged.",
            )
            raise FitError(f"{why} No {task.target} model is kept.")
    version = _version_of(task, judged, origin, dataset, now)
    own = of_methods[version.method]
    beside = _beside_rules(task, own, of_methods)
    if not beside:
        raise FitError(
            f"{dataset.brand}: {version.method} and a rule can be fitted at no cut-off both. No {task.target}"
            " model is kept."
        )
    known = [v for v in versions(project, dataset.brand) if v.target == task.target]
    former = next((v for v in known if CHAMPION in v.aliases), None)
    same = next((v for v in known if v.fingerprint == version.fingerprint and _is_usable(project, v)), None)
    if same and same.why:
        return Decision(same, False, former.version if former else None, same.why)
    model = pool.submit(_fitted, task, version.method, dataset)
    return Candidate(task, version, own, beside, former, same, model)


def settled(
    project: Project,
    lakehouse: Lakehouse,
    dataset: Dataset,
    candidate: Candidate,
    runs: dict[tuple[str, str], str],
) -> Decision:
    """Registers a candidate and decides. Raises FitError where it could not be fitted."""
    task, version, same = candidate.task, candidate.version, candidate.same
    model, explained = candidate.model.result()
    if same is None:  # else it was registered by a training that was stopped before it decided
        run = runs[task.judged, version.method]
        same = register(project, model, version, dataset.at(dataset.as_of), run)
    if explained is not None:
        keep_explanations(lakehouse, same, explained)
    return _decide(project, lakehouse, dataset, task, same, candidate.own, candidate.beside, candidate.former)


def _fitted(task: Task, method: str, dataset: Dataset) -> tuple[Model, pl.DataFrame | None]:
    """The model as of today, and what it goes by."""
    model = task.models[method](dataset, dataset.as_of)
    return model, task.explain(dataset, model) if task.explain else None


def _version_of(
    task: Task, judged: list[Tested], origin: Origin, dataset: Dataset, now: dt.datetime
) -> Version:
    """The best method as a version to register."""
    of_method = {name: [t for t in judged if t.method == name] for name in task.models}
    method = _best(task.metric, {name: means(tested) for name, tested in of_method.items() if tested})
    return Version(
        brand=dataset.brand,
        target=task.target,
        method=method,
        feature_version=origin.feature_version,
        as_of=dataset.as_of,
        trained_ts=now,
        metric=task.metric,
        metrics=means(of_method[method]),
        by_cutoff={t.cutoff: t.metrics[task.metric] for t in of_method[method]},
        fingerprint=origin.fingerprint,
        code=origin.code,
    )


def _by_cutoff(judged: list[Tested]) -> dict[str, ByCutoff]:
    """By method."""
    found: dict[str, ByCutoff] = {}
    for t in judged:
        for metric, value in t.metrics.items():
            found.setdefault(t.method, {}).setdefault(metric, {})[t.cutoff] = value
    return found


def _best(metric: str, of: dict[str, dict[str, float]]) -> str:
    sign = -1 if metric in LOWER_IS_BETTER else 1
    return max(of, key=lambda name: sign * of[name][metric])


def _beside_rules(task: Task, own: ByCutoff, of_methods: dict[str, ByCutoff]) -> list[Comparison]:
    """By the metric that decides and by the guards, each with the rule that is best in it."""
    rules = {name: of_methods[name] for name in task.rules if name in of_methods}
    averages = {
        name: {metric: float(np.mean([*days.values()])) for metric, days in rule.items()}
        for name, rule in rules.items()
    }
    best = {metric: _best(metric, averages) for metric in (task.metric, *task.guards)}
    found = [compare(m, own[m], rules[rule][m], f"the {rule}") for m, rule in best.items()]
    return [comparison for comparison in found if comparison]


def _decide(
    project: Project,
    lakehouse: Lakehouse,
    dataset: Dataset,
    task: Task,
    version: Version,
    own: ByCutoff,
    rules: list[Comparison],
    former: Version | None,
) -> Decision:
    """Makes a registered version the champion where it beats the rules and the `former` champion, else the
    challenger.
    """
    decisive: Comparison | None = rules[0]
    is_better, why = verdict(rules)
    if is_better and former:
        try:
            theirs = _of_champion(project, lakehouse, dataset, task, former)
            name = f"version {former.version}"
            metrics = (task.metric, *task.guards)
            found = [compare(metric, own[metric], theirs.get(metric, {}), name) for metric in metrics]
            decisive = found[0]
            is_better, why = (
                verdict([comparison for comparison in found if comparison])
                if decisive
                else (False, f"there is no cut-off at which to compare it with {name}")
            )
        except RegistryError as error:
            why = f"{why}; version {former.version} cannot be used any more ({error})"
    (promote if is_better else challenge)(project, version, why)
    record(lakehouse, version, is_better, why, decisive)
    return Decision(version, True, version.version if is_better else former.version if former else None, why)


def _is_usable(project: Project, version: Version) -> bool:
    try:
        return load(project, version) is not None
    except RegistryError:
        return False


def _of_champion(
    project: Project, lakehouse: Lakehouse, dataset: Dataset, task: Task, former: Version
) -> ByCutoff:
    """What the champion reached: its backtest before it was trained, and since then the model itself, which
    has not seen these days.
    """
    backtest = lakehouse.query(f"""
        SELECT metric, cutoff_date, value::DOUBLE FROM {METRICS}
        WHERE source_system = '{former.brand}' AND target = '{task.judged}' AND customer_group = '{ALL}'
          AND method = '{former.method}' AND trained_ts = TIMESTAMPTZ '{former.trained_ts.isoformat()}'
        """).fetchall()
    if former.metric == task.metric:  # kept with the model, wherever that came from
        backtest += [(task.metric, day, value) for day, value in former.by_cutoff.items()]
    found: ByCutoff = {}
    for metric, day, value in backtest:
        if day < former.as_of:
            found.setdefault(metric, {})[day] = value
    model = load(project, former).model
    for day in judged_cutoffs(dataset):
        if day >= former.as_of:
            for metric, value in task.judge(model, dataset, day).items():
                found.setdefault(metric, {})[day] = value
    return found
