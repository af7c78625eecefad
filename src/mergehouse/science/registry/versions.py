"""The model registry: which version is champion, and whether its file is still the one registered. Kept by
MLflow, see tracking.py.

There is a model for each brand and target, `<experiment>-<brand>-<target>`. Aliases say what a version is
for: scores come from the `champion`; the `challenger` is the latest that is not good enough, or the former
champion. All that is known of a version is in its tags; the model is one file (model_file.py), whose SHA-256
is one of them.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mergehouse import __version__
from mergehouse.errors import RegistryError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project
from mergehouse.science.features.dataset import FEATURES
from mergehouse.science.registry.mlflow_client import connected, exists, experiment_name, tracking_uri
from mergehouse.science.registry.model_file import (
    Model,
    as_columns,
    digest,
    dump_model,
    frame,
    load_model,
    typical,
)

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

CHAMPION, CHALLENGER = "champion", "challenger"
FILE = "model.skops"
# the tag by which a project's models are found on a server that has others too: its experiment
OWNER = "mergehouse"


@dataclass(frozen=True, kw_only=True)
class Version:
    """One registered version, without its model.

    It was trained on what was known at `as_of`. `metrics` are means over past cut-offs of what its method
    reached there; by `metric`, given for each cut-off in `by_cutoff`, versions are compared. `fingerprint` is
    of the data and code that it comes from, `code` of the code alone, `sha256` of its file. `why` says in
    words why it is champion, or why not.
    """

    brand: str
    target: str
    method: str
    feature_version: str
    as_of: dt.date
    trained_ts: dt.datetime
    metric: str
    metrics: dict[str, float]
    by_cutoff: dict[dt.date, float]
    fingerprint: str
    code: str
    sha256: str = ""
    why: str = ""
    name: str = ""
    version: int = 0
    aliases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


@dataclass(frozen=True, kw_only=True)
class Registered(Version):
    """A version with its model: the file is the one registered, and predicts what it predicted then."""

    model: Any


def champion(project: Project, brand: str, target: str) -> Registered | None:
    """The model that a brand's scores come from; None where there is none. Targets are `churn` and `clv`.

    Raises RegistryError where its file is not the one registered, where it was trained on other features than
    there are now, and where the registry cannot be reached. Without a registry of the project's own, MLflow
    is not even imported.
    """
    found = [v for v in versions(project, brand) if v.target == target and CHAMPION in v.aliases]
    return load(project, found[0]) if found else None


def load(project: Project, version: Version) -> Registered:
    """A version with its model. Errors as for `champion`."""
    lakehouse = Lakehouse(project.lakehouse_location, newest=True)
    first = (
        lakehouse.table(FEATURES).duckdb().project("feature_version").limit(1).fetchall()
        if lakehouse.exists(FEATURES)
        else []
    )
    for (edition,) in first:
        if edition != version.feature_version:
            raise RegistryError(
                f"{version} was trained on features of edition {version.feature_version}; {FEATURES} is of"
                f" edition {edition}. Train again: `mergehouse train`."
            )
    with connected(project) as client, tempfile.TemporaryDirectory() as folder:
        from mlflow.artifacts import download_artifacts

        place = f"{client.get_model_version_download_uri(version.name, str(version.version))}/data/{FILE}"
        data = Path(
            download_artifacts(artifact_uri=place, dst_path=folder, tracking_uri=tracking_uri(project))
        ).read_bytes()
    model = load_model(data, version.sha256, str(version))
    return Registered(**{f.name: getattr(version, f.name) for f in fields(version)}, model=model)


def versions(project: Project, brand: str | None = None) -> list[Version]:
    """All versions of a project's models, by brand and target, newest first, without loading any."""
    if not exists(project):
        return []
    with connected(project) as client:
        known = [
            _version(found, model)
            for model in client.search_registered_models(
                f"tags.{OWNER} = '{_owner(project)}'", max_results=1000
            )
            if brand in (None, model.tags["brand"])
            for found in client.search_model_versions(f"name = '{model.name}'", max_results=1000)
        ]
    return sorted(known, key=lambda v: (v.brand, v.target, -v.version))


