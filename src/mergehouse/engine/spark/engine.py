"""The Spark engine: the same models on a SparkSession, local, of a notebook, or behind Spark Connect; tables
are Delta.

Tables are read and written by path, or by name in a catalog, so that its grants and lineage hold; they lie in
the lakehouse either way. Only what classic Spark and Spark Connect share is used: SQL, DataFrame readers and
writers. Rows stay on the executors.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot.tokens import TokenType

from mergehouse.contracts.contract import Contract
from mergehouse.engine import RELATIONS, SCHEMAS, Relation, Staged
from mergehouse.engine.dialect import Sql, to_spark
from mergehouse.engine.spark.catalog import Catalog
from mergehouse.engine.spark.errors import spark_errors
from mergehouse.lakehouse.commits import OURS
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import LAYERS, Stamp
from mergehouse.lakehouse.staging import exchange
from mergehouse.lakehouse.writing import create_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NAMED = {*SCHEMAS, *RELATIONS, *LAYERS}


class SparkEngine:
    """Models as temporary views of one session; what is computed once is kept as Parquet under `scratch`."""

    tables_at_once = 2

    def __init__(self, session: SparkSession, lakehouse: Lakehouse, scratch: str, catalog: str | None = None):
        self.session, self.lakehouse, self.scratch = session, lakehouse, scratch
        self.catalog = Catalog(session, catalog, lakehouse) if catalog else None
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        # INT96, the default, knows no time zone
        session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")

    def expect(self, rows: int) -> None:
        """Spark's plans are the same for any number."""

    def attach(self, name: str) -> None:
        self.read(name).createOrReplaceTempView(flat(name))

    def attach_earlier(self, name: str, version: int) -> None:
        self.read(name, version).createOrReplaceTempView(flat(Relation("earlier", name)))

    def read(self, name: str, version: int | None = None) -> DataFrame:
        """The published version of a table, or another one, without the comments on its columns: a union of
        two would not know whose to take.
        """
        with spark_errors(name):
            reader = self.session.read.format("delta")
            if version is not None:
                reader = reader.option("versionAsOf", version)
            frame = (
                reader.table(self.catalog.register(name))
                if self.catalog
                else reader.load(self.location(name))
            )
        return frame.select(*(frame[column].alias(column, metadata={}) for column in frame.columns))

    def location(self, name: str) -> str:
        return self.lakehouse.address(name)

    def append(self, name: str, frame: DataFrame, batch_id: str) -> None:
        """Appends rows in one commit that records the batch; new columns widen the schema."""
        if self.catalog:
            self.catalog.expect_free(name)
        with spark_errors(name):
            ours = {"userMetadata": json.dumps(OURS)}
            self._commit(name, frame, {"mergeSchema": "true", "txnAppId": batch_id, "txnVersion": "1"} | ours)
        self.lakehouse.committed(name)

    def define(self, name: str | Relation, sql: Sql) -> None:
        with spark_errors(str(name)):
            self.session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {flat(name)} AS {flattened(to_spark(sql))}")

    def keep(self, name: str | Relation, sql: Sql) -> None:
        with spark_errors(str(name)):
            self._kept(self.session.sql(flattened(to_spark(sql)))).createOrReplaceTempView(flat(name))

    def slice(self, name: Relation, source: str | Relation, affected: Relation, on: dict[str, str]) -> None:
        equal = " AND ".join(f"t.{column} = a.{key}" for column, key in on.items())
        self.define(name, f"SELECT t.* FROM {source} AS t LEFT SEMI JOIN {affected} AS a ON {equal}")

    def load_frame(self, name: str | Relation, frame: Any) -> None:
        """An Arrow stream as a local relation: rows of Python each query would ask a Python process for."""
        import pyarrow
        from pyspark.sql.pandas.types import from_arrow_schema

        table = pyarrow.table(frame)
        # as Polars has text; Spark does not know it
        views = [pyarrow.types.is_string_view(column.type) for column in table.schema]
        schema = pyarrow.schema(
            c.with_type(pyarrow.string()) if is_view else c
            for c, is_view in zip(table.schema, views, strict=True)
        )
        # the types are given: Spark Connect cannot tell those of no rows
        known = self.session.createDataFrame(table.cast(schema), from_arrow_schema(schema))
        known.createOrReplaceTempView(flat(name))

    def stage(self, contract: Contract, sql: Sql) -> Staged:
        self._keep_typed(contract, sql)
        return Staged(contract, "table")

    def stage_partitions(self, contract: Contract, sql: Sql) -> Staged:
        self._keep_typed(contract, sql)
        return Staged(contract, "partitions")

    def stage_changes(self, contract: Contract, sql: Sql, sliced: bool) -> Staged:
        table, columns = contract.table, ", ".join(contract.columns)
        published, computed, inserted, deleted = (
            Relation(kind, table) for kind in ("published", "computed", "inserted", "deleted")
        )
        self._keep_typed(contract, sql)
        before = self._before(contract)
        keys = contract.incremental.slice if sliced and contract.incremental else []
        on = " AND ".join(f"t.{key} = a.{key}" for key in keys)
        slices = f" LEFT SEMI JOIN {Relation('affected', table)} AS a ON {on}" if keys else ""
        self.define(published, f"SELECT t.* FROM {before} AS t{slices}")
        new, old = f"SELECT {columns} FROM {computed}", f"SELECT {columns} FROM {published}"
        self.keep(inserted, f"{new} EXCEPT {old}")
        self.keep(deleted, f"{old} EXCEPT {new}")
        self.define(Relation("changed", table), f"SELECT * FROM {inserted} UNION ALL SELECT * FROM {deleted}")
        counts = f"(SELECT COUNT(*) FROM {inserted}) AS came, (SELECT COUNT(*) FROM {deleted}) AS went"
        came, went = self.rows(f"SELECT {counts}")[0].values()
        if not came and not went:
            return Staged(contract, "nothing")
        return Staged(contract, "rows", inserted=came, deleted=went)

    def attach_staged(self, staged: Staged) -> None:
        contract, table = staged.contract, staged.contract.table
        columns = ", ".join(f"t.{column}" for column in contract.columns)
        computed = Relation("computed", table)
        if staged.scope == "table":
            self.define(table, f"SELECT {columns} FROM {computed} AS t")
            return
        before = self._before(contract)
        if staged.scope == "nothing":
            self.define(table, f"SELECT {columns} FROM {before} AS t")
            return
        gone, new, keys = Relation("affected", table), computed, contract.partition_by
        if staged.scope == "rows":
            gone, new, keys = Relation("deleted", table), Relation("inserted", table), contract.key
        on = " AND ".join(f"t.{key} = d.{key}" for key in keys)
        kept = f"SELECT {columns} FROM {before} AS t LEFT ANTI JOIN {gone} AS d ON {on}"
        self.define(table, f"{kept} UNION ALL SELECT {columns} FROM {new} AS t")

    def publish(self, staged: Staged, stamp: Stamp) -> int:
        contract = staged.contract
        if self.catalog:
            self.catalog.expect_free(contract.table)
        create_table(self.lakehouse, contract)
        with spark_errors(contract.table):
            if staged.scope == "rows" and staged.deleted:
                self.keep(Relation("merged", contract.table), _changes(contract))
                self.session.sql(_merge(contract, self._target(contract.table))).collect()
            elif staged.scope != "nothing":
                source = Relation("inserted" if staged.scope == "rows" else "computed", contract.table)
                replaced = (
                    self._partitions(contract)
                    if staged.scope == "partitions"
                    else "TRUE"
                    if staged.scope == "table"
                    else ""
                )
                self._commit(
                    contract.table,
                    self.session.table(flat(source)),
                    {"userMetadata": stamp.as_json()},
                    replaced,
                    contract.partition_by,
                )
        self.lakehouse.committed(contract.table)
        # SQL commands take no metadata of their own, and Spark makes no commit of no rows in an empty table
        if self.lakehouse.stamp(contract.table) != stamp:
            exchange(self.lakehouse, contract, (), stamp, frozenset())
        self.attach(contract.table)
        return self.lakehouse.delta(contract.table).version()

    def discard(self, staged: Staged) -> None:
        """Kept rows go with the run's scratch folder."""

    def register_all(self) -> None:
        """Names what others wrote, too: the ledger of deliveries, the run log."""
        if self.catalog:
            for name in self.lakehouse.tables():
                self.catalog.register(name)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with spark_errors("query"):
            return [row.asDict() for row in self.session.sql(flattened(sql)).collect()]

    def distinct_keys(self, contract: Contract, columns: Sequence[str]) -> int:
        keys = ", ".join(columns)
        count = f"SELECT COUNT(*) AS n FROM (SELECT DISTINCT {keys} FROM {contract.table}) AS k"
        return int(self.rows(count)[0]["n"])

    def _before(self, contract: Contract) -> str:
        """The published version under a name of its own: the table's is that of what is staged."""
        name = f"before_{flat(contract.table)}"
        self.read(contract.table).createOrReplaceTempView(name)
        return name

    def _keep_typed(self, contract: Contract, sql: Sql) -> None:
        columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in contract.types.items())
        self.keep(Relation("computed", contract.table), f"SELECT {columns} FROM ({to_spark(sql)}) AS model")

    def _kept(self, frame: DataFrame) -> DataFrame:
        """The rows, written once and read back: what a lazy frame would compute again for every reader."""
        with self._lock:
            path = f"{self.scratch}/kept_{next(self._numbers)}"
        frame.write.parquet(path)
        return self.session.read.schema(frame.schema).parquet(path)

    def _commit(
        self,
        name: str,
        frame: DataFrame,
        options: dict[str, str],
        replaced: str = "",
        partition_by: Sequence[str] = (),
    ) -> None:
        """Appends rows, or puts them in the place of those that meet the condition `replaced`.

        By name where there is a catalog; a table that is not there yet is made at its place and gets its name
        when first read.
        """
        if self.catalog and self.lakehouse.exists(name):
            from pyspark.sql.functions import expr

            named = frame.writeTo(self.catalog.register(name)).options(**options)
            if replaced:
                named.overwrite(expr(replaced))
            else:
                named.append()
            return
        writer = (
            frame.write.format("delta")
            .options(**options)
            .partitionBy(*partition_by)
            .mode("overwrite" if replaced else "append")
        )
        if replaced not in ("", "TRUE"):
            writer = writer.option("replaceWhere", replaced)
        writer.save(self.location(name))

    def _partitions(self, contract: Contract) -> str:
        """The condition that rows of the affected partitions meet."""
        keys = self.rows(f"SELECT * FROM {Relation('affected', contract.table)}")
        return " OR ".join(
            "(" + " AND ".join(f"{key} = '{value}'" for key, value in row.items()) + ")" for row in keys
        )

    def _target(self, name: str) -> str:
        return self.catalog.register(name) if self.catalog else f"delta.`{self.location(name)}`"


