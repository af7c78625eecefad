"""What is written for Databricks, on real Spark: row filters, masks, metric views, a release on its way into
tables by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.conftest import Shop
from tests.platform.databricks_figures import catalogue_over, measured
from tests.platform.databricks_rights import Rights, salted
from tests.platform.databricks_suite import rights  # noqa: F401 - a fixture

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.reader import rows
from mergehouse.platform.databricks.publish import publish
from mergehouse.platform.databricks.unity_catalog import tables
from mergehouse.release.export.export import release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long("Spark plans every query")
ROLES = ("executive", "brand_manager_shop", "south", "marketing")


def on_spark(session: SparkSession, found: Rights) -> Callable[[str], list[tuple]]:
    for name, content in found.tables.items():
        session.createDataFrame(content).createOrReplaceTempView(name.replace(".", "_"))
    return lambda text: [tuple(row) for row in session.sql(text).collect()]


@pytest.mark.sail
def test_row_filters_let_through_what_the_dashboards_show(
    sail: SparkSession,
    rights: Rights,
) -> None:
    run = on_spark(sail, rights)
    for role in rights.policy.roles:
        for table in rights.tables:
            assert salted(rights.seen(run, table, role), table) == rights.expected(table, role), (role, table)


@pytest.mark.apache
def test_functions_work_as_they_are_written(apache: SparkSession, rights: Rights) -> None:
    """Each is made by its own statement, as a temporary one; another function says who is in which group."""
    run = on_spark(apache, rights)
    role_is(apache, ROLES[0])
    for statement in rights.made:
        own = re.sub(r"`c`\.`access`\.`(\w+)`\(", r"\1(", statement)
        own = own.replace("REPLACE FUNCTION", "REPLACE TEMPORARY FUNCTION")
        apache.sql(own.replace("`c`.`access`.`customers`", "gold_customer_brand_360"))
    row = "SELECT 'Buys at another brand' AS reason_1, 'Late' AS reason_2, 'Few' AS reason_3"
    for role in ROLES:
        role_is(apache, role)
        for table in rights.tables:
            assert salted(rights.called(run, table), table) == rights.expected(table, role), (role, table)
        second = "mask_of_customer_brand_360_reason_2(reason_2, reason_1, reason_3)"
        of_one_brand = role in ("brand_manager_shop", "south")
        assert run(f"SELECT {second} FROM ({row})") == [("Few" if of_one_brand else "Late",)]


def role_is(session: SparkSession, role: str) -> None:
    session.sql(
        "CREATE OR REPLACE TEMPORARY FUNCTION is_account_group_member(name STRING) RETURNS BOOLEAN"
        f" RETURN name = '{role}'"
    )


@pytest.mark.apache
@pytest.mark.parametrize("table", ["gold.sales_daily", "gold.customer_brand_360"])
def test_metric_views_measure_as_the_catalogue_does(
    apache: SparkSession,
    rights: Rights,
    table: str,
) -> None:
    assert measured(on_spark(apache, rights), table) == catalogue_over(rights.shop, table)


@pytest.mark.sail
def test_a_release_comes_into_tables_by_name(sail: SparkSession, sold: Shop, tmp_path: Path) -> None:
    made = release(sold.project)
    names = [table.name for table in made.manifest.tables]
    sail.sql("DROP SCHEMA IF EXISTS gold CASCADE")
    sail.sql("CREATE SCHEMA gold")
    with pytest.raises(LakehouseError, match="the release has this table, and the catalog has not"):
        list(publish(sail, made.root))
    for statement in tables("c", map(contract_of, names)):
        sail.sql(as_delta_lake_takes(statement, tmp_path))
    said = list(publish(sail, made.root))
    assert [line.split(":")[0] for line in said] == names and "2 rows" not in said[0]
    again = list(publish(sail, made.root))  # the same figures once more, and not twice
    assert again == said
    for name in names:
        columns = ", ".join(contract_of(name).columns)
        expected = rows(sold.lakehouse.reading(name), f"SELECT {columns} FROM {name}")
        found = [row.asDict() for row in sail.sql(f"SELECT {columns} FROM {name}").collect()]
        assert sorted(map(str, found)) == sorted(map(str, expected)), name
    sail.sql("DROP TABLE gold.sales_daily")
    other = "CREATE TABLE `c`.`gold`.`sales_daily` (order_date DATE, gmv_eur STRING) USING DELTA"
    sail.sql(as_delta_lake_takes(other, tmp_path / "other"))
    with pytest.raises(LakehouseError, match="columns are not those of the release: .*gmv_eur"):
        list(publish(sail, made.root))
    sail.sql("DROP SCHEMA gold CASCADE")


def as_delta_lake_takes(statement: str, folder: Path) -> str:
    """In the session's own catalog, which knows no keys, and at a place that both engines can write to."""
    plain = re.sub(r",\n  CONSTRAINT .*", "", statement).replace("`c`.", "")
    name = re.findall(r"`gold`.`(\w+)`", plain)[0]
    return plain.replace(" USING DELTA", f" USING DELTA LOCATION '{folder}/{name}'")


@pytest.mark.sail
def test_a_table_that_is_merged_keeps_what_only_it_has(
    sail: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sail.sql("DROP SCHEMA IF EXISTS gold CASCADE")
    sail.sql("CREATE SCHEMA gold")
    sail.sql(f"CREATE TABLE gold.scores (id INT, score INT) USING DELTA LOCATION '{tmp_path}/scores'")
    sail.sql("INSERT INTO gold.scores VALUES (1, 10), (2, 20)")
    sail.sql("SELECT * FROM VALUES (2, 21), (3, 30) AS t (id, score)").write.parquet(f"{tmp_path}/part")
    columns = [SimpleNamespace(name=name, type="int") for name in ("id", "score")]
    table = SimpleNamespace(
        name="gold.scores",
        columns=columns,
        files=[SimpleNamespace(path="part")],
        key=["id"],
        mode="merge",
        rows=2,
    )
    released = SimpleNamespace(tables=[table], version="1.0.0")
    verified = SimpleNamespace(passed=True, manifest=released)
    monkeypatch.setattr("mergehouse.platform.databricks.publish.verify", lambda root: verified)
    for _ in range(2):
        assert list(publish(sail, str(tmp_path))) == ["gold.scores: 2 rows of release 1.0.0"]
        found = sail.sql("SELECT id, score FROM gold.scores ORDER BY id").collect()
        assert [tuple(row) for row in found] == [(1, 10), (2, 21), (3, 30)]
    sail.sql("DROP SCHEMA gold CASCADE")
