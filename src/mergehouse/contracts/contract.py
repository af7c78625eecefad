"""Contracts: the YAML beside a SQL model, the only place where a column's type, meaning and tests are
written.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mergehouse.contracts.types import DECLARED
from mergehouse.errors import ConfigError
from mergehouse.project.yaml_file import parse_yaml

Severity = Literal["error", "warn"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnContract(_Strict):
    """One column of a table."""

    type: str = Field(
        pattern=f"^({DECLARED})$", description="A Spark SQL type, such as `bigint` or `decimal(18,2)`."
    )
    meaning: str = Field(description="What the values say; it goes to dictionaries, catalogues and releases.")
    nullable: bool = Field(default=True, description="`false`: the column must not be empty.")
    unit: str | None = Field(default=None, description="Of what the values are so many, such as `EUR`.")
    pii: Literal["none", "pseudonym", "personal"] = Field(
        default="none",
        description="How close the values are to a person. The tag goes wherever the column goes; profiles,"
        " manifests and comparisons show no tagged values.",
    )
    values: list[str] | None = Field(default=None, description="The only values that there may be.")
    min: float | None = Field(default=None, description="The least value that there may be.")
    max: float | None = Field(default=None, description="The greatest value that there may be.")
    references: str | None = Field(
        default=None,
        pattern=r"^[a-z]+\.[a-z0-9_]+\.[a-z0-9_]+$",
        description="The `layer.table.column` in which every value that is not empty must be found.",
    )
    severity: Severity = Field(
        default="error", description="Of what is checked of the column: `error` or `warn`, as of a check."
    )
    across_brands: Literal["all"] | list[str] = Field(
        default=[],
        description="What tells a brand's people about other brands: `all` of the column, or values by how"
        " they begin. Whoever may not see the group sees no such column, no row with such a value in its key,"
        " and nothing in the place of other such values.",
    )
    kpi: str | None = Field(
        default=None,
        description="The ratio of the KPI catalogue that the column is, row by row: it is computed from"
        " there, not by the SQL.",
    )


class Check(_Strict):
    """A named test of a table. It has either `expect` or `sql`."""

    name: str = Field(description="What the check is called in findings.")
    severity: Severity = Field(
        default="error",
        description="`error`: the table is not published where it fails. `warn`: that is reported alone.",
    )
    why: str = Field(description="What the check is for, and what to do where it fails.")
    expect: str | None = Field(default=None, description="A condition that is true of every good row.")
    sql: str | None = Field(default=None, description="A query that returns a row for each failure.")


class Lookup(_Strict):
    """An input that every row of another one refers to.

    A changed row touches the slices of the rows that refer to it. A new row touches none: only new rows can
    refer to it.
    """

    of: str = Field(description="The input whose rows refer to this one.")
    by: dict[str, str] = Field(description="The columns of this input, each with that of the other one.")


class Incremental(_Strict):
    """How changes reach the table. The rows of one slice come from those rows of `inputs` that carry the
    slice's values.
    """

    slice: list[str] = Field(description="Columns whose values tell slices of the table apart.")
    inputs: dict[str, list[str]] = Field(
        description="For each input the columns that hold the values of `slice`, in its order. One that is"
        " read only with a part of mergehouse that projects can do without is left out where it is not there."
    )
    lookups: dict[str, Lookup] = Field(
        default={},
        description="Inputs without these columns, which the rows of another input refer to. A changed row"
        " touches the slices of the rows that refer to it.",
    )
    merge: dict[str, str] = Field(
        default={},
        description="Of a table that groups the rows of its inputs, all of one and all of another: for each"
        " aggregated column SQL that aggregates it once more. Where rows of one input came and none went,"
        " what these give is merged with what is published of their slices, and no other row is read.",
    )


class Contract(_Strict):
    """A table's promise: grain, key, columns in order, partitioning, checks, and how changes reach it."""

    table: str = Field(description="The table, `layer.table`, as its file is called.")
    grain: str = Field(description="What one row is.")
    meaning: str = Field(description="What the table is for.")
    key: list[str] = Field(description="Columns that tell rows apart; checked on every run.")
    key_why: str = Field(
        default="", description="What it means where they do not, and what to do; else the grain is named."
    )
    partition_by: list[str] = Field(default=[], description="Columns that the files are parted by.")
    z_order: list[str] = Field(
        default=[],
        description="Columns that readers filter by most; `mergehouse maintain` lays the files out by them.",
    )
    append_only: bool = Field(default=False, description="`true` has Delta refuse to change or remove a row.")
    part: Literal["science", "identity", "vault"] | None = Field(
        default=None,
        description="The part of mergehouse that the table is for, where a project can do without it:"
        " `science: false` leaves the table out, and so does, of `identity`, that no brand declares any;"
        " `vault: true` brings it.",
    )
    release: Literal["overwrite", "merge", "none"] = Field(
        default="overwrite",
        description="How a release of a Gold table reaches the receiver's: `overwrite` takes the place of"
        " its rows; `merge` goes by key and keeps rows that only the receiver has; `none`: the table is not"
        " released, as readers have no use for it.",
    )
    follows: Literal["deliveries"] | None = Field(
        default=None,
        description="`deliveries`: which rows are new is told from the deliveries alone. Of a view, what"
        " follows from them is traced; of a table, its published version tells which deliveries have reached"
        " the tables.",
    )
    keep: bool = Field(
        default=False, description="Of a view that several tables read whole: it is computed once a run."
    )
    computed_by: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*:[a-z0-9_]+$",
        description="The `package.module:function` that computes the table, which has no SQL then.",
    )
    reads: list[str] = Field(
        default=[], description="With `computed_by`: the tables that it is computed from."
    )
    replaces: Literal["table", "partitions", "rows", "slices"] = Field(
        default="table",
        description="With `computed_by`: whether its rows take the place of the table, of the partitions"
        " that they belong to, so that the others stay, or of the rows that differ from them, so that what"
        " reads the table follows these alone: of all rows, or of those in their `incremental.slice`.",
    )
    optional: bool = Field(
        default=False,
        description="With `computed_by`: where it cannot be computed, what reads it does without.",
    )
    across_brands: bool = Field(
        default=False,
        description="`true`: a row may be of several brands together, and which one it is of tells about the"
        " others. Whoever may not see the group sees none.",
    )
    columns: dict[str, ColumnContract] = Field(description="The columns, in order.")
    checks: list[Check] = Field(default=[], description="Tests besides those that the columns ask for.")
    incremental: Incremental | None = Field(
        default=None,
        description="How changes of its inputs reach the table. Without it the table"
        " is computed whole and compared with what is published.",
    )

    @property
    def types(self) -> dict[str, str]:
        """Columns and their types, in order.

        >>> from mergehouse.contracts.registry import contract_of
        >>> list(contract_of("gold.dim_brand").types.items())[:2]
        [('source_system', 'string'), ('label', 'string')]
        """
        return {name: column.type for name, column in self.columns.items()}


