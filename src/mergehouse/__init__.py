"""mergehouse: the post-merger retail lakehouse, from a notebook or a script.

import mergehouse as mh
lakehouse = mh.open("my-project")
lakehouse.table("gold.sales_daily").polars()

Whatever cannot be done raises one of `mergehouse.errors`, with the message that the command line prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# A room bears the name of a function below. Python puts a room in its place here when it is first imported:
# now, so that the function comes after it and stays.
import mergehouse.project  # noqa: F401

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from mergehouse.app.api.client import Connection
    from mergehouse.kpi.table import KpiTable
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.pipeline.results import RunResult
    from mergehouse.project.config import Project
    from mergehouse.release.verify import Verification

__version__ = "0.1.0"
__all__ = ["connect", "kpis", "open", "project", "run", "verify"]


def project(folder: str | Path | Project, environment: str | None = None) -> Project:
    """The project in `folder`, read and validated, as it is in one of its environments.

    Raises ConfigError naming file, key, and the nearest valid key or environment.

    >>> mh.project("shop")
    Project tiny in shop
      lakehouse  ...shop/lakehouse
      engine     duckdb
      brand  label  currency  time zone      sources
      shop   Shop   EUR       Europe/Berlin        1
    """
    from mergehouse.project.config import Project, load_project

    if not isinstance(folder, Project):
        return load_project(folder, environment)
    _no_environment(environment, "a project that is read already")
    return folder


def open(place: str | Path | Project | Lakehouse, environment: str | None = None) -> Lakehouse:
    """The lakehouse of a project, given as its folder or as read, or the one at a location: a folder or a
    URL of an object store.

    Raises ConfigError where there is neither a project, or environment, nor a lakehouse.

    >>> lakehouse = mh.open("shop")
    >>> lakehouse.rows("gold.sales_daily")
    4
    >>> mh.open("shop", "prod").location.endswith("shop/lakehouse-prod")
    True
    """
    from pathlib import Path

    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.project.config import Project
    from mergehouse.storage import located

    if isinstance(place, Lakehouse):
        _no_environment(environment, "a lakehouse that is open already")
        return place
    if isinstance(place, Project) or not _is_lakehouse(place):
        return Lakehouse(project(place, environment).lakehouse_location)
    _no_environment(environment, f"{place}, which is a lakehouse")
    return Lakehouse(located(Path(), str(place)))


def run(
    of: str | Path | Project,
    select: str | None = None,
    until: str | None = None,
    full: bool = False,
    spark: SparkSession | None = None,
    wait: bool = False,
    from_raw: bool = False,
) -> RunResult:
    """Loads what was delivered and rebuilds what is stale, as `mergehouse run` does: scores and the quality
    report with it.

    `select` names tables (`silver.sales_clean+`, `+gold.sales_daily`, `gold.`), `until` the last layer,
    `full` rebuilds what is not stale, too; `spark` is a session to run on, whatever the project says; with
    `wait` another run at work is waited for; `from_raw` is `mergehouse run --full --from-raw`. What fails in
    a table or a source is in the result. Raises LakehouseError where another run is at work or the lakehouse
    cannot be written.

    >>> mh.run("shop")
    Run ... UTC: ok, ... s
      tables    ... fresh
      checks    ... passed
      findings  silver.sales_clean: category_is_mapped
    """
    from mergehouse.pipeline.run import run as run_pipeline
    from mergehouse.quality.report import write_report

    loaded = project(of)
    result = run_pipeline(loaded, select, until, full, spark=spark, wait=wait, from_raw=from_raw)
    if result.changed:
        write_report(loaded, result.kpis)
    return result


def kpis(of: str | Path | Project | Lakehouse) -> KpiTable:
    """Every KPI of every brand and of the group, exact, from the published Gold tables.

    Raises LakehouseError where nothing is published yet.

    >>> figures = mh.kpis("shop")
    >>> figures.values["group"]["gmv"]
    Decimal('60.00')
    >>> figures.polars().filter(scope="shop", kpi="aov")["value"].item()
    Decimal('20.000000')
    """
    from mergehouse.kpi.table import kpi_table

    return kpi_table(open(of))


def verify(
    release: str | Path | Project, version: str | None = None, digest: str | None = None
) -> Verification:
    """Verifies the current release, or `version`: every file, count, bound, key and KPI against its manifest.

    `release` is the folder or URL above `gold`, or the project that made it. `digest` is the SHA-256 that
    the manifest must have, by word of its sender. What is broken is in the result. Raises MergehouseError
    where there is nothing that could be a release.

    >>> mh.verify("release")
    Release 1.0.0 in release: sound
      holds     ... tables, ... files, ... rows
      manifest  ...
    >>> mh.verify("release", "1.1.0").passed
    False
    """
    from mergehouse.project.config import Project
    from mergehouse.release.export.export import releases_of
    from mergehouse.release.verify import verify as verify_release

    root = releases_of(release) if isinstance(release, Project) else str(release)
    return verify_release(root, version, digest)


def connect(url: str, token: str) -> Connection:
    """The dashboards' figures as Polars frames, from wherever they are served, within what the token's user
    may see. `mergehouse users token` makes a token.

    Nothing is asked yet. Raises AccessError where a token would travel unencrypted, and on what is no token.

    >>> mh.connect("http://localhost:8800", "mh_...")
    Connection to http://localhost:8800
    >>> mh.connect("http://bi.example.com", "mh_...")
    Traceback (most recent call last):
    mergehouse.errors.AccessError: ...: a token is sent over https alone, but to this machine itself.
    """
    from mergehouse.app.api.client import Connection

    return Connection(url, token)


def _is_lakehouse(place: str | Path) -> bool:
    """A location that has layers, and a URL: nothing else can be at one."""
    from pathlib import Path

    from mergehouse.lakehouse.files import LAYERS
    from mergehouse.project.config import CONFIG_FILE
    from mergehouse.storage import is_url

    if is_url(str(place)):
        return True
    folder = Path(place)
    try:
        return not (folder / CONFIG_FILE).exists() and any((folder / layer).is_dir() for layer in LAYERS)
    except OSError:  # what is read as a project then says why
        return False


def _no_environment(environment: str | None, of: str) -> None:
    from mergehouse.errors import ConfigError

    if environment is not None:
        raise ConfigError(
            f"environment {environment}: it is chosen where a project's folder is given; found is {of}."
        )
