"""A project on disk: `mergehouse.yml` and one folder per brand, read and validated into plain objects."""

from __future__ import annotations

import datetime as dt
import difflib
import functools
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mergehouse import display
from mergehouse.errors import ConfigError
from mergehouse.storage import located

ColumnType = Literal["text", "code", "number", "percent", "date", "timestamp", "boolean"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_Model = TypeVar("_Model", bound=BaseModel)
ADDED_COLUMNS = (
    "ingest_ts",
    "source_system",
    "source_file",
    "source_row",
    "batch_id",
)  # what Bronze adds to every row
CONFIG_FILE = "mergehouse.yml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """One column of a source: its meaning as a type, and the header(s) it may arrive under."""

    type: ColumnType = "text"
    header: str | list[str] | None = None

    @field_validator("header")
    @classmethod
    def _as_list(cls, value: str | list[str] | None) -> list[str] | None:
        return [value] if isinstance(value, str) else value


class Source(_Strict):
    """One table of a brand's export. What is not declared about its format is detected per file."""

    @field_validator("columns")
    @classmethod
    def _no_reserved_name(cls, value: dict[str, Column]) -> dict[str, Column]:
        for name in ADDED_COLUMNS:
            if name in value:
                raise ValueError(
                    f"column `{name}` is added by Bronze; call yours otherwise and give its header"
                )
        return value

    files: str | list[str]
    columns: dict[Name, Column]
    key: list[Name] = []
    optional: bool = False
    sheets: list[str] = []
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str | None = None
    decimal_mark: Literal[".", ","] | None = None
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    null_values: list[str] = []

    @field_validator("files")
    @classmethod
    def _as_list(cls, value: str | list[str]) -> list[str]:
        return [value] if isinstance(value, str) else value


class FieldReconciliation(_Strict):
    """A field that two tables of one source both carry; `use` wins, and `why` says on what evidence."""

    field: str
    use: str = Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", description="table.column that is used")
    against: str = Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", description="table.column it is compared with")
    key: Name
    sum_over: list[Name] = Field(
        default=[], description="sum `use` per key, over rows told apart by these columns"
    )
    why: str


class Brand(_Strict):
    """A brand is a folder: `brand.yml`, staging SQL and mapping CSVs."""

    label: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    timezone: str = "UTC"
    raw: str | None = None
    as_of: dt.date | None = None
    fresh_within_days: int | None = Field(default=None, ge=0)
    sources: dict[Name, Source]
    reconcile: list[FieldReconciliation] = []
    kpi_definitions: dict[str, str] = {}
    name: str = ""
    folder: Path = Path()
    landing_zone: str = ""

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in _timezones():
            raise ValueError(f"unknown IANA time zone {value!r}{_nearest(value, _timezones())}")
        ZoneInfo(value)
        return value


@functools.cache
def _timezones() -> set[str]:
    """Found by walking through a folder of six hundred files."""
    return available_timezones()


class Limits(_Strict):
    memory: str = Field(default="3GB", pattern=r"^\d+(\.\d+)?\s?(MB|GB|MiB|GiB)$")
    threads: int | None = Field(default=None, ge=1)


class EngineConfig(_Strict):
    """What runs the models: `duckdb`, embedded, or `spark`: the session at hand, a `master` or a Spark
    Connect `remote`.

    With `catalog` Spark names tables `catalog.schema.table`; without, it knows them by path.
    """

    name: Literal["duckdb", "spark"] = "duckdb"
    master: str | None = None
    remote: str | None = Field(default=None, pattern=r"^sc://")
    catalog: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")
    settings: dict[str, str | int | bool] = {}


def _engine_by_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class MlflowConfig(_Strict):
    """Where models and their trainings are kept. Without `tracking_uri`: where MLFLOW_TRACKING_URI points,
    else the project's own database.

    `experiment` also begins the models' names; without it, that is the project's name.
    """

    tracking_uri: str | None = Field(default=None, min_length=1)
    experiment: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _no_secret(
        self,
    ) -> MlflowConfig:  # of the model, not of the field: a field's message would show what was found
        if self.tracking_uri and urlsplit(self.tracking_uri).password:
            raise ValueError(
                "tracking_uri carries a password; put it into MLFLOW_TRACKING_PASSWORD, or the whole into"
                " MLFLOW_TRACKING_URI"
            )
        return self


class Environment(_Strict):
    """What is different in one environment: dev, test, prod. `raw` names brands' landing folders; what is
    left out is as above.
    """

    lakehouse: str | None = None
    engine: EngineConfig | None = None
    limits: Limits | None = None
    churn_after_days: int | None = Field(default=None, ge=1, le=3650)
    science: bool | None = None
    mlflow: MlflowConfig | None = None
    raw: dict[Name, str] = {}

    @field_validator("engine", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return _engine_by_name(value)


class FabricDeployment(_Strict):
    """A deployment pipeline of Microsoft Fabric that promotions drive, and the name of its stage for each
    environment.
    """

    deployment_pipeline: str = Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
    stages: dict[Name, str]


class Config(_Strict):
    """`mergehouse.yml`. Releases are promoted through `environments` in the order they are written in."""

    name: str
    lakehouse: str = "lakehouse"
    engine: EngineConfig = EngineConfig()
    churn_after_days: int = Field(default=90, ge=1, le=3650)
    science: bool = True
    mlflow: MlflowConfig = MlflowConfig()
    limits: Limits = Limits()
    environments: dict[Name, Environment] = {}
    fabric: FabricDeployment | None = None

    @field_validator("engine", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return _engine_by_name(value)


class Project(_Strict):
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
    def mappings_folder(self) -> Path:
        """Where the mapping files of the group are.

        >>> sorted(file.name for file in mh.project("shop").mappings_folder.iterdir())
        ['countries.csv', 'hierarchy.csv', 'rfm_segments.csv']
        """
        return self.folder / "mappings"

    def __repr__(self) -> str:
        return display.as_text(*self._shown())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return display.as_html(*self._shown())

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
    if not config_file.is_file():
        raise ConfigError(
            f"{config_file} not found. Expected a mergehouse project there; "
            f"make one with `mergehouse init {folder}`, or name another folder with -C."
        )
    config = _validated(Config, read_yaml(config_file), config_file)
    brand_files = sorted((folder / "brands").glob("*/brand.yml"))
    if not brand_files:
        raise ConfigError(
            f"{folder / 'brands'} holds no brand. Expected brands/<name>/brand.yml; see `mergehouse init`."
        )
    brands = {f.parent.name: _brand(folder, f) for f in brand_files}
    for name in config.fabric.stages if config.fabric else ():
        _expect_known(name, config.environments, config_file, "fabric.stages")
    chosen = Environment()
    if environment is not None:
        _expect_known(environment, config.environments, config_file, "environments")
        chosen = config.environments[environment]
        for name in chosen.raw:
            _expect_known(name, brands, config_file, f"environments.{environment}.raw")
    given = {
        key: value
        for key in ("lakehouse", "engine", "limits", "churn_after_days", "science", "mlflow")
        if (value := getattr(chosen, key)) is not None
    }
    return Project(
        folder=folder,
        config=config.model_copy(update=given),
        brands={
            name: _landing_in(folder, b, chosen.raw.get(name, b.raw or f"raw/{name}"))
            for name, b in brands.items()
        },
    )


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file; ConfigError with line and column where it is not one.

    >>> read_yaml(Path("shop/mergehouse.yml"))["name"]
    'tiny'
    >>> _ = Path("torn.yml").write_text("name: tiny: x")
    >>> read_yaml(Path("torn.yml"))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: torn.yml, line 1, column 11: not valid YAML (...).
    """
    try:
        loaded = parse_yaml(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{file}{where}: not valid YAML ({problem}).") from None
    if not isinstance(loaded, dict):
        raise ConfigError(f"{file}: expected keys and values, found {type(loaded).__name__}.")
    return loaded


def parse_yaml(text: str) -> Any:
    """Plain values from YAML, by the C parser where PyYAML was built with it: 10 times faster.

    >>> parse_yaml("sources: {lines: {files: 'lines*'}}")
    {'sources': {'lines': {'files': 'lines*'}}}
    """
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def nearest(word: str, candidates: Any) -> str | None:
    """The candidate most like `word`, if any is close.

    >>> nearest("pries", ["price", "quantity"]), nearest("xyz", ["price", "quantity"])
    ('price', None)
    """
    found = difflib.get_close_matches(str(word), [str(c) for c in candidates], n=1, cutoff=0.5)
    return found[0] if found else None


def _brand(folder: Path, file: Path) -> Brand:
    name = file.parent.name
    if not name.isidentifier() or name != name.lower():
        raise ConfigError(
            f"{file.parent}: a brand folder's name must be lower-case letters, digits and underscores."
        )
    values = read_yaml(file)
    for reserved in ("name", "folder", "landing_zone"):
        if reserved in values:
            raise ConfigError(f"{file}: key `{reserved}` is taken from the folder; remove it.")
    brand = _validated(Brand, values, file)
    if not (file.parent / "order_lines.sql").is_file():
        raise ConfigError(
            f"{file.parent / 'order_lines.sql'} not found. Every brand needs this staging query; docs: adding"
            " a brand."
        )
    for rule in brand.reconcile:
        for side in (rule.use, rule.against):
            table, column = side.split(".")
            _expect_known(table, brand.sources, file, f"reconcile.{rule.field}: table")
            _expect_known(
                column, brand.sources[table].columns, file, f"reconcile.{rule.field}: column of {table}"
            )
            _expect_known(
                rule.key, brand.sources[table].columns, file, f"reconcile.{rule.field}: key in {table}"
            )
        for column in rule.sum_over:
            table = rule.use.split(".")[0]
            _expect_known(
                column, brand.sources[table].columns, file, f"reconcile.{rule.field}: sum_over in {table}"
            )
    for table, source in brand.sources.items():
        for column in source.key:
            _expect_known(column, source.columns, file, f"sources.{table}.key")
    return brand.model_copy(update={"name": name, "folder": file.parent})


def _landing_in(folder: Path, brand: Brand, raw: str) -> Brand:
    return brand.model_copy(update={"landing_zone": located(folder, raw)})


def _expect_known(word: str, known: Any, file: Path, where: str) -> None:
    if word not in known:
        raise ConfigError(f"{file}: {where}: `{word}` is not declared{_nearest(word, known)}")


def _nearest(word: str, known: Any) -> str:
    best = nearest(word, known)
    return (
        f"; did you mean `{best}`?"
        if best
        else f"; expected one of: {', '.join(sorted(map(str, known))[:12])}."
    )


def _validated(model: type[_Model], values: dict[str, Any], file: Path) -> _Model:
    try:
        return model(**values)
    except ValidationError as error:
        raise ConfigError("\n".join(_readable(model, item, file) for item in error.errors())) from None


def _readable(model: type[BaseModel], item: Any, file: Path) -> str:
    path = [str(part) for part in item["loc"] if part != "[key]"]
    key = ".".join(path)
    if item["type"] == "extra_forbidden":
        return f"{file}: unknown key `{key}`{_nearest(path[-1], _fields_at(model, item['loc'][:-1]))}"
    if item["type"] == "missing":
        return f"{file}: key `{key}` is missing."
    found = "" if isinstance(item["input"], dict) else f" (found {item['input']!r})"
    return f"{file}: key `{key}`: {item['msg'][0].lower() + item['msg'][1:]}{found}."


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys allowed at `path` inside `model`, following nested models and dicts of models."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation
        else:  # dict[..., Model] or list[Model]: step into the value type
            current = current.__args__[-1]
    while not (isinstance(current, type) and issubclass(current, BaseModel)):
        current = current.__args__[-1]
    return list(current.model_fields)
