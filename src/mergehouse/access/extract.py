"""Scope extracts: for each scope the files that hold what it may see, and nothing else.

Written after each publication, beside the lakehouse, in a folder of the data's version; readers keep the
version that they began with. Customers have a key of the scope's own there, so that two scopes' files say
nothing about each other.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mergehouse.access.policy import COLUMNS, Policy, Rule, Scope
from mergehouse.access.small_cells import joined
from mergehouse.contracts.registry import contract_of
from mergehouse.errors import AccessError
from mergehouse.kpi.catalogue import catalogue
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import limited, quoted, select, text
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import mapping_tables

SQL = Path(__file__).parent / "extracts"
FOLDER, CURRENT, SECRET = "serving", "current.json", "serving.key"
KEPT = 2  # versions: whoever reads one while the next is published goes on
ROW_GROUP = 20_480  # rows: a list's page is in one, and a key's rows are in one
KEY, CUSTOMERS = "customer_id", "gold.customer_brand_360"
MAPPINGS = ("churn_days", "rfm_segments")  # that files are made with
REASONS = ("reason_1", "reason_2", "reason_3")
MACROS = """
    CREATE MACRO days_class(days) AS LEAST(CAST(CEIL(days / 10) AS INT) * 10, 730);
    CREATE MACRO orders_class(orders) AS CASE
      WHEN orders <= 5 THEN orders WHEN orders <= 10 THEN 6 WHEN orders <= 20 THEN 11 ELSE 21 END;
    CREATE MACRO money_class(eur) AS list_last(list_filter(
      [0, 10, 20, 50, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000, 20000, 50000],
      lambda edge: edge <= GREATEST(eur, 0)));
    CREATE MACRO silent_class(days) AS list_last(list_filter(
      [0, 31, 61, 91, 121, 151, 181, 271, 366, 541], lambda edge: edge <= GREATEST(days, 0)));
    CREATE MACRO spent_class(eur) AS list_last(list_filter(
      [0, 20, 50, 100, 200, 500, 1000, 2000, 5000], lambda edge: edge <= GREATEST(eur, 0)));
