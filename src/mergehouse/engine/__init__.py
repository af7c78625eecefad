"""Engines run SQL models and publish what comes out. Models are Spark SQL; an engine takes the text, or a
tree made of such, and a contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from mergehouse.contracts.contract import Contract
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import StagedFile, Stamp

if TYPE_CHECKING:
    from mergehouse.engine.dialect import Sql

SCHEMAS = ("mapping", "typed", "staging")  # what a run names besides the layers and the relations
Kind = Literal[
    "earlier",
    "delivered",
    "affected",
    "found",
    "sliced",
    "computed",
    "published",
    "inserted",
    "deleted",
    "changed",
    "merged",
]
RELATIONS = get_args(Kind)


@dataclass(frozen=True)
class Relation:
    """Rows that a run names for itself: what is `delivered`, `affected`, `changed` of a table or view, or was
    there `earlier`. `part` tells those of one kind apart.
    """

    schema: Kind
    of: str
    part: str = ""

    @property
    def name(self) -> str:
        return "__".join(filter(None, (self.of, self.part))).replace(".", "_")

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Staged:
    """Rows of a table that are written and not yet part of any version.

    They take the place of the whole `table`, of the `partitions` they belong to, of single `rows` by key, or
    of `nothing`. `base` is the version they were compared with: they may only be published on top of it.
    """

    contract: Contract
    scope: Literal["table", "partitions", "rows", "nothing"]
    folder: Path | None = None
    files: tuple[StagedFile, ...] = ()
    replaced: frozenset[str] = frozenset()
    inserted: int = 0
    deleted: int = 0
    base: int | None = None


class Engine(Protocol):
    """What the pipeline asks of an engine. SQL given to it is Spark SQL over nodes and relations by name."""

    lakehouse: Lakehouse
    tables_at_once: int

    def expect(self, rows: int) -> None:
        """Tells how many rows were delivered in all, before anything is attached."""

    def attach(self, name: str) -> None:
        """Makes the published version of a table readable under its name."""

    def attach_earlier(self, name: str, version: int) -> None:
        """Makes a version of a table readable as the relation `earlier` of it."""

    def define(self, name: str | Relation, sql: Sql) -> None:
        """Defines a view."""

    def keep(self, name: str | Relation, sql: Sql) -> None:
        """Runs a query once and keeps its rows readable under a name for the rest of the run."""

    def slice(self, name: Relation, source: str | Relation, affected: Relation, on: dict[str, str]) -> None:
        """Defines a view of the rows of `source` whose columns equal those of a row in `affected`; `on` maps
        theirs to the latter's.
        """

    def load_frame(self, name: str | Relation, frame: Any) -> None:
        """An Arrow stream as a table."""

    def stage(self, contract: Contract, sql: Sql) -> Staged:
        """Runs a model, casts every column to its contract's type, and writes the rows."""

    def stage_partitions(self, contract: Contract, sql: Sql) -> Staged:
        """The same for a model that yields the partitions in the relation `affected`, whole."""

    def stage_changes(self, contract: Contract, sql: Sql, sliced: bool) -> Staged:
        """Compares a model's rows with the published ones and writes what differs.

        `sliced`: the model yields the slices in the relation `affected`, else the whole table. Leaves
        the relations `computed`, `inserted`, `deleted` and, of these two together, `changed`.
        """

    def attach_staged(self, staged: Staged) -> None:
        """Makes the table readable under its name as it will be once published, so that it can be checked
        before.
        """

    def publish(self, staged: Staged, stamp: Stamp) -> int:
        """Makes staged rows visible in one commit and returns the new version.

        Raises LakehouseError where somebody else has committed to the table meanwhile.
        """

    def discard(self, staged: Staged) -> None:
        """Removes what will not be published."""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The (small) result of a query as a list of dicts."""

    def distinct_keys(self, contract: Contract, columns: Sequence[str]) -> int:
        """Number of different keys in a table that is attached, of which these `columns` tell."""


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Any:
    """Rows of text as an Arrow table, for `load_frame`.

    >>> text_table(["code", "name"], [["DE", "Germany"], ["XX", None]]).num_rows
    2
    """
    from arro3.core import Array, DataType, Table

    return Table.from_pydict(
        {name: Array([row[i] for row in rows], DataType.string()) for i, name in enumerate(columns)}
    )
