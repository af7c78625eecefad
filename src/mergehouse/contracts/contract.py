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
from mergehouse.project.config import read_yaml

Severity = Literal["error", "warn"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnContract(_Strict):
    """One column. `type` is a Spark SQL type; `pii` is the sensitivity tag carried to every catalogue.

    `kpi` names the ratio that the column is, row by row: the KPI catalogue computes it, not the model.
    """

    type: str = Field(pattern=f"^({DECLARED})$")
    meaning: str
    nullable: bool = True
    unit: str | None = None
    pii: Literal["none", "pseudonym", "personal"] = "none"
    values: list[str] | None = None
    min: float | None = None
    max: float | None = None
    references: str | None = Field(default=None, pattern=r"^[a-z]+\.[a-z0-9_]+\.[a-z0-9_]+$")
    severity: Severity = "error"
    kpi: str | None = None


class Check(_Strict):
    """A named test. `expect` is true for every good row; `sql` returns one row per failure."""

    name: str
    severity: Severity = "error"
    why: str
    expect: str | None = None
    sql: str | None = None


class Lookup(_Strict):
    """An input that every row of another one, `of`, refers to, `by` its columns: theirs.

    A changed row touches the slices of the rows that refer to it. A new row touches none: only new rows can
    refer to it.
    """

    of: str
    by: dict[str, str]


class Incremental(_Strict):
    """How changes reach the table. The rows of one slice come from those rows of `inputs` that carry the
    slice's values.

    `inputs` name, per table, the columns that hold the values of `slice`, in its order.
    """

    slice: list[str]
    inputs: dict[str, list[str]]
    lookups: dict[str, Lookup] = {}


class Contract(_Strict):
    """A table's promise: grain, key, columns in order, partitioning, checks, and how changes reach it.

    `part` names the part of mergehouse that the table is for, where a project can do without it.

    `release` says how a release of a Gold table reaches the receiver's: it takes the place of its rows, it is
    merged into them by key, which keeps rows that only the receiver has, or the table is not released:
    readers have no use for it.

    `append_only` has Delta refuse to change or remove a row.

    `z_order` names the columns that readers filter by most; `mergehouse maintain` lays the files out by them.

    `follows: deliveries`: which rows are new is told from the deliveries alone. Of a view, what follows from
    them is traced; of a table, its published version tells which deliveries have reached the tables.
    `keep`: a view that several tables read whole; it is computed once a run.

    `computed_by: package.module:function`: Python computes the table from those it `reads` (see
    pipeline/computed.py). Its rows take the place of the table, or of the `partitions` that they belong to,
    so that the others stay. Where an `optional` one cannot be computed, what reads it does without.

    Without `incremental` the table is computed whole and compared with what is published.
    """

    table: str
    grain: str
    meaning: str
    key: list[str]
    partition_by: list[str] = []
    z_order: list[str] = []
    append_only: bool = False
    part: Literal["science"] | None = None
    release: Literal["overwrite", "merge", "none"] = "overwrite"
    follows: Literal["deliveries"] | None = None
    keep: bool = False
    computed_by: str | None = Field(default=None, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*:[a-z0-9_]+$")
    reads: list[str] = []
    replaces: Literal["table", "partitions"] = "table"
    optional: bool = False
    columns: dict[str, ColumnContract]
    checks: list[Check] = []
    incremental: Incremental | None = None

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
        contract = Contract(**read_yaml(file))
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
    if not contract.computed_by and (contract.reads or contract.optional or contract.replaces != "table"):
        raise ConfigError(f"{file}: `reads`, `replaces` and `optional` are for a table with `computed_by`.")
    if contract.replaces == "partitions" and not contract.partition_by:
        raise ConfigError(f"{file}: `replaces: partitions` needs `partition_by`.")
    for check in contract.checks:
        if (check.expect is None) == (check.sql is None):
            raise ConfigError(f"{file}: check `{check.name}` needs exactly one of `expect` and `sql`.")
    return contract
