"""A project on disk: `mergehouse.yml` and one folder per brand, read and validated into plain objects."""

from __future__ import annotations

import codecs
import datetime as dt
import difflib
import functools
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mergehouse import display
from mergehouse.errors import ConfigError
from mergehouse.machine import refusal
from mergehouse.project.places import expect_allowed, expect_apart, expect_own_folder
from mergehouse.project.yaml_file import read_yaml
from mergehouse.storage import located

ColumnType = Literal["text", "code", "id", "number", "percent", "date", "timestamp", "boolean"]
Language = Literal[
    "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "lb", "lt",
    "lv", "mt", "nb", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
]  # fmt: skip
# what every file system, catalogue of tables and engine takes
LONGEST_NAME = 100
LONGEST_SHOWN = 120  # letters of a value in a message
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=LONGEST_NAME)]
_Model = TypeVar("_Model", bound=BaseModel)


def _share(value: Any) -> Decimal:
    written = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", str(value))
    if not written or Decimal(written[1]) > 100:
        raise ValueError("expected a share from `0 %` to `100 %`")
    return Decimal(written[1]) / 100


Share = Annotated[Decimal, BeforeValidator(_share)]  # written `5 %`, a fraction of 1
# what Bronze adds to every row
ADDED_COLUMNS = ("ingest_ts", "source_system", "source_file", "source_row", "batch_id")
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(MB|GB|MiB|GiB)")
_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
LEAST_MEMORY = 100 * 10**6
CONFIG_FILE = "mergehouse.yml"
NUMERIC_FORMATS = ("excel_serial", "epoch_seconds", "epoch_milliseconds")  # dates that are numbers
# what figures of more than one brand are filed under: a brand of that name would be read as all of them
SCOPES_OF_ALL = ("group", "both", "all")
LAYERS = ("bronze", "silver", "gold", "monitor")  # findings about their tables begin so
# what a brand has that is no key of its brand.yml
OF_THE_FOLDER = ("name", "folder", "landing_zone", "outside", "fault")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """One column of a source: its meaning as a type, and the header(s) it may arrive under."""

    type: ColumnType = Field(default="text", description="What the values are, and so how they are read.")
    header: str | list[str] | None = Field(
        default=None,
        description="What the column is called in the files, one spelling or several; case, blanks and"
        " punctuation do not matter. Without it, the column's own name.",
    )

    format: str | None = Field(
        default=None,
        description="How dates are written where it is not told from them: `excel_serial`, `epoch_seconds`,"
        " `epoch_milliseconds`, or a pattern such as `yyyy-dd-MM HH:mm`.",
    )
    language: Language | None = Field(
        default=None,
        description="The language of names of months, by its ISO code: `de` reads `31. Dezember 2025`."
        " Without it, English.",
    )
    timezone: str | None = Field(
        default=None,
        description="IANA name of the time zone of times that say no offset, where it is not the brand's.",
    )
    zones: dict[str, str] = Field(
        default={},
        description="Letters behind a time, and the offset from UTC that they stand for, such as"
        " `{CET: '+01:00', CEST: '+02:00'}`.",
    )

    @field_validator("header")
    @classmethod
    def _as_list(cls, value: str | list[str] | None) -> list[str] | None:
        return [value] if isinstance(value, str) else value

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str | None) -> str | None:
        letters = re.sub("yyyy|yy|MMMM|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|SSSSSS|a", "", value or "")
        if value in NUMERIC_FORMATS or (value and not re.search("[A-Za-z']", letters)):
            return value
        raise ValueError(
            f"{value!r} is neither {', '.join(NUMERIC_FORMATS)} nor a pattern of y M d H h m s a"
        )

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        return known_timezone(value) if value else None

    @field_validator("zones")
    @classmethod
    def _known_offsets(cls, value: dict[str, str]) -> dict[str, str]:
        for letters, offset in value.items():
            if not re.fullmatch("[A-Za-z]{1,5}", letters) or not re.fullmatch(
                "[+-][0-9]{2}:[0-9]{2}", offset
            ):
                raise ValueError(f"{letters}: {offset!r}; expected letters and an offset such as '+01:00'")
        return value

    @model_validator(mode="after")
    def _of_times(self) -> Column:
        told = [key for key in ("format", "language", "timezone", "zones") if getattr(self, key)]
        if told and self.type not in ("date", "timestamp"):
            raise ValueError(f"`{told[0]}` is for columns of type date or timestamp, not {self.type}")
        return self


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

    files: str | list[str] = Field(
        description="Patterns of file names, whatever their case; all files that match are stacked. A folder"
        " or zip file that matches counts with all that is in it; of other zip files, members that match."
        " `sales/*.csv` goes down into folders, `**` into any number of them."
    )
    columns: dict[Name, Column] = Field(
        description="The columns that must be there, by the name that they get in Bronze."
        " What becomes of others, `undeclared` says; new ones are reported as drift."
    )
    key: list[Name] = Field(
        default=[],
        description="Columns that tell rows apart; only the latest delivery of each key counts, of order"
        " lines within their order. Without it every row counts.",
    )
    updated_at: Name | None = Field(
        default=None,
        description="The column that says which version of a row is later: a date, a time or a number. It"
        " wins over the order of deliveries: an old extract that comes late changes nothing.",
    )
    deleted: dict[Name, list[str]] = Field(
        default={},
        description="What says that a row is gone: the name of a column of type `boolean`, or of a `date` or"
        " `timestamp` that only such rows have; or a column and its values, `{operation: [D]}`.",
    )
    optional: bool = Field(default=False, description="Where no file is there, the source is empty.")
    sheets: list[str] = Field(
        default=[],
        description="Sheets of a workbook that are read; one that is not there stops the source. Without"
        " it, every sheet that has the columns.",
    )
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="The character between cells of a text file. Without it, the one that finds most of"
        " the columns in the header.",
    )
    quote: str | None = Field(
        default=None,
        max_length=1,
        description="The character around cells of a text file that hold delimiters or line ends; empty"
        ' where there is none. Without it, `"`.',
    )
    escape: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="The character before a quote within a quoted cell, often `\\`. Without it, the quote"
        " itself.",
    )
    items: str | None = Field(
        default=None,
        min_length=1,
        description="The list within a record of JSON or nested Parquet, by its path, whose members become a"
        " row each, with what the record says around it. Columns are found by paths, too, such as"
        " `customer.id`.",
    )
    undeclared: Literal["keep", "drop"] | None = Field(
        default=None,
        description="Whether columns that are not declared are kept in Bronze, or dropped on arrival. Without"
        " it, as the brand says.",
    )
    encoding: str | None = Field(
        default=None,
        description="The encoding of text files, by Python's name. Without it: what the first bytes mark,"
        " UTF-8 where the bytes are that, else `cp1252`.",
    )
    decimal_mark: Literal[".", ","] | None = Field(
        default=None,
        description="What separates decimals. Without it, told from all values of a file.",
    )
    date_order: Literal["dmy", "mdy", "ymd"] | None = Field(
        default=None,
        description="The order of day, month and year in dates that are not ISO. Without it, told from the"
        " values that can be read in one way.",
    )
    null_values: list[str] | None = Field(
        default=None,
        description="Texts that mean an empty cell, as the cell has them, but for blanks around. Without it,"
        " `NULL`, `NaN`, `None`, `N/A` and the errors of spreadsheets, whatever their case.",
    )

    @field_validator("files")
    @classmethod
    def _as_list(cls, value: str | list[str]) -> list[str]:
        return [value] if isinstance(value, str) else value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value:
            try:
                is_of_text = getattr(codecs.lookup(value), "_is_text_encoding", True)
            except (LookupError, ValueError):
                is_of_text = False
            if not is_of_text:
                raise ValueError("no encoding of text that Python knows")
        return value

    @field_validator("deleted", mode="before")
    @classmethod
    def _by_type(cls, value: Any) -> Any:
        return {value: []} if isinstance(value, str) else value


