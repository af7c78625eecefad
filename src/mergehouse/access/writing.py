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
from mergehouse.access.cut import CUSTOMERS, HASHED, KEY, LOOKED_UP, PLAIN, cut, predicate
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


class _Period(NamedTuple):
    """Its first and last day, and what tells its rows from others."""

    begins: str
    ends: str
    rows: str


@dataclass(frozen=True)
class Writer:
    """Writes scopes one after the other from tables of these states, which are under `published`. What
    scopes that see the same rows have in common is counted once, brands' part of it is cut out of what was
    counted for all, and a file that would be the same as one of another scope, or of before, is that file.
    """

    project: Project
    connection: duckdb.DuckDBPyConnection
    states: dict[str, str]
    mappings: dict[str, Rows]
    _files: dict[str, Path] = field(default_factory=dict)  # these and the next by what they are made of
    _shown: dict[str, str] = field(default_factory=dict)  # what views say, by their names
    _counted: dict[str, str] = field(default_factory=dict)  # tables, by what they are made of
    _of_all: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)  # by extract and masks

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
        periods = {extract: self._periods(scope, extract) for extract in with_keys if extract.by_date}
        made: dict[str, str] = {}
        for extract in wanted:
            if extract not in with_keys:
                made |= self._write_plain(scope, extract, unfinished)
        if with_keys:
            self._make_keys(scope)
            self._show(scope, with_keys, LOOKED_UP)
            for extract in with_keys:
                if periods.get(extract):  # else there is a file without rows
                    made |= self._write_periods(scope, extract, periods[extract], unfinished)
                else:
                    made |= self._write_with_keys(scope, extract, unfinished)
        unfinished.chmod(0o555)
        unfinished.rename(target / scope.id)
        self._files.update({made_of: target / scope.id / name for made_of, name in made.items()})

    def _show(self, scope: Scope, wanted: Iterable[Extract], key: str) -> None:
        """What the scope may see of the tables, under their own names."""
        for name in sorted(set().union(*(extract.reads for extract in wanted))):
            layer, table = name.split(".")
            sql = self._cut(name, scope, key)
            if self._shown.get(name) != sql:
                self.connection.execute(f"CREATE OR REPLACE VIEW {layer}.{quoted(table)} AS {sql}")
                self._shown[name] = sql

    def _make_keys(self, scope: Scope) -> None:
        """Each customer's key once, for all files: to look it up takes a third of the time."""
        self.connection.execute("SET VARIABLE salt = ?", [self._secret(scope, LOOKED_UP)])
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE scope_keys AS SELECT {KEY} AS known_as, {HASHED} AS scope_key"
            f" FROM (SELECT DISTINCT {KEY} FROM ({self._cut(CUSTOMERS, scope, PLAIN)}))"
        )

    def _write_plain(self, scope: Scope, extract: Extract, folder: Path) -> dict[str, str]:
        """A file that has nobody's key."""
        digest = self._digest(scope, extract, PLAIN)
        made_of = _hash([digest, is_covered(extract.sql) and not scope.persons])
        file = f"{extract.name}.parquet"
        if not self._linked(made_of, folder / file):
            cells = self._count(scope, extract, digest, filled(extract.sql))
            sql = covered(self.connection, extract.sql, cells, scope.persons)
            self._copy(sql, folder / file, made_of, 0o400 if "identity" in extract.only else 0o444)
        return {made_of: file}

    def _write_with_keys(self, scope: Scope, extract: Extract, folder: Path) -> dict[str, str]:
        """A file with the scope's keys of customers."""
        made_of, file = self._digest(scope, extract, LOOKED_UP), f"{extract.name}.parquet"
        if not self._linked(made_of, folder / file):
            self._copy(filled(extract.sql), folder / file, made_of)
        return {made_of: file}

    def _write_periods(
        self, scope: Scope, extract: Extract, periods: list[_Period], folder: Path
    ) -> dict[str, str]:
        """The same for each period."""
        digest = self._digest(scope, extract, LOOKED_UP)
        made = {_hash([digest, period]): period for period in periods}
        files = {made_of: f"{extract.name}.{period.begins}.parquet" for made_of, period in made.items()}
        missing = {m: period for m, period in made.items() if not self._linked(m, folder / files[m])}
        if missing:
            first, last = min(missing.values()).begins, max(missing.values()).ends
            self.connection.execute(
                "CREATE OR REPLACE TEMP TABLE in_periods AS"
                f" FROM ({filled(extract.sql)}) WHERE {_within(extract, first, last)}"
            )
        for made_of, period in missing.items():
            rows = f"FROM in_periods WHERE {_within(extract, period.begins, period.ends)}"
            self._copy(f"{rows} ORDER BY {extract.order}", folder / files[made_of], made_of)
        self.connection.execute("DROP TABLE IF EXISTS in_periods")
        return files

    def _periods(self, scope: Scope, extract: Extract) -> list[_Period]:
        """Years and, of the newest, months that have rows under plain keys. What tells them from others: of
        each month and brand their number, and the sum and the exclusive or of their hashes.
        """
        digest = self._digest(scope, extract, PLAIN)
        rows = (
            f"SELECT source_system, {extract.by_date} AS day, hash(t) AS h FROM ({filled(extract.sql)}) AS t"
        )
        months = (
            "SELECT date_trunc('month', day)::DATE AS month, source_system, count(*), sum(h), bit_xor(h)"
            f" FROM ({rows}) GROUP BY ALL"
        )
        counted = self._count(scope, extract, digest, months)
        found = self.connection.execute(
            "SELECT min(month)::VARCHAR, last_day(max(month))::VARCHAR,"
            " list(m ORDER BY month, source_system)::VARCHAR"
            f" FROM (SELECT *, year(month) = max(year(month)) OVER () AS is_newest FROM {counted}) AS m"
            " GROUP BY CASE WHEN is_newest THEN month ELSE date_trunc('year', month) END ORDER BY 1"
        )
        return [_Period(*row) for row in found.fetchall()]

    def _count(self, scope: Scope, extract: Extract, digest: str, sql: str) -> str:
        """The table of a query's rows, which follow from the digest alone."""
        table = self._counted.get(digest, f"counted_{len(self._counted)}")
        of_all = self._of_all.get((extract.name, scope.masks))
        if digest not in self._counted:
            if of_all and extract.by_brand and scope.is_of_brands:
                brands = predicate(scope, ["source_system"], self.project.brands)
                sql = f"FROM {of_all} WHERE {brands}"
            self.connection.execute(f"CREATE TEMP TABLE {table} AS {sql}")
            self._counted[digest] = table
        if scope.is_whole:
            self._of_all[extract.name, scope.masks] = table
        return table

    def _linked(self, made_of: str, file: Path) -> bool:
        """Whether a file that is the same was there."""
        same = self._files.get(made_of)
        if same:
            os.link(same, file)
        return bool(same)

    def _copy(self, sql: str, file: Path, made_of: str, mode: int = 0o444) -> None:
        self.connection.execute(
            f"COPY ({sql}) TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd,"
            f" PARQUET_VERSION v2, ROW_GROUP_SIZE {ROW_GROUP},"
            f" KV_METADATA {{made_of: '{made_of}'}})"
        )
        file.chmod(mode)

    def _cut(self, name: str, scope: Scope, key: str) -> str:
        return cut(name, scope, self.project.brands, key)

    def _secret(self, scope: Scope, key: str) -> str:
        """What keys are hashed with: the scope's own secret, or where scopes share a file, that of all."""
        return derived(self.project, "files" if key == PLAIN else scope.id).hex()

    def _digest(self, scope: Scope, extract: Extract, key: str) -> str:
        """Of all that rows follow from, without the tables' states where periods have digests of their own;
        where a table is cut by its customers, of these. With the scope's secret where it has keys.
        """
        names = sorted(extract.reads)
        tables = [(name, self.states.get(name), self._cut(name, scope, key)) for name in names]
        if any(quoted(CUSTOMERS) in rows for _, _, rows in tables):
            tables.append((CUSTOMERS, self.states.get(CUSTOMERS), ""))
        if extract.by_date and key == LOOKED_UP:
            tables = [(name, None, rows) for name, _, rows in tables]
        mappings = [(name, self.mappings[name]) for name in sorted(extract.mappings)]
        content = [filled(extract.sql), MACROS, tables, mappings, scope.group]
        return _hash([self._secret(scope, key), *content])


def _has_keys(extract: Extract) -> bool:
    """Whether its rows tell of customers one by one."""
    tables = (contract_of(name) for name in extract.reads)
    named = KEY in extract.sql or "*" in extract.sql
    return not extract.counts and named and any(KEY in table.columns for table in tables)


def _within(extract: Extract, first: str, last: str) -> str:
    return f"{extract.by_date} BETWEEN DATE {text(first)} AND DATE {text(last)}"


def _made_of(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Path]:
    """The files of a folder, by what they are made of."""
    sql = "SELECT file_name, value FROM parquet_kv_metadata($1) WHERE key = 'made_of'"
    found = connection.execute(sql, [f"{folder}/*.parquet"]).fetchall()
    return {bytes(value).decode(): Path(file) for file, value in found}


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
