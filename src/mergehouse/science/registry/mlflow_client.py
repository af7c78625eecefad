"""Where MLflow is: the only file that opens a connection to it.

Without another address everything is in the project: `mlflow/mlflow.db`, an SQLite database, and
`mlflow/artifacts`. A server's credentials come from the environment alone. Nothing is sent to anybody else:
MLflow's telemetry is off.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mergehouse.errors import RegistryError
from mergehouse.project.config import Project
from mergehouse.storage import http_status

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS = {  # of MLflow, where the environment has no others; read when it is imported
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # what goes wrong is said once, by us
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # of its own 7, the last ones wait for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # mergehouse shows its own
    # or pyproject.toml and uv.lock of the working folder would be kept with every model
    "MLFLOW_UV_AUTO_DETECT": "false",
}
PLACES = (  # columns in which MLflow keeps absolute addresses
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def tracking_uri(project: Project) -> str:
    """Where MLflow keeps things: as mergehouse.yml says, else the environment, else the project's own
    database.
    """
    given = project.config.mlflow.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{_database(project)}"


def experiment_name(project: Project) -> str:
    return project.config.mlflow.experiment or project.config.name


def exists(project: Project) -> bool:
    """False where the project's own database was never made, so that there is nothing in it."""
    return not _is_embedded(project) or _database(project).is_file()


@contextmanager
def connected(project: Project) -> Iterator[MlflowClient]:
    """A client of the project's MLflow. What MLflow raises within becomes a RegistryError, without the
    address's credentials.
    """
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
    except (MlflowException, OSError, sqlite3.Error) as error:
        raise RegistryError(f"MLflow at {_without_secrets(uri)}: {_reason(error)}") from None


def prepare(project: Project) -> None:
    """Imports MLflow and makes the project's database where it is not there: seconds, in which something else
    can be done. Nobody else connects meanwhile. Errors as for `connected`.
    """
    with connected(project):
        pass


def experiment_id(client: MlflowClient, project: Project) -> str:
    """The project's experiment, made where it is not there."""
    name = experiment_name(project)
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    return client.create_experiment(name, _artefacts(project) if _is_embedded(project) else None)


def _is_embedded(project: Project) -> bool:
    return tracking_uri(project) == f"sqlite:///{_database(project)}"


def _database(project: Project) -> Path:
    return project.folder.resolve() / "mlflow" / "mlflow.db"


def _artefacts(project: Project) -> str:
    return (_database(project).parent / "artifacts").as_uri()


def _settle(project: Project) -> None:
    """After a project's folder was moved or copied: its artefacts are looked for, and written, where it is
    now.
    """
    if not _database(project).is_file():
        return
    here, made = _artefacts(project), "SELECT 1 FROM sqlite_master WHERE name = 'model_versions'"
    with closing(sqlite3.connect(_database(project))) as database, database:
        if not database.execute(made).fetchone():
            return  # MLflow was stopped while it made the tables, and goes on with it
        found = database.execute(
            "SELECT artifact_location FROM experiments WHERE name = ?", [experiment_name(project)]
        ).fetchone()
        if found and found[0] != here:
            for table, column in PLACES:
                rebased = (
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
                )
                database.execute(rebased, [here, len(found[0]) + 1, len(found[0]), found[0]])


def _reason(error: Exception) -> str:
    text = " ".join(_without_secrets(str(error)).split())
    if re.search(r"Max retries exceeded|[Cc]onnection (error|refused|reset|aborted)|[Tt]imed? ?out", text):
        return (
            "it cannot be reached. See that it runs, and at this address: `mlflow.tracking_uri` in"
            " mergehouse.yml or the environment's MLFLOW_TRACKING_URI."
        )
    if re.search(http_status("401|403") + r"|Unauthorized|Forbidden|Invalid access token", text):
        return (
            "access is denied. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or"
            " MLFLOW_TRACKING_TOKEN."
        )
    if "No such artifact" in text:
        return "a model's file is not there any more. Restore it, or train again."
    return text[:300] or type(error).__name__


def _without_secrets(text: str) -> str:
    return re.sub(r"://[^/@\s]+@", "://", text)