class FieldReconciliation(_Strict):
    """A field that two tables of one source both carry; `use` wins, and `why` says on what evidence."""

    field: str = Field(description="What the field is called in findings.")
    use: str = Field(
        pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", description="The `source.column` that the brand's SQL uses."
    )
    against: str = Field(
        pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", description="The `source.column` that it is compared with."
    )
    key: Name = Field(description="The column, of both sources, by which rows are compared.")
    sum_over: list[Name] = Field(
        default=[],
        description="`use` is summed up for each key, over rows that these columns tell apart, before it is"
        " compared.",
    )
    why: str = Field(description="On what evidence `use` wins; it stands beside each finding.")


class QuarantineLimits(_Strict):
    """Shares of order lines, or of their amount, that may be in quarantine, as fractions of 1."""

    warn: Share = Field(default=Decimal("0.001"), description="A finding above this share, such as `0.1 %`.")
    stop: Share = Field(
        default=Decimal("0.05"),
        description="Above this share, such as `5 %`, sales keep their previous version and the run ends with"
        " exit code 1. `100 %` never stops.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> QuarantineLimits:
        if self.warn > self.stop:
            raise ValueError("`warn` is above `stop`")
        return self


class Brand(_Strict):
    """A brand is a folder: `brand.yml`, staging SQL and mapping CSVs."""

    label: str = Field(
        pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,200}$", description="The brand's name as people read it."
    )
    currency: str = Field(
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code of the currency of order lines that name none of their own.",
    )
    timezone: str = Field(
        default="UTC",
        description="IANA name of the time zone of order times, such as `Europe/Madrid`.",
    )
    raw: str | None = Field(
        default=None,
        description="The folder of the exports, relative to the project, or the URL of one in an"
        " object store. Without it, `raw/` and the brand's folder name.",
    )
    as_of: dt.date | None = Field(
        default=None,
        description="The day that recency, churn and scores are told for. Without it, the day after the"
        " last order with a sale.",
    )
    churn_after_days: int | None = Field(
        default=None,
        ge=1,
        le=3650,
        description="A customer of the brand whose last purchase is more than so many days before the as-of"
        " date has churned; the risk of a customer is that of no purchase within so many days. Without it,"
        " `churn_after_days` of mergehouse.yml.",
    )
    fresh_within_days: int | None = Field(
        default=None,
        ge=0,
        le=36_500,
        description="A finding where the last order is more than so many days older than the run. Without"
        " it, age is recorded and no finding.",
    )
    sources: dict[Name, Source] = Field(
        description="What is delivered: a table `bronze.<brand>_<source>` each."
    )
    order_key: list[Name] = Field(
        default=[],
        description="What tells orders apart where their numbers start anew each day or in each shop: columns"
        " of `order_lines.sql` or of the source that the lines come from, or `order_date`. They are joined to"
        " the `order_id`.",
    )
    replaces: Literal["line", "order", "day", "period"] | None = Field(
        default=None,
        description="What a delivery takes the place of: `line`, the lines that it repeats alone; `order`,"
        " all that earlier ones said of its orders; `day`, of its days; `period`, of all days from its first"
        " to its last. Without it, as with `line`; orders of which several deliveries count are a finding.",
    )
    repeats: Literal["duplicates", "genuine"] = Field(
        default="duplicates",
        description="What identical lines of one file are, where lines have no number: `duplicates`, of which"
        " one counts, or `genuine`, as a till scans an article twice; then the first of a file is the first"
        " of another, the second the second.",
    )
    leave_out: dict[Name, list[str]] = Field(
        default={},
        description="Lines that do not count, by the values of a column of `order_lines.sql` or of the source"
        " that the lines come from, such as `{status: [cancelled, draft]}`; case does not matter.",
    )
    reconcile: list[FieldReconciliation] = Field(
        default=[],
        description="Fields that two sources both carry. Those that disagree are findings of every run.",
    )
    prices: Literal["gross", "net"] | None = Field(
        default=None,
        description="Whether prices and amounts are with tax (`gross`) or without (`net`). Every figure is"
        " without tax: of gross ones it is taken out, by `tax_rate` or by what `order_lines.sql` gives as"
        " `tax_rate` or `tax_amount` of a line. Without it they are taken as they are.",
    )
    tax_rate: Share | None = Field(
        default=None,
        description="The tax within gross prices, in percent of the price without it, such as `21 %`; of"
        " lines for which `order_lines.sql` gives none.",
    )
    quarantine: QuarantineLimits = Field(
        default=QuarantineLimits(),
        description="How many of the brand's order lines may be unusable: of all of them, and of each"
        " delivery.",
    )
    undeclared: Literal["keep", "drop"] = Field(
        default="keep",
        description="Whether columns that a source does not declare are kept in Bronze, or dropped on arrival"
        " and never written: personal data that nobody asked for.",
    )
    reads: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]] = Field(
        default=[],
        description="Sources of other brands that the brand's SQL reads besides its own, as `brand.source`;"
        " the SQL names them so. Without it, none.",
    )
    ignore: list[str] = Field(
        default=[],
        description="Patterns of what lies beside the exports and is no delivery. Anything else there that no"
        " source reads is a finding of every run.",
    )
    kpi_definitions: dict[str, str] = Field(
        default={},
        description="How the brand counted a KPI before, in words, by the KPI's name; shown beside the"
        " catalogue's definition.",
    )
    name: str = ""
    folder: Path = Path()
    landing_zone: str = ""
    outside: list[str] = []  # where links among the exports may lead besides
    fault: str = ""  # why its folder cannot be used as written

    @model_validator(mode="after")
    def _tax_of_gross_prices(self) -> Brand:
        if self.tax_rate is not None and self.prices != "gross":
            raise ValueError("`tax_rate` is the tax within prices; say `prices: gross` as well")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        return known_timezone(value)


