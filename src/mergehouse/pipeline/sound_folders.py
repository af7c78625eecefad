"""What brands' folders said when they were last sound: one file beside the run log, so that the figures of
a brand whose folder cannot be used as written stay as they were.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mergehouse.errors import BrandError, ConfigError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.brand import Brand, read_brand, unusable
from mergehouse.project.config import CONFIG_FILE, Project
from mergehouse.project.mapping_files import BRAND_FILES, Rows, mapping_tables
from mergehouse.project.text_file import read_text
from mergehouse.storage import storage_errors
from mergehouse.transform.brand_files import brand_contracts, brand_file

KEPT = "monitor/sound_brands.json"
CONFIG = "brand.yml"


@dataclass(frozen=True)
class Folders:
    """What brands' folders say: the project and its mapping tables, and the `texts` of the files that these
    were read from, by brand and name, as they were when the run began. `forgotten` are brands that are to be
    as they were, and of which nothing is kept.
    """

    project: Project
    mappings: dict[str, Rows]
    texts: dict[str, dict[str, str]]
    lakehouse: Lakehouse
    copies: Path  # where what is kept of brands is read from
    seen: dict[str, tuple[int, int]]  # size and moment of the last change of each file of settings
    forgotten: frozenset[str] = frozenset()

    def expect_unedited(self) -> None:
        """Raises ConfigError where files were edited since: who has waited for another run would put figures
        by settings of before in the place of those that it made by the new ones.
        """
        now = _seen(self.project)
        if edited := [file for file in {**self.seen, **now} if self.seen.get(file) != now.get(file)]:
            raise ConfigError(f"{edited[0]} was changed while this run waited for another. Run again.")

    def as_they_were(self, brands: Set[str]) -> Folders:
        """With these brands as they last were sound; those of which nothing is kept as they are.

        What is kept of a brand that is held back tells what its figures were made by: settings and rules that
        come together with what is wrong wait as its deliveries do.
        """
        if not brands:
            return self
        now = self.project.brands
        faults = {name: now[name].fault for name in brands}
        project = _as_they_were(self.project, faults, self.lakehouse, self.copies)
        were = {name: brand if brand.sources else now[name] for name, brand in project.brands.items()}
        project = project.model_copy(update={"brands": were})
        forgotten = self.forgotten | brands - _kept(self.lakehouse).keys()
        return replace(self, project=project, mappings=mapping_tables(project), forgotten=forgotten)


@contextmanager
def sound(project: Project, lakehouse: Lakehouse) -> Iterator[Folders]:
    """What the folders say; brands whose folder cannot be used as written are as they last were, read from
    copies of what is kept of them. Raises ConfigError where no brand would be left.
    """
    with TemporaryDirectory(prefix="mergehouse-") as copies:
        seen, texts = _seen(project), dict(_texts(project.brands.values()))
        said = _with_mappings(project, lakehouse, Path(copies))
        yield Folders(*said, texts, lakehouse, Path(copies), seen)


def keep(folders: Folders, held: Collection[str]) -> None:
    """Keeps what the folders said of all brands but those that are held back, where it has changed."""
    lakehouse, kept = folders.lakehouse, _kept(folders.lakehouse)
    now = {name: texts for name, texts in folders.texts.items() if name not in held}
    still = {name: texts for name, texts in kept.items() if name in folders.project.brands}
    if (now := still | now) != kept:
        with storage_errors(lakehouse.location):
            lakehouse.store.put(KEPT, json.dumps(now).encode())


def _seen(project: Project) -> dict[str, tuple[int, int]]:
    files = [project.folder / CONFIG_FILE, *project.mappings_folder.glob("*.csv")]
    files += [file for folder in project.folder.glob("brands/*") for file in folder.glob("*.*")]
    found: dict[str, tuple[int, int]] = {}
    for file in files:
        with suppress(OSError):  # gone meanwhile, or not to be read: who reads it says so
            state = file.stat()
            found[str(file)] = state.st_size, state.st_mtime_ns
    return found


def _texts(brands: Iterable[Brand]) -> Iterator[tuple[str, dict[str, str]]]:
    """Of each brand that can be read, which is not to be told of others."""
    for brand in brands:
        with suppress(ConfigError):
            yield brand.name, {file.name: read_text(file) for file in _files(brand) if file.exists()}


def _with_mappings(project: Project, lakehouse: Lakehouse, folder: Path) -> tuple[Project, dict[str, Rows]]:
    faults = {name: brand.fault for name, brand in project.brands.items() if brand.fault}
    while True:
        project = _as_they_were(project, faults, lakehouse, folder)
        try:
            return project, mapping_tables(project)
        except BrandError as error:
            usable = {name for name, brand in project.brands.items() if not brand.fault}
            if not usable - {error.brand} or error.brand not in usable:
                raise
            faults = {error.brand: str(error)}


def _as_they_were(project: Project, faults: dict[str, str], lakehouse: Lakehouse, folder: Path) -> Project:
    """The project with the brands that have `faults` as they last were sound, or with nothing of those that
    never were.
    """
    kept, brands = _kept(lakehouse) if faults else {}, dict(project.brands)
    for name, fault in faults.items():
        copy = folder / name
        brands[name] = unusable(copy, fault)
        if texts := kept.get(name):
            copy.mkdir(parents=True, exist_ok=True)
            for file, text in texts.items():
                (copy / Path(file).name).write_text(text, encoding="utf-8")
            with suppress(ConfigError):  # as another version of mergehouse took it
                brands[name] = read_brand(copy / CONFIG).model_copy(update={"fault": fault})
    return project.model_copy(update={"brands": brands})


def _kept(lakehouse: Lakehouse) -> dict[str, dict[str, str]]:
    """By brand the texts of its files; nothing where the note cannot be read: the next run writes it anew."""
    try:
        note = json.loads(lakehouse.content(KEPT) or b"{}")
        return {name: {file: str(text) for file, text in texts.items()} for name, texts in note.items()}
    except (ValueError, AttributeError):
        return {}


def _files(brand: Brand) -> list[Path]:
    own = [brand.folder / name for name in (CONFIG, *(file for file, _ in BRAND_FILES.values()))]
    return own + [brand_file(brand, contract) for contract in brand_contracts()]
