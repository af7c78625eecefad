"""The second wall: what SQL could do on a scope's connection, if it ever got there.

It is tried by a process without rights, as `mergehouse serve` is one: the modes of files hold root back from
nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import MagicMock

import duckdb
import pytest
from tests.security.merged import SHOP, Merged, shown

from mergehouse.access.gateway import UnknownQuery, queries

CHILD = """
    import json, os, sys, threading
    from pathlib import Path
    import polars
    from mergehouse.access.gateway import _opened
    given, told = json.load(sys.stdin), []
    some_rows = polars.DataFrame({"a": [1]})
    # once before, since this user may not be able to read Python's own files
    _opened(Path(given["mine"]))[0].execute("SELECT TIMESTAMPTZ '2026-01-01', 1.5").fetchall()
    if os.geteuid() == 0:
        os.setgroups([]), os.setgid(65534), os.setuid(65534)
    os.chdir(given["elsewhere"])
    connection, _ = _opened(Path(given["mine"]))
    for sql in given["statements"]:
        cursor = connection.cursor()
        clock = threading.Timer(0.4, cursor.interrupt)
        clock.start()
        try:
            told.append(repr(cursor.execute(sql).fetchall())[:3000])
        except Exception as error:
            told.append(f"{type(error).__name__}: {error}")
        finally:
            clock.cancel()
    print(json.dumps(told))
"""
REFUSED = {  # by its number in the list of attacks
    "51 a path": "FROM read_parquet('{other}/gold.sales_daily.parquet')",
    "51 a list": "FROM read_parquet(['{mine}/gold.dim_brand.parquet', '{other}/gold.dim_brand.parquet'])",
    "51 dots": "FROM read_parquet('{mine}/../{other_name}/gold.sales_daily.parquet')",
    "51 relative": "FROM read_parquet('../{other_name}/gold.sales_daily.parquet')",
    "51 a url of a file": "FROM read_parquet('file://{other}/gold.sales_daily.parquet')",
    "51 slashes": "FROM read_parquet('/{other}/gold.sales_daily.parquet')",
    "51 the root of a process": "FROM read_parquet('/proc/self/root{other}/gold.sales_daily.parquet')",
    "51 a glob": "FROM read_parquet('{mine}/../*/gold.sales_daily.parquet')",
    "51 braces": "FROM read_parquet('{mine}/{{gold.sales_daily,x}}.parquet')",
    "51 a link": "FROM read_parquet('{elsewhere}/link.parquet')",
    "51 passwords": "FROM read_text('/etc/passwd')",
    "51 an environment": "FROM read_blob('/proc/self/environ')",
    "51 sniffing": "FROM sniff_csv('/etc/passwd')",
    "51 a list of files": "FROM glob('{other}/*')",
    "51 a bare name": "FROM '{other}/gold.sales_daily.parquet'",
    "54 writing anew": "COPY (SELECT 1) TO '{elsewhere}/new.parquet'",
    "54 writing over": "COPY (SELECT 1) TO '{mine}/gold.sales_daily.parquet'",
    "54 writing over at once": "COPY (SELECT 1) TO '{mine}/gold.sales_daily.parquet' (use_tmp_file false)",
    "54 exporting": "EXPORT DATABASE '{elsewhere}/all'",
    "55 what is spilt": "COPY (SELECT 1) TO '.tmp/x.parquet'",
    "55 what is spilt, read": "FROM read_text('.tmp/*')",
    "56 attaching": "ATTACH '{elsewhere}/new.db'",
    "56 attaching a file": "ATTACH '{mine}/gold.sales_daily.parquet' AS x (TYPE duckdb, READ_WRITE)",
    "57 metadata of others": "FROM parquet_metadata('{other}/gold.sales_daily.parquet')",
    "58 installing": "INSTALL httpfs",
    "58 loading": "LOAD httpfs",
    "58 loading a file": "LOAD '{mine}/gold.sales_daily.parquet'",
    "58 a secret": "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "58 the web": "FROM 'https://evil.example/a.parquet'",
    "58 a store": "FROM read_parquet('s3://evil/a.parquet')",
    "58 a type of an extension": "SELECT '127.0.0.1'::INET",
    "58 a function of an extension": "FROM delta_scan('{other}')",
    "59 a setting": "SET enable_external_access = true",
    "59 paths": "SET allowed_paths = ['/etc/passwd']",
    "59 directories": "SET allowed_directories = ['/']",
    "59 a reset": "RESET lock_configuration",
    "59 a pragma": "PRAGMA enable_profiling",
    "59 a log": "SET profiling_output = '{elsewhere}/log'",
    "59 memory": "SET memory_limit = '100GB'",
    "59 spilling": "SET temp_directory = '{elsewhere}'",
    "60 a variable": "FROM some_rows",
    "60 a table by its name": "FROM query_table('some_rows')",
    "60 a query in a query": "FROM query('FROM read_text(''/etc/passwd'')')",
    "60 the environment": "SELECT getenv('HOME')",
    "64 a long join": "SELECT COUNT(*) FROM range(900000) a, range(900000) b WHERE a.range % 7 < b.range",
    "64 a long recursion": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) FROM r",
    "64 a large sort": "SELECT random() AS x, repeat('y', 900) AS y FROM range(20000000) ORDER BY x, y",
}


@dataclass(frozen=True)
class Tried:
    """What the process without rights was told, and the folders that it worked on."""

    told: dict[str, str]
    mine: Path
    other: Path
    elsewhere: Path
    before: dict[str, bytes]


@pytest.fixture(scope="module")
def tried(merged: Merged) -> Iterator[Tried]:
    """Under a folder that everybody may pass through, which those of tests are not."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o755)
        folders = {}
        for name, role in (("mine", SHOP), ("other", "executive")):
            folders[name] = Path(shutil.copytree(merged.folder_of(role), root / name))
            folders[name].chmod(0o555)
        folders["elsewhere"] = root / "elsewhere"
        folders["elsewhere"].mkdir()
        (folders["elsewhere"] / ".tmp").mkdir()
        for open_to_all in (folders["elsewhere"], folders["elsewhere"] / ".tmp"):
            open_to_all.chmod(0o777)
        (folders["elsewhere"] / "link.parquet").symlink_to(folders["other"] / "gold.sales_daily.parquet")
        before = {str(f): f.read_bytes() for name in ("mine", "other") for f in folders[name].iterdir()}
        statements = {
            name: sql.format(**folders, other_name="other") for name, sql in (REFUSED | ALLOWED).items()
        }
        told = ask(statements, folders)
        yield Tried(told, folders["mine"], folders["other"], folders["elsewhere"], before)
        for name in ("mine", "other"):
            folders[name].chmod(0o755)


