"""The one door to scope extracts: named queries with bound parameters, in a DuckDB of one scope's files.

Pages, downloads and the API have no other. What a query may be cut or ordered by stands in its file, so that
no SQL is made of what a user sends.
"""

from __future__ import annotations

import functools
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb

from mergehouse.access.definitions import extracts, filled
from mergehouse.access.policy import Policy, Scope
from mergehouse.access.serving import Current, current, serving_folder
from mergehouse.access.source import LAKEHOUSE
from mergehouse.errors import AccessError
from mergehouse.kpi import formula
from mergehouse.kpi.catalogue import catalogue
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.project.config import Project

SQL = Path(__file__).parent / "queries"
BEHIND = "behind.json"  # is there while newer figures are being written, or could not be
SECONDS = 5.0  # a query may take
ANSWERS, LARGEST = 2_000, 500  # kept, and the most rows of one that is
LOCKED = (  # in this order: a list of files after external access has gone is refused
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET allow_persistent_secrets = false",
    "SET temp_directory = ''",
    "SET memory_limit = '512MB'",
    "SET threads = 2",
    "SET parquet_metadata_cache = true",  # files never change
    "SET TimeZone = 'UTC'",
)
Row = dict[str, Any]
# until when what is asked for now must be answered, by time.monotonic()
deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))
# queries about what is not in a release that have been asked, for whoever wants to say so
lacking: ContextVar[set[str] | None] = ContextVar("lacking", default=None)
# what a query took, in seconds; None where its answer was kept from before
Observer = Callable[[float | None], None]


class NothingYet(AccessError):
    """For this scope no files have been written yet."""


class TooSlow(AccessError):
    """It takes longer than anybody is to wait."""


class UnknownQuery(AccessError):
    """There is no such query, or it is not asked like that."""


@dataclass(frozen=True)
class Query:
    """One file of `queries/`: its SQL, the parameters that it binds, what may stand for `{name}`, and the
    files that it cannot do without.
    """

    name: str
    sql: str
    parameters: frozenset[str]
    choices: Mapping[str, Mapping[str, str]]
    reads: frozenset[str]

    def chosen(self, given: Mapping[str, Any]) -> str:
        """The SQL with the choices made. Raises UnknownQuery where one is not offered."""
        sql = self.sql
        for name, offered in self.choices.items():
            if given.get(name) not in list(offered):  # what a user sends may be of any kind
                raise UnknownQuery(f"{self.name}: {name}: expected one of {', '.join(offered)}.")
            sql = sql.replace(f"{{{name}}}", offered[given[name]])
        return sql


@functools.cache
def queries() -> dict[str, Query]:
    """Every question that can be asked.

    >>> sorted(queries()["sales"].parameters)
    ['brand', 'country', 'region', 'since', 'until']
    """
    return {file.stem: _read(file) for file in sorted(SQL.glob("*.sql"))}


class Gateway:
    """Readers of the scopes of one project, each of the data that is there when it is asked for.

    >>> from mergehouse.access.extract import write_extracts
    >>> from mergehouse.access.policy import load_policy
    >>> project = mh.project("shop")
    >>> policy = load_policy(project)
    >>> _ = write_extracts(project, policy)
    >>> reader = Gateway(project, policy).reader(policy.scope(["analyst"]))
    >>> [row["label"] for row in reader.rows("brands")]
    ['Shop']
    """

    def __init__(
        self,
        project: Project,
        policy: Policy,
        release: str | None = None,
        observe: Observer = lambda seconds: None,
    ) -> None:
        self.observe = observe
        self.root = serving_folder(project, release)
        self.policy = policy
        self._readers: dict[tuple[str, str], Reader] = {}  # by scope and version
        self._opening: dict[str, threading.Lock] = {}  # by scope
        self._lock = threading.Lock()
        self._answers = _Answers()

    def version(self) -> Current:
        """Of the data, and when it was written. Raises NothingYet where there is none."""
        found = current(self.root)
        if found is None:
            raise NothingYet(f"{self.root} holds no figures yet; `mergehouse run` writes them.")
        return found

    def behind(self) -> Literal["", "writing", "failed"]:
        """Whether newer figures than those that readers begin with are on their way, or could not be
        written.
        """
        try:
            found = json.loads((self.root / BEHIND).read_text(encoding="utf-8"))
            return "failed" if found["failed"] else "writing"
        except (OSError, ValueError, KeyError):
            return ""

    def reader(self, scope: Scope) -> Reader:
        """What a scope may see, of the version of now. Raises NothingYet where nothing was written for it."""
        now = self.version()
        key = (scope.id, now.version)
        if found := self._readers.get(key):
            return found
        with self._lock:
            opening = self._opening.setdefault(scope.id, threading.Lock())
        with opening:  # of this scope once; readers of others do not wait
            if found := self._readers.get(key):
                return found
            found = Reader(scope, now, self.policy.version, self.root, self._answers, self.observe)
            with self._lock:
                others = {of: reader for of, reader in self._readers.items() if of[0] != scope.id}
                self._readers = others | {key: found}
            return found


