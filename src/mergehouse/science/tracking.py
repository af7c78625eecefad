"""MLflow: what was trained, on what, with which result. The only file that opens its connection.

Without another address everything is in the project: `mlflow/mlflow.db`, an SQLite database, and `mlflow/artifacts`. A server's
credentials come from the environment alone. Nothing is sent to anybody else: MLflow's telemetry is off.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mergehouse.errors import RegistryError
from mergehouse.lakehouse import Lakehouse
from mergehouse.project import Project
from mergehouse.science.backtest import ALL, Tested
from mergehouse.science.origin import Origin

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

SETTINGS = {  # of MLflow, where the environment has no others; read when it is imported
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # what goes wrong is said once, by us
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # of its own 7, the last ones wait for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_UV_AUTO_DETECT": "false",  # or pyproject.toml and uv.lock of the working folder would be kept with every model
}
AT_ONCE = 1000  # metrics that MLflow takes in one call
PLACES = (  # columns in which MLflow keeps absolute addresses
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def tracking_uri(project: Project) -> str:
    """Where MLflow keeps things: as mergehouse.yml says, else the environment, else the project's own database."""
    given = project.config.mlflow.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{_database(project)}"


def experiment_name(project: Project) -> str:
    return project.config.mlflow.experiment or project.config.name


def exists(project: Project) -> bool:
    """False where the project's own database was never made, so that there is nothing in it."""
    return not _is_embedded(project) or _database(project).is_file()


@contextmanager
def connected(project: Project) -> Iterator[MlflowClient]:
    """A client of the project's MLflow. What MLflow raises within becomes a RegistryError, without the address's credentials."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri = tracking_uri(project)
    try:
        if _is_embedded(project):
            _database(project).parent.mkdir(exist_ok=True)
            _settle(project)
        yield MlflowClient(uri)
    except (MlflowException, OSError) as error:
        reason = " ".join(_without_secrets(str(error)).split())[:300]
        raise RegistryError(f"MLflow at {_without_secrets(uri)}: {reason or type(error).__name__}") from None


def experiment_id(client: MlflowClient, project: Project) -> str:
    """The project's experiment, made where it is not there."""
    name = experiment_name(project)
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    return client.create_experiment(name, _artefacts(project) if _is_embedded(project) else None)


def log_training(
    project: Project, tested: list[Tested], parameters: dict[str, dict[str, Any]], origin: Origin
) -> dict[tuple[str, str], str]:
    """One run for a brand's training and within it one for each target and method; returns their ids by (target, method).

    A run's metrics are means over the cut-offs; `auc_by_cutoff` has a step for each, at the cut-off's date, and `auc_of/region: ...` the
    means of one group of customers. `parameters` are given by method.
    """
    runs = {}
    with connected(project) as client:
        experiment, brand = experiment_id(client, project), tested[0].brand
        tags = {"brand": brand, "feature_version": origin.feature_version, "code": origin.code}
        tags |= {f"version of {table}": str(version) for table, version in origin.tables.items()}
        parent = client.create_run(experiment, tags=tags, run_name=brand).info.run_id
        _log_tables(client, parent, project, origin)
        for target in dict.fromkeys(t.target for t in tested):
            of_target = [t for t in tested if t.target == target]
            client.log_figure(parent, _figure(of_target), f"{target}.png")
            for method in dict.fromkeys(t.method for t in of_target):
                of_method = [t for t in of_target if t.method == method]
                own = tags | {"target": target, "method": method, "mlflow.parentRunId": parent}
                run = client.create_run(experiment, tags=own, run_name=f"{brand} {target} {method}").info.run_id
                _log_method(client, run, of_method, parameters.get(method, {}) | origin.libraries)
                client.set_terminated(run)
                runs[target, method] = run
        client.set_terminated(parent)
    return runs


def means(tested: list[Tested]) -> dict[str, float]:
    """Every metric's mean over the cut-offs at which it is known."""
    names = dict.fromkeys(name for t in tested for name in t.metrics)
    return {name: float(np.mean([t.metrics[name] for t in tested if name in t.metrics])) for name in names}