REASONS = {"Permission", "IO", "InvalidInput", "Catalog", "Interrupt", "OutOfMemory"}  # not that it is no SQL
ALLOWED = {
    "its own rows": "SELECT COUNT(*) FROM gold.sales_daily",
    "its own file": "SELECT DISTINCT source_system FROM read_parquet('{mine}/gold.sales_daily.parquet')",
    "57 bytes of its own file": "SELECT content FROM read_blob('{mine}/gold.customer_brand_360.parquet')",
    "57 its own columns": "FROM parquet_schema('{mine}/gold.customer_brand_360.parquet')",
}


def ask(statements: dict[str, str], folders: dict[str, Path]) -> dict[str, str]:
    given = {"statements": list(statements.values()), **{name: str(path) for name, path in folders.items()}}
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return dict(zip(statements, json.loads(answer.stdout), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_sql_cannot(tried: Tried, name: str) -> None:
    told = tried.told[name]
    assert told.split("Exception:")[0] in REASONS, told
    assert "root:" not in told and "SECRET" not in told


def test_nothing_was_written(tried: Tried) -> None:
    now = {str(file): file.read_bytes() for folder in (tried.mine, tried.other) for file in folder.iterdir()}
    assert now == tried.before
    assert {file.name for file in tried.elsewhere.rglob("*")} == {"link.parquet", ".tmp"}


def test_what_is_its_own_can_be_read(tried: Tried) -> None:
    """So that what was refused was refused for a reason; and nothing that is masked is in there."""
    assert tried.told["its own file"] == "[('shop',)]" and tried.told["its own rows"] != "[(0,)]"
    assert "zebra" not in tried.told["57 bytes of its own file"]
    assert "customer_id" in tried.told["57 its own columns"]
    assert "cross_brand" not in tried.told["57 its own columns"]


def test_a_question_is_one_select_of_named_ones(merged: Merged) -> None:
    """SQL gets there by no argument: what changes something is no question, and names are not SQL."""
    reader = merged.reader(SHOP)
    for name in ("SELECT 1", "gold.sales_daily", "../extracts/lookup.numbers", "brands; DROP TABLE x", ""):
        with pytest.raises(UnknownQuery):
            reader.rows(name)
    for query in queries().values():
        chosen = {name: next(iter(offered)) for name, offered in query.choices.items()}
        (statement,) = duckdb.extract_statements(query.chosen(chosen))
        assert statement.type == duckdb.StatementType.SELECT
        words = set(query.sql.upper().split())
        assert not words & {"DELETE", "INSERT", "UPDATE", "COPY", "ATTACH", "CREATE", "CALL", "RETURNING"}, (
            query.name
        )


def test_errors_of_the_engine_are_told_to_nobody(merged: Merged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words name files and values; a page has words of its own."""
    told = "Cannot open /serving/secret.parquet: Could not convert string 'cust2@x.org'"
    person, scope = merged.asks(SHOP), merged.policy.scope([SHOP])
    reader = merged.app.state.suite.access().gateway.reader(scope)
    for error in (
        duckdb.IOException, duckdb.PermissionException, duckdb.ConversionException, duckdb.BinderException,
        duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.InternalException,
    ):  # fmt: skip
        broken = MagicMock()
        broken.cursor().execute.side_effect = error(told)
        with monkeypatch.context() as patch:
            patch.setattr(reader, "_connection", broken)
            for address in (
                "/kpis/gmv?period=all",
                "/customers/list?q=nn",
                "/api/v1/categories?until=2019-01-01",
            ):
                answer = person.get(address)
                assert answer.status_code in (422, 500, 503), (error, address)
                assert not shown("serving|cust2|duckdb", answer)