class Reader:
    """One scope's figures of one version of the data. `tables` are those it has, as `gold.dim_brand`: none of
    customers where the scope may not see single ones. `source` is what they were made of, and `absent` those
    that are empty because that is a release, which has Gold alone.
    """

    def __init__(
        self,
        scope: Scope,
        now: Current,
        policy: str,
        root: Path,
        answers: _Answers,
        observe: Observer = lambda seconds: None,
    ) -> None:
        self.scope, self.version, self.published = scope, now.version, now.written
        self.source = now.of
        self._key = (scope.id, policy, now.version)
        self._answers, self._observe = answers, observe
        self._connection, self.tables = _opened(root / now.version / scope.id)
        beyond_gold = {extract.name for extract in extracts() if not extract.is_of_gold}
        self.absent = self.tables & beyond_gold if self.source != LAKEHOUSE else frozenset()

    def rows(self, query: str, **given: Any) -> list[Row]:
        """The answer to one of `queries()`, as rows by the names of their columns.

        What the query is cut by is chosen among what its file offers; every other value is bound. Ratios of
        the catalogue are there where both of their measures are. Raises UnknownQuery on another name or
        parameter, AccessError where it takes too long, or where what it reads is not there: it is not the
        scope's, or another version of mergehouse has written the files.
        """
        asked = queries().get(query)
        if asked is None:
            raise UnknownQuery(f"there is no query {query}; expected one of {', '.join(queries())}.")
        if given.keys() != asked.parameters | asked.choices.keys():
            expected = ", ".join(sorted(asked.parameters | asked.choices.keys()))
            raise UnknownQuery(
                f"{query}: expected {expected or 'no parameters'}, found {', '.join(sorted(given))}."
            )
        if asked.reads - self.tables:
            raise AccessError(f"{query}: its figures are not among those that were written for this scope.")
        if asked.reads & self.absent and (told := lacking.get()) is not None:
            told.add(query)
        key = (*self._key, query, repr(sorted(given.items())))
        if (known := self._answers.get(key)) is None:
            bound = {name: value for name, value in given.items() if name in asked.parameters}
            known = _with_ratios(self._fetch(asked.chosen(given), bound))
            self._answers.keep(key, known)
        else:
            self._observe(None)
        return [dict(row) for row in known]

    def one(self, query: str, **given: Any) -> Row | None:
        """The first row; None where there is none."""
        return next(iter(self.rows(query, **given)), None)

    def _fetch(self, sql: str, bound: dict[str, Any]) -> list[Row]:
        began = time.monotonic()
        if (left := min(SECONDS, deadline.get() - began)) <= 0:
            raise TooSlow("This takes too long: ask for less at a time.")
        cursor = self._connection.cursor()
        clock = threading.Timer(left, cursor.interrupt)
        clock.start()
        try:
            found = cursor.execute(sql, bound)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except duckdb.InterruptException:
            raise TooSlow("This takes too long: ask for less at a time.") from None
        except duckdb.ConversionException:  # its message holds the value
            raise UnknownQuery("A value is of another kind than the query expects.") from None
        except (duckdb.IOException, duckdb.PermissionException):  # their messages name files
            raise AccessError("The figures are not there any more: load the page again.") from None
        finally:
            clock.cancel()
            self._observe(time.monotonic() - began)


class _Answers:
    """The latest answers, by scope, policy, version and what was asked."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], list[Row]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> list[Row] | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: tuple[str, ...], rows: list[Row]) -> None:
        if len(rows) > LARGEST:
            return
        with self._lock:
            self._kept[key] = rows
            while len(self._kept) > ANSWERS:
                self._kept.popitem(last=False)


def _opened(folder: Path) -> tuple[duckdb.DuckDBPyConnection, frozenset[str]]:
    """A DuckDB that reads the files in a folder and nothing else, small ones in memory; and their tables."""
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise NothingYet("Nothing has been written for this scope yet; `mergehouse run` does.")
    paths = [file.resolve() for file in files]
    if any(
        path.parent != folder.resolve() or file.is_symlink() for path, file in zip(paths, files, strict=True)
    ):
        raise AccessError(f"{folder} holds links: delete it, and `mergehouse run` writes it anew.")
    connection = duckdb.connect()
    for setting in LOCKED:
        connection.execute(setting)
    tables: dict[str, list[str]] = {}
    for path in paths:  # of some tables there is one for each year
        tables.setdefault(".".join(path.stem.split(".")[:2]), []).append(text(str(path)))
    for name, parts in tables.items():
        layer, table = name.split(".")
        is_list = layer == "lookup" or name in ("gold.customer_brand_360", "gold.customer_360")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        connection.execute(
            f"CREATE {'VIEW' if is_list else 'TABLE'} {layer}.{quoted(table)} AS"
            f" FROM read_parquet([{', '.join(parts)}], hive_partitioning = false)"
        )
    connection.execute(f"SET allowed_paths = [{', '.join(text(str(path)) for path in paths)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection, frozenset(tables)


def _with_ratios(rows: list[Row]) -> list[Row]:
    """Each row with the catalogue's ratios of the measures that it has."""
    known = [kpi.model_dump() for kpi in catalogue()]
    measured = [kpi["name"] for kpi in known if rows and kpi["name"] in rows[0]]
    if not measured:
        return rows
    return [row | formula.ratios(known, _measures(row, measured)) for row in rows]


def _measures(row: Row, measured: list[str]) -> dict[str, formula.Value]:
    return {name: None if row[name] is None else Decimal(row[name]) for name in measured}


def _read(file: Path) -> Query:
    sql = file.read_text(encoding="utf-8")
    choices = {
        name: dict(choice.split(" = ", 1) for choice in offered.split("; "))
        for name, offered in re.findall(r"^-- choose ([a-z_]+): (.+)$", sql, re.MULTILINE)
    }
    lines = [line for line in sql.splitlines() if not line.startswith("--")]
    body = filled("\n".join(lines))
    reads = re.findall(r"\b(?:FROM|(?<!LEFT )JOIN) ([a-z]+\.[a-z0-9_]+)", body)
    return Query(file.stem, body, frozenset(re.findall(r"\$([a-z_]+)", body)), choices, frozenset(reads))
