"""A Spark that cannot be had is said to be so in one line: what is missing, and what to do."""

from __future__ import annotations

import socket
import sys

import pytest

from mergehouse.engine.session import open_session
from mergehouse.engine.spark import flattened
from mergehouse.errors import ConfigError
from mergehouse.project import EngineConfig


def test_spark_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ConfigError, match=r"PySpark is not installed\. Install it with `pip install \"mergehouse\[spark\]\"`"):
        open_session(EngineConfig(name="spark"))


def test_endpoint_down_names_the_address_and_no_token() -> None:
    pytest.importorskip("pyspark.sql", reason="PySpark is not installed: make test installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConfigError) as caught:
        open_session(EngineConfig(name="spark", remote=f"sc://127.0.0.1:{port}/;token=s3cr3t"))
    assert f"sc://127.0.0.1:{port} does not answer" in str(caught.value) and "s3cr3t" not in str(caught.value)


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
