"""Files are read on the executors: what these lack is said on the driver."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import Shop

import mergehouse.ingest.spark_loader

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.long("Spark plans every query")
@pytest.mark.apache
def test_a_package_that_only_the_driver_has_is_named(
    apache: SparkSession, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: Any) -> None: ...

    answer.__module__, answer.__qualname__ = "only_here", "answer"
    module = types.ModuleType("only_here")
    module.answer = answer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "only_here", module)
    monkeypatch.setattr(mergehouse.ingest.spark_loader, "_open", answer)
    shop.deliver_lines("A1,1,2026-03-01 10:00:00,P1,Mug,2,5.00,77,Germany,EUR")
    failure = str(shop.run(until="bronze", spark=apache).ingest.failures["bronze.shop_lines"])
    assert (
        "the Python of Spark's executors has no package `only_here`" in failure
        and "Install mergehouse on the cluster" in failure
    )
    assert str(shop.raw / "lines.csv") in failure and "\n" not in failure
