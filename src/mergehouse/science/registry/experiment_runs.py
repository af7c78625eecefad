"""Every training as MLflow runs: what was tried, on what, with which result."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project
from mergehouse.science.evaluation.backtest import ALL, Tested
from mergehouse.science.registry.mlflow_client import connected, experiment_id
from mergehouse.science.registry.provenance import Origin

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

AT_ONCE = 1000  # metrics that MLflow takes in one call


def log_training(
    project: Project, tested: list[Tested], parameters: dict[str, dict[str, Any]], origin: Origin
) -> dict[tuple[str, str], str]:
    """One run for a brand's training and within it one for each target and method; returns their ids by
    (target, method).

    A run's metrics are means over the cut-offs; `auc_by_cutoff` has a step for each, at the cut-off's date,
    and `auc_of/region: ...` the means of one group of customers. `parameters` are given by method.
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
                run = client.create_run(
                    experiment, tags=own, run_name=f"{brand} {target} {method}"
                ).info.run_id
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
    places = {
        table: json.dumps({"path": lakehouse.address(table), "version": version})
        for table, version in origin.tables.items()
    }
    client.log_inputs(
        run,
        [
            DatasetInput(Dataset(table, str(origin.tables[table]), "delta_table", place))
            for table, place in places.items()
        ],
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
        metrics += [
            Metric(f"{name}_of/{named}", value, now, 0)
            for name, value in means([t for t in tested if t.group == group]).items()
        ]
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
    rows = max(1, -(-len(names) // 2))
    figure = Figure(figsize=(12, 3 * rows))
    # a layout that is looked for draws everything twice
    figure.subplots_adjust(0.05, 0.25 / rows, 0.98, 1 - 0.25 / rows, wspace=0.12, hspace=0.6)
    for place, name in enumerate(names):
        axes = figure.add_subplot(rows, 2, place + 1, title=name)
        for method in dict.fromkeys(t.method for t in of_all):
            points = sorted((t.cutoff, t.metrics[name]) for t in of_all if t.method == method)
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=method)
        axes.tick_params(axis="x", labelrotation=30)
    if names:
        figure.axes[0].legend(fontsize="small")
    figure.suptitle(f"{tested[0].brand}: {tested[0].target}")
    return figure
