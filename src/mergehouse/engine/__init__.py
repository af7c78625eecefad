"""Engines run SQL models. Models are Spark SQL; an engine takes the text, runs it and stages the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from mergehouse.contract import Contract
from mergehouse.lakehouse import Lakehouse, StagedFile


class Engine(Protocol):
    """What the pipeline asks of an engine. All SQL given to it is Spark SQL."""

    def attach(self, lakehouse: Lakehouse, name: str) -> None:
        """Makes the published version of a table readable under its name."""

    def define(self, name: str, sql: str) -> None:
        """Defines a view."""

    def keep(self, name: str, sql: str) -> None:
        """Runs a query once and keeps its rows readable under a name for the rest of the run."""

    def stage(self, contract: Contract, sql: str, folder: Path) -> list[StagedFile]:
        """Runs a model, casts every column to its contract's type, and writes Parquet into `folder`."""

    def compare(self, contract: Contract, sql: str, lakehouse: Lakehouse, affected: str) -> tuple[int, int]:
        """Compares a model's rows with the published ones: all, or those of the slices in the relation `affected`.

        Leaves `inserted.<table>`, `deleted.<table>` and both together as `changed.<table>`, and returns how many rows
        were inserted and deleted; a changed row is both.
        """

    def stage_changes(self, contract: Contract, folder: Path) -> tuple[list[StagedFile], frozenset[str]]:
        """After `compare`: writes what changed into `folder`; the files, and the published files they take the place of."""

    def attach_staged(self, contract: Contract, files: list[StagedFile], lakehouse: Lakehouse, replaced: frozenset[str] | None) -> None:
        """Makes staged files readable under the table's name, beside the published files that they do not replace.

        `replaced` None: they replace all. So they can be checked before publication.
        """

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The (small) result of a query as a list of dicts."""

    def distinct_keys(self, contract: Contract) -> int:
        """Number of different keys in a table that is attached."""


def flat(name: str) -> str:
    """A table's name as one word: what belongs to `silver.orders` in a run is `changed.silver_orders` and the like."""
    return name.replace(".", "_")
