"""Trains and judges the models of every brand: what came out goes to `gold.model_metrics` and to MLflow, the
best model to the registry.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import FitError, RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import republishing
from mergehouse.lakehouse.writing import append_rows
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.quality.checks import CheckResult
from mergehouse.science.cards.card import Card
from mergehouse.science.evaluation.backtest import (
    ALL,
    HORIZON,
    LEARNED_FROM,
    Tested,
    backtest_churn,
    beside_rules,
    judged_cutoffs,
)
from mergehouse.science.evaluation.explanation import keep_explanations
from mergehouse.science.features.dataset import Dataset, expect_features, read_dataset
from mergehouse.science.registry.champion import LOWER_IS_BETTER, Comparison, compare, record, verdict
from mergehouse.science.registry.experiment_runs import log_training, means
from mergehouse.science.registry.mlflow_client import prepare
from mergehouse.science.registry.model_file import Model
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
from mergehouse.science.reports import model_cards, write_reports
from mergehouse.science.side_by_side import workers
from mergehouse.science.survival.page import brand_survival, or_reason
from mergehouse.science.survival.tables import BrandSurvival
from mergehouse.science.tasks import TASKS, Task

METRICS, CUTOFFS = "gold.model_metrics", "gold.feature_cutoffs"
ByCutoff = dict[str, dict[dt.date, float]]  # by metric, then by cut-off


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

    def __str__(self) -> str:
        return f"{self.version}, {'champion' if self.is_champion else 'challenger'}: {self.why}"


@dataclass
class Training:
    """`tested` are all methods at all cut-offs; `untrained` maps a brand to why it has no model of its own,
    or no new one; `seconds` are what each brand took.

    `pages` are model cards and pages on survival, the index first.
    """

    tested: list[Tested] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    untrained: dict[str, str] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def leaks(self) -> list[Tested]:
        return [t for t in self.tested if t.leaks]

    @property
    def findings(self) -> list[CheckResult]:
        """A finding for each leak: the model is not kept, and what it learned from is to be looked at."""
        return [
            CheckResult(
                METRICS,
                f"{leak.brand}: {leak.method} knows no future",
                "warn",
                1,
                f"An AUC of {leak.metrics['auc']:.3f} is too good to be true where rules reach"
                f" {leak.best_rule:.3f}; no model was kept. Look at what changed in gold.customer_features.",
                [{"cutoff_date": leak.cutoff}],
            )
            for leak in {(t.brand, t.method): t for t in self.leaks}.values()
        ]

    @property
    def unfitted(self) -> list[str]:
        """Methods that could not be fitted, each with its cut-offs and the reason at the first."""
        found: dict[tuple[str, str, str], list[Tested]] = {}
        for t in self.tested:
            if t.why:
                found.setdefault((t.brand, t.target, t.method), []).append(t)
        return [
            f"{brand}: {target}: {method} left out at {len(missed)} cut-offs, first {missed[0].cutoff}:"
            f" {missed[0].why}"
            for (brand, target, method), missed in found.items()
        ]

    @property
    def notes(self) -> list[str]:
        """What was trained, how long it took, what came of it or why nothing did: a sentence each."""
        took = {brand: f"{seconds:.0f} s" for brand, seconds in self.seconds.items()}
        return [
            *(f"{d.version.brand}: trained in {took[d.version.brand]}: {d}" for d in self.decisions),
            *self.untrained.values(),
            *self.unfitted,
        ]


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


def _survivals(project: Project, brands: list[str], progress: Progress) -> dict[str, BrandSurvival | str]:
    """Of each brand; in words where no known customer has bought yet."""
    return {brand: or_reason(partial(brand_survival, project, brand, progress)) for brand in brands}


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
    candidates: list[_Candidate | Decision] = []
    reasons: list[str] = []
    for task in TASKS:
        try:
            candidates.append(_candidate(project, dataset, task, of_tasks[task.target], origin, now, pool))
        except FitError as error:
            reasons.append(str(error))
    progress(f"{dataset.brand}: models, and keeping in MLflow what was tried")
    runs = log_training(
        project, tested, {name: given for task in TASKS for name, given in task.parameters.items()}, origin
    )
    for candidate in candidates:
        try:
            if isinstance(candidate, _Candidate):
                candidate = _settled(project, lakehouse, dataset, candidate, runs)
            result.decisions.append(candidate)
        except FitError as error:
            reasons.append(str(error))
    if reasons:
        result.untrained[dataset.brand] = " ".join(dict.fromkeys(reasons))


@dataclass(frozen=True)
class _Candidate:
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


def _candidate(
    project: Project,
    dataset: Dataset,
    task: Task,
    tested: list[Tested],
    origin: Origin,
    now: dt.datetime,
    pool: Executor,
) -> _Candidate | Decision:
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
    return _Candidate(task, version, own, beside, former, same, model)


def _fitted(task: Task, method: str, dataset: Dataset) -> tuple[Model, pl.DataFrame | None]:
    """The model as of today, and what it goes by."""
    model = task.models[method](dataset, dataset.as_of)
    return model, task.explain(dataset, model) if task.explain else None


def _settled(
    project: Project,
    lakehouse: Lakehouse,
    dataset: Dataset,
    candidate: _Candidate,
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


def _has_history(lakehouse: Lakehouse, brand: str) -> bool:
    """True where a brand's cut-offs suffice for a model; told without its customers."""
    cutoffs = lakehouse.table(CUTOFFS).polars().filter(pl.col("source_system") == brand)
    as_of = cutoffs.filter("is_as_of")["cutoff_date"].max()
    return isinstance(as_of, dt.date) and bool(judged_cutoffs(Dataset(brand, as_of, cutoffs)))


def _backtest_sequences(lakehouse: Lakehouse, dataset: Dataset, progress: Progress) -> Iterator[Tested]:
    from mergehouse.science.churn.sequence_model import read_sequences, sequence_churn

    sequences = read_sequences(lakehouse, dataset.brand)
    return backtest_churn(
        dataset,
        progress,
        methods={"sequence model": lambda known, day: sequence_churn(known, sequences, day)},
    )


def too_short(dataset: Dataset) -> str:
    """Why a brand's history carries no model, in words."""
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
    fitted = [t for t in tested if not t.why]
    append_rows(lakehouse, contract_of(METRICS), [r for t in fitted for r in _rows(t, now, feature_version)])


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