def known_timezone(value: str) -> str:
    """The name of a time zone. Raises ValueError, with the nearest name, where there is none.

    >>> known_timezone("Europe/Berlin")
    'Europe/Berlin'
    """
    if value not in _timezones():
        raise ValueError(f"unknown IANA time zone {value!r}{_nearest(value, _timezones())}")
    ZoneInfo(value)
    return value


@functools.cache
def _timezones() -> set[str]:
    """Found by walking through a folder of six hundred files."""
    return available_timezones()


class Limits(_Strict):
    memory: str = Field(
        default="3GB",
        description="Memory in MB, GB, MiB or GiB, 100MB at least; above it DuckDB spills to disk. More than"
        " four fifths of what the machine has is not taken.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads at work, at most one for each core. Without it, as many.",
    )

    @field_validator("memory", mode="before")
    @classmethod
    def _of_some_use(cls, value: Any) -> str:
        written = _MEMORY.fullmatch(str(value))
        if not written or _bytes(written) < LEAST_MEMORY:
            raise ValueError("expected memory such as `3GB`, `100MB` at least")
        return str(value)

    @property
    def memory_bytes(self) -> int:
        """
        >>> Limits(memory="1.5 GB").memory_bytes
        1500000000
        """
        return _bytes(_MEMORY.fullmatch(self.memory))


