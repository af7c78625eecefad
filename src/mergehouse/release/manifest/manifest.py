"""The manifest of a release: what was exported, from which versions, and every figure that a receiver can
check it by.

Layout, below the root of all releases:

gold/<table>/<yyyy-mm-dd>/v<X.Y.Z>/part-00000.parquet ... gold/_releases/v<X.Y.Z>/release_manifest.json
gold/_releases/v<X.Y.Z>/_SUCCESS                           written last: the manifest's SHA-256, as sha256sum
writes it gold/_releases/current.json                                the pointer that readers go by

One manifest, not one a table: a release is whole or it is not there. Spark, Hive and Fabric skip names that
begin with `_`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mergehouse import display
from mergehouse.contracts.types import EXACT
from mergehouse.errors import MergehouseError
from mergehouse.kpi.catalogue import Kpi
from mergehouse.release.manifest.seal import MANIFEST, RELEASES
from mergehouse.release.manifest.statistics import NAME, TABLE, check_names
from mergehouse.release.manifest.version import Change, Version

FORMAT: Final = 1
SCHEMA = Path(__file__).with_name("release_manifest.schema.json")
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"
VersionText = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")]
Column = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
TableName = Annotated[str, Field(pattern=f"^{TABLE.pattern}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class ManifestError(MergehouseError):
    """A manifest cannot be read as one."""

    exit_code = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReleasedColumn(_Strict):
    """A column as its contract describes it, and what it holds. `min` and `max` are exact text: 12.50,
    2011-12-09, 2026-11-01T12:00:00.000000Z; of columns with a `pii` tag they are left out, and of columns
    without a value.
    """

    name: Column
    type: str = Field(pattern=f"^({EXACT})$")
    nullable: bool
    pii: Literal["none", "pseudonym", "personal"]
    unit: str | None
    meaning: str
    nulls: Count
    min: str | None
    max: str | None


class ReleasedFile(_Strict):
    """One Parquet file. `path` is relative to the root of the releases."""

    path: str
    bytes: Count
    rows: Count
    sha256: Digest


class Partition(_Strict):
    """Rows of one value of the partition columns, as text; None for NULL."""

    values: dict[Column, str | None]
    rows: Count


class ReleasedTable(_Strict):
    """One table. `mode` says how it reaches the receiver's: `overwrite` takes the place of its rows, `merge`
    updates and adds by `key`.

    `delta_version` is the version of the source table that was exported, `delta_id` tells tables of the same
    name apart.
    """

    name: TableName
    grain: str
    meaning: str
    delta_id: str
    delta_version: Count
    mode: Literal["overwrite", "merge"]
    key: list[Column] = Field(min_length=1)
    key_unique: Literal[True]
    partition_by: list[Column]
    columns: list[ReleasedColumn] = Field(min_length=1)
    rows: Count
    partitions: list[Partition]
    files: list[ReleasedFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _adds_up(self) -> ReleasedTable:
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError("a column is named twice")
        if unknown := {*self.key, *self.partition_by} - set(names):
            raise ValueError(f"`{min(unknown)}` is named in key or partition_by and is no column")
        if sum(file.rows for file in self.files) != self.rows:
            raise ValueError(
                f"the files hold {sum(file.rows for file in self.files):,} rows and the table {self.rows:,}"
            )
        return self


class KpiTotals(Kpi):
    """A KPI's definition and its values by scope (brands and `group`), counts and money as exact text; None
    without a denominator.
    """

    values: dict[str, str | None]


class ScoringModel(_Strict):
    """Rows of a scores table that one edition of a model wrote; `model_*` and `feature_version` are None
    where none was used.
    """

    table: TableName
    source_system: str
    as_of_date: str
    method: str
    model_name: str | None
    model_version: str | None
    feature_version: str | None
    rows: Count


class Band(_Strict):
    """The lowest and highest `of` (a column) that a band holds, and its rows."""

    table: TableName
    source_system: str
    as_of_date: str
    band: str
    of: Column
    low: str
    high: str
    rows: Count


class FailedCheck(_Strict):
    table: str
    check: str
    severity: Literal["error", "warn"]
    failures: Count


class Quality(_Strict):
    """The last outcome of every check of the source: `failed` where one of severity error does not hold,
    `unknown` without a run.
    """

    verdict: Literal["passed", "failed", "unknown"]
    run_id: str | None
    checked_ts: AwareDatetime | None
    checks: Count
    failed: list[FailedCheck]


class Manifest(display.Displayed, _Strict):
    """A release. `changes` say what is different from `previous` and which part of the version number that
    calls for.
    """

    manifest_format: Literal[1]
    dataset: str
    version: VersionText
    created_ts: AwareDatetime
    mergehouse_version: str
    previous: VersionText | None
    changes: list[Change]
    quality: Quality
    kpis: list[KpiTotals]
    models: list[ScoringModel]
    bands: list[Band]
    tables: list[ReleasedTable] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_its_place(self) -> Manifest:
        for table in self.tables:
            folder = self.folder(table.name)
            for number, file in enumerate(table.files):
                if file.path != f"{folder}/part-{number:05}.parquet":
                    raise ValueError(f"{file.path} is not where file {number} of `{table.name}` belongs")
        if faults := check_names(self.model_dump(mode="json", include={"kpis", "tables"})):
            raise ValueError(faults[0].message.rstrip("."))
        for kpi in self.kpis:
            if kpi.table and not self.table(kpi.table) and any(kpi.values.values()):
                raise ValueError(
                    f"KPI `{kpi.name}` has values and `{kpi.table}`, which they are of, is not here"
                )
        return self

    @property
    def number(self) -> Version:
        """The version as three numbers.

        >>> mh.verify("release").manifest.number
        Version(major=1, minor=0, patch=0)
        """
        return Version.parse(self.version)

    def table(self, name: str) -> ReleasedTable | None:
        """A table by its name, None where it is not in the release.

        >>> manifest = mh.verify("release").manifest
        >>> manifest.table("gold.sales_daily").rows, manifest.table("gold.other")
        (4, None)
        """
        return next((table for table in self.tables if table.name == name), None)

    def folder(self, table: str) -> str:
        """Where the files of a table are, relative to the root.

        >>> mh.verify("release").manifest.folder("gold.sales_daily")
        'gold/sales_daily/20...-...-.../v1.0.0'
        """
        return table_folder(table, self.created_ts, self.version)

    def as_bytes(self) -> bytes:
        """The manifest as it is written: the digest in `_SUCCESS` is of these bytes.

        >>> found = mh.verify("release")
        >>> digest(found.manifest.as_bytes()) == found.manifest_sha256
        True
        """
        return (json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()

    def _shown(self) -> display.Shown:
        made = f"{self.created_ts.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
        facts = {
            "made": f"{made} by mergehouse {self.mergehouse_version}",
            "previous": self.previous or "",
            "quality": f"{self.quality.verdict} ({self.quality.checks:,} checks)",
        }
        rows = [[table.name, table.mode, f"{table.rows:,}"] for table in self.tables]
        return f"Release {self.version} of {self.dataset}", facts, ["table", "mode", "rows"], rows, 1


def table_folder(table: str, created: dt.datetime, version: str) -> str:
    """Where the files of a table are, relative to the root; the day is in UTC.

    >>> table_folder("gold.sales_daily", dt.datetime(2026, 11, 28, 9, tzinfo=dt.UTC), "1.4.0")
    'gold/sales_daily/2026-11-28/v1.4.0'
    """
    return f"{table.replace('.', '/')}/{created.astimezone(dt.UTC):%Y-%m-%d}/v{version}"


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal digits.

    >>> digest(b"abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(content).hexdigest()


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Raises ManifestError naming the first key that is not as the format says, and where.

    >>> file = Path("release/gold/_releases/v1.0.0/release_manifest.json")
    >>> parse_manifest(file.read_bytes(), "release").version
    '1.0.0'
    >>> parse_manifest(b'{"manifest_format": 2}', "release")
    Traceback (most recent call last):
    mergehouse.release.manifest.manifest.ManifestError: release: release_manifest.json has format 2; ...
    """
    try:
        found = json.loads(content)
    except ValueError as error:
        raise ManifestError(f"{where}: {MANIFEST} is no JSON ({error}). Carry the release again.") from None
    if isinstance(found, dict) and found.get("manifest_format", FORMAT) != FORMAT:
        raise ManifestError(
            f"{where}: {MANIFEST} has format {found['manifest_format']!r}; this mergehouse reads format"
            f" {FORMAT}. Install the one that wrote it."
        )
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first: Any = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole"
        raise ManifestError(
            f"{where}: {MANIFEST}: key `{key}`: {first['msg']}. It was not written by mergehouse: carry the"
            " release again."
        ) from None


def manifest_schema() -> str:
    """The JSON Schema of manifests, as it is published.

    >>> json.loads(manifest_schema())["required"][:3]
    ['manifest_format', 'dataset', 'version']
    """
    schema = {
        "$schema": SCHEMA_ID,
        **Manifest.model_json_schema(),
        "title": f"mergehouse {RELEASES} manifest",
    }
    return json.dumps(schema, indent=1) + "\n"
