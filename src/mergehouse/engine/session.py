"""Opens the SparkSession of `engine: spark`: a Spark Connect endpoint, the session of a notebook, or a local Spark with Delta."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mergehouse.errors import ConfigError
from mergehouse.project import EngineConfig

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INSTALL = 'Install it with `pip install "mergehouse[spark]"`.'
CONNECT_PORT = 15002
LOCAL_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 2)),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def open_session(config: EngineConfig) -> SparkSession:
    """`remote`, else the active session, else a local Spark on `master` (default `local[*]`) with Delta Lake's jars.

    Raises ConfigError where PySpark or Java is missing, the endpoint does not answer, the jars cannot be fetched, or the
    installed versions of Spark and Delta do not belong together.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ConfigError(f"engine spark: PySpark is not installed. {INSTALL}") from None
    if config.remote:
        return _connect(config)
    if config.master is None and (active := SparkSession.getActiveSession()):
        return active
    return _local(config)


def _connect(config: EngineConfig) -> SparkSession:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    assert config.remote is not None
    address = urlsplit(config.remote)
    try:  # the client would try for ten minutes
        socket.create_connection((address.hostname or "", address.port or CONNECT_PORT), timeout=10).close()
        session = SparkSession.builder.remote(config.remote).getOrCreate()
        session.sql("SELECT 1").collect()
    except ImportError as error:
        raise ConfigError(f"engine spark: Spark Connect needs a package that is missing ({error}). {INSTALL}") from None
    except (PySparkException, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"engine spark: sc://{address.hostname}:{address.port or CONNECT_PORT} does not answer ({reason}). "
            "Start the Spark Connect server, or change `engine.remote` in mergehouse.yml."
        ) from None
    for name, value in config.settings.items():
        session.conf.set(name, value)
    return session


def _local(config: EngineConfig) -> SparkSession:
    import pyspark
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        from delta import configure_spark_with_delta_pip
        from importlib_metadata import version
    except ImportError:
        raise ConfigError(f"engine spark: delta-spark is not installed. {INSTALL}") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the executors read deliveries with this package
    builder = SparkSession.builder.master(config.master or "local[*]").appName("mergehouse")
    for name, value in {**LOCAL_SETTINGS, **config.settings}.items():
        builder = builder.config(name, value)
    try:
        session = configure_spark_with_delta_pip(builder).getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        return session
    except (PySparkException, OSError, RuntimeError) as error:
        if not _has_java():
            raise ConfigError("engine spark: Java was not found. Install Java 17 or set JAVA_HOME.") from None
        raise ConfigError(
            f"engine spark: Spark {pyspark.__version__} with delta-spark {version('delta_spark')} did not start. Their jars come from "
            "Maven Central once and are kept in ~/.ivy2; check the network, and that these two versions belong together "
            f"(docs: run on Spark). ({str(error).strip().splitlines()[0]})"
        ) from None


def _has_java() -> bool:
    return bool(os.environ.get("JAVA_HOME") or shutil.which("java"))