def _bytes(written: re.Match[str] | None) -> int:
    return int(Decimal(written[1]) * _UNITS[written[2]]) if written else 0


class Retention(_Strict):
    """How long the versions of tables stay that newer ones have replaced, for time travel. They go when a run
    writes the table; those of the last two runs stay in any case.
    """

    hours: int = Field(default=168, ge=0, le=876_000, description="They go after so many hours.")
    copies: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="Those of a table and its log may take so many times the bytes of the table itself;"
        " above, the oldest go first.",
    )


class EngineConfig(_Strict):
    """What runs the models: `duckdb`, embedded, or `spark`: the session at hand, a `master` or a Spark
    Connect `remote`.

    With `catalog` Spark names tables `catalog.schema.table`; without, it knows them by path.
    """

    name: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="`duckdb`, which is embedded, or `spark`."
    )
    master: str | None = Field(
        default=None,
        description="Where a Spark is started, such as `local[8]`. Without it, the session at hand is used,"
        " and where there is none, `local[*]` is started.",
    )
    remote: str | None = Field(
        default=None,
        pattern=r"^sc://",
        description="A Spark Connect endpoint, `sc://host:port`; `master` is not looked at then.",
    )
    catalog: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$",
        description="The catalog in which Spark names tables, `catalog.schema.table`. Without it, Spark"
        " knows them by path.",
    )
    settings: dict[str, str | int | bool] = Field(
        default={},
        description="Spark's own settings, for a session that mergehouse starts or connects to.",
    )


