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

    def stage(self, contract: Contract, sql: str, folder: Path) -> list[StagedFile]:
        """Runs a model, casts every column to its contract's type, and writes Parquet into `folder`."""

    def attach_staged(self, contract: Contract, files: list[StagedFile]) -> None:
        """Makes staged files readable under the table's name, so that they can be checked before publication."""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The (small) result of a query as a list of dicts."""

    def distinct_keys(self, contract: Contract) -> int:
        """Number of different keys in a table that is attached."""
