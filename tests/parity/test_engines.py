"""One pipeline, three engines: every row of every table is the same, and each engine goes on where another
left off.
"""

from __future__ import annotations

import datetime as dt
import gzip
import re
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.conftest import Shop
from tests.parity.conftest import NOW, compiled, forget
from tests.real.conftest import DATA, FASHION, NEEDED, RETAIL

from mergehouse.cli.scaffold import write_project
from mergehouse.demo import generate
from mergehouse.engine.spark.engine import SparkEngine
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.pipeline.results import RunResult
from mergehouse.pipeline.run import run
from mergehouse.project.config import Project, load_project

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LINES = 3_000
RATES = "currency,rate_date,units_per_eur\nAED,2026-01-01,3.9925\nAED,2026-02-15,4\nUSD,2026-01-04,1.1\n"
SALES, BY_NAME = "silver.sales_clean", "{name: spark, catalog: spark_catalog}"
LINE = "A{n},1,2026-03-01 10:00:00,P1,Mug,{quantity},5.00,77,Germany,EUR"
OTHER_LETTERS = {7: "TÜRKİYE", 17: "türkiye", 27: "Großbritannien", 37: "GROSSBRITANNIEN"}
ENGINES = [pytest.param("sail", marks=pytest.mark.sail), pytest.param("apache", marks=pytest.mark.apache)]
OF_THIS_PLACE = {"path", "modified_ns"}  # in the ledger of deliveries: where the file lay
pytestmark = pytest.mark.long("Spark plans every query")


def tables(lakehouse: Lakehouse) -> list[str]:
    return [name for name in lakehouse.tables() if not name.startswith("monitor.")]


def differences(one: Lakehouse, other: Lakehouse) -> dict[str, object]:
    """What differs between two lakehouses, by table: names, types, or how many rows only one has."""
    found: dict[str, object] = {}
    assert tables(one) == tables(other) and len(tables(one)) >= 30
    for name in tables(one):
        a, b = one.table(name).arrow(), other.table(name).arrow()
        if {f.name: str(f.type) for f in a.schema} != {f.name: str(f.type) for f in b.schema}:
            found[name] = (a.schema, b.schema)
            continue
        connection = duckdb.connect()
        connection.register("a", a)
        connection.register("b", b)
        columns = ", ".join(
            f'"{c}"' for c in a.schema.names if not (name == "bronze.batches" and c in OF_THIS_PLACE)
        )
        only = [
            f"(SELECT {columns} FROM {x} EXCEPT ALL SELECT {columns} FROM {y})"
            for x, y in (("a", "b"), ("b", "a"))
        ]
        if count := connection.execute(f"SELECT count(*) FROM ({' UNION ALL '.join(only)})").fetchall()[0][0]:
            found[name] = count
    return found


def deliver(exports: Path, folder: Path, part: int) -> None:
    """Nine tenths of every large file first; then the rest, with two hundred lines of the first part once
    more.
    """
    for file in sorted(exports.glob("*/*.csv")):
        header, *rows = file.read_text(encoding="utf-8").splitlines()
        cut = len(rows) * 9 // 10
        chosen = rows if len(rows) < 20 else rows[:cut] if part == 0 else rows[max(0, cut - 200) :]
        if part == 0 or len(rows) >= 20:
            target = folder / "raw" / file.parent.name
            target.mkdir(parents=True, exist_ok=True)
            name = f"{file.stem}_{part}.csv" if "online_retail" in file.name else f"{part}_{file.name}"
            (target / name).write_text("\n".join([header, *chosen]) + "\n", encoding="utf-8")


def without_some_countries(exports: Path) -> None:
    """Every fifth line of the wide export names no country: engines differ in what an aggregate makes of an
    empty value. Some names have letters of which engines make capitals differently.
    """
    files = list(exports.glob("*/online_retail*.csv"))
    assert files
    for file in files:
        header, *rows = file.read_text(encoding="utf-8").splitlines()
        assert header.endswith("Country")
        some = []
        for n, row in enumerate(rows):
            before, _, country = row.rpartition(",")
            some.append(f"{before},{'' if n % 5 == 0 else OTHER_LETTERS.get(n % 50, country)}")
        file.write_text("\n".join([header, *some]) + "\n", encoding="utf-8")


def sound(result: RunResult) -> RunResult:
    assert not result.failed, (
        result.ingest.failures,
        [t.reason for t in result.tables if t.status == "failed"],
        [c for c in result.checks if c.stops_publication],
    )
    return result


def project_in(folder: Path, exports: Path, engine: str = "duckdb") -> Project:
    """A project with rates of its own and the first part of the exports, in which items lack their orders;
    it has a Data Vault, from which all that follows order lines, customers and products is built.
    """
    write_project(folder)
    config = folder / "mergehouse.yml"
    config.write_text(config.read_text() + "\nvault: true\n")
    for brand in (folder / "brands").glob("*/brand.yml"):
        brand.write_text(brand.read_text() + "quarantine: {stop: 100 %}\n")
    (folder / "brands" / "eurostyle" / "fx_rates.csv").write_text(RATES)
    deliver(exports, folder, 0)
    return with_engine(folder, engine)


