"""Whose the commits of a table's log are, and what they say of themselves."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mergehouse import __version__
from mergehouse.lakehouse.files import DELIVERED, FINGERPRINT, Stamp

if TYPE_CHECKING:
    from deltalake import DeltaTable

WRITER = "mergehouse.writer"  # in every commit of ours that has no stamp: the version of mergehouse
OURS = {WRITER: __version__}
CARE = ("OPTIMIZE", "VACUUM START", "VACUUM END")  # operations that change no row
DESCRIPTION = (  # these neither, nor any column: comments, properties, layout, statistics
    "SET TBLPROPERTIES",
    "UNSET TBLPROPERTIES",
    "CHANGE COLUMN",
    "CHANGE COLUMNS",
    "UPDATE FIELD METADATA",
    "UPDATE TABLE METADATA",
    "ADD CONSTRAINT",
    "DROP CONSTRAINT",
    "ADD FEATURE",
    "UPGRADE PROTOCOL",
    "CLUSTER BY",
    "COMPUTE STATS",
)
FEW = 20  # commits read at a time, after the last one: each is a file of its own


@dataclass(frozen=True)
class Commit:
    """One commit as its log tells it. `said` is what mergehouse wrote into it, empty where it did not."""

    version: int
    operation: str
    when: dt.datetime
    said: Mapping[str, str]

    @property
    def is_ours(self) -> bool:
        return bool(self.said)

    @property
    def changes_rows(self) -> bool:
        return self.operation not in (*CARE, *DESCRIPTION)

    @property
    def stamp(self) -> Stamp | None:
        """What the version was built from, where that is known."""
        if FINGERPRINT not in self.said:
            return None
        return Stamp(self.said[FINGERPRINT], self.said.get(DELIVERED, ""))

    def __str__(self) -> str:
        return f"version {self.version} ({self.operation}, {self.when:%Y-%m-%d %H:%M} UTC)"


def commits(delta: DeltaTable) -> Iterator[Commit]:
    """The commits of a table, newest first; read as they are asked for.

    >>> [(commit.version, commit.is_ours) for commit in commits(mh.open("shop").delta("gold.dim_brand"))]
    [(0, True)]
    """
    read = 0
    for look_back in (1, FEW, None):
        found = delta.history(look_back)
        yield from map(_commit, found[read:])
        read = max(read, len(found))


@dataclass(frozen=True)
class Standing:
    """The commits that decide whose a table's rows are: the `last` in its log, the last that changed `rows`,
    our last one, and the first after it by which somebody else changed rows. None where there is none.
    """

    last: Commit | None
    rows: Commit | None
    ours: Commit | None
    foreign: Commit | None


def standing(delta: DeltaTable) -> Standing:
    """Reads no further back than to our last commit.

    >>> found = standing(mh.open("shop").delta("gold.dim_brand"))
    >>> found.ours is found.last, found.foreign
    (True, None)
    """
    last = rows = foreign = None
    for commit in commits(delta):
        last = last or commit
        rows = rows or (commit if commit.changes_rows else None)
        if commit.is_ours:
            return Standing(last, rows, commit, foreign)
        foreign = commit if commit.changes_rows else foreign
    return Standing(last, rows, None, foreign)


def metadata(stamp: Stamp) -> dict[str, str]:
    """The stamp as delta-rs takes it, and as Spark shows it in a table's history.

    >>> metadata(Stamp("made of", "2026-03-06"))["mergehouse.fingerprint"]
    'made of'
    """
    return {FINGERPRINT: stamp.fingerprint, DELIVERED: stamp.delivered, "userMetadata": stamp.as_json()}


def _commit(entry: Mapping[str, Any]) -> Commit:
    """Delta-rs shows what it was given beside its own entries, Spark in one text."""
    user = entry.get("userMetadata") or ""
    told = json.loads(user) if user.startswith('{"mergehouse.') else {}
    said = {key: str(value) for key, value in {**told, **entry}.items() if key.startswith("mergehouse.")}
    when = dt.datetime.fromtimestamp(int(entry.get("timestamp") or 0) / 1000, dt.UTC)
    return Commit(int(entry.get("version", 0)), str(entry.get("operation", "unknown")), when, said)