class RatesConfig(_Strict):
    """Where euro reference rates come from, and how long one holds. A text alone is the `source`."""

    source: str | None = Field(
        default=None,
        min_length=1,
        description="The European Central Bank's file of all rates, `.zip` or `.csv`: an address, or a path"
        " relative to the project. Without it, the bank's own address.",
    )
    hold_business_days: int = Field(
        default=5,
        ge=0,
        le=366,
        description="A day without a rate takes the last one before it, at most so many days from Monday"
        " to Friday old.",
    )
    fetch: bool = Field(
        default=True,
        description="Whether a run that misses rates fetches newer ones from the `source`. `false` leaves"
        " that to `mergehouse rates update`.",
    )


def _engine_by_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class ScienceConfig(_Strict):
    """What runs make of customers' features. `true` or `false` alone is `tables`."""

    tables: bool = Field(
        default=True, description="`false` leaves out features, outcomes and all that models make of them."
    )
    train: bool = Field(
        default=True,
        description="Whether a run trains models of a brand that has none. `false` leaves that to `mergehouse"
        " train`; until then such a brand's scores are the fallback's.",
    )


def _science_by_tables(value: Any) -> Any:
    if isinstance(value, bool):
        return {"tables": value}
    if not isinstance(value, dict | ScienceConfig):
        raise ValueError("expected `true`, `false`, or `tables` and `train` below it")
    return value