def _log_tables(client: MlflowClient, run: str, project: Project, origin: Origin) -> None:
    from mlflow.entities import Dataset, DatasetInput

    lakehouse = Lakehouse(project.lakehouse_location)
    places = {table: json.dumps({"path": lakehouse.address(table), "version": version}) for table, version in origin.tables.items()}
    client.log_inputs(
        run, [DatasetInput(Dataset(table, str(origin.tables[table]), "delta_table", place)) for table, place in places.items()]
    )


def _log_method(client: MlflowClient, run: str, tested: list[Tested], parameters: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    of_all = [t for t in tested if t.group == ALL]
    known = {
        "cutoffs": len(of_all),
        "first_cutoff": min(t.cutoff for t in of_all),
        "last_cutoff": max(t.cutoff for t in of_all),
        "customers": sum(t.customers for t in of_all),
    } | parameters
    now = _milliseconds(dt.datetime.now(dt.UTC))
    metrics = [Metric(name, value, now, 0) for name, value in means(of_all).items()]
    for step, t in enumerate(sorted(of_all, key=lambda t: t.cutoff), 1):
        day = _milliseconds(dt.datetime.combine(t.cutoff, dt.time(), dt.UTC))
        metrics += [Metric(f"{name}_by_cutoff", value, day, step) for name, value in t.metrics.items()]
    for group in dict.fromkeys(t.group for t in tested if t.group != ALL):
        named = re.sub(r"[^\w .:-]", "-", group)
        metrics += [Metric(f"{name}_of/{named}", value, now, 0) for name, value in means([t for t in tested if t.group == group]).items()]
    client.log_batch(run, params=[Param(name, str(value)) for name, value in known.items()])
    for begin in range(0, len(metrics), AT_ONCE):
        client.log_batch(run, metrics[begin : begin + AT_ONCE])


def _milliseconds(instant: dt.datetime) -> int:
    return int(instant.timestamp() * 1000)


def _figure(tested: list[Tested]) -> Figure:
    """Every metric of one target by cut-off, a line for each method."""
    from matplotlib.figure import Figure

    of_all = [t for t in tested if t.group == ALL and t.metrics]
    names = list(dict.fromkeys(name for t in of_all for name in t.metrics))
    figure = Figure(figsize=(12, 3 * max(1, -(-len(names) // 2))), layout="constrained")
    for place, name in enumerate(names):
        axes = figure.add_subplot(-(-len(names) // 2), 2, place + 1, title=name, xlabel="cut-off")
        for method in dict.fromkeys(t.method for t in of_all):
            points = sorted((t.cutoff, t.metrics[name]) for t in of_all if t.method == method)
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=method)
        axes.tick_params(axis="x", labelrotation=30)
    if names:
        figure.axes[0].legend(fontsize="small")
    figure.suptitle(f"{tested[0].brand}: {tested[0].target}")
    return figure


def _is_embedded(project: Project) -> bool:
    return tracking_uri(project) == f"sqlite:///{_database(project)}"


def _database(project: Project) -> Path:
    return project.folder.resolve() / "mlflow" / "mlflow.db"


def _artefacts(project: Project) -> str:
    return (_database(project).parent / "artifacts").as_uri()


def _settle(project: Project) -> None:
    """After a project's folder was moved or copied: its artefacts are looked for, and written, where it is now."""
    if not _database(project).is_file():
        return
    here = _artefacts(project)
    with closing(sqlite3.connect(_database(project))) as database, database, suppress(sqlite3.OperationalError):  # tables not made yet
        found = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", [experiment_name(project)]).fetchone()
        if found and found[0] != here:
            for table, column in PLACES:
                rebased = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
                database.execute(rebased, [here, len(found[0]) + 1, len(found[0]), found[0]])


def _without_secrets(text: str) -> str:
    return re.sub(r"://[^/@\s]+@", "://", text)