def flat(name: object) -> str:
    """A name as the one word that a temporary view has."""
    return str(name).replace(".", "_")


def flattened(sql: str) -> str:
    """The query with every `schema.name` of a run as the temporary view's one word; all else stays as it is
    written.
    """
    tokens = sqlglot.tokenize(sql, read="spark")
    parts, end = [], 0
    for first, dot, second in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (
            dot.token_type == TokenType.DOT
            and first.text in NAMED
            and first.start >= end
            and sql[first.start] != "`"
        ):
            parts += [sql[end : first.start], f"{first.text}_{second.text}"]
            end = second.end + 1
    return "".join([*parts, sql[end:]])


def _changes(contract: Contract) -> str:
    """What MERGE is given: every inserted row, and those deleted ones whose key does not come back."""
    on = " AND ".join(f"i.{key} = d.{key}" for key in contract.key)
    inserted, deleted = Relation("inserted", contract.table), Relation("deleted", contract.table)
    gone = f"SELECT d.*, TRUE AS is_gone FROM {deleted} AS d LEFT ANTI JOIN {inserted} AS i ON {on}"
    return f"SELECT i.*, FALSE AS is_gone FROM {inserted} AS i UNION ALL {gone}"


def _merge(contract: Contract, target: str) -> str:
    """MERGE on the table's key: changed rows are updated, gone ones deleted, new ones inserted."""
    on = " AND ".join(f"t.{key} = s.{key}" for key in contract.key)
    return (
        f"MERGE INTO {target} AS t USING {flat(Relation('merged', contract.table))} AS s ON {on}"
        " WHEN MATCHED AND s.is_gone THEN DELETE WHEN MATCHED THEN UPDATE SET *"
        " WHEN NOT MATCHED AND NOT s.is_gone THEN INSERT *"
    )
