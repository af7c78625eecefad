"""A release on its way into the tables of Unity Catalog, where row filters and masks hold already.

Nothing is written before the whole release has been verified. Each table is then overwritten in one commit;
one that fails keeps what it had, and running it again goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mergehouse.errors import CheckFailed, LakehouseError
from mergehouse.platform.databricks.row_filters import PIPELINE
from mergehouse.platform.databricks.statements import named
from mergehouse.platform.databricks.unity_catalog import ACCESS, CUSTOMERS, CUSTOMERS_COLUMNS
from mergehouse.release.manifest.manifest import ReleasedTable
from mergehouse.release.verify import verify

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HOMES_FROM = "gold.customer_brand_360"


def publish(spark: SparkSession, root: str, *catalog: str) -> Iterator[str]:
    """Brings the current release at `root` into the tables of a catalog (without one: of the session's own),
    and says of each what was done.

    Raises CheckFailed where the release is damaged, LakehouseError where a table is missing, has other
    columns than the release, or where not all its rows can be seen afterwards.
    """
    verification = verify(root)
    if not verification.passed or verification.manifest is None:
        raise CheckFailed(f"{verification!r}\nNothing was published. Make or carry the release again.")
    manifest = verification.manifest
    for table in manifest.tables:
        _expect_same_columns(spark, table, catalog)
    for table in manifest.tables:
        files = [f"{root}/{file.path}" for file in table.files]
        spark.read.parquet(*files).createOrReplaceTempView("delivered")
        place = named(*catalog, *table.name.split("."))
        columns = ", ".join(named(column.name) for column in table.columns)
        kept = ""
        if table.mode == "merge":
            same = " AND ".join(f"d.{named(key)} <=> t.{named(key)}" for key in table.key)
            kept = f" UNION ALL SELECT {columns} FROM {place} AS t LEFT ANTI JOIN delivered AS d ON {same}"
        spark.sql(f"INSERT OVERWRITE TABLE {place} SELECT {columns} FROM delivered{kept}")
        _expect_seen(spark, table, place)
        yield f"{table.name}: {table.rows} rows of release {manifest.version}"
    homes = named(*catalog, ACCESS, CUSTOMERS)
    if spark.catalog.tableExists(homes):
        told = ", ".join(map(named, CUSTOMERS_COLUMNS))
        source = named(*catalog, *HOMES_FROM.split("."))
        spark.sql(f"INSERT OVERWRITE TABLE {homes} SELECT DISTINCT {told} FROM {source}")
        yield f"{ACCESS}.{CUSTOMERS}: where customers are at home, for row filters"


def _expect_same_columns(spark: SparkSession, table: ReleasedTable, catalog: tuple[str, ...]) -> None:
    place = named(*catalog, *table.name.split("."))
    if not spark.catalog.tableExists(place):
        raise LakehouseError(
            f"{place}: the release has this table, and the catalog has not. Write the bundle again, run its"
            " job `catalog`, then publish again. Nothing was published."
        )
    found = dict(spark.table(place).dtypes)
    expected = {column.name: column.type for column in table.columns}
    if found != expected:
        other = sorted({*found.items()} ^ {*expected.items()})
        shown = ", ".join(dict.fromkeys(name for name, _ in other))
        raise LakehouseError(
            f"{place}: the table's columns are not those of the release: {shown}. Alter the table, or drop it"
            " and run the job `catalog`; then publish again. Nothing was published."
        )


def _expect_seen(spark: SparkSession, table: ReleasedTable, place: str) -> None:
    seen = spark.table(place).count()
    if seen < table.rows or (table.mode == "overwrite" and seen != table.rows):
        raise LakehouseError(
            f"{place}: {table.rows} rows were written and {seen} can be seen. Put the identity that runs the"
            f" job into the account group `{PIPELINE}`, which no row filter holds back, and publish again."
        )
