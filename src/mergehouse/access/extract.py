"""Scope extracts: for each scope the files that hold what it may see, and nothing else.

Written after each publication, beside the lakehouse, in a folder of the data's version; readers keep the
version that they began with. Customers have a key of the scope's own there, so that two scopes' files say
nothing about each other.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mergehouse.access.classes import MACROS
from mergehouse.access.cut import CUSTOMERS, cut
from mergehouse.access.policy import Policy, Scope
from mergehouse.access.secret import derived
from mergehouse.access.serving import alone, current_version, remove, serving_folder, set_current, unwritable
from mergehouse.access.small_cells import joined
from mergehouse.access.source import Source, digest, location, opened, view
from mergehouse.errors import AccessError
from mergehouse.kpi.catalogue import catalogue
from mergehouse.lakehouse.reader import limited, quoted, text
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import Rows, mapping_tables

SQL = Path(__file__).parent / "extracts"
ROW_GROUP = 20_480  # rows: a list's page is in one, and a key's rows are in one
MAPPINGS = ("churn_days", "rfm_segments")  # that files are made with
REASONS = ("reason_1", "reason_2", "reason_3")


class NothingPublished(AccessError):
    """There is nothing yet that extracts could be made of."""


@dataclass(frozen=True)
class Extract:
    """One file of a scope: its name, `schema.table`, its query, and which rights a scope must have."""

    name: str
    sql: str
    only: frozenset[str]  # `persons`, `group`, `identity`
    reads: frozenset[str]

    @property
    def counts(self) -> bool:
        """Whether it tells of customers by their number alone: no key of one is in the file."""
        return self.name.startswith("cube.")

    @property
    def is_of_gold(self) -> bool:
        """Whether a release, which has Gold and no other tables, has what the file is made of."""
        return not self.reads or any(name.startswith("gold.") for name in self.reads)

    def is_for(self, scope: Scope) -> bool:
        return all(getattr(scope, right) for right in self.only)


@functools.cache
def extracts() -> tuple[Extract, ...]:
    """All that a scope may have, by name.

    >>> [extract.name for extract in extracts() if "group" in extract.only]
    ['cube.overlap', 'gold.customer_360']
    """
    return tuple(_read(file) for file in sorted(SQL.glob("*.sql")))


def write_extracts(
    project: Project,
    policy: Policy,
    scopes: Iterable[Scope] = (),
    progress: Progress = silent,
    release: str | None = None,
) -> str:
    """Writes what each of the policy's scopes and those given may see of what is published, in the lakehouse
    or as the current release at `release`, and returns the data's version.

    What is there already is left alone. Raises AccessError where nothing is published yet or the folder
    cannot be written; what readers had stays as it was then.

    >>> from mergehouse.access.policy import load_policy
    >>> project = mh.project("shop")
    >>> version = write_extracts(project, load_policy(project))
    >>> (serving_folder(project) / version / load_policy(project).scope(["analyst"]).id).is_dir()
    True
    """
    root = serving_folder(project, release)
    wanted = {scope.id: scope for scope in (*policy.scopes(), *scopes)}
    with alone(root), opened(project, release) as source:
        version, before = data_version(source), current_version(root)
        missing = [scope for scope in wanted.values() if not (root / version / scope.id).is_dir()]
        try:
            if missing:
                with limited(project.config.limits) as connection:
                    mappings = _prepare(project, source, connection)
                    for scope in missing:
                        progress(f"figures for {scope.label}")
                        salt = derived(project, scope.id).hex()
                        _Writing(project, connection, scope, salt, source.states, mappings).write(
                            root / version, root / before / scope.id if before else None
                        )
            set_current(root, version, source.label)
        except OSError as error:
            raise unwritable(root, error) from None
        except duckdb.BinderException as error:
            raise AccessError(
                f"{location(project, release)} was written by another version of mergehouse"
                f" ({str(error).splitlines()[0]}). `mergehouse run` brings tables up to date, and `mergehouse"
                " release` makes a release of them."
            ) from None
    return version


def data_version(source: Source) -> str:
    """Names what is published: the same for the same states of all tables that extracts are made of.

    >>> with opened(mh.project("shop")) as source:
    ...     len(data_version(source))
    12
    """
    if CUSTOMERS not in source.states:
        raise NothingPublished(
            f"nothing is published yet in this {source.label}; `mergehouse run` builds the tables."
        )
    definitions = MACROS + "".join(extract.sql for extract in extracts())
    return hashlib.sha256((digest(source, tables_read()) + definitions).encode()).hexdigest()[:12]


def tables_read() -> frozenset[str]:
    """All that extracts are made of.

    >>> "gold.dim_brand" in tables_read()
    True
    """
    return frozenset().union(*(extract.reads for extract in extracts()))


def _prepare(project: Project, source: Source, connection: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    """What all scopes have in common: published tables under `published`, mappings, classes. Returns the
    mappings.
    """
    connection.execute("CREATE SCHEMA published; CREATE SCHEMA mapping")
    connection.execute(MACROS)
    for name in sorted(tables_read()):
        view(connection, source, name)
    known = mapping_tables(project)
    mappings = {name: known[name] for name in MAPPINGS}
    for name, (columns, rows) in mappings.items():
        connection.execute(f"CREATE TABLE mapping.{name} ({', '.join(f'{c} VARCHAR' for c in columns)})")
        connection.executemany(f"INSERT INTO mapping.{name} VALUES ({', '.join('?' for _ in columns)})", rows)
    return mappings


@dataclass(frozen=True)
class _Writing:
    """The writing of one scope's files, with the `salt` of its keys, from tables of these states."""

    project: Project
    connection: duckdb.DuckDBPyConnection
    scope: Scope
    salt: str
    states: dict[str, str]
    mappings: dict[str, Rows]

    def write(self, target: Path, before: Path | None) -> None:
        """Whole or not at all, under another name until it is. A file whose tables have not changed since
        `before` is the same file.
        """
        unfinished = target / f".{self.scope.id}"
        if unfinished.exists():
            remove(unfinished)
        unfinished.mkdir(parents=True)
        known = _made_of(self.connection, before) if before and before.is_dir() else {}
        self.connection.execute("SET VARIABLE salt = ?", [self.salt])
        self.connection.execute("SET VARIABLE is_group = ?", [self.scope.group])
        self.connection.execute("SET VARIABLE sees_persons = ?", [self.scope.persons])
        wanted = [extract for extract in extracts() if extract.is_for(self.scope)]
        for counts in (True, False):
            self._cut_tables(wanted, counts)
            for extract in (extract for extract in wanted if extract.counts == counts):
                file, sql = unfinished / f"{extract.name}.parquet", self._sql(extract)
                made_of = self._made_of(extract, sql)
                if before and known.get(file.name) == made_of:
                    os.link(before / file.name, file)
                else:
                    self._copy(sql, file, made_of)
                    file.chmod(0o400 if "identity" in extract.only else 0o444)
        unfinished.chmod(0o555)
        unfinished.rename(target / self.scope.id)

    def _cut_tables(self, wanted: list[Extract], counts: bool) -> None:
        for name in sorted(set().union(*(extract.reads for extract in wanted))):
            layer, table = name.split(".")
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
            self.connection.execute(
                f"CREATE OR REPLACE VIEW {layer}.{quoted(table)} AS"
                f" {cut(name, self.scope, self.project.brands, counts)}"
            )

    def _copy(self, sql: str, file: Path, made_of: str) -> None:
        self.connection.execute(
            f"COPY ({sql}) TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd,"
            f" ROW_GROUP_SIZE {ROW_GROUP}, KV_METADATA {{made_of: '{made_of}'}})"
        )

    def _sql(self, extract: Extract) -> str:
        """The query of a file for this scope."""
        sql = filled(extract.sql)
        return sql if self.scope.persons else joined(self.connection, sql)

    def _made_of(self, extract: Extract, sql: str) -> str:
        """A digest of all that the file follows from; where a table is cut by its customers, of these."""
        brands = self.project.brands
        tables = [
            (name, self.states.get(name), cut(name, self.scope, brands, extract.counts))
            for name in sorted(extract.reads)
        ]
        if any(quoted(CUSTOMERS) in rows for _, _, rows in tables):
            tables.append((CUSTOMERS, self.states.get(CUSTOMERS), ""))
        content = json.dumps([sql, MACROS, tables, self.mappings, self.salt])
        return hashlib.sha256(content.encode()).hexdigest()[:32]