def exports_in(folder: Path) -> Path:
    """Generated exports, and where there are published ones, these too, with one line in fifty of the wide
    one.
    """
    write_project(folder)
    generate(folder, LINES, 5)
    without_some_countries(folder / "raw")
    if all(path.exists() for path in NEEDED):
        for file in FASHION.glob("*.csv"):
            (folder / "raw" / "contoso" / file.name).write_bytes(file.read_bytes())
        with (
            gzip.open(RETAIL, "rt", encoding="utf-8") as lines,
            (folder / "raw" / "eurostyle" / "online_retail_published.csv").open("w", encoding="utf-8") as few,
        ):
            few.write(next(lines))
            # not the first of them, which have the numbers of generated orders
            few.writelines(line for number, line in enumerate(lines) if number // 500 % 50 == 25)
    return folder / "raw"


def only_of_a_new_table(engine: SparkEngine, name: str) -> str:
    assert not engine.lakehouse.exists(name)
    return engine.lakehouse.address(name)


def with_engine(folder: Path, engine: str) -> Project:
    config = folder / "mergehouse.yml"
    assert "\nengine: " in config.read_text()
    config.write_text(re.sub(r"\nengine: .*", f"\nengine: {engine}", config.read_text()))
    return load_project(folder)


def rows_by_name(session: SparkSession, lakehouse: Lakehouse) -> dict[str, int]:
    return {name: session.table(f"spark_catalog.{name}").count() for name in lakehouse.tables()}


def rows_of(lakehouse: Lakehouse) -> dict[str, int]:
    return {name: lakehouse.rows(name) for name in lakehouse.tables()}


def merged_by_spark(lakehouse: Lakehouse) -> None:
    _stamp, merged = lakehouse.delta(SALES).history(2)
    assert merged["operation"] == "MERGE" and "Spark" in merged["engineInfo"]


def lakehouse_of(project: Project) -> Lakehouse:
    return Lakehouse(project.lakehouse_location)


@pytest.mark.sail
def test_sail_agrees(tmp_path: Path, sail: SparkSession) -> None:
    """Its MERGE runs out of memory on a table of 28 columns (0.7.2), so deliveries are left to Apache."""
    exports = exports_in(tmp_path / "exports")
    ours, theirs = (project_in(tmp_path / name, exports) for name in ("embedded", "spark"))
    sound(run(ours, now=NOW))
    sound(run(theirs, now=NOW, spark=sail))
    assert differences(lakehouse_of(ours), lakehouse_of(theirs)) == {}


@pytest.mark.apache
def test_apache_agrees_and_engines_take_over_from_one_another(
    tmp_path: Path, named: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark, where tables have names, begins one lakehouse and DuckDB the other; each goes on with what the
    other began.
    """
    exports = exports_in(tmp_path / "exports")
    by_duckdb = project_in(tmp_path / "embedded", exports)
    by_spark = project_in(tmp_path / "it's_named", exports, BY_NAME)
    sound(run(by_duckdb, now=NOW))
    sound(run(by_spark, now=NOW, spark=named))
    assert differences(lakehouse_of(by_duckdb), lakehouse_of(by_spark)) == {}
    assert rows_by_name(named, lakehouse_of(by_spark)) == rows_of(lakehouse_of(by_spark))
    assert "external" in str(named.sql("DESCRIBE EXTENDED spark_catalog.silver.orders").collect()).lower()

    later = NOW + dt.timedelta(days=1)
    for project in (by_duckdb, by_spark):
        deliver(exports, project.folder, 1)
    forget(named)
    monkeypatch.setattr(SparkEngine, "location", only_of_a_new_table)  # nothing else goes by path
    taken = sound(run(with_engine(by_duckdb.folder, BY_NAME), now=later, spark=named))
    given = sound(run(with_engine(by_spark.folder, "duckdb"), now=later))
    assert {t.table: t.status for t in taken.tables} == {t.table: t.status for t in given.tables}
    assert {t.table: t.changed_rows for t in taken.tables}[SALES] > 0
    assert differences(lakehouse_of(by_duckdb), lakehouse_of(by_spark)) == {}
    assert rows_by_name(named, lakehouse_of(by_duckdb)) == rows_of(lakehouse_of(by_duckdb))
    merged_by_spark(lakehouse_of(by_duckdb))


@pytest.mark.apache
def test_apache_merges_by_path(tmp_path: Path, apache: SparkSession) -> None:
    shop = Shop(tmp_path / "shop")
    shop.deliver_lines(*(LINE.format(n=n, quantity=2) for n in range(3)))
    with compiled(apache):
        shop.run(select=f"+{SALES}", spark=apache)
    shop.deliver_lines(LINE.format(n=0, quantity=3), name="lines_2.csv")
    assert not shop.run(select=f"+{SALES}", spark=apache).failed
    assert shop.rows(f"SELECT sum(quantity) FROM {SALES}") == [(7,)]
    merged_by_spark(shop.lakehouse)


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("sail", marks=pytest.mark.sail),
        # parity has a part of them (exports_in)
        pytest.param("apache", marks=[pytest.mark.apache, pytest.mark.thorough]),
    ],
)
def test_engines_agree_on_the_published_exports(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not all(path.exists() for path in NEEDED):
        pytest.skip("no published exports: MERGEHOUSE_REAL_DATA names their folder")
    spark = request.getfixturevalue(engine)
    write_project(tmp_path / "embedded", DATA)
    shutil.copytree(tmp_path / "embedded", tmp_path / "spark")
    sound(run(load_project(tmp_path / "embedded"), now=NOW))
    with compiled(spark) if engine == "apache" else nullcontext():
        sound(run(load_project(tmp_path / "spark"), now=NOW, spark=spark))
    assert (
        differences(
            Lakehouse(tmp_path / "embedded" / "lakehouse"), Lakehouse(tmp_path / "spark" / "lakehouse")
        )
        == {}
    )