class MlflowConfig(_Strict):
    """Where models and their trainings are kept. Without `tracking_uri`: where MLFLOW_TRACKING_URI points,
    else the project's own database.

    `experiment` also begins the models' names; without it, that is the project's name.
    """

    tracking_uri: str | None = Field(
        default=None,
        min_length=1,
        description="Address of the tracking server or database, without a password. Without it, where"
        " `MLFLOW_TRACKING_URI` points, else `mlflow/` in the project.",
    )
    experiment: str | None = Field(
        default=None,
        min_length=1,
        description="The experiment, with which names of models begin, too. Without it, the project's name.",
    )

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

    lakehouse: str | None = Field(default=None, description="In the place of `lakehouse`.")
    engine: EngineConfig | None = Field(default=None, description="In the place of all of `engine`.")
    limits: Limits | None = Field(default=None, description="In the place of all of `limits`.")
    retention: Retention | None = Field(default=None, description="In the place of all of `retention`.")
    churn_after_days: int | None = Field(
        default=None, ge=1, le=3650, description="In the place of `churn_after_days`."
    )
    science: ScienceConfig | None = Field(default=None, description="In the place of all of `science`.")
    mlflow: MlflowConfig | None = Field(default=None, description="In the place of all of `mlflow`.")
    raw: dict[Name, str] = Field(
        default={}, description="In the place of brands' `raw`, by the names of their folders."
    )

    @field_validator("engine", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return _engine_by_name(value)

    @field_validator("science", mode="before")
    @classmethod
    def _by_tables(cls, value: Any) -> Any:
        return _science_by_tables(value)


class FabricDeployment(_Strict):
    """A deployment pipeline of Microsoft Fabric that promotions drive, and the name of its stage for each
    environment.
    """

    deployment_pipeline: str = Field(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", description="Its id, a UUID."
    )
    stages: dict[Name, str] = Field(
        description="The stage of each environment, as it is called in Fabric. Promotions between"
        " environments that have one deploy the items."
    )


class Config(_Strict):
    """`mergehouse.yml`. Releases are promoted through `environments` in the order they are written in."""

    name: str = Field(description="The project: the data set of its releases, the title of its pages.")
    lakehouse: str = Field(
        default="lakehouse",
        description="Where the tables lie: a folder, relative to the project, or a URL of an object store.",
    )
    allow_outside: bool | list[str] = Field(
        default=False,
        description="Folders outside of the project that `lakehouse`, brands' `raw` and links among exports"
        " may name, each with all below it; `true` allows any. What `environments` name is allowed.",
    )
    engine: EngineConfig = Field(
        default=EngineConfig(),
        description="What runs the models: a name alone, or the keys below.",
    )
    churn_after_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="A customer whose last purchase is more than so many days before the as-of date has"
        " churned. It holds for brands that set none of their own.",
    )
    rates: RatesConfig = Field(
        default=RatesConfig(), description="Euro reference rates: a `source` alone, or the keys below."
    )
    science: ScienceConfig = Field(
        default=ScienceConfig(),
        description="Features of customers, and models that learn from them: `true` or `false` alone, or the"
        " keys below.",
    )
    mlflow: MlflowConfig = Field(
        default=MlflowConfig(), description="Where models and their trainings are kept."
    )
    limits: Limits = Field(
        default=Limits(),
        description="What DuckDB may take of the machine in a run on the embedded engine, and in profiles"
        " and releases on any.",
    )
    retention: Retention = Field(
        default=Retention(), description="How long old versions of tables stay, for time travel."
    )
    environments: dict[Name, Environment] = Field(
        default={},
        description="What is different with `--env NAME`, by name. Releases are"
        " promoted in the order in which they are written.",
    )
    fabric: FabricDeployment | None = Field(
        default=None,
        description="A deployment pipeline of Microsoft Fabric that promotions drive.",
    )

    @field_validator("engine", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return _engine_by_name(value)

    @field_validator("science", mode="before")
    @classmethod
    def _by_tables(cls, value: Any) -> Any:
        return _science_by_tables(value)

    @field_validator("rates", mode="before")
    @classmethod
    def _by_source(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value


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
    config = _validated(Config, read_yaml(config_file, keys_once=False), config_file)
    brand_files = [file for place in _folders(folder / "brands") if _is_there(file := place / "brand.yml")]
    if not brand_files:
        raise ConfigError(
            f"{folder / 'brands'} holds no brand. Expected brands/<name>/brand.yml; see `mergehouse init`."
        )
    brands = _brands(folder, brand_files)
    brands = {name: _with_reads(brand, brands) for name, brand in brands.items()}
    _expect_tables_apart(folder, brands)
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
        raise ConfigError(f"{place}: cannot be read: {refusal(error) or error.strerror}.") from None


def _is_there(file: Path) -> bool:
    """Raises ConfigError where that cannot be told: a brand must not vanish with the right to read it."""
    try:
        file.stat()
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {refusal(error) or error.strerror}.") from None


def nearest(word: str, candidates: Any) -> str | None:
    """The candidate most like `word`, if any is close.

    >>> nearest("pries", ["price", "quantity"]), nearest("xyz", ["price", "quantity"])
    ('price', None)
    """
    found = difflib.get_close_matches(str(word), [str(c) for c in candidates], n=1, cutoff=0.5)
    return found[0] if found else None


def _brands(folder: Path, files: list[Path]) -> dict[str, Brand]:
    """The brands by name, those with their `fault` whose brand.yml cannot be used."""
    brands: dict[str, Brand] = {}
    for file in files:
        _expect_name(file.parent)
        try:
            brands[file.parent.name] = read_brand(file)
        except ConfigError as error:
            brands[file.parent.name] = unusable(file.parent, str(error))
    return brands


def unusable(folder: Path, fault: str) -> Brand:
    """What stands for a brand whose folder cannot be used as written.

    >>> unusable(Path("brands/shop"), "brands/shop/brand.yml: key `currency` is missing.").label
    'shop'
    """
    return Brand(label=folder.name, currency="XXX", sources={}, name=folder.name, folder=folder, fault=fault)


def _expect_name(folder: Path) -> None:
    name = folder.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"{folder}: a brand folder's name must be a lower-case letter, then lower-case letters,"
            f" digits and underscores, {LONGEST_NAME} in all. Rename the folder, and with it its exports'."
        )
    if name in (*SCOPES_OF_ALL, *LAYERS):
        what = "a layer of tables" if name in LAYERS else "what figures of several brands are filed under"
        raise ConfigError(
            f"{folder}: `{name}` cannot be a brand's name: it is {what}. Rename the folder, and with it"
            " its exports'; `label` may stay."
        )


def read_brand(file: Path) -> Brand:
    """A brand by its brand.yml. Raises ConfigError naming file, key and the nearest valid key.

    >>> read_brand(Path("shop/brands/shop/brand.yml")).label
    'Shop'
    """
    values = read_yaml(file)
    for reserved in OF_THE_FOLDER:
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
        _check_versions(source, file, f"sources.{table}")
    return brand.model_copy(update={"name": file.parent.name, "folder": file.parent})


def _with_reads(brand: Brand, brands: dict[str, Brand]) -> Brand:
    """The brand; with its fault where it reads what no other brand delivers."""
    for name in brand.reads:
        owner, source = name.split(".")
        if owner == brand.name or owner not in brands or source not in brands[owner].sources:
            known = [f"{b.name}.{s}" for b in brands.values() if b is not brand for s in b.sources]
            fault = f"{brand.folder / 'brand.yml'}: reads: `{name}` is no source of another brand"
            if owner in brands and brands[owner].fault:
                fault += f" that can be used: {brands[owner].fault}"
            else:
                fault += _nearest(name, known) if known else "; there is no other."
            return unusable(brand.folder, fault)
    return brand


def _check_versions(source: Source, file: Path, where: str) -> None:
    """Raises ConfigError where a column that tells versions apart is not there or cannot do so."""
    for column in source.key:
        _expect_known(column, source.columns, file, f"{where}.key")
    updated_at = [source.updated_at] if source.updated_at else []
    for key, column, types in [
        *(("updated_at", column, ("date", "timestamp", "number")) for column in updated_at),
        *(
            ("deleted", column, ("text", "code") if values else ("boolean", "date", "timestamp"))
            for column, values in source.deleted.items()
        ),
    ]:
        _expect_known(column, source.columns, file, f"{where}.{key}")
        if (found := source.columns[column].type) not in types:
            raise ConfigError(
                f"{file}: {where}.{key}: `{column}` is of type {found}; expected {' or '.join(types)}."
                + (f" Or name its values: `{{{column}: [...]}}`." if found in ("text", "code") else "")
            )


def _expect_tables_apart(folder: Path, brands: dict[str, Brand]) -> None:
    """Raises ConfigError where two sources would share a table in Bronze: `a` and `b_c`, `a_b` and `c`."""
    owners: dict[str, str] = {}
    for brand in brands.values():
        for source in brand.sources:
            table, owner = f"{brand.name}_{source}", f"source `{source}` of brand `{brand.name}`"
            if table in owners:
                raise ConfigError(
                    f"{folder / 'brands'}: {owners[table]} and {owner} would both be `bronze.{table}`. Rename"
                    " one of the two sources in its brand.yml and in the brand's SQL."
                )
            owners[table] = owner


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
    found = ""
    if not isinstance(item["input"], dict):
        shown = repr(item["input"])
        found = f" (found {shown if len(shown) <= LONGEST_SHOWN else f'{shown[:LONGEST_SHOWN]}...'})"
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
