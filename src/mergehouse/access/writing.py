"""The files of a scope: of each table what it may see, in the order in which pages ask for it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import duckdb

from mergehouse.access.classes import MACROS
from mergehouse.access.cut import CUSTOMERS, HASHED, KEY, LOOKED_UP, PLAIN, cut
from mergehouse.access.definitions import Extract, extracts, filled
from mergehouse.access.policy import Scope
from mergehouse.access.secret import derived
from mergehouse.access.serving import remove
from mergehouse.access.small_cells import covered, is_covered
from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import Rows

ROW_GROUP = 20_480  # rows: a list's page is in one, and a key's rows are in one


class _Quarter(NamedTuple):
    """Its first day and its rows' digest: their number, and the sum and the exclusive or of their hashes."""

    begins: str
    rows: int
    total: str
    mixed: str


@dataclass(frozen=True)
class Writer:
    """Writes scopes one after the other from tables of these states, which are under `published`. What
    scopes that see the same rows have in common is counted once, and a file that would be the same as one of
    another scope, or of before, is that file.
    """

    project: Project
    connection: duckdb.DuckDBPyConnection
    states: dict[str, str]
    mappings: dict[str, Rows]
    _files: dict[str, Path] = field(default_factory=dict)  # these and the next by what they are made of
    _cells: dict[str, str] = field(default_factory=dict)
    _quarters: dict[str, list[_Quarter]] = field(default_factory=dict)

    def write(self, scope: Scope, target: Path, before: Path | None) -> None:
        """The scope's folder in `target`, whole or not at all: it has another name until it is. `before` is
        what the scope had.
        """
        unfinished = target / f".{scope.id}"
        if unfinished.exists():
            remove(unfinished)
        unfinished.mkdir(parents=True)
        if before and before.is_dir():
            self._files.update(_made_of(self.connection, before))
        self.connection.execute("SET VARIABLE is_group = ?", [scope.group])
        self.connection.execute("SET VARIABLE salt = ?", [self._secret(scope, PLAIN)])
        wanted = [extract for extract in extracts() if extract.is_for(scope)]
        with_keys = [extract for extract in wanted if _has_keys(extract)]
        self._show(scope, wanted, PLAIN)
        quarters = {extract: self._quarters_of(scope, extract) for extract in with_keys}
        made: dict[str, str] = {}
        for extract in wanted:
            if extract not in with_keys:
                made |= self._write_plain(scope, extract, unfinished)
        if with_keys:
            self._make_keys(scope)
            self._show(scope, with_keys, LOOKED_UP)
            for extract in with_keys:
                made |= self._write_with_keys(scope, extract, quarters[extract], unfinished)
        unfinished.chmod(0o555)
        unfinished.rename(target / scope.id)
        self._files.update({made_of: target / scope.id / name for made_of, name in made.items()})

    def _show(self, scope: Scope, wanted: Iterable[Extract], key: str) -> None:
        """What the scope may see of the tables, under their own names."""
        for name in sorted(set().union(*(extract.reads for extract in wanted))):
            layer, table = name.split(".")
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
            self.connection.execute(
                f"CREATE OR REPLACE VIEW {layer}.{quoted(table)} AS {self._cut(name, scope, key)}"
            )

    def _make_keys(self, scope: Scope) -> None:
        """Each customer's key once, for all files: to look it up takes a third of the time."""
        self.connection.execute("SET VARIABLE salt = ?", [self._secret(scope, LOOKED_UP)])
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE scope_keys AS SELECT {KEY} AS known_as, {HASHED} AS scope_key"
            f" FROM (SELECT DISTINCT {KEY} FROM ({self._cut(CUSTOMERS, scope, PLAIN)}))"
        )

    def _write_plain(self, scope: Scope, extract: Extract, folder: Path) -> dict[str, str]:
        """A file that has nobody's key."""
        cells = self._digest(scope, extract, PLAIN)
        made_of = _hash([cells, is_covered(extract.sql) and not scope.persons])
        file = f"{extract.name}.parquet"
        if not self._linked(made_of, folder / file):
            table = self._cells.setdefault(cells, f"cells_{len(self._cells)}")
            self.connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} AS {filled(extract.sql)}")
            sql = covered(self.connection, extract.sql, table, scope.persons)
            self._copy(sql, folder / file, made_of, 0o400 if "identity" in extract.only else 0o444)
        return {made_of: file}

    def _write_with_keys(
        self, scope: Scope, extract: Extract, quarters: list[_Quarter], folder: Path
    ) -> dict[str, str]:
        """A file with the scope's keys of customers, or one for each quarter."""
        sql, digest = filled(extract.sql), self._digest(scope, extract, LOOKED_UP)
        if not quarters:
            made_of, file = digest, f"{extract.name}.parquet"
            if not self._linked(made_of, folder / file):
                self._copy(sql, folder / file, made_of)
            return {made_of: file}
        made = {_hash([digest, quarter]): quarter.begins for quarter in quarters}
        files = {made_of: f"{extract.name}.{begins}.parquet" for made_of, begins in made.items()}
        missing = [made_of for made_of in made if not self._linked(made_of, folder / files[made_of])]
        within = ", ".join(f"DATE {text(made[made_of])}" for made_of in missing)
        begins = f"date_trunc('quarter', {extract.by_quarter})::DATE"
        if missing:
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE in_quarters AS FROM ({sql}) WHERE {begins} IN ({within})"
            )
        for made_of in missing:
            rows = f"FROM in_quarters WHERE {begins} = DATE {text(made[made_of])}"
            self._copy(f"{rows} ORDER BY {extract.order}", folder / files[made_of], made_of)
        self.connection.execute("DROP TABLE IF EXISTS in_quarters")
        return files

    def _quarters_of(self, scope: Scope, extract: Extract) -> list[_Quarter]:
        """Those that have rows, of an extract that has a file for each; under plain keys."""
        if not extract.by_quarter:
            return []
        cells = self._digest(scope, extract, PLAIN)
        if cells not in self._quarters:
            rows = self.connection.execute(
                f"SELECT date_trunc('quarter', {extract.by_quarter})::DATE::VARCHAR, count(*),"
                " sum(hash(t))::VARCHAR, bit_xor(hash(t))::VARCHAR"
                f" FROM ({filled(extract.sql)}) AS t GROUP BY ALL ORDER BY ALL"
            ).fetchall()
            self._quarters[cells] = [_Quarter(*row) for row in rows]
        return self._quarters[cells]

    def _linked(self, made_of: str, file: Path) -> bool:
        """Whether a file that is the same was there."""
        same = self._files.get(made_of)
        if same:
            os.link(same, file)
        return bool(same)

    def _copy(self, sql: str, file: Path, made_of: str, mode: int = 0o444) -> None:
        self.connection.execute(
            f"COPY ({sql}) TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd,"
            f" ROW_GROUP_SIZE {ROW_GROUP}, KV_METADATA {{made_of: '{made_of}'}})"
        )
        file.chmod(mode)

    def _cut(self, name: str, scope: Scope, key: str) -> str:
        return cut(name, scope, self.project.brands, key)

    def _secret(self, scope: Scope, key: str) -> str:
        """What keys are hashed with: the scope's own secret, or where scopes share a file, that of all."""
        return derived(self.project, "files" if key == PLAIN else scope.id).hex()

    def _digest(self, scope: Scope, extract: Extract, key: str) -> str:
        """Of all that rows follow from, without the tables' states where quarters have digests of their own;
        where a table is cut by its customers, of these. With the scope's secret where it has keys.
        """
        names = sorted(extract.reads)
        tables = [(name, self.states.get(name), self._cut(name, scope, key)) for name in names]
        if any(quoted(CUSTOMERS) in rows for _, _, rows in tables):
            tables.append((CUSTOMERS, self.states.get(CUSTOMERS), ""))
        if extract.by_quarter and key == LOOKED_UP:
            tables = [(name, None, rows) for name, _, rows in tables]
        mappings = [(name, self.mappings[name]) for name in sorted(extract.mappings)]
        content = [filled(extract.sql), MACROS, tables, mappings, scope.group]
        return _hash([self._secret(scope, key), *content])


def _has_keys(extract: Extract) -> bool:
    """Whether its rows tell of customers one by one."""
    tables = (contract_of(name) for name in extract.reads)
    named = KEY in extract.sql or "*" in extract.sql
    return not extract.counts and named and any(KEY in table.columns for table in tables)


def _made_of(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Path]:
    """The files of a folder, by what they are made of."""
    sql = "SELECT file_name, value FROM parquet_kv_metadata($1) WHERE key = 'made_of'"
    found = connection.execute(sql, [f"{folder}/*.parquet"]).fetchall()
    return {bytes(value).decode(): Path(file) for file, value in found}


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
