"""`init` and `doctor`: writes a project from the templates, points it at exports, and looks it over."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from mergehouse import __version__
from mergehouse.errors import ConfigError, MergehouseError
from mergehouse.ingest.landing import fitting, list_zone
from mergehouse.machine import unwritable
from mergehouse.project.brand import Brand
from mergehouse.project.config import CONFIG_FILE, load_project
from mergehouse.project.places import lies_in
from mergehouse.project.templates import TEMPLATES
from mergehouse.storage import is_url, located

# what the workflows and the workers of the DAG install: the version that wrote the project
REQUIREMENTS = "requirements.txt"


def write_project(folder: Path, raw: Path | str | None = None) -> list[str]:
    """Copies the templates into `folder` and returns what was written, a line each. A file that is there
    already stays as it is.

    With `raw`, every brand is pointed at the folder under it that holds its files: `raw` itself,
    `raw/<brand>` or one folder below, and mergehouse.yml allows that. Raises ConfigError where a project is
    there already, or where no folder or more than one fits.
    """
    if (folder / CONFIG_FILE).exists():
        raise ConfigError(
            f"{folder / CONFIG_FILE} exists already; nothing was changed. Choose another folder."
        )
    found = (
        {brand.name: _folder_with(brand, raw) for brand in load_project(TEMPLATES).brands.values()}
        if raw is not None
        else {}
    )
    kept: list[str] = []

    def copy(source: str, target: str) -> None:
        if Path(target).exists():
            kept.append(f"{target} was there already and is kept")
        else:
            shutil.copy2(source, target)

    try:
        shutil.copytree(
            TEMPLATES,
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", CONFIG_FILE),
            copy_function=copy,
        )
        copy(str(TEMPLATES / CONFIG_FILE), str(folder / CONFIG_FILE))  # last: what failed is done again
        if (folder / REQUIREMENTS).exists():
            kept.append(
                f"{folder / REQUIREMENTS} was there already and is kept; it needs mergehouse=={__version__}"
            )
        else:
            (folder / REQUIREMENTS).write_text(f"mergehouse=={__version__}\n", encoding="utf-8")
        written = [
            str(folder / part)
            for part in (CONFIG_FILE, "mappings", ".github/workflows", "dags", REQUIREMENTS)
        ]
        outside: list[str] = []
        for brand in load_project(folder).brands.values():
            (folder / "raw" / brand.name).mkdir(parents=True, exist_ok=True)
            written.append(str(brand.folder))
            if raw is not None:
                _point_at(brand, found[brand.name])
                outside.append(found[brand.name])
                written.append(f"  reads {found[brand.name]}")
        _allow(folder, [place for place in outside if not is_url(place)])
    except shutil.Error as error:  # of several files; the first says it
        _, place, why = error.args[0][0]
        raise ConfigError(unwritable(place, OSError(why))) from None
    except OSError as error:
        raise ConfigError(unwritable(folder, error)) from None
    return [*written, *kept]


def line_count(text: str) -> int:
    """`200k` and `10M` as numbers. Raises MergehouseError on anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", text.strip().replace(",", "").replace("_", ""))
    if not match or float(match[1]) <= 0:
        raise MergehouseError(f"--lines {text}: expected a number such as 50000, 200k or 10M.")
    return int(float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()])


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
    raise ConfigError(
        f"{raw}: more than one folder holds files of {brand.label}: {', '.join(holding)}. Name one of them"
        " with --raw."
    )


def _holds_all(brand: Brand, folder: str) -> bool:
    listing = list_zone(folder)
    return listing is not None and all(
        fitting(listing.files, source) for source in brand.sources.values() if not source.optional
    )


def _point_at(brand: Brand, folder: str) -> None:
    file = brand.folder / "brand.yml"
    file.write_text(
        f"raw: {yaml.safe_dump(folder).splitlines()[0]}\n{file.read_text(encoding='utf-8')}",
        encoding="utf-8",
    )


def _allow(folder: Path, places: list[str]) -> None:
    """Whoever names a folder outside of the project has decided that it may be read."""
    if outside := sorted({place for place in places if not lies_in(place, located(folder, "."))}):
        with (folder / CONFIG_FILE).open("a", encoding="utf-8") as config:
            config.write(yaml.safe_dump({"allow_outside": outside}, allow_unicode=True))