@functools.cache
def load_contract(file: Path) -> Contract:
    """Reads and validates one contract, once a process: contracts come with the package. Raises ConfigError
    naming file and key.

    >>> from mergehouse.contracts.registry import MODELS
    >>> contract = load_contract(MODELS / "gold" / "dim_brand.yml")
    >>> contract.key, contract.columns["as_of_date"].type, contract.columns["label"].nullable
    (['source_system'], 'date', False)
    """
    try:
        contract = Contract(**parse_yaml(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first: Any = error.errors()[0]
        raise ConfigError(f"{file}: key `{'.'.join(map(str, first['loc']))}`: {first['msg']}.") from None
    incremental = contract.incremental
    of_slice = incremental.slice if incremental else []
    for column in [*contract.key, *contract.partition_by, *contract.z_order, *of_slice]:
        if column not in contract.columns:
            raise ConfigError(
                f"{file}: `{column}` is named in key, partition_by, z_order or slice but is not a column."
            )
    for table, columns in incremental.inputs.items() if incremental else ():
        if len(columns) != len(of_slice):
            raise ConfigError(
                f"{file}: incremental.inputs.{table} needs one column for each of {', '.join(of_slice)}."
            )
    if (
        incremental
        and incremental.merge
        and (not incremental.merge.keys() < contract.columns.keys() or incremental.lookups)
    ):
        raise ConfigError(f"{file}: incremental.merge is for some columns of a table without lookups.")
    if not contract.computed_by and (contract.reads or contract.optional or contract.replaces != "table"):
        raise ConfigError(f"{file}: `reads`, `replaces` and `optional` are for a table with `computed_by`.")
    if contract.replaces == "partitions" and not contract.partition_by:
        raise ConfigError(f"{file}: `replaces: partitions` needs `partition_by`.")
    if contract.replaces == "slices" and not of_slice:
        raise ConfigError(f"{file}: `replaces: slices` needs `incremental.slice`.")
    for check in contract.checks:
        if (check.expect is None) == (check.sql is None):
            raise ConfigError(f"{file}: check `{check.name}` needs exactly one of `expect` and `sql`.")
    return contract