"""


@dataclass(frozen=True)
class Extract:
    """One file of a scope: its name, `schema.table`, its query, and which rights a scope must have."""

    name: str
    sql: str
    only: frozenset[str]  # `persons`, `group`
    reads: frozenset[str]

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
    project: Project, policy: Policy, scopes: Iterable[Scope] = (), progress: Progress = silent
) -> str:
    """Writes what each of the policy's scopes and those given may see of what is published, and returns the
    data's version.

    What is there already is left alone. Raises AccessError where nothing is published yet or the folder
    cannot be written; what readers had stays as it was then.

    >>> from mergehouse.access.policy import load_policy
    >>> project = mh.project("shop")
    >>> version = write_extracts(project, load_policy(project))
    >>> (serving_folder(project) / version / load_policy(project).scope(["analyst"]).id).is_dir()
    True
    """
    root = serving_folder(project)
    secret = _secret(project)
    wanted = {scope.id: scope for scope in (*policy.scopes(), *scopes)}
    with Lakehouse(project.lakehouse_location).at_once() as lakehouse:
        version = data_version(lakehouse)
        target = root / version
        missing = [scope for scope in wanted.values() if not (target / scope.id).is_dir()]
        try:
            target.mkdir(parents=True, exist_ok=True)
            if missing:
                with limited(project.config.limits) as connection:
                    _prepare(project, lakehouse, connection)
                    for scope in missing:
                        progress(f"figures for {scope.label}")
                        _write(project, connection, scope, secret, target)
            _set_current(root, version)
            _drop_others(root, version)
        except OSError as error:
            raise AccessError(f"{target}: cannot be written ({error.strerror or error}).") from None
        except duckdb.BinderException as error:
            raise AccessError(
                f"{lakehouse.location} was written by another version of mergehouse"
                f" ({str(error).splitlines()[0]}). `mergehouse run` brings its tables up to date."
            ) from None
    return version


def serving_folder(project: Project) -> Path:
    """Where the extracts of a project's lakehouse are: those of its environments do not meet.

    >>> serving_folder(mh.project("shop")) == serving_folder(mh.project("shop", "prod"))
    False
    """
    location = hashlib.sha256(project.lakehouse_location.encode()).hexdigest()[:8]
    return project.folder / FOLDER / location


def data_version(lakehouse: Lakehouse) -> str:
    """Names what is published: the same for the same versions of all tables.

    >>> len(data_version(mh.open("shop")))
    12
    """
    published = {name: lakehouse.delta(name).version() for name in lakehouse.tables()}
    if CUSTOMERS not in published:
        raise AccessError(
            f"nothing is published yet in {lakehouse.location}; `mergehouse run` builds the tables."
        )
    definitions = MACROS + "".join(extract.sql for extract in extracts())
    return hashlib.sha256((json.dumps(published, sort_keys=True) + definitions).encode()).hexdigest()[:12]


def predicate(scope: Scope, columns: Iterable[str], brands: Iterable[str]) -> str:
    """Which rows of a table with these columns the scope may see, as a condition.

    A table without the column of a rule shows nothing of it, and rules about brands name the brands that are
    left, so that rows of the group, of both or of none are not among them.

    >>> scope = Scope(((Rule(column="brand", operator="not in", values=("b",)),),), (), False, True, "a")
    >>> predicate(scope, ["source_system"], ["a", "b"]), predicate(scope, ["month"], ["a", "b"])
    ("(source_system IN ('a'))", '(FALSE)')
    """
    if scope.is_whole:
        return "TRUE"
    there = set(columns)
    return " OR ".join(
        f"({' AND '.join(_condition(rule, there, tuple(brands)) for rule in rules)})" for rules in scope.rows
    )


def _condition(rule: Rule, there: set[str], brands: tuple[str, ...]) -> str:
    column = COLUMNS[rule.column]
    if column not in there:
        return "FALSE"
    operator, values = rule.operator, rule.values
    if rule.column == "brand":
        listed = [b for b in brands if (b in values) == (operator == "in")]
        operator, values = "in", tuple(listed)
    if not values:
        return "FALSE"
    return f"{column} {operator.upper()} ({', '.join(text(value) for value in values)})"


def _prepare(project: Project, lakehouse: Lakehouse, connection: duckdb.DuckDBPyConnection) -> None:
    """What all scopes have in common: published tables under `published`, mappings, classes."""
    connection.execute("CREATE SCHEMA published; CREATE SCHEMA mapping")
    connection.execute(MACROS)
    for name in sorted(set().union(*(extract.reads for extract in extracts()))):
        if lakehouse.exists(name):
            sql = select(connection, lakehouse.delta(name))
        else:
            nulls = ", ".join(f"NULL AS {quoted(column)}" for column in contract_of(name).columns)
            sql = f"SELECT {nulls} WHERE FALSE"
        connection.execute(f"CREATE VIEW published.{quoted(name)} AS {sql}")
    for name in MAPPINGS:
        columns, rows = mapping_tables(project)[name]
        connection.execute(f"CREATE TABLE mapping.{name} ({', '.join(f'{c} VARCHAR' for c in columns)})")
        connection.executemany(f"INSERT INTO mapping.{name} VALUES ({', '.join('?' for _ in columns)})", rows)


def _write(
    project: Project, connection: duckdb.DuckDBPyConnection, scope: Scope, secret: bytes, target: Path
) -> None:
    """Whole or not at all: under another name until it is."""
    unfinished = target / f".{scope.id}"
    if unfinished.exists():
        _remove(unfinished)
    unfinished.mkdir()
    salt = hmac.new(secret, scope.id.encode(), hashlib.sha256).hexdigest()
    connection.execute("SET VARIABLE salt = ?", [salt])
    connection.execute("SET VARIABLE is_group = ?", [scope.group])
    connection.execute("SET VARIABLE sees_persons = ?", [scope.persons])
    mine = [extract for extract in extracts() if extract.is_for(scope)]
    for name in sorted(set().union(*(extract.reads for extract in mine))):
        layer, table = name.split(".")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        connection.execute(
            f"CREATE OR REPLACE VIEW {layer}.{quoted(table)} AS {_cut(name, scope, project.brands)}"
        )
    for extract in mine:
        file = unfinished / f"{extract.name}.parquet"
        sql = filled(extract.sql)
        connection.execute(
            f"COPY ({sql if scope.persons else joined(connection, sql)}) TO {text(str(file))}"
            f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        file.chmod(0o444)
    unfinished.chmod(0o555)
    unfinished.rename(target / scope.id)


def _cut(name: str, scope: Scope, brands: Iterable[str]) -> str:
    """A published table as the scope may see it: rows by its rules, columns by masks, keys of its own."""
    columns = {
        column: contract
        for column, contract in contract_of(name).columns.items()
        if contract.pii not in set(scope.masks) - {"pseudonym"}
        and not (contract.across_brands == "all" and not scope.group)
    }
    if contract_of(name).across_brands and not scope.group:
        where = ["FALSE"]
    elif not scope.is_whole and KEY in columns and name != CUSTOMERS and not _has_columns(scope, columns):
        # cut by its customers, who are told by country where the table is not
        among = predicate(scope, contract_of(CUSTOMERS).columns, brands)
        theirs = f"SELECT source_system, {KEY} FROM published.{quoted(CUSTOMERS)} WHERE {among}"
        where = [f"(source_system, {KEY}) IN ({theirs})"]
    else:
        where = [predicate(scope, columns, brands)]
    key, shown = contract_of(name).key, []
    for column, contract in columns.items():
        sql = quoted(column)
        if column == KEY:
            sql = f"substr(sha256(getvariable('salt') || {sql}), 1, 16)"
        elif contract.across_brands and not scope.group:  # a list: columns with `all` are gone
            tells = " OR ".join(f"starts_with({sql}, {text(value)})" for value in contract.across_brands)
            if column in key:
                where.append(f"NOT ({tells})")
            else:
                sql = f"CASE WHEN NOT ({tells}) THEN {sql} END"
        shown.append(f"{sql} AS {quoted(column)}")
    return f"SELECT {', '.join(shown)} FROM published.{quoted(name)} WHERE ({') AND ('.join(where)})"


def _has_columns(scope: Scope, columns: Iterable[str]) -> bool:
    return {COLUMNS[rule.column] for rules in scope.rows for rule in rules} <= set(columns)


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


def _secret(project: Project) -> bytes:
    """What keys of customers are made with; made once, for this user's eyes alone."""
    file = project.folder / SECRET
    with_mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(file, with_mode, 0o600), "wb") as new:
            new.write(secrets.token_hex(32).encode())
    except FileExistsError:
        pass
    except OSError as error:
        raise AccessError(f"{file}: cannot be written ({error.strerror}).") from None
    secret = file.read_bytes()
    if len(secret) < 32:
        raise AccessError(f"{file} is too short for a secret: delete it, and customers get new keys.")
    return secret


def _set_current(root: Path, version: str) -> None:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    unfinished = root / f".{CURRENT}"
    if (root / CURRENT).exists() and json.loads((root / CURRENT).read_text())["version"] == version:
        return
    unfinished.write_text(json.dumps({"version": version, "written": now}), encoding="utf-8")
    unfinished.replace(root / CURRENT)


def _drop_others(root: Path, version: str) -> None:
    """All but the newest few versions."""
    old = [path for path in root.iterdir() if path.is_dir() and path.name != version]
    for path in sorted(old, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT - 1 :]:
        _remove(path)


def _remove(folder: Path) -> None:
    """Files are removed by writing to their folder, which nobody else may."""
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        inner.chmod(0o755)
    shutil.rmtree(folder)
