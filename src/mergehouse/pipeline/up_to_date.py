"""What is up to date, told without the graph of models: a run that finds every table as it should be notes
what that depended on, and where the next one finds the same, there is nothing to build.

Whatever decides in `pipeline/planning.py` what is built is of one of these: the code and what it runs on, the
project, mappings, rates, deliveries, and what tables are published as. Where a note is missing or differs,
the graph tells: that costs time and nothing else.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mergehouse
from mergehouse.contracts import registry
from mergehouse.contracts.parts import is_off
from mergehouse.ingest.bronze import IngestResult
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline import computed
from mergehouse.pipeline.sound_folders import Folders
from mergehouse.progress import silent
from mergehouse.project.config import Project
from mergehouse.project.ecb_rates import Edition, edition
from mergehouse.quality.missing_rates import missing_rates
from mergehouse.storage import storage_errors

KEPT = "monitor/up_to_date.json"
LAYERS = ("silver", "gold")
LIBRARIES = ("duckdb", "sqlglot")  # which models are read with


def decided_by(folders: Folders) -> str:
    """A digest of the code, what it runs on, the project, mappings and brands' files, taken before a run
    builds with any of them: what is edited while it is at work is left to the next one.
    """
    parts = (
        sys.version,
        *map(_files, (Path(mergehouse.__file__).parent, registry.MODELS)),
        *map(_installed, LIBRARIES),
        folders.project.model_dump_json(),
        sorted(folders.texts.items()),
        sorted(folders.mappings.items()),
    )
    return _digest(parts)


def known_up_to_date(
    decided: str, project: Project, lakehouse: Lakehouse, ingest: IngestResult, now: dt.datetime
) -> list[str]:
    """The tables that are, in the order of the graph; none where it has to be asked. `decided` is by what."""
    if ingest.new or not _is_sound(project, lakehouse, ingest):
        return []
    kept = _kept(lakehouse)
    tables, made = kept.get("tables", []), kept.get("computed", [])
    rates = edition(project)
    if not tables or kept["depends_on"] != _depends_on(
        decided, rates, project, lakehouse, ingest, now, tables, made
    ):
        return []
    return tables if all(check.passed for check in missing_rates(lakehouse, project)) else []


def keep_up_to_date(
    decided: str,
    rates: Edition,
    project: Project,
    lakehouse: Lakehouse,
    ingest: IngestResult,
    now: dt.datetime,
    tables: list[str],
) -> None:
    """Notes that these `tables` are all that there is to build, and up to date, with these `rates`."""
    if not _is_sound(project, lakehouse, ingest):
        return
    made = [c.table for layer in LAYERS for c in registry.contracts(layer) if c.computed_by]
    depends_on = _depends_on(decided, rates, project, lakehouse, ingest, now, tables, made)
    note = {"depends_on": depends_on, "tables": tables, "computed": made}
    with storage_errors(lakehouse.location):
        lakehouse.store.put(KEPT, json.dumps(note).encode())


def _is_sound(project: Project, lakehouse: Lakehouse, ingest: IngestResult) -> bool:
    """False where a run says more than that tables are up to date."""
    is_faulty = any(brand.fault for brand in project.brands.values())
    return not (is_faulty or ingest.failures or lakehouse.untrusted)


def _kept(lakehouse: Lakehouse) -> dict[str, Any]:
    try:
        note = json.loads(lakehouse.content(KEPT) or b"")
    except ValueError:
        return {}
    if not isinstance(note, dict) or note.keys() != {"depends_on", "tables", "computed"}:
        return {}
    names = [note["tables"], note["computed"]]
    are_names = all(isinstance(each, list) and all(isinstance(n, str) for n in each) for each in names)
    return note if are_names and all(map(registry.find, note["computed"])) else {}


def _depends_on(
    decided: str,
    rates: Edition,
    project: Project,
    lakehouse: Lakehouse,
    ingest: IngestResult,
    now: dt.datetime,
    tables: Sequence[str],
    made: Iterable[str],
) -> str:
    """A digest of all that decides what is built. `made` are the tables that Python computes."""
    request = computed.Request(project, Lakehouse(project.lakehouse_location, newest=True), silent, now)
    batches = sorted(ingest.batches, key=lambda b: (b.ingest_ts, b.source_system, b.source_table))
    parts = (
        decided,
        rates.digest,
        [tuple(vars(batch).values()) for batch in batches],
        [_of_computed(name, request) for name in made],
        [(name, lakehouse.stamp(name)) for name in tables],
    )
    return _digest(parts)


def _digest(parts: Iterable[object]) -> str:
    return hashlib.sha256("\0".join(map(repr, parts)).encode()).hexdigest()


def _of_computed(table: str, request: computed.Request) -> tuple[str, bool, str]:
    contract = registry.contract_of(table)
    if is_off(contract, request.project) or computed.is_left_out(contract, request.project):
        return table, True, ""
    return table, False, computed.version(contract, request)


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """The files of a folder, each with its size and the moment of its last change."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = (name for name in folders if name != "__pycache__")
        for name in names:
            file = os.stat(os.path.join(place, name))  # noqa: PTH116, PTH118 (a thousand of them)
            found.append((f"{place}/{name}", file.st_size, file.st_mtime_ns))
    return sorted(found)


def _installed(library: str) -> tuple[str, int]:
    """Where a library is, and since when, without importing it."""
    found = find_spec(library)
    file = Path(found.origin) if found and found.origin else Path()
    return str(file), file.stat().st_mtime_ns
