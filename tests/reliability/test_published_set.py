"""Readers see one published set: never tables of two runs, whoever publishes, dies or waits meanwhile."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from deltalake import write_deltalake
from tests.conftest import SHOP_BRAND, Shop

import mergehouse as mh
from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.lakehouse import lock
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
from mergehouse.lakehouse.published import FILE, publish, published_versions, republishing
from mergehouse.lakehouse.upkeep import compact, vacuum
from mergehouse.lakehouse.writing import append
from mergehouse.operations.maintenance import maintain
from mergehouse.pipeline.run import check, run
from mergehouse.release.export.export import release

pytestmark = pytest.mark.slow("several runs, some of them killed")

TABLES = ("gold.debits", "gold.credits")
BOTH = "SELECT (SELECT max(n) FROM gold.debits), (SELECT max(n) FROM gold.credits)"
GMV = "SELECT (SELECT sum(gmv_eur) FROM gold.sales_daily), (SELECT sum(amount_eur) FROM silver.sales_clean)"


def add(lakehouse: Lakehouse, n: int, *tables: str) -> None:
    for table in tables or TABLES:
        append(lakehouse, table, duckdb.sql(f"SELECT {n} AS n"))


def books(folder: Path, *numbers: int) -> Lakehouse:
    """A lakehouse whose two tables belong together, published after each number."""
    lakehouse = Lakehouse(folder / "books")
    for n in numbers:
        with exclusive(lakehouse):
            add(lakehouse, n)
            publish(lakehouse)
    return lakehouse


def test_a_query_never_mixes_two_sets(tmp_path: Path) -> None:
    reader, published = books(tmp_path, 0), threading.Event()

    def publish_ten() -> None:
        for n in range(1, 11):
            books(tmp_path, n)
        published.set()

    writer = threading.Thread(target=publish_ten)
    writer.start()
    seen = []
    while not published.is_set():
        seen += reader.query(BOTH).fetchall()
    writer.join()
    assert [debits for debits, credits in seen if debits != credits] == []
    assert sorted(seen) == seen and len(set(seen)) > 1
    assert reader.query(BOTH).fetchall() == [(10, 10)]


def test_what_was_published_in_part_is_seen_by_no_reader_until_the_rest_is(tmp_path: Path) -> None:
    lakehouse = books(tmp_path, 1)
    with pytest.raises(KeyboardInterrupt), exclusive(lakehouse):
        add(lakehouse, 2, "gold.debits", "gold.fees")
        raise KeyboardInterrupt
    assert lakehouse.query(BOTH).fetchall() == [(1, 1)]
    assert lakehouse.tables() == ["gold.credits", "gold.debits"] and not lakehouse.exists("gold.fees")
    with pytest.raises(LakehouseError, match="`gold.fees` .* of no published set yet: .* `mergehouse run`"):
        lakehouse.delta("gold.fees")
    assert lakehouse.rows("gold.debits") == 1 and lakehouse.table("gold.debits", version=1).version == 1
    with exclusive(lakehouse), republishing(lakehouse):  # as `maintain` and `train` do
        compact(lakehouse, "gold.debits", [])
        vacuum(lakehouse, "gold.debits", keep_hours=0)
        add(lakehouse, 5, "gold.scores")
    # its files are still there, and those of the killed run still wait
    assert lakehouse.query(BOTH).fetchall() == [(1, 1)]
    assert lakehouse.query("FROM gold.scores").fetchall() == [(5,)]
    with exclusive(lakehouse):
        add(lakehouse, 2, "gold.credits")
        publish(lakehouse)
    assert lakehouse.query(BOTH).fetchall() == [(2, 2)] and lakehouse.exists("gold.fees")


def test_compacted_tables_belong_to_the_set_and_removed_files_do_not(tmp_path: Path) -> None:
    lakehouse = books(tmp_path, 1, 2, 3)
    with exclusive(lakehouse):
        maintain(lakehouse, keep_hours=0, force=True)
    newest = Lakehouse(lakehouse.location, newest=True)
    assert published_versions(lakehouse) == {name: newest.delta(name).version() for name in TABLES}
    assert lakehouse.query(BOTH).fetchall() == [(3, 3)]
    assert len(list(lakehouse.path(TABLES[0]).glob("*.parquet"))) == 1


@pytest.mark.parametrize("garbled", ["", "{", "[" * 200_000, '{"tables": 7}', '{"tables": {"a": "b"}}', None])
def test_without_a_set_the_newest_versions_are_read(tmp_path: Path, garbled: str | None) -> None:
    lakehouse = books(tmp_path, 1)
    with exclusive(lakehouse):
        add(lakehouse, 2)
    file = tmp_path / "books" / FILE
    file.write_text(garbled) if garbled is not None else file.unlink()
    assert lakehouse.query(BOTH).fetchall() == [(2, 2)]
    books(tmp_path, 3)
    assert published_versions(lakehouse) == dict.fromkeys(TABLES, 2)


def test_a_version_of_the_set_that_is_gone_is_said_and_published_anew(tmp_path: Path) -> None:
    lakehouse = books(tmp_path, 1, 2)
    (tmp_path / "books/gold/debits/_delta_log/00000000000000000001.json").unlink()
    with pytest.raises(
        LakehouseError, match="`gold.debits`: .* at version 1, which is published .* publishes anew"
    ):
        lakehouse.query(BOTH)
    assert lakehouse.query("SELECT max(n) FROM gold.credits").fetchall() == [(2,)]
    books(tmp_path, 3)
    assert lakehouse.query(BOTH).fetchall() == [(3, 3)]


def test_the_same_tables_publish_nothing(tmp_path: Path) -> None:
    lakehouse = books(tmp_path, 1)
    before = (tmp_path / "books" / FILE).stat().st_mtime_ns
    books(tmp_path)
    with exclusive(lakehouse):
        publish(lakehouse)
    assert (tmp_path / "books" / FILE).stat().st_mtime_ns == before


class Killed(BaseException):
    """As a kill is: nobody catches it."""


@pytest.fixture
def half_published(sold: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop of three mugs at 10 euros whose run with a fourth was killed after its last table, before its
    set.
    """
    sold.deliver_lines("A4,1,2026-03-04 10:00:00,P1,Mug,1,10.00,77,Germany,EUR", name="lines2.csv")

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        # the package's `run` is the function
        patch.setattr(importlib.import_module("mergehouse.pipeline.run"), "record_run", killed)
        sold.run()
    return sold


