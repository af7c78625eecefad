"""What scope extracts are made from: the published tables of a lakehouse, or the files of a release."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import duckdb

from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import duckdb_type
from mergehouse.errors import AccessError
from mergehouse.lakehouse import published, reader
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import quoted
from mergehouse.progress import silent
from mergehouse.project.config import Project
from mergehouse.release.manifest.manifest import Manifest, ReleasedTable, parse_manifest
from mergehouse.release.manifest.seal import CURRENT, RELEASES, Fault, check_files, pointed_at, read_sealed
from mergehouse.release.store import Shelf
from mergehouse.release.verify import carried
from mergehouse.storage import is_url, located, state_of

LAKEHOUSE = "lakehouse"


class Source(Protocol):
    """Tables of one state, as long as they are read."""

    @property
    def label(self) -> str:
        """`lakehouse`, or `release` and its version."""

    @property
    def states(self) -> dict[str, str]:
        """Of each table that there is, what changes when its rows do."""

    def select(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """The SELECT that reads a table, which is there."""


def location(project: Project, release: str | None) -> str:
    """Where the tables are: of the lakehouse, or of the releases at `release`, from the working folder.

    >>> location(mh.project("shop"), None) == mh.project("shop").lakehouse_location
    True
    """
    return located(Path.cwd(), release) if release else project.lakehouse_location


@contextmanager
def opened(project: Project, release: str | None = None) -> Iterator[Source]:
    """The published tables of a project's lakehouse; with `release`, a path or URL, those of the current
    release there. Raises MergehouseError where there is none, AccessError where its files are damaged.

    >>> with opened(mh.project("shop")) as source:
    ...     source.states["gold.dim_brand"]
    '0'
    >>> with opened(mh.project("shop"), "release") as source:
    ...     source.label, "gold.dim_brand" in source.states, "silver.orders" in source.states
    ('release 1.0.0', True, False)
    """
    place = location(project, release)
    if not release:
        with Lakehouse(place).at_once() as lakehouse:
            yield _Lakehouse(lakehouse)
        return
    with carried(place, None, silent) as folder:
        yield _release(folder, place)


def sign_of_change(project: Project, release: str | None = None) -> object:
    """Other than before whenever the source may have changed; costs next to nothing on this machine. None
    where there is nothing to tell by.

    >>> sign_of_change(mh.project("shop")) == sign_of_change(mh.project("shop"))
    True
    """
    place = location(project, release)
    if is_url(place):
        return Shelf(place).current() if release else published.published_versions(Lakehouse(place))
    return state_of(Path(place) / (f"{RELEASES}/{CURRENT}" if release else published.FILE))


def view(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> None:
    """`published.<name>`: a table of the source; where it is not there, one without rows."""
    if name in source.states:
        sql = source.select(connection, name)
    else:
        types = {column: duckdb_type(kind) for column, kind in contract_of(name).types.items()}
        nulls = ", ".join(f"NULL::{kind} AS {quoted(column)}" for column, kind in types.items())
        sql = f"SELECT {nulls} WHERE FALSE"
    connection.execute(f"CREATE VIEW published.{quoted(name)} AS {sql}")


def digest(source: Source, tables: Iterable[str]) -> str:
    """Of the states of these tables, those that are not there included.

    >>> with opened(mh.project("shop")) as source:
    ...     digest(source, ["gold.dim_brand"]) == digest(source, ["gold.dim_brand", "gold.dim_date"])
    False
    """
    states = {name: source.states.get(name) for name in sorted(tables)}
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()


@dataclass(frozen=True)
class _Lakehouse:
    lakehouse: Lakehouse
    label = LAKEHOUSE

    @cached_property
    def states(self) -> dict[str, str]:
        known = self.lakehouse.published()
        return {
            name: str(self.lakehouse.delta(name).version() if known is None else known[name])
            for name in self.lakehouse.tables()
        }

    def select(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        return reader.select(connection, self.lakehouse.delta(name))


@dataclass(frozen=True)
class _Release:
    folder: Path
    manifest: Manifest
    label: str

    @cached_property
    def _tables(self) -> dict[str, ReleasedTable]:
        return {table.name: table for table in self.manifest.tables}

    @cached_property
    def states(self) -> dict[str, str]:
        """Of what files a table consists, byte by byte."""
        found = {name: [file.sha256 for file in table.files] for name, table in self._tables.items()}
        return {name: hashlib.sha256(" ".join(hashes).encode()).hexdigest() for name, hashes in found.items()}

    @cached_property
    def _faults(self) -> list[Fault]:
        return check_files(self.folder, self.manifest.model_dump(mode="json"))

    def select(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """Refuses files that are not those of the manifest: what is shown must be what was released."""
        if self._faults:
            fault = self._faults[0]
            raise AccessError(f"{self.label}: {fault.where}: {fault.message} `mergehouse verify` says more.")
        table = self._tables[name]
        files = [str(self.folder / file.path) for file in table.files]
        columns = ", ".join(quoted(column.name) for column in table.columns)
        return f"SELECT {columns} FROM {reader.read_files(files, {})}"


def _release(folder: Path, place: str) -> _Release:
    version, expected, faults = pointed_at(folder)
    if version is None:
        raise AccessError(f"{place}: {faults[0].message}")
    content, _, broken = read_sealed(folder, version, expected)
    if broken or not content:
        raise AccessError(f"{place}: {broken[0].where}: {broken[0].message} `mergehouse verify` says more.")
    return _Release(folder, parse_manifest(content, place), f"release {version}")
