"""Three engines over the same exports: DuckDB embedded, Apache Spark with Delta Lake, and a Spark Connect
server (Sail).
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow
import pyarrow.compute
import pytest

from mergehouse.engine.spark.session import open_session
from mergehouse.errors import ConfigError
from mergehouse.lakehouse.files import LAYERS
from mergehouse.project.ecb_rates import carried_file, ecb_rates
from mergehouse.project.settings import EngineConfig

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COMPILED = {  # as Spark comes
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "2",
}
# Thousands of different plans over few rows, which are not worth Java classes of their own, nor C2, nor a
# second partition; C1 alone would get 48 MB of code cache and throw code away. A page that nobody opens would
# keep a thousand plans: looking for memory took a seventh of the time.
SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.ui.retainedExecutions": "10",
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
    "spark.ui.retainedTasks": "10",
    "spark.driver.memory": "3g",
    "spark.driver.extraJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m -XX:+UseSerialGC -Xms2500m -Xmn1000m "
        "-XX:MetaspaceSize=600m"
    ),
}
NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
CURRENCIES = ("EUR", "GBP", "USD")


@pytest.fixture(autouse=True)
def rates_of_few_currencies(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third of a million rates that there are would take Spark, interpreted, most of the time; published
    exports get them all.
    """
    if "published_exports" in request.node.name:
        return
    table = pyarrow.table(ecb_rates(carried_file()))
    few = table.filter(pyarrow.compute.is_in(table["currency"], pyarrow.array(CURRENCIES)))
    monkeypatch.setattr("mergehouse.pipeline.attachments.ecb_rates", lambda file: few)


@pytest.fixture(scope="session")
def apache() -> SparkSession:
    """A local Apache Spark with Delta Lake's jars."""
    pytest.importorskip("pyspark", reason="PySpark is not installed: make test installs it")
    if not shutil.which("java"):
        pytest.skip("no Java on this machine: Spark needs Java 17")
    try:
        return open_session(EngineConfig(name="spark", master="local[2]", settings=SMALL))
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture
def named(apache: SparkSession) -> Iterator[SparkSession]:
    """Apache Spark, whose own catalog is empty before and after."""
    yield apache
    forget(apache)


def forget(session: SparkSession) -> None:
    """Takes the names from all tables, which lie where they are."""
    for layer in LAYERS:
        session.sql(f"DROP SCHEMA IF EXISTS spark_catalog.{layer} CASCADE")


@contextmanager
def compiled(session: SparkSession) -> Iterator[SparkSession]:
    """Within, the session runs its plans as classes, as it would for anybody else."""
    before = {name: session.conf.get(name) for name in COMPILED}
    try:
        for name, value in COMPILED.items():
            session.conf.set(name, value)
        yield session
    finally:
        for name, value in before.items():
            session.conf.set(name, value)


@pytest.fixture(scope="session")
def sail() -> Iterator[SparkSession]:
    """A session with a Spark Connect server of its own."""
    server_module = pytest.importorskip(
        "pysail.spark", reason="pysail is not installed: make test installs it"
    )
    os.environ.setdefault("RUST_LOG", "error")
    server = server_module.SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    session = open_session(EngineConfig(name="spark", remote=f"sc://{host}:{port}"))
    yield session
    session.stop()
    server.stop()