def test_readers_keep_the_last_set_and_the_next_run_publishes(half_published: Shop, tmp_path: Path) -> None:
    shop, place = half_published, half_published.lakehouse.location
    newest = Lakehouse(place, newest=True)
    assert newest.query(GMV).fetchall() == [(40, 40)]
    write_deltalake(f"{place}/gold/mine", duckdb.sql("SELECT 1 AS n"))  # somebody else's
    assert shop.rows(GMV) == [(30, 30)]
    assert mh.kpis(shop.folder).values["group"]["gmv"] == 30
    assert "sales_daily 3" in repr(mh.open(shop.folder)).replace("\N{NO-BREAK SPACE}", " ")
    released = release(shop.project, to=str(tmp_path / "releases"))
    assert next(kpi for kpi in released.manifest.kpis if kpi.name == "gmv").values["group"] == "30.00"
    with exclusive(newest):
        maintain(newest, keep_hours=0, force=True)
    assert shop.rows(GMV) == [(30, 30)]
    lakehouse = shop.lakehouse
    assert not shop.run().failed
    assert lakehouse.query(GMV).fetchall() == [(40, 40)] and lakehouse.exists("gold.mine")
    seen = published_versions(lakehouse)
    assert seen == {name: newest.delta(name).version() for name in newest.tables()}


HOLDER = """
import sys, time
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.lock import exclusive
with exclusive(Lakehouse(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held(lakehouse: Lakehouse, work: str) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lakehouse, until it is killed."""
    command = [sys.executable, "-c", HOLDER, lakehouse.location, work]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.wait()


def killing(holder: subprocess.Popen[str], said: list[str]) -> Callable[..., None]:
    """Progress that kills whoever is waited for."""

    def told(what: str, *_: object, **__: object) -> None:
        said.append(what)
        if what.startswith("waiting"):
            holder.kill()

    return told


def test_commands_wait_for_a_run_and_a_run_for_them(sold: Shop, tmp_path: Path) -> None:
    with held(sold.lakehouse, "run") as holder:
        # what only reads needs not wait
        assert mh.kpis(sold.folder).values
        assert release(sold.project, to=str(tmp_path / "releases")).is_new
        with pytest.raises(LakehouseError, match=rf"another run is at work .*\(pid {holder.pid}\)"):
            sold.run()
        said: list[str] = []
        assert not sold.run(wait=True, progress=killing(holder, said)).failed
        assert said[0] == f"waiting for `run` of pid {holder.pid}"
    with held(sold.lakehouse, "maintain") as holder:
        said = []
        assert not sold.run(progress=killing(holder, said)).failed
        assert said[0] == f"waiting for `maintain` of pid {holder.pid}"
    with held(sold.lakehouse, "run") as holder:
        said = []
        assert check(sold.project, progress=killing(holder, said))
        assert said[0] == f"waiting for `run` of pid {holder.pid}"


def test_who_has_waited_goes_by_no_settings_of_before(sold: Shop) -> None:
    """Another run may have made figures by the new ones already."""
    with held(sold.lakehouse, "run") as holder:
        killed, project = killing(holder, []), sold.project

        def edited(*said: object) -> None:
            sold.configure(SHOP_BRAND.replace("EUR", "GBP"))
            killed(*said)

        with pytest.raises(
            ConfigError, match=r"shop/brand.yml was changed while this run waited .* Run again"
        ):
            run(project, wait=True, progress=edited)
    sold.run()
    assert sold.rows("SELECT currency FROM gold.dim_brand") == [("GBP",)]


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LONGEST_WAIT", 0.3)
    began = time.monotonic()
    with (
        exclusive(Lakehouse(tmp_path), "maintain"),
        pytest.raises(LakehouseError, match="waited 0 minutes for `maintain`"),
        exclusive(Lakehouse(tmp_path)),
    ):
        pass
    assert time.monotonic() - began < 5


def test_the_set_is_readable_by_whoever_may_read_the_lakehouse(tmp_path: Path) -> None:
    books(tmp_path, 1)
    file, folder = tmp_path / "books" / FILE, tmp_path / "books"
    assert json.loads(file.read_text())["tables"] == dict.fromkeys(TABLES, 0)
    assert file.stat().st_mode & 0o444 == (folder / ".lock").stat().st_mode & 0o444
    assert sorted(path.name for path in folder.iterdir()) == [".lock", FILE, "gold"]
