"""A brand is a folder: what its brand.yml says, read and validated."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from mergehouse.errors import ConfigError
from mergehouse.project.sources import FieldReconciliation, Source, known_timezone
from mergehouse.project.validation import LONGEST_NAME, Name, Strict, expect_known, nearest_known, validated
from mergehouse.project.yaml_file import read_yaml

# no control characters, nor marks that would turn the direction of the words around it
_LEGIBLE = re.compile(
    r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]{0,199}[^\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def _share(value: Any) -> Decimal:
    written = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", str(value))
    if not written or Decimal(written[1]) > 100:
        raise ValueError("expected a share from `0 %` to `100 %`")
    return Decimal(written[1]) / 100


def _day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        with suppress(ValueError):
            value = dt.date.fromisoformat(value)
    if type(value) is not dt.date or not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"expected a day from {FIRST_DAY} to {LAST_DAY}, written so")
    return value


Share = Annotated[Decimal, BeforeValidator(_share)]  # written `5 %`, a fraction of 1
# order lines of earlier days have placeholders, no dates
FIRST_DAY, LAST_DAY = dt.date(1980, 1, 2), dt.date(2099, 12, 31)
Day = Annotated[dt.date, BeforeValidator(_day)]
Values = Annotated[list[str], Field(min_length=1)]
BRAND_NAME = re.compile(r"[a-z][a-z0-9_]*")
# what figures of more than one brand are filed under: a brand of that name would be read as all of them
SCOPES_OF_ALL = ("group", "both", "all")
# what tells who a customer is: columns of `customers.sql`, besides the country
IdentityAttribute = Literal[
    "first_name",
    "last_name",
    "email",
    "phone",
    "birth_date",
    "address_line_1",
    "address_line_2",
    "postcode",
    "city",
    "loyalty_card",
]
LAYERS = ("bronze", "silver", "gold", "monitor")  # findings about their tables begin so
# what a brand has that is no key of its brand.yml
OF_THE_FOLDER = ("name", "folder", "landing_zone", "outside", "fault")


class QuarantineLimits(Strict):
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


class Brand(Strict):
    """A brand is a folder: `brand.yml`, staging SQL and mapping CSVs."""

    label: str = Field(description="The brand's name as people read it.")
    currency: str = Field(
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
    as_of: Day | None = Field(
        default=None,
        description="The day that recency, churn and scores are told for. Without it, the day after the"
        " last order with a sale.",
    )
    churn_after_days: int | None = Field(
        strict=True,
        default=None,
        ge=1,
        le=3650,
        description="A customer of the brand whose last purchase is more than so many days before the as-of"
        " date has churned; the risk of a customer is that of no purchase within so many days. Without it,"
        " `churn_after_days` of mergehouse.yml.",
    )
    fresh_within_days: int | None = Field(
        strict=True,
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
    leave_out: dict[Name, Values] = Field(
        default={},
        description="Lines that do not count, by the values of a column of `order_lines.sql` or of the source"
        " that the lines come from, such as `{status: [cancelled, draft]}`; case does not matter.",
    )
    reconcile: list[FieldReconciliation] = Field(
        default=[],
        description="Fields that two sources both carry. Those that disagree are findings of every run.",
    )
    hierarchy: Literal["group", "own"] = Field(
        default="group",
        description="Where products that no rule of category_map.csv places belong: `group`, to Unmapped, or"
        " `own`, where `products.sql` puts them by `source_department` and `source_category`.",
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
    identity: list[IdentityAttribute] = Field(
        default=[],
        description="What `customers.sql` tells of who a customer is, such as `[first_name, last_name, email,"
        " birth_date]`: by these, customers of several brands are recognised. All are personal data, and stay"
        " in Bronze and Silver. Without it, customers of the brand are united by known pairs alone.",
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

    @field_validator("label")
    @classmethod
    def _is_legible(cls, value: str) -> str:
        if not _LEGIBLE.fullmatch(value):
            raise ValueError("expected 1 to 200 letters in one line, the last no blank and none invisible")
        return value

    @field_validator("currency")
    @classmethod
    def _is_a_code(cls, value: str) -> str:
        if not re.fullmatch("[A-Z]{3}", value):
            raise ValueError("expected the three capital letters of ISO 4217, such as EUR")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        return known_timezone(value)


def read_brands(folder: Path, files: list[Path]) -> dict[str, Brand]:
    """The brands by name, those with their `fault` whose brand.yml cannot be used.

    >>> list(read_brands(Path("shop"), [Path("shop/brands/shop/brand.yml")]))
    ['shop']
    """
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
    if not BRAND_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
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
    if not file.exists():
        raise ConfigError(
            f"{file} not found. A folder below brands/ is a brand: put the file back, or move the folder"
            " away."
        )
    values = read_yaml(file)
    for reserved in OF_THE_FOLDER:
        if reserved in values:
            raise ConfigError(f"{file}: key `{reserved}` is taken from the folder; remove it.")
    brand = validated(Brand, values, file)
    if not brand.sources:
        raise ConfigError(f"{file}: key `sources` is empty; expected what is delivered, by name.")
    if empty := [name for name, source in brand.sources.items() if not source.columns]:
        raise ConfigError(f"{file}: key `sources.{empty[0]}.columns` is empty; expected those to be read.")
    if not (file.parent / "order_lines.sql").is_file():
        raise ConfigError(
            f"{file.parent / 'order_lines.sql'} not found. Every brand needs this staging query; docs: adding"
            " a brand."
        )
    if brand.identity and not (file.parent / "customers.sql").is_file():
        raise ConfigError(
            f"{file}: identity: {file.parent / 'customers.sql'} not found, which is to give"
            f" `{brand.identity[0]}`."
        )
    for rule in brand.reconcile:
        if rule.use.split(".")[0] == rule.against.split(".")[0]:
            raise ConfigError(
                f"{file}: reconcile.{rule.field}: `{rule.use}` and `{rule.against}` are of one source;"
                " expected those of two."
            )
        for side in (rule.use, rule.against):
            table, column = side.split(".")
            expect_known(table, brand.sources, file, f"reconcile.{rule.field}: table")
            expect_known(
                column, brand.sources[table].columns, file, f"reconcile.{rule.field}: column of {table}"
            )
            expect_known(
                rule.key, brand.sources[table].columns, file, f"reconcile.{rule.field}: key in {table}"
            )
        for column in rule.sum_over:
            table = rule.use.split(".")[0]
            expect_known(
                column, brand.sources[table].columns, file, f"reconcile.{rule.field}: sum_over in {table}"
            )
    for table, source in brand.sources.items():
        _check_columns(source, file, f"sources.{table}")
    return brand.model_copy(update={"name": file.parent.name, "folder": file.parent})


def with_reads(brand: Brand, brands: dict[str, Brand]) -> Brand:
    """The brand; with its fault where it reads what no other brand delivers.

    >>> brand = mh.project("shop").brands["shop"]
    >>> with_reads(brand.model_copy(update={"reads": ["other.lines"]}), {}).fault
    '...brand.yml: reads: `other.lines` is no source of another brand; there is no other.'
    """
    for name in brand.reads:
        owner, source = name.split(".")
        if owner == brand.name or owner not in brands or source not in brands[owner].sources:
            known = [f"{b.name}.{s}" for b in brands.values() if b is not brand for s in b.sources]
            fault = f"{brand.folder / 'brand.yml'}: reads: `{name}` is no source of another brand"
            if owner in brands and brands[owner].fault:
                fault += f" that can be used: {brands[owner].fault}"
            else:
                fault += nearest_known(name, known) if known else "; there is no other."
            return unusable(brand.folder, fault)
    return brand


def _check_columns(source: Source, file: Path, where: str) -> None:
    """Raises ConfigError where a column that tells versions apart, or that is to hold titles, is not there or
    cannot do so.
    """
    for column in source.key:
        expect_known(column, source.columns, file, f"{where}.key")
    updated_at, titles = ([column] if column else [] for column in (source.updated_at, source.titles))
    for key, column, types in [
        *(("titles", column, ("text",)) for column in titles),
        *(("updated_at", column, ("date", "timestamp", "number")) for column in updated_at),
        *(
            ("deleted", column, ("text", "code") if values else ("boolean", "date", "timestamp"))
            for column, values in source.deleted.items()
        ),
    ]:
        expect_known(column, source.columns, file, f"{where}.{key}")
        if (found := source.columns[column].type) not in types:
            raise ConfigError(
                f"{file}: {where}.{key}: `{column}` is of type {found}; expected {' or '.join(types)}."
                + (f" Or name its values: `{{{column}: [...]}}`." if found in ("text", "code") else "")
            )


def expect_tables_apart(folder: Path, brands: dict[str, Brand]) -> None:
    """Raises ConfigError where two sources would share a table in Bronze: `a` and `b_c`, `a_b` and `c`.

    >>> expect_tables_apart(Path("shop"), mh.project("shop").brands)
    """
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