def register(project: Project, model: Model, version: Version, rows: pl.DataFrame, run_id: str) -> Version:
    """Keeps a model, trained in an MLflow run, and returns its version with name, number and SHA-256. It has
    no alias yet.

    `rows` are customers like those it predicts; of them it keeps medians, as an example.
    """
    data = dump_model(model, rows)
    name = f"{_owner(project)}-{version.brand}-{version.target}"
    version = replace(version, name=name, sha256=digest(data))
    with connected(project) as client, tempfile.TemporaryDirectory() as folder:
        run = client.get_run(run_id)
        logged = client.create_logged_model(run.info.experiment_id, version.target, run_id)
        _describe(model, data, frame(typical(rows)), Path(folder), run_id, logged.model_id)
        client.log_model_artifacts(logged.model_id, f"{folder}/model")
        client.finalize_logged_model(logged.model_id, "READY")
        owned = {OWNER: _owner(project), "brand": version.brand, "target": version.target}
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name, owned)
        made = client.create_model_version(
            name, logged.artifact_location, run_id, _tags(version), model_id=logged.model_id
        )
    return replace(version, version=int(made.version))


def promote(project: Project, version: Version, why: str) -> None:
    """Makes a version the champion, and the former champion the challenger."""
    with connected(project) as client:
        now = {
            alias: int(number) for alias, number in client.get_registered_model(version.name).aliases.items()
        }
        client.set_registered_model_alias(version.name, CHAMPION, str(version.version))
        if now.get(CHAMPION, version.version) != version.version:
            client.set_registered_model_alias(version.name, CHALLENGER, str(now[CHAMPION]))
        elif now.get(CHALLENGER) == version.version:
            client.delete_registered_model_alias(version.name, CHALLENGER)
        client.set_model_version_tag(version.name, str(version.version), "why", why)


def challenge(project: Project, version: Version, why: str) -> None:
    """Makes a version the challenger, as it is not good enough; `why` says so."""
    with connected(project) as client:
        client.set_registered_model_alias(version.name, CHALLENGER, str(version.version))
        client.set_model_version_tag(version.name, str(version.version), "why", why)


def as_json(version: Version) -> dict[str, Any]:
    """A version as plain values for `--json`."""
    return {
        f.name: value if isinstance(value := getattr(version, f.name), int | dict | tuple) else str(value)
        for f in fields(Version)
        if f.name != "by_cutoff"
    } | {"by_cutoff": {str(day): value for day, value in version.by_cutoff.items()}}


def _owner(project: Project) -> str:
    """The experiment's name as a model's may be; of a path, as on Databricks, the last part."""
    return re.sub(r"[^\w.-]+", "-", experiment_name(project).rsplit("/", 1)[-1])


def _describe(
    model: Model, data: bytes, example: pl.DataFrame, folder: Path, run_id: str, model_id: str
) -> None:
    """Writes `folder`/model as MLflow keeps models: the file, its signature, the example, and by whom it is
    loaded.
    """
    from mlflow import pyfunc
    from mlflow.models import Model as Description
    from mlflow.models import infer_signature

    (folder / FILE).write_bytes(data)
    given = example.to_pandas()
    pyfunc.save_model(
        folder / "model",
        loader_module="mergehouse.science.registry.model_file",
        data_path=str(folder / FILE),
        mlflow_model=Description(run_id=run_id, model_id=model_id),
        signature=infer_signature(given, pl.DataFrame(as_columns(model.predict(example))).to_pandas()),
        input_example=given,
        # found out by MLflow itself, they cost ten seconds
        pip_requirements=[f"mergehouse[science]=={__version__}"],
    )


def _tags(version: Version) -> dict[str, str]:
    return {
        f.name: text
        for f in fields(version)
        if f.name not in ("name", "version", "aliases") and (text := _text(getattr(version, f.name)))
    }


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps({str(key): round(number, 6) for key, number in value.items()})
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _version(found: ModelVersion, model: RegisteredModel) -> Version:
    tags = defaultdict(str, found.tags)
    return Version(
        brand=tags["brand"],
        target=tags["target"],
        method=tags["method"],
        feature_version=tags["feature_version"],
        as_of=dt.date.fromisoformat(tags["as_of"]),
        trained_ts=dt.datetime.fromisoformat(tags["trained_ts"]),
        metric=tags["metric"],
        metrics=json.loads(tags["metrics"]),
        by_cutoff={dt.date.fromisoformat(day): value for day, value in json.loads(tags["by_cutoff"]).items()},
        fingerprint=tags["fingerprint"],
        code=tags["code"],
        sha256=tags["sha256"],
        why=tags["why"],
        name=found.name,
        version=int(found.version),
        aliases=tuple(
            sorted(alias for alias, version in model.aliases.items() if int(version) == int(found.version))
        ),
    )
