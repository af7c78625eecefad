"""A Databricks Asset Bundle of a project: jobs, dashboard and SQL, with a target for each environment.

A release is made in the first environment and promoted to the others, so that the job that builds is in the
first target alone.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import mergehouse
from mergehouse.access.policy import load_policy
from mergehouse.contracts.parts import is_off
from mergehouse.contracts.registry import released
from mergehouse.errors import ConfigError
from mergehouse.kpi.catalogue import catalogue
from mergehouse.platform.databricks import tasks
from mergehouse.platform.databricks.checks import faults_of
from mergehouse.platform.databricks.checks.bundle import FILE
from mergehouse.platform.databricks.checks.typed import INSTALL, is_installed
from mergehouse.platform.databricks.column_masks import mask_statements
from mergehouse.platform.databricks.grants import grants
from mergehouse.platform.databricks.job import catalog_job, pipeline_job, publish_job
from mergehouse.platform.databricks.lakeview import dashboard
from mergehouse.platform.databricks.metric_views import metric_view_statements, metric_views
from mergehouse.platform.databricks.notebooks import notebooks
from mergehouse.platform.databricks.row_filters import filter_statements, row_filters
from mergehouse.platform.databricks.statements import script
from mergehouse.platform.databricks.unity_catalog import (
    LANDING,
    VOLUME,
    catalog,
    descriptions,
    tables,
)
from mergehouse.platform.generated_folder import Written, write_generated
from mergehouse.project.config import Project, load_project

HEAD = """# Written by `mergehouse platform databricks`: change the project and write it again. What differs
# from place to place is a variable: give it with --var, or as BUNDLE_VAR_<name> in the environment.
"""
CLI = ">= 0.281.0"  # the first whose dashboards have a catalog of their own
DASHBOARD = "executive.lvdash.json"


@dataclass(frozen=True)
class Target:
    """One environment as a target: its name there, and the catalog that its readers have."""

    name: str
    environment: str | None
    catalog: str


def targets_of(project: Project) -> tuple[list[Target], list[str]]:
    """A target for each environment, in the order of promotion, and what is to be said about them.

    An environment with the lakehouse of an earlier one is the same place under another name, and left out.
    Raises ConfigError where a catalog's name cannot be made, or is that of the lakehouse's own tables.

    >>> [(target.name, target.catalog) for target in targets_of(mh.project("shop"))[0]]
    [('prod', 'tiny_prod')]
    """
    found: list[Target] = []
    said: list[str] = []
    places: dict[str, str] = {}
    environments: list[str | None] = [*project.config.environments]
    for environment in environments or [None]:
        there = load_project(project.folder, environment)
        if (first := places.setdefault(there.lakehouse_location, environment or "")) != (environment or ""):
            said.append(f"no target {environment}: it has the lakehouse of {first}")
            continue
        name = "_".join([_slug(project), *([environment] if environment else [])])
        if there.config.engine.catalog == name:
            raise ConfigError(
                f"mergehouse.yml: engine.catalog: `{name}` is the catalog that readers have on Databricks,"
                " filled from releases; name another one for the lakehouse's own tables."
            )
        found.append(Target(environment or "dev", environment, name))
    return found, said


def _slug(project: Project) -> str:
    """The project's name in letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", project.config.name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not slug or not slug[0].isalpha():
        raise ConfigError(
            f"mergehouse.yml: name: `{project.config.name}`: a catalog and a bundle are called after it, and"
            " their names begin with a letter from a to z. Call the project otherwise."
        )
    return slug


def bundle(project: Project, targets: list[Target]) -> dict[str, str]:
    """The files of the bundle, by their paths in it.

    >>> project = mh.project("shop")
    >>> files = bundle(project, targets_of(project)[0])
    >>> [name for name in files if not name.startswith("sql/")]
    ['databricks.yml', 'executive.lvdash.json', 'src/command.py', ..., 'notebooks/export_release.py']
    """
    scripts = {target.name: sql(project, target) for target in targets}
    given = settings(project, targets, list(scripts[targets[0].name]))
    files = {
        FILE: HEAD + yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=110),
        DASHBOARD: dashboard(project.config.name, catalogue()),
        "src/command.py": tasks.COMMAND,
        "src/publish.py": tasks.PUBLISH,
    }
    first = targets[0]
    by_hand = notebooks(first.name, first.environment, first.catalog, package(project))
    files |= {f"notebooks/{name}": text for name, text in by_hand.items()}
    for target, texts in scripts.items():
        files |= {f"sql/{target}/{name}": text for name, text in texts.items()}
    return files


