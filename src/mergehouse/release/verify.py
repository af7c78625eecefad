"""Verifies a release that was carried: seal, files, hashes, schemas, counts, bounds, keys and KPIs against
its manifest.

Needs the package and the carried folder, nothing else of the project.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from mergehouse import display
from mergehouse.errors import MergehouseError
from mergehouse.kpi.catalogue import compute_over
from mergehouse.lakehouse.reader import database
from mergehouse.lakehouse.repeats import distinct_keys
from mergehouse.progress import Progress, silent
from mergehouse.release.manifest.duckdb_statistics import (
    columns_of,
    facts,
    file_rows,
    open_table,
    partition_rows,
    relation,
)
from mergehouse.release.manifest.manifest import Manifest, ManifestError, parse_manifest
from mergehouse.release.manifest.seal import (
    RELEASES,
    Fault,
    check_files,
    pointed_at,
    read_digest,
    read_sealed,
)
from mergehouse.release.manifest.statistics import (
    check_facts,
    check_keys,
    check_kpis,
    check_partitions,
    check_schema,
)
from mergehouse.release.manifest.version import Version
from mergehouse.release.store import Shelf
from mergehouse.storage import is_url


@dataclass(frozen=True, repr=False)
class Verification(display.Displayed):
    """What was found. `manifest` is None where it could not be read.

    >>> found = mh.verify("release", "9.9.9")
    >>> found
    Release 9.9.9 in release: broken, 1 fault
      fault    where                  what is wrong
      missing  gold/_releases/v9.9.9  this version is not here.
    """

    root: str
    version: str | None
    manifest: Manifest | None
    manifest_sha256: str
    faults: list[Fault] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True where nothing is wrong.

        >>> mh.verify("release").passed, mh.verify("release", digest="0" * 64).passed
        (True, False)
        """
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        """The same as plain values.

        >>> found = mh.verify("release").as_json()
        >>> found["version"], found["passed"], found["faults"]
        ('1.0.0', True, [])
        """
        tables = self.manifest.tables if self.manifest else []
        return {
            "root": self.root,
            "version": self.version,
            "passed": self.passed,
            "manifest_sha256": self.manifest_sha256,
            "tables": len(tables),
            "files": sum(len(table.files) for table in tables),
            "rows": sum(table.rows for table in tables),
            "bytes": sum(file.bytes for table in tables for file in table.files),
            "faults": self.faults,
        }

    def _shown(self) -> display.Shown:
        name = f"Release {self.version}" if self.version else "Release"
        count = f"{len(self.faults)} {'fault' if len(self.faults) == 1 else 'faults'}"
        totals = self.as_json()
        facts = {
            "holds": f"{totals['tables']} tables, {totals['files']} files, {totals['rows']:,} rows"
            if self.manifest
            else "",
            "manifest": self.manifest_sha256,
        }
        rows = [[fault.what, fault.where, fault.message] for fault in self.faults]
        title = f"{name} in {self.root}: {'sound' if self.passed else f'broken, {count}'}"
        return title, facts, ["fault", "where", "what is wrong"], rows, 0


def verify(
    root: str, version: str | None = None, expected: str | None = None, progress: Progress = silent
) -> Verification:
    """Verifies the release that the pointer below `root` names, or `version`. `root` is a path or a URL of an
    object store.

    `expected`: the SHA-256 that the manifest has by word of somebody else, such as who approved the release.
    Raises MergehouseError where there is nothing at `root` that could be a release, and on a digest that is
    none.

    >>> verify("release").passed
    True
    """
    expected = expected_digest(expected)
    with carried(root, version, progress) as folder:
        return verify_folder(folder, root, version, expected, progress)


def expected_digest(given: str | None) -> str | None:
    """As it is written in a manifest's seal. Raises MergehouseError on what cannot be one.

    >>> expected_digest("no digest")
    Traceback (most recent call last):
    mergehouse.errors.MergehouseError: digest 'no digest': expected the 64 hexadecimal digits of ...
    """
    try:
        return None if given is None else read_digest(given)
    except ValueError as error:
        raise MergehouseError(str(error)) from None


