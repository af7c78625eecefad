"""What this machine and project have, and what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mergehouse.access.policy import FILE, load_policy
from mergehouse.cli.dashboards import lacking_packages as lacking_for_dashboards
from mergehouse.errors import ConfigError, MergehouseError
from mergehouse.identity.extra import lacking_packages as lacking_for_identity
from mergehouse.ingest.brand_source import brand_sources
from mergehouse.ingest.landing import find_files
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.machine import GB, MB, existing, unwritable
from mergehouse.project.config import Project, load_project
from mergehouse.science.extra import lacking_packages as lacking_for_science
from mergehouse.storage import hindrance

ROOM = 100 * MB  # free on the disk: below, no run is to be expected to end well
EXTRAS = {
    "app": lacking_for_dashboards,
    "identity": lacking_for_identity,
    "science": lacking_for_science,
}
PACKAGES = ("duckdb", "deltalake", "sqlglot", "polars", "fastexcel", "currencyconverter")


Finding = tuple[str, bool, str]  # what, whether it is well, what was found


def diagnose(folder: Path, environment: str | None = None) -> list[Finding]:
    """What this machine and the project in `folder` have."""
    found = [("Python", sys.version_info >= (3, 11), sys.version.split()[0])]
    found += [(name, True, metadata.version(name)) for name in PACKAGES]
    found += [(f"extra {name}", True, lacking() or "installed") for name, lacking in EXTRAS.items()]
    try:
        project = load_project(folder, environment)
    except ConfigError as error:
        return [*found, ("project", False, str(error))]
    found.append(("project", True, f"{project.config.name}: {', '.join(project.brands)}"))
    return [*found, _lakehouse(project), *_access(project), *_exports(project)]


def _lakehouse(project: Project) -> Finding:
    lakehouse = Lakehouse(project.lakehouse_location)
    free = shutil.disk_usage(existing(lakehouse.root)).free
    size = f"{free // GB} GB" if free >= GB else f"only {free // MB} MB"
    disk = f"{size} free{f' for copies in {lakehouse.root}' if lakehouse.is_remote else ''}"
    if why := hindrance(lakehouse.root):
        return "lakehouse", False, unwritable(lakehouse.root, why)
    try:
        tables = f"{len(lakehouse.tables())} tables"
    except MergehouseError as error:
        return "lakehouse", False, str(error)
    return "lakehouse", free >= ROOM, f"{lakehouse.location}, {tables}, {disk}"


def _access(project: Project) -> Iterator[Finding]:
    """Who may see what, where the project says it: dashboards and other platforms need it, a run does not."""
    if (project.folder / FILE).exists():
        try:
            yield FILE, True, f"roles {', '.join(load_policy(project).roles)}"
        except MergehouseError as error:
            yield FILE, False, str(error)


def _exports(project: Project) -> Iterator[Finding]:
    for brand in project.brands.values():
        if brand.fault:
            yield brand.name, False, brand.fault
    for source in brand_sources(project):
        name = f"{source.brand.name}.{source.table}"
        try:
            files = find_files(source, loaded_before=False)
            yield name, True, ", ".join(f.label for f in files) or "none (optional)"
        except MergehouseError as error:
            yield name, False, str(error)