def sql(project: Project, target: Target) -> dict[str, str]:
    """The files that define a target's catalog, in the order in which they are run: a table has its filter
    and its masks before anybody may read it, and before it has rows.

    >>> project = mh.project("shop")
    >>> list(sql(project, targets_of(project)[0][0]))[:3]
    ['1_catalog.sql', '2_tables.sql', '3_row_filters.sql']
    """
    policy, kpis, place = load_policy(project), catalogue(), target.catalog
    contracts = [found for found in released() if not is_off(found, project)]
    filters = row_filters(policy, project.brands, contracts)
    parts = {
        "catalog": ("Catalog, schemas, volume.", catalog(place, project.config.name)),
        "tables": ("Tables as their contracts have them.", tables(place, contracts)),
        "row_filters": ("Who sees which rows: access.yml.", filter_statements(place, filters)),
        "column_masks": ("Who sees which values: access.yml.", mask_statements(place, policy, contracts)),
        "metric_views": ("The KPI catalogue.", metric_view_statements(place, kpis)),
        "grants": ("What each role may read.", grants(place, policy.roles, filters, metric_views(kpis))),
        "descriptions": ("What tables and columns mean; PII tags.", descriptions(place, contracts)),
    }
    return {
        f"{number}_{name}.sql": script(about, statements)
        for number, (name, (about, statements)) in enumerate(parts.items(), start=1)
    }


def package(project: Project) -> str:
    """What tasks install.

    >>> package(mh.project("shop"))
    'mergehouse==...'
    """
    needed = {
        "science": project.config.science.tables,
        "identity": any(brand.identity for brand in project.brands.values()),
    }
    extras = ",".join(name for name, is_needed in needed.items() if is_needed)
    return f"mergehouse{f'[{extras}]' if extras else ''}=={mergehouse.__version__}"


def settings(project: Project, targets: list[Target], scripts: list[str]) -> dict[str, Any]:
    """databricks.yml; `scripts` are the names of each target's SQL files.

    >>> project = mh.project("shop")
    >>> list(settings(project, targets_of(project)[0], ["1_catalog.sql"]))
    ['bundle', 'variables', 'resources', 'targets']
    """
    timezone = next(iter(project.brands.values())).timezone
    pipeline = pipeline_job(targets[0].environment, project.config.science.tables)
    first = {"default": True, "resources": {"jobs": {"pipeline": pipeline}}}
    return {
        "bundle": {"name": _slug(project), "databricks_cli_version": CLI},
        "variables": {
            "catalog": {"description": "The catalog that readers have."},
            "project": {"description": "The folder of the project, where tasks reach it."},
            "warehouse_id": {"description": "The SQL warehouse of the dashboard and of the job catalog."},
            "package": {"description": "What tasks install.", "default": package(project)},
            "schedule": {
                "description": "When the pipeline runs: seconds, minutes, hours, day, month, weekday.",
                "default": "0 0 5 * * ?",
            },
            "timezone": {"description": "The time zone of the schedule.", "default": timezone},
            "notify": {"description": "Mail addresses for failures.", "type": "complex", "default": []},
        },
        "resources": {
            "jobs": {
                "catalog": catalog_job(scripts),
                "publish": publish_job(targets[0].environment is not None),
            },
            "dashboards": {
                "executive": {
                    "display_name": f"{project.config.name}: Executive (${{bundle.target}})",
                    "file_path": DASHBOARD,
                    "warehouse_id": "${var.warehouse_id}",
                    "dataset_catalog": "${var.catalog}",
                    "embed_credentials": False,  # whoever looks sees what their own roles may
                }
            },
        },
        "targets": {
            target.name: _target(target) | (first if target == targets[0] else {}) for target in targets
        },
    }


def _target(target: Target) -> dict[str, Any]:
    """In production mode: each is one place for everybody, and its schedule counts."""
    home = "/Workspace/Users/${workspace.current_user.userName}/.bundle/${bundle.name}/${bundle.target}"
    return {
        "mode": "production",
        "workspace": {"root_path": home},
        "variables": {
            "catalog": target.catalog,
            "project": f"/Volumes/{target.catalog}/{LANDING}/{VOLUME}",
        },
    }


def write_bundle(folder: Path, project: Project, overwrite: bool = False) -> tuple[Written, list[str]]:
    """Writes the bundle; returns what was written, and what is to be said.

    Raises ConfigError, before anything is written, where the project cannot be put so, where a file was
    edited since (unless `overwrite`), and where the folder cannot be written.

    >>> written, said = write_bundle(Path("databricks"), mh.project("shop"))
    >>> written.written[:2]
    ['databricks.yml', 'executive.lvdash.json']
    """
    targets, said = targets_of(project)
    files = bundle(project, targets)
    if faults := faults_of(files):
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(f"the bundle would not do, and was not written:\n{listed}")
    if not is_installed():
        said.append(f"not compared with Databricks' own types, which are not installed: {INSTALL}")
    return write_generated(folder, files, overwrite), said
