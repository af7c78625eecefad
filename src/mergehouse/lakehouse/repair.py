"""Puts right a table's log: moved out of the way, written anew, or without the files that are gone."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import duckdb_type
from mergehouse.lakehouse.commits import OURS
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp
from mergehouse.lakehouse.integrity import Fault, rows_in_files
from mergehouse.lakehouse.reader import quoted, read_files, shared
from mergehouse.lakehouse.staging import exchange
from mergehouse.lakehouse.writing import append, create_table
from mergehouse.storage import delta_options, fetch, storage_errors

ASIDE = ".damaged"  # the folder of the lakehouse that keeps logs which cannot be read


def set_aside(lakehouse: Lakehouse, name: str) -> None:
    """Moves a table's log out of the way, so that the table can be written anew. Its data files stay until
    the next `maintain`.

    >>> import duckdb
    >>> lakehouse = Lakehouse("new")
    >>> append(lakehouse, "gold.notes", duckdb.sql("SELECT 'kept' AS note"))
    >>> set_aside(lakehouse, "gold.notes")
    >>> lakehouse.exists("gold.notes"), (lakehouse.root / ".damaged").is_dir()
    (False, True)
    """
    log, place = f"{name.replace('.', '/')}/_delta_log", f"{ASIDE}/{name}-{uuid.uuid4().hex[:8]}"
    with storage_errors(lakehouse.location, name):
        if lakehouse.is_remote:
            for file in lakehouse.store.list(f"{log}/").collect():
                lakehouse.store.rename(file["path"], f"{place}/{file['path'].rsplit('/', 1)[-1]}")
        elif (lakehouse.root / log).exists():
            (lakehouse.root / ASIDE).mkdir(exist_ok=True)
            shutil.move(lakehouse.root / log, lakehouse.root / place)
    lakehouse.forget(name)


def write_anew(lakehouse: Lakehouse, name: str, rows: Any, batches: Sequence[str] = ()) -> None:
    """Makes rows, an Arrow stream, the first version of a table whose log is out of the way. `batches` are
    those that it holds from then on.

    >>> import duckdb
    >>> lakehouse = Lakehouse("new")
    >>> from mergehouse.lakehouse.writing import held_batches
    >>> write_anew(lakehouse, "bronze.notes", duckdb.sql("SELECT 'kept' AS note"), ["b1"])
    >>> lakehouse.rows("bronze.notes"), held_batches(lakehouse, "bronze.notes", ["b1"])
    (1, {'b1'})
    """
    from deltalake import CommitProperties, Transaction, write_deltalake

    held = [Transaction(batch, 1) for batch in batches]
    with storage_errors(lakehouse.location, name):
        write_deltalake(
            lakehouse.address(name),
            rows,
            mode="overwrite",
            schema_mode="overwrite",
            storage_options=delta_options(lakehouse.location),
            commit_properties=CommitProperties(custom_metadata=OURS, app_transactions=held),
        )
    lakehouse.forget(name)


def without_lost_files(lakehouse: Lakehouse, contract: Contract, fault: Fault) -> None:
    """A new version of a table without the files that are lost or not as they were.

    >>> from pathlib import Path
    >>> from mergehouse.contracts.registry import contract_of
    >>> from mergehouse.lakehouse.writing import append_rows
    >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
    >>> append_rows(lakehouse, contract, [["a", "A", "EUR", "UTC", None, None, None]])
    >>> append_rows(lakehouse, contract, [["b", "B", "EUR", "UTC", None, None, None]])
    >>> from mergehouse.lakehouse.staging import files_in
    >>> [file] = files_in(lakehouse, "gold.dim_brand", [{"source_system": "a"}])
    >>> lost = frozenset([Path(file).relative_to("new/gold/dim_brand").as_posix()])
    >>> without_lost_files(lakehouse, contract, Fault("gold.dim_brand", "files", "it is gone", lost=lost))
    >>> lakehouse.query("SELECT label FROM gold.dim_brand").fetchall()
    [('B',)]
    """
    lost = frozenset(str(lakehouse.path(contract.table) / path) for path in fault.lost)
    exchange(lakehouse, contract, (), Stamp(""), lost)


def kept_rows(lakehouse: Lakehouse, contract: Contract) -> int:
    """Writes anew, from the data files that its log still names, or where it does not name all, from those
    that it does not say are out of use, a table whose log cannot be read. Returns the number of its rows.

    >>> from pathlib import Path
    >>> from mergehouse.contracts.registry import contract_of
    >>> from mergehouse.lakehouse.writing import append_rows
    >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
    >>> append_rows(lakehouse, contract, [["a", "A", "EUR", "UTC", None, None, None]])
    >>> append_rows(lakehouse, contract, [["b", "B", "EUR", "UTC", None, None, None]])
    >>> _ = Path("new/gold/dim_brand/_delta_log/00000000000000000001.json").write_text("torn")
    >>> kept_rows(lakehouse, contract)  # of the second commit nothing is known any more
    1
    """
    name = contract.table
    files = readable_files(lakehouse, name, *_said_of_files(lakehouse, name))
    set_aside(lakehouse, name)
    create_table(lakehouse, contract)
    if not files:
        return 0
    columns = ", ".join(
        f"CAST({quoted(column)} AS {duckdb_type(kind)}) AS {quoted(column)}"
        for column, kind in contract.types.items()
    )
    hive = {column: duckdb_type(contract.types[column]) for column in contract.partition_by}
    rows = shared().sql(f"SELECT DISTINCT {columns} FROM {read_files(files, hive)}")
    append(lakehouse, name, rows)
    return lakehouse.rows(name)


def readable_files(
    lakehouse: Lakehouse,
    name: str,
    paths: frozenset[str] = frozenset(),
    without: frozenset[str] = frozenset(),
) -> list[str]:
    """The Parquet files in a table's folder that can be read, of all or of these paths in it, `without` some;
    on this machine.

    >>> [file.endswith(".parquet") for file in readable_files(mh.open("shop"), "gold.dim_brand")]
    [True]
    """
    prefix = f"{name.replace('.', '/')}/"
    if lakehouse.is_remote:
        with storage_errors(lakehouse.location, name):
            listed = [file["path"] for file in lakehouse.store.list(prefix).collect()]
        there = [path.removeprefix(prefix) for path in listed if path.endswith(".parquet")]
    else:
        root = lakehouse.path(name)
        there = [file.relative_to(root).as_posix() for file in root.rglob("*.parquet")]
    data = [path for path in sorted(there) if "_delta_log/" not in path and path not in without]
    wanted = [path for path in data if not paths or path in paths]
    files = fetch(f"{lakehouse.address(name)}/{path}" for path in wanted)
    return [file for file, rows in rows_in_files(files).items() if rows]


def _said_of_files(lakehouse: Lakehouse, name: str) -> tuple[frozenset[str], frozenset[str]]:
    """The paths of the files that those commits leave in the table which can still be read, none where the
    first ones have gone, and of those that they leave out of use.
    """
    log = f"{name.replace('.', '/')}/_delta_log/"
    found: dict[str, bool] = {}
    with storage_errors(lakehouse.location, name):
        commits = sorted(file["path"] for file in lakehouse.store.list(log).collect())
        commits = [path for path in commits if path.endswith(".json")]
        is_whole = bool(commits) and int(commits[0].rsplit("/", 1)[-1].removesuffix(".json")) == 0
        for commit in commits:
            content = bytes(lakehouse.store.get(commit).bytes())
            for line in content.decode("utf-8", "replace").splitlines():
                found |= _said_in(line)
    there, gone = (frozenset(unquote(p) for p, is_there in found.items() if is_there == s) for s in (1, 0))
    return there if is_whole else frozenset(), gone


def _said_in(line: str) -> dict[str, bool]:
    try:
        action = json.loads(line)
        return {action[kind]["path"]: kind == "add" for kind in ("remove", "add") if kind in action}
    except (ValueError, TypeError, KeyError):
        return {}
