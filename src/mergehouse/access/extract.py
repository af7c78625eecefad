"""Scope extracts: for each scope the files that hold what it may see, and nothing else.

Written after each publication, beside the lakehouse, in a folder of the data's version; readers keep the
version that they began with. Customers have a key of the scope's own there, so that two scopes' files say
nothing about each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import duckdb

from mergehouse.access.classes import MACROS
from mergehouse.access.cut import CUSTOMERS
from mergehouse.access.definitions import extracts, tables_read
from mergehouse.access.policy import Policy, Scope
from mergehouse.access.serving import alone, current_version, serving_folder, set_current, unwritable
from mergehouse.access.source import Source, digest, location, opened, view
from mergehouse.access.writing import Writer
from mergehouse.errors import AccessError
from mergehouse.kpi.targets import target_rows
from mergehouse.lakehouse.reader import limited
from mergehouse.progress import Progress, silent
from mergehouse.project.annotations import annotation_rows
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import Rows, mapping_tables

MAPPINGS = ("brands", "churn_days", "rfm_segments")  # of a run, that files are made with


class NothingPublished(AccessError):
    """There is nothing yet that extracts could be made of."""


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
        _expect_published(source)
        said = _said(project)
        version, before = _version(source, said), current_version(root)
        missing = [scope for scope in wanted.values() if not (root / version / scope.id).is_dir()]
        missing.sort(key=lambda scope: not scope.is_whole)  # what is counted for all serves brands
        try:
            if missing:
                with limited(project.config.limits) as connection:
                    mappings = _prepare(project, source, connection, said)
                    writer = Writer(project, connection, source.states, mappings)
                    for scope in missing:
                        progress(f"figures for {scope.label}")
                        writer.write(scope, root / version, root / before / scope.id if before else None)
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


def data_version(project: Project, source: Source) -> str:
    """Names what is published: the same for the same states of all tables that extracts are made of, and the
    same targets and annotations. Raises ConfigError where these cannot be used.

    >>> project = mh.project("shop")
    >>> with opened(project) as source:
    ...     len(data_version(project, source))
    12
    """
    _expect_published(source)
    return _version(source, _said(project))


def _expect_published(source: Source) -> None:
    if CUSTOMERS not in source.states:
        raise NothingPublished(
            f"nothing is published yet in this {source.label}; `mergehouse run` builds the tables."
        )


def _version(source: Source, said: dict[str, Rows]) -> str:
    definitions = MACROS + "".join(extract.sql for extract in extracts()) + json.dumps(said)
    return hashlib.sha256((digest(source, tables_read()) + definitions).encode()).hexdigest()[:12]


def _said(project: Project) -> dict[str, Rows]:
    """What people say beside the data, without a run."""
    return {"targets": target_rows(project), "annotations": annotation_rows(project)}


def _prepare(
    project: Project, source: Source, connection: duckdb.DuckDBPyConnection, said: dict[str, Rows]
) -> dict[str, Rows]:
    """What all scopes have in common: published tables under `published`, mappings, what people say, classes.
    Returns the mappings.
    """
    for schema in {"published", "mapping", *(name.split(".")[0] for name in tables_read())}:
        connection.execute(f"CREATE SCHEMA {schema}")
    connection.execute(MACROS)
    for name in sorted(tables_read()):
        view(connection, source, name)
    known = mapping_tables(project)
    mappings = {name: known[name] for name in MAPPINGS} | said
    for name, (columns, rows) in mappings.items():
        connection.execute(f"CREATE TABLE mapping.{name} ({', '.join(f'{c} VARCHAR' for c in columns)})")
        if rows:
            cells = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO mapping.{name} VALUES ({cells})", rows)
    return mappings
