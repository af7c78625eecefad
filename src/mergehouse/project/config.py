"""A project on disk: `mergehouse.yml` and one folder per brand, read and validated into plain objects."""

from __future__ import annotations

from pathlib import Path

from mergehouse import display
from mergehouse.errors import ConfigError
from mergehouse.machine import unreadable
from mergehouse.project.brand import (
    BRAND_NAME,
    SCOPES_OF_ALL,
    Brand,
    expect_tables_apart,
    read_brands,
    unusable,
    with_reads,
)
from mergehouse.project.places import expect_allowed, expect_apart, expect_own_folder
from mergehouse.project.settings import Config, Environment
from mergehouse.project.validation import Strict, expect_known, validated
from mergehouse.project.yaml_file import read_yaml
from mergehouse.storage import located

CONFIG_FILE = "mergehouse.yml"


class Project(display.Displayed, Strict):
    """A validated project. `brands` is in the order of folder names.

    >>> project = mh.project("shop")
    >>> project.config.churn_after_days, list(project.brands)
    (90, ['shop'])
    >>> project.brands["shop"].sources["lines"].columns["price"].type
    'number'
    """

    folder: Path
    config: Config
    brands: dict[str, Brand]

    @property
    def lakehouse_location(self) -> str:
        """An absolute path or a URL, see storage.py.

        >>> mh.project("shop", "prod").lakehouse_location
        '...shop/lakehouse-prod'
        """
        return located(self.folder, self.config.lakehouse)

    @property
    def labels(self) -> dict[str, str]:
        """What people read in the place of brands' names and of `group`: no two are the same.

        >>> mh.project("shop").labels
        {'shop': 'Shop', 'group': 'Group'}
        """
        labels = [brand.label.casefold() for brand in self.brands.values()]
        taken = {label for label in labels if labels.count(label) > 1 or label in SCOPES_OF_ALL}
        return {
            name: f"{brand.label} ({name})" if brand.label.casefold() in taken else brand.label
            for name, brand in self.brands.items()
        } | {"group": "Group"}

    @property
    def mappings_folder(self) -> Path:
        """Where the mapping files of the group are.

        >>> sorted(file.name for file in mh.project("shop").mappings_folder.iterdir())
        ['countries.csv', 'hierarchy.csv', 'rfm_segments.csv']
        """
        return self.folder / "mappings"

    def churn_after_days(self, brand: str) -> int:
        """Days of silence after which a brand's customer has churned: the brand's own, else the project's.

        >>> mh.project("shop").churn_after_days("shop")
        90
        """
        return self.brands[brand].churn_after_days or self.config.churn_after_days

    def _shown(self) -> display.Shown:
        facts = {"lakehouse": self.lakehouse_location, "engine": self.config.engine.name}
        rows = [
            [brand.name, brand.label, brand.currency, brand.timezone, f"{len(brand.sources)}"]
            for brand in self.brands.values()
        ]
        header = ["brand", "label", "currency", "time zone", "sources"]
        return f"Project {self.config.name} in {self.folder}", facts, header, rows, 1


def load_project(folder: Path | str, environment: str | None = None) -> Project:
    """Reads and validates the project in `folder`, as it is in one of its environments.

    Raises ConfigError naming file, key, and the nearest valid key or environment.

    >>> load_project("shop").brands["shop"].currency
    'EUR'
    >>> load_project("shop", "prd")
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: ...: environments: `prd` is not declared; did you mean `prod`?
    """
    folder = Path(folder)
    config_file = folder / CONFIG_FILE
    try:
        is_file, is_there = folder.is_file(), config_file.is_file()
    except OSError as error:  # no permission above it, a name too long
        raise ConfigError(unreadable(folder, error)) from None
    if is_file:
        raise ConfigError(f"{folder} is a file; expected the folder of a project, which has {CONFIG_FILE}.")
    if not is_there:
        raise ConfigError(
            f"{config_file} not found. Expected a mergehouse project there; "
            f"make one with `mergehouse init {folder}`, or name another folder with -C."
        )
    config = validated(Config, read_yaml(config_file, keys_once=False), config_file)
    brand_files = [place / "brand.yml" for place in _folders(folder / "brands") if _is_brand(place)]
    if not any(map(_is_there, brand_files)):
        raise ConfigError(
            f"{folder / 'brands'} holds no brand. Expected brands/<name>/brand.yml; see `mergehouse init`."
        )
    brands = read_brands(folder, brand_files)
    brands = {name: with_reads(brand, brands) for name, brand in brands.items()}
    expect_tables_apart(folder, brands)
    if back := [name for name in config.former_brands if name in brands]:
        raise ConfigError(
            f"{config_file}: former_brands: `{back[0]}` has a folder, {brands[back[0]].folder}, and counts."
            " Take the folder away, or the name out of the list."
        )
    for name in config.fabric.stages if config.fabric else ():
        expect_known(name, config.environments, config_file, "fabric.stages")
    chosen = Environment()
    if environment is not None:
        expect_known(environment, config.environments, config_file, "environments")
        chosen = config.environments[environment]
        for name in chosen.raw:
            expect_known(name, brands, config_file, f"environments.{environment}.raw")
    given = {
        key: value
        for key in ("lakehouse", "engine", "limits", "retention", "churn_after_days", "science", "mlflow")
        if (value := getattr(chosen, key)) is not None
    }
    config = config.model_copy(update=given)
    lakehouse = located(folder, config.lakehouse)
    if chosen.lakehouse is None:
        expect_allowed(folder, lakehouse, config.allow_outside, f"{config_file}: lakehouse")
    expect_own_folder(folder, lakehouse)
    placed = {
        name: _placed(folder, brand, chosen.raw.get(name), config.allow_outside, lakehouse)
        for name, brand in brands.items()
    }
    if all(brand.fault for brand in placed.values()):
        raise ConfigError("\n".join(brand.fault for brand in placed.values()))
    return Project(folder=folder, config=config, brands=placed)


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(unreadable(place, error)) from None


def _is_brand(place: Path) -> bool:
    """A folder of a brand's name is a brand also where its brand.yml is gone: its figures must not go with
    it.
    """
    return _is_there(place / "brand.yml") or (bool(BRAND_NAME.fullmatch(place.name)) and place.is_dir())


def _is_there(file: Path) -> bool:
    """Raises ConfigError where that cannot be told: a brand must not vanish with the right to read it."""
    try:
        file.stat()
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigError(unreadable(file, error)) from None


def _placed(
    folder: Path, brand: Brand, given: str | None, allowed: bool | list[str], lakehouse: str
) -> Brand:
    """The brand with its landing zone: as an environment says, else as brand.yml does, which may be from
    somebody else; where it may not be read, the brand with its fault.
    """
    file = brand.folder / "brand.yml"
    if given is not None or brand.raw is None:
        zone = located(folder, given or f"raw/{brand.name}")
        if given is None:
            expect_allowed(folder, zone, allowed, f"{folder / 'raw' / brand.name}")
        expect_apart(folder, zone, lakehouse, f"landing zone of {brand.name}")
    else:
        try:
            zone = located(folder, brand.raw)
            expect_allowed(folder, zone, allowed, f"{file}: raw")
            expect_apart(folder, zone, lakehouse, f"{file}: raw")
        except ConfigError as error:
            zone, brand = "", unusable(brand.folder, str(error))
    beyond = ["/"] if allowed is True else [located(folder, place) for place in allowed or ()]
    return brand.model_copy(update={"landing_zone": zone, "outside": beyond})
