"""A Spark that cannot be had is said to be so in one line: what is missing, and what to do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mergehouse.engine.spark.engine import flattened
from mergehouse.engine.spark.errors import spark_errors
from mergehouse.engine.spark.session import open_session
from mergehouse.errors import ConfigError, LakehouseError, ModelError
from mergehouse.project.settings import EngineConfig

NOWHERE = """<ivysettings>
  <settings defaultResolver="nowhere"/>
  <resolvers><filesystem name="nowhere"><artifact pattern="/nowhere/[artifact].jar"/></filesystem></resolvers>
</ivysettings>"""


def test_spark_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(
        ConfigError, match=r"PySpark is not installed\. Install it with `pip install \"mergehouse\[spark\]\"`"
    ):
        open_session(EngineConfig(name="spark"))


def test_endpoint_down_names_the_address_and_no_token() -> None:
    pytest.importorskip("pyspark.sql", reason="PySpark is not installed: make test installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConfigError) as caught:
        open_session(EngineConfig(name="spark", remote=f"sc://127.0.0.1:{port}/;token=s3cr3t"))
    assert f"sc://127.0.0.1:{port} does not answer" in str(caught.value) and "s3cr3t" not in str(caught.value)


def start_without_jars(folder: Path, *, delta: str = "4.4.0", java: str | None = None) -> str:
    """What a process of its own says that starts Spark where no jar is and none can be fetched."""
    pytest.importorskip("delta", reason="delta-spark is not installed: make test installs it")
    (folder / "ivysettings.xml").write_text(NOWHERE)
    settings = {
        "spark.jars.ivy": str(folder / "ivy"),
        "spark.jars.ivySettings": str(folder / "ivysettings.xml"),
    }
    code = (
        "import importlib_metadata\n"
        "from mergehouse.engine.spark.session import open_session\n"
        "from mergehouse.errors import ConfigError\n"
        "from mergehouse.project.settings import EngineConfig\n"
        f"importlib_metadata.version = lambda name: {delta!r}\n"
        "try:\n"
        f"    open_session(EngineConfig(name='spark', master='local[1]', settings={settings}))\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    environment = {**os.environ, **({"JAVA_HOME": java} if java else {})}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.long("Java starts")
@pytest.mark.parametrize("delta", ["4.4.0", "9.9.9"])
def test_jars_that_cannot_be_had_or_do_not_exist_are_named(tmp_path: Path, delta: str) -> None:
    if not shutil.which("java"):
        pytest.skip("no Java on this machine: Spark needs Java 17")
    said = start_without_jars(tmp_path, delta=delta).splitlines()[-1]
    assert f"delta-spark_4.1_2.13-{delta}.jar" in said and str(tmp_path / "ivy") in said
    assert (
        "spark.jars.repositories" in said and "do not belong together" in said and "mergehouse[spark]" in said
    )
    assert [p.name for p in tmp_path.iterdir() if "warehouse" in p.name] == []


@pytest.mark.parametrize(
    ("java", "expected"),
    [
        ("", "Java was not found. Install Java 17 or set JAVA_HOME."),
        (
            "echo 'openjdk version \"11.0.2\"' >&2; exit 1",
            "found Java 11, and Spark needs 17. Install Java 17 or set JAVA_HOME.",
        ),
        (
            "echo 'java version \"1.8.0_391\"' >&2; exit 1",
            "found Java 8, and Spark needs 17. Install Java 17 or set JAVA_HOME.",
        ),
    ],
)
def test_no_java_or_too_old_a_one(tmp_path: Path, java: str, expected: str) -> None:
    (tmp_path / "bin").mkdir()
    if java:
        (tmp_path / "bin" / "java").write_text(f"#!/bin/sh\n{java}\n")
        (tmp_path / "bin" / "java").chmod(0o755)
    assert start_without_jars(tmp_path, java=str(tmp_path)).splitlines()[-1] == f"engine spark: {expected}"


@pytest.mark.parametrize(
    ("raised", "error", "expected"),
    [
        (
            (
                "[PYTHON_EXCEPTION] Traceback (most recent call last):\nModuleNotFoundError: No module named"
                " 'mergehouse'"
            ),
            ConfigError,
            (
                "`lines.csv`: the Python of Spark's executors has no package `mergehouse`, and files are read"
                " there. Install mergehouse"
            ),
        ),
        (
            "[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added",
            LakehouseError,
            "`lines.csv`: another writer committed",
        ),
        (
            "[TABLE_OR_VIEW_NOT_FOUND] no `a`\nat line 1\n\nJVM stacktrace:\nat org",
            ModelError,
            "`lines.csv`: Spark failed: [TABLE_OR",
        ),
    ],
)
def test_what_spark_raises_is_one_line(raised: str, error: type[Exception], expected: str) -> None:
    errors = pytest.importorskip("pyspark.errors", reason="PySpark is not installed: make test installs it")
    with pytest.raises(error) as caught, spark_errors("lines.csv"):
        raise errors.PySparkException(raised)
    assert str(caught.value).startswith(expected) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT s.a FROM silver.orders AS s", "SELECT s.a FROM silver_orders AS s"),
        ("SELECT 'silver.orders' AS t -- silver.orders", "SELECT 'silver.orders' AS t -- silver.orders"),
        ("FROM typed.`shop_lines` JOIN gold.dim_date", "FROM typed_shop_lines JOIN gold_dim_date"),
    ],
)
def test_only_names_of_tables_change(sql: str, expected: str) -> None:
    assert flattened(sql) == expected
