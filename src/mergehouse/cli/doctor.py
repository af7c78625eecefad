"""What this machine and project have, and what is missing."""

from __future__ import annotations

import shutil
import sys
from importlib import metadata
from pathlib import Path

from mergehouse.errors import ConfigError, MergehouseError
from mergehouse.ingest.landing import find_files
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.machine import GB, MB, existing, unwritable
from mergehouse.project.config import load_project
from mergehouse.storage import hindrance

ROOM = 100 * MB  # free on the disk: below, no run is to be expected to end well
PACKAGES = ("duckdb", "deltalake", "sqlglot", "polars", "fastexcel", "currencyconverter")


def diagnose(folder: Path, environment: str | None = None) -> list[tuple[str, bool, str]]:
    """(what, whether it is well, what was found) for this machine and the project in `folder`."""
    found = [("Python", sys.version_info >= (3, 11), sys.version.split()[0])]
    found += [(name, True, metadata.version(name)) for name in PACKAGES]
    try:
        project = load_project(folder, environment)
    except ConfigError as error:
        return [*found, ("project", False, str(error))]
    found.append(("project", True, f"{project.config.name}: {', '.join(project.brands)}"))
    lakehouse = Lakehouse(project.lakehouse_location)
    free = shutil.disk_usage(existing(lakehouse.root)).free
    size = f"{free // GB} GB" if free >= GB else f"only {free // MB} MB"
    disk = f"{size} free{f' for copies in {lakehouse.root}' if lakehouse.is_remote else ''}"
    try:
        tables = f"{len(lakehouse.tables())} tables"
        if why := hindrance(lakehouse.root):
            found.append(("lakehouse", False, unwritable(lakehouse.root, why)))
        else:
            found.append(("lakehouse", free >= ROOM, f"{lakehouse.location}, {tables}, {disk}"))
    except MergehouseError as error:
        found.append(("lakehouse", False, str(error)))
    for brand in project.brands.values():
        if brand.fault:
            found.append((brand.name, False, brand.fault))
        for table, source in brand.sources.items():
            try:
                files = find_files(brand, table, source, loaded_before=False)
                found.append(
                    (f"{brand.name}.{table}", True, ", ".join(f.label for f in files) or "none (optional)")
                )
            except MergehouseError as error:
                found.append((f"{brand.name}.{table}", False, str(error)))
    return found