@contextmanager
def carried(root: str, version: str | None, progress: Progress) -> Iterator[Path]:
    """The folder of this machine that has the files: `root` itself, or for the time being copies of what is
    in the object store.

    >>> with carried("release", None, print) as folder:
    ...     folder
    PosixPath('release')
    """
    if not is_url(root):
        place = Path(root)
        if not (place / RELEASES).is_dir() and not any(place.glob("gold/*/*/v*")):
            hint = next((str(found.parent.parent) for found in sorted(place.glob(f"*/{RELEASES}"))), "")
            meant = f"Did you mean {hint}?" if hint else "Name the folder above `gold`."
            raise MergehouseError(f"{root}: there is no release; expected {RELEASES}/ below it. {meant}")
        yield Path(root)
        return
    shelf = Shelf(root)
    wanted = Version.parse(version) if version else shelf.current() or next(iter(shelf.versions()[-1:]), None)
    if wanted is None:
        raise MergehouseError(f"{root}: there is no release; expected {RELEASES}/ below it.")
    with tempfile.TemporaryDirectory(prefix="mergehouse-verify-") as folder:
        progress("copying from the store")
        shelf.fetch(wanted, Path(folder))
        yield Path(folder)


def verify_folder(
    folder: Path, root: str, version: str | None, expected: str | None, progress: Progress
) -> Verification:
    """Stage by stage: what a later one relies on was found sound by those before, but for tables with a
    broken file, which are left out.

    >>> verify_folder(Path("release"), "release", "1.0.0", None, lambda what: None).passed
    True
    """
    if version is not None:
        version = str(Version.parse(version))
        if not (folder / RELEASES / f"v{version}").is_dir():
            missing = Fault("missing", f"{RELEASES}/v{version}", "this version is not here.")
            return Verification(root, version, None, "", [missing])
        faults: list[Fault] = []
    else:
        version, pointed, faults = pointed_at(folder)
        expected = pointed if expected is None else expected
    if version is None:
        return Verification(root, None, None, "", faults)
    content, digest, broken = read_sealed(folder, version, expected)
    faults += broken
    if not content:
        return Verification(root, version, None, digest, faults)
    try:
        manifest = parse_manifest(content, root)
    except ManifestError as error:
        return Verification(
            root, version, None, digest, [*faults, Fault("manifest", f"{RELEASES}/v{version}", str(error))]
        )
    if manifest.version != version:
        message = f"the manifest in v{version} is of version {manifest.version}."
        faults.append(Fault("manifest", f"{RELEASES}/v{version}", message))
        return Verification(root, version, manifest, digest, faults)
    plain = manifest.model_dump(mode="json")
    progress("hashes")
    faults += (damaged := check_files(folder, plain))
    faults += _contents(folder, plain, {fault.where for fault in damaged}, progress)
    return Verification(root, version, manifest, digest, faults)


def _contents(folder: Path, manifest: dict[str, Any], damaged: set[str], progress: Progress) -> list[Fault]:
    """Schemas and figures of the tables whose files are sound; KPIs where all tables are."""
    connection, faults, opened = database(), [], []
    for table in manifest["tables"]:
        progress(table["name"])
        if damaged.intersection(file["path"] for file in table["files"]):
            continue
        found = _schemas(connection, folder, table)
        if not found:
            open_table(connection, table["name"], [str(folder / file["path"]) for file in table["files"]])
            opened.append(table["name"])
            found = _figures(connection, table)
        faults += found
    measured = {kpi["table"] for kpi in manifest["kpis"] if kpi["table"] and any(kpi["values"].values())}
    if measured.issubset(opened):
        progress("KPIs")
        faults += check_kpis(manifest, compute_over(connection, opened, manifest["kpis"]))
    return faults


def _schemas(connection: duckdb.DuckDBPyConnection, folder: Path, table: dict[str, Any]) -> list[Fault]:
    faults = []
    for file in table["files"]:
        path = str(folder / file["path"])
        try:
            faults += check_schema(table, file["path"], columns_of(connection, path))
            if (found := file_rows(connection, path)) != file["rows"]:
                faults.append(Fault("rows", file["path"], f"{found:,} rows instead of {file['rows']:,}."))
        except duckdb.Error as error:
            faults.append(
                Fault(
                    "unreadable",
                    file["path"],
                    f"it is no Parquet file that can be read ({str(error).splitlines()[0]}).",
                )
            )
    return faults


def _figures(connection: duckdb.DuckDBPyConnection, table: dict[str, Any]) -> list[Fault]:
    try:
        row = facts(connection, table)
        distinct = distinct_keys(connection, relation(table["name"]), table["key"])
        faults = check_facts(table, row) + check_partitions(table, partition_rows(connection, table))
        return faults + check_keys(table, row["row_count"], distinct)
    except duckdb.Error as error:
        return [
            Fault("unreadable", table["name"], f"its rows cannot be read ({str(error).splitlines()[0]}).")
        ]
