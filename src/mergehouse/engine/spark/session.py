"""Opens the SparkSession of `engine: spark`: a Spark Connect endpoint, the session of a notebook, or a local
Spark with Delta.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mergehouse.errors import ConfigError
from mergehouse.project.settings import EngineConfig

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
JAVA = 17
IVY = "~/.ivy2.5.2"  # where Spark 4 keeps jars, unless spark.jars.ivy says otherwise


def open_session(config: EngineConfig) -> SparkSession:
    """`remote`, else the active session, else a local Spark on `master` (default `local[*]`) with Delta
    Lake's jars.

    Raises ConfigError where PySpark or Java is missing, the endpoint does not answer, the jars cannot be
    fetched, or the installed versions of Spark and Delta do not belong together.
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
        raise ConfigError(
            f"engine spark: Spark Connect needs a package that is missing ({error}). {INSTALL}"
        ) from None
    except (PySparkException, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"engine spark: sc://{address.hostname}:{address.port or CONNECT_PORT} does not answer"
            f" ({reason}). Start the Spark Connect server, or change `engine.remote` in mergehouse.yml."
        ) from None
    for name, value in config.settings.items():
        session.conf.set(name, value)
    return session


def _local(config: EngineConfig) -> SparkSession:
    import pyspark
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        import importlib_metadata  # noqa: F401  delta-spark needs it and does not ask for it
        from delta import configure_spark_with_delta_pip
    except ImportError:
        raise ConfigError(f"engine spark: delta-spark is not installed. {INSTALL}") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the executors read deliveries with this package
    settings = {**LOCAL_SETTINGS, "spark.sql.warehouse.dir": _warehouse(), **config.settings}
    more = [jar for jar in str(settings.pop("spark.jars.packages", "")).split(",") if jar]
    builder = SparkSession.builder.master(config.master or "local[*]").appName("mergehouse")
    builder = configure_spark_with_delta_pip(builder, more)
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        return session
    except (PySparkException, OSError, RuntimeError) as error:
        if (java := _java_version()) < JAVA:
            found = f"found Java {java}, and Spark needs {JAVA}" if java else "Java was not found"
            raise ConfigError(f"engine spark: {found}. Install Java {JAVA} or set JAVA_HOME.") from None
        jar, ivy = _delta_jar(), Path(str(settings.get("spark.jars.ivy", IVY))).expanduser()
        if not (ivy / "jars" / jar).exists():
            raise ConfigError(
                f"engine spark: Spark {pyspark.__version__} found no {jar} in {ivy} and fetched none from"
                " Maven Central. It needs the network once, or a mirror (`spark.jars.repositories` in"
                " `engine.settings`); with the network there, these two versions do not belong together."
                f" {INSTALL}"
            ) from None
        raise ConfigError(
            f"engine spark: Spark {pyspark.__version__} did not start ({str(error).strip().splitlines()[0]})."
            " What it wrote above says why; check `engine.master` and `engine.settings` in mergehouse.yml."
        ) from None


def _warehouse() -> str:
    """Spark makes a folder for managed tables wherever it starts. There are none: it may go with the
    process.
    """
    folder = tempfile.mkdtemp(prefix="mergehouse-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _delta_jar() -> str:
    """The file that Ivy keeps of Delta Lake for this Spark. Source: delta-spark's `pip_utils`, names
    `delta-spark_<Spark>_<Scala>`.
    """
    import pyspark
    from importlib_metadata import version

    spark = ".".join(pyspark.__version__.split(".")[:2])
    return f"io.delta_delta-spark_{spark}_2.13-{version('delta_spark')}.jar"


def _java_version() -> int:
    """The major version of the Java that Spark starts; 0 where there is none."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    said = (
        subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""
    )
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0
