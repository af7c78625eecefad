"""Tables by name in a catalog: registered where they lie, read and written by name, and never over somebody
else's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.parity.conftest import NOW
from tests.parity.test_engines import deliver, differences, sound

from mergehouse.cli.scaffold import write_project
from mergehouse.demo import generate
from mergehouse.engine.spark.catalog import Catalog
from mergehouse.engine.spark.engine import SparkEngine
from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import LAYERS
from mergehouse.pipeline.run import run
from mergehouse.project.config import Project, load_project

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.long, pytest.mark.apache]
LINES = 2_000


@pytest.fixture
def named(apache: SparkSession) -> Iterator[SparkSession]:
    """Apache Spark, whose own catalog is empty before and after."""
    yield apache
    for layer in LAYERS:
        apache.sql(f"DROP SCHEMA IF EXISTS spark_catalog.{layer} CASCADE")


def project_in(folder: Path, engine: str) -> Project:
    write_project(folder)
    file = folder / "mergehouse.yml"
    file.write_text(file.read_text() + f"\nengine: {engine}\n")
    return load_project(folder)


def only_of_a_new_table(engine: SparkEngine, name: str) -> str:
    assert not engine.lakehouse.exists(name)
    return engine.lakehouse.address(name)


def test_every_table_has_a_name_and_is_merged_by_it(
    named: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path / "exports")
    generate(tmp_path / "exports", LINES, 5)
    by_path = project_in(tmp_path / "embedded", "duckdb")
    by_name = project_in(tmp_path / "it's_named", "{name: spark, catalog: spark_catalog}")
    lakehouse = Lakehouse(by_name.lakehouse_location)
    for part, now in enumerate((NOW, NOW + dt.timedelta(days=1))):
        for project in (by_path, by_name):
            deliver(tmp_path / "exports" / "raw", project.folder, part)
        sound(run(by_path, now=now))
        sound(run(by_name, now=now, spark=named))
        assert differences(Lakehouse(by_path.lakehouse_location), lakehouse) == {}
        assert {name: named.table(f"spark_catalog.{name}").count() for name in lakehouse.tables()} == {
            name: lakehouse.rows(name) for name in lakehouse.tables()
        }
        # from the second run on nothing else goes by path
        monkeypatch.setattr(SparkEngine, "location", only_of_a_new_table)
    assert {c["operation"] for c in lakehouse.delta("silver.sales_clean").history()} >= {"MERGE"}
    assert "external" in str(named.sql("DESCRIBE EXTENDED spark_catalog.silver.orders").collect()).lower()


def test_a_name_of_another_table_stops_before_anything_is_written(
    named: SparkSession, tmp_path: Path
) -> None:
    named.sql("CREATE SCHEMA spark_catalog.silver")
    named.sql(f"CREATE TABLE spark_catalog.silver.orders (a INT) USING DELTA LOCATION '{tmp_path}/theirs'")
    lakehouse = Lakehouse(tmp_path / "ours")
    with pytest.raises(LakehouseError) as caught:
        Catalog(named, "spark_catalog", lakehouse).expect_free("silver.orders")
    text = str(caught.value)
    assert (
        "`spark_catalog.silver.orders` is already a table at" in text
        and "theirs" in text
        and str(tmp_path / "ours") in text
    )
    assert "engine.catalog" in text and "\n" not in text


def test_a_catalog_that_is_not_there_is_named(apache: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"the catalog `main` cannot be used on this Spark .*engine\.catalog"
    ):
        SparkEngine(apache, Lakehouse(tmp_path), str(tmp_path), "main")
