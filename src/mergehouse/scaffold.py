"""`init` and `doctor`: writes a project from the templates, points it at exports, and looks it over."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import metadata, resources
from pathlib import Path

import yaml

from mergehouse import __version__
from mergehouse.errors import ConfigError, MergehouseError
from mergehouse.ingest.landing import find_files, fitting, list_zone
from mergehouse.lakehouse import Lakehouse
from mergehouse.project import CONFIG_FILE, Brand, load_project
from mergehouse.storage import is_writable, located

TEMPLATES = Path(str(resources.files("mergehouse") / "templates"))
REQUIREMENTS = "requirements.txt"  # what the workflows and the workers of the DAG install: the version that wrote the project
PACKAGES = ("duckdb", "deltalake", "sqlglot", "polars", "fastexcel", "currencyconverter")


def write_project(folder: Path, raw: Path | str | None = None) -> list[str]:
    """Copies the templates into `folder` and returns what was written, a line each. A file that is there already stays as it is.

    With `raw`, every brand is pointed at the folder under it that holds its files: `raw` itself,
    `raw/<brand>` or one folder below. Raises ConfigError where a project is there already, or where
    no folder or more than one fits.
    """
    if (folder / CONFIG_FILE).exists():
        raise ConfigError(f"{folder / CONFIG_FILE} exists already; nothing was changed. Choose another folder.")
    found = {brand.name: _folder_with(brand, raw) for brand in load_project(TEMPLATES).brands.values()} if raw else {}
    kept: list[str] = []

    def copy(source: str, target: str) -> None:
        if Path(target).exists():
            kept.append(f"{target} was there already and is kept")
        else:
            shutil.copy2(source, target)

    try:
        shutil.copytree(TEMPLATES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"), copy_function=copy)
        if (folder / REQUIREMENTS).exists():
            kept.append(f"{folder / REQUIREMENTS} was there already and is kept; it needs mergehouse=={__version__}")
        else:
            (folder / REQUIREMENTS).write_text(f"mergehouse=={__version__}\n", encoding="utf-8")
        written = [str(folder / part) for part in (CONFIG_FILE, "mappings", ".github/workflows", "dags", REQUIREMENTS)]
        for brand in load_project(folder).brands.values():
            (folder / "raw" / brand.name).mkdir(parents=True, exist_ok=True)
            written.append(str(brand.folder))
            if raw is not None:
                _point_at(brand, found[brand.name])
                written.append(f"  reads {found[brand.name]}")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror or error}).") from None
    return [*written, *kept]


def line_count(text: str) -> int:
    """`200k` and `10M` as numbers. Raises MergehouseError on anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", text.strip().replace(",", "").replace("_", ""))
    if not match or float(match[1]) <= 0:
        raise MergehouseError(f"--lines {text}: expected a number such as 50000, 200k or 10M.")
    return int(float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()])


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
    free = shutil.disk_usage(next(p for p in (lakehouse.root, *lakehouse.root.parents) if p.exists())).free
    disk = f"{free // 2**30} GB free{f' for copies in {lakehouse.root}' if lakehouse.is_remote else ''}"
    try:
        tables = f"{len(lakehouse.tables())} tables"
        found.append(("lakehouse", is_writable(lakehouse.root), f"{lakehouse.location}, {tables}, {disk}"))
    except MergehouseError as error:
        found.append(("lakehouse", False, str(error)))
    for brand in project.brands.values():
        for table, source in brand.sources.items():
            try:
                files = find_files(brand, table, source, loaded_before=False)
                found.append((f"{brand.name}.{table}", True, ", ".join(f.name for f in files) or "none (optional)"))
            except MergehouseError as error:
                found.append((f"{brand.name}.{table}", False, str(error)))
    return found


def _folder_with(brand: Brand, raw: Path | str) -> str:
    """The one folder at `raw` that holds a file for every source the brand needs."""
    raw = located(Path.cwd(), str(raw))
    listing = list_zone(raw)
    if listing is None:
        raise ConfigError(f"{raw}: no such folder. --raw names the folder that holds the exports.")
    own = [folder for folder in listing.folders if folder.endswith(f"/{brand.name}")]
    holding = [folder for folder in own or [raw, *listing.folders] if _holds_all(brand, folder)]
    if len(holding) == 1:
        return holding[0]
    patterns = ", ".join(p for s in brand.sources.values() if not s.optional for p in s.files)
    if not holding:
        raise ConfigError(f"{raw}: no folder there holds all files of {brand.label} ({patterns}).")
    raise ConfigError(f"{raw}: more than one folder holds files of {brand.label}: {', '.join(holding)}. Name one of them with --raw.")


def _holds_all(brand: Brand, folder: str) -> bool:
    listing = list_zone(folder)
    return listing is not None and all(fitting(listing.files, source) for source in brand.sources.values() if not source.optional)


def _point_at(brand: Brand, folder: str) -> None:
    file = brand.folder / "brand.yml"
    file.write_text(
        f"raw: {yaml.safe_dump(folder).splitlines()[0]}\n{file.read_text(encoding='utf-8')}",
        encoding="utf-8",
    )