def _made_of(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, str]:
    """The digests of the files in a folder, by their names."""
    sql = "SELECT file_name, value FROM parquet_kv_metadata($1) WHERE key = 'made_of'"
    found = connection.execute(sql, [f"{folder}/*.parquet"]).fetchall()
    return {Path(file).name: bytes(value).decode() for file, value in found}


def filled(sql: str) -> str:
    """SQL with the measures that the KPI catalogue defines over a table, and with the columns of reasons.

    >>> filled("SELECT {measures of gold.sales_daily} FROM gold.sales_daily")
    'SELECT SUM(gmv_eur) AS gmv, SUM(returns_eur) AS returns, ... FROM gold.sales_daily'
    """
    for table in re.findall(r"\{measures of ([a-z0-9_.]+)\}", sql):
        measures = [f"{kpi.measure_sql()} AS {kpi.name}" for kpi in catalogue() if kpi.table == table]
        sql = sql.replace(f"{{measures of {table}}}", ", ".join(measures))
    return sql.replace("{reasons}", _reasons())


def _reasons() -> str:
    """Reasons without gaps. Of one brand the third is left out always: that it is not there must not say that
    one was about other brands.
    """
    told = f"list_filter([{', '.join(REASONS)}], lambda reason: reason IS NOT NULL)"
    shown = [f"{told}[{place}] AS {name}" for place, name in enumerate(REASONS, start=1)]
    shown[2] = f"CASE WHEN getvariable('is_group') THEN {told}[3] END AS {REASONS[2]}"
    return ", ".join(shown)


def _read(file: Path) -> Extract:
    sql = file.read_text(encoding="utf-8")
    only = re.match(r"-- only: ([a-z, ]+)\n", sql)
    reads = re.findall(r"\b(?:FROM|JOIN) ((?:bronze|silver|gold|monitor)\.[a-z0-9_]+)", sql)
    return Extract(file.stem, sql, frozenset(only[1].split(", ") if only else ()), frozenset(reads))
