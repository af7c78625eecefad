"""The ingestion on Spark with Delta Lake: what `mergehouse ingest` does, for a notebook on Fabric.

Tables are at `<tables>/<table>`, one commit each. A table that fails keeps what it had, and the others go on.
`release_current` says which version of each table belongs to the last release that came in whole, and
`release_ingests` what every ingestion did.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from mergehouse.kpi.formula import kpi_sql, totals
from mergehouse.release.manifest.seal import (
    RELEASES,
    Fault,
    check_files,
    pointed_at,
    read_digest,
    read_sealed,
)
from mergehouse.release.manifest.statistics import (
    check_facts,
    check_keys,
    check_kpis,
    check_names,
    check_partitions,
    check_schema,
    facts_sql,
    partitions_sql,
)

MANIFEST_FORMAT = 1
FINGERPRINT, DELIVERED = "mergehouse.fingerprint", "mergehouse.delivered"
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
CARE = ("OPTIMIZE", "VACUUM START", "VACUUM END")  # operations that change no row


class IngestError(Exception):
    """One table cannot be brought in; the message says why and what to do."""


class ReleaseJob:
    """One release below `folder`, which Spark reads as `spark_folder`, on its way into the tables below
    `tables`. `schemas` are those of the two tables that it keeps there itself.
    """

    def __init__(
        self, spark: SparkSession, folder: Path, spark_folder: str, tables: str, schemas: dict[str, str]
    ):
        self.spark, self.folder, self.spark_folder = spark, folder, spark_folder
        self.tables, self.schemas = tables, schemas
        self.manifest: dict[str, Any] = {}
        self.seal = ""

    def run(self, version: str = "", digest: str = "") -> dict[str, Any]:
        """Verifies, loads, compares, points. Returns what was done; nothing is touched where verification
        finds a fault.
        """
        faults = self.verify(version, digest)
        done: list[dict[str, Any]] = []
        current = None
        if not faults:
            done = [self._ingest(table) for table in self.manifest["tables"]]
            if not any(table["status"] == "failed" for table in done):
                faults = self._check_kpis(lambda table: f"delta.`{self._path(table)}`")
            current = self._conclude(done, faults)
        ok = not faults and not any(table["status"] == "failed" for table in done)
        return {
            "ok": ok,
            "release": self.manifest.get("version"),
            "current": current,
            "manifest_sha256": self.seal,
            "tables": done,
            "faults": [vars(fault) for fault in faults],
        }

    def verify(self, version: str, digest: str) -> list[Fault]:
        faults: list[Fault] = []
        if not version:
            found, pointed, faults = pointed_at(self.folder)
            version, digest = found or "", digest or pointed or ""
        if not version:
            return faults
        expected = read_digest(digest) if digest else None
        content, self.seal, broken = read_sealed(self.folder, version, expected)
        faults += broken
        if faults:
            return faults
        where = f"{RELEASES}/v{version}"
        try:
            self.manifest = json.loads(content)
            if (self.manifest["manifest_format"], self.manifest["version"]) != (MANIFEST_FORMAT, version):
                return [
                    Fault(
                        "manifest",
                        where,
                        f"expected a manifest of format {MANIFEST_FORMAT} and version {version}.",
                    )
                ]
            return (
                check_names(self.manifest)
                or check_files(self.folder, self.manifest)
                or self._check_contents()
            )
        except (ValueError, KeyError, TypeError) as error:
            return [
                Fault(
                    "manifest",
                    where,
                    f"it was not written by mergehouse ({error!r}): carry the release again.",
                )
            ]

    def _check_contents(self) -> list[Fault]:
        faults = []
        for table in self.manifest["tables"]:
            found = []
            try:
                for file in table["files"]:
                    found += check_schema(
                        table,
                        file["path"],
                        self.spark.read.parquet(f"{self.spark_folder}/{file['path']}").dtypes,
                    )
                faults += found or self._check_figures(table)
            except PySparkException as error:
                faults.append(
                    Fault("unreadable", table["name"], f"its files cannot be read ({_first_line(error)}).")
                )
        return faults or self._check_kpis(self._view)

    def _check_figures(self, table: dict[str, Any]) -> list[Fault]:
        self._rows(table).createOrReplaceTempView(self._view(table))
        row = self._query(facts_sql(table, self._view(table), "`"))[0]
        keys = ", ".join(f"`{name}`" for name in table["key"])
        distinct = self._query(
            f"SELECT COUNT(*) AS n FROM (SELECT DISTINCT {keys} FROM {self._view(table)})"
        )[0]["n"]
        split = self._query(partitions_sql(table, self._view(table), "`")) if table["partition_by"] else []
        return (
            check_facts(table, row)
            + check_partitions(table, split)
            + check_keys(table, row["row_count"], distinct)
        )

    def _check_kpis(self, relation: Any) -> list[Fault]:
        """KPIs over the release's files or the Delta tables: `relation` names a table's rows in SQL."""
        by_name = {table["name"]: relation(table) for table in self.manifest["tables"]}
        kpis = [kpi | {"table": by_name.get(kpi["table"])} for kpi in self.manifest["kpis"]]
        used = dict.fromkeys(kpi["table"] for kpi in kpis if kpi["table"])
        return check_kpis(self.manifest, totals(kpis, used, self._measured))

    def _measured(self, relation: str, kpis: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return self._query(kpi_sql(relation, kpis))

    def _ingest(self, table: dict[str, Any]) -> dict[str, Any]:
        name = table["name"].partition(".")[2]
        try:
            done = {"table": name, **self._load(table)}
        except (IngestError, PySparkException) as error:
            return _outcome(
                name,
                "failed",
                message=str(error) if isinstance(error, IngestError) else f"`{name}`: {_first_line(error)}",
            )
        return _outcome(**done)

    def _load(self, table: dict[str, Any]) -> dict[str, Any]:
        path, stamp = self._path(table), self._stamp()
        rows, history = self._rows(table), self._history(path)
        if history:
            last = history[0][1]
            if last == stamp:
                return {"status": "unchanged", **self._state(path)}
            if last is None:
                raise IngestError(
                    f"the table at {path} was last written by something other than a release. Rename or"
                    " remove it, and run again."
                )
            if (earlier := next((number for number, found in history if found == stamp), None)) is not None:
                self._stamped(f"RESTORE TABLE delta.`{path}` TO VERSION AS OF {earlier}")
                return {"status": "restored", **self._state(path)}
            if table["mode"] == "merge" and _number(last[DELIVERED]) > _number(stamp[DELIVERED]):
                raise IngestError(
                    f"the table holds release {last[DELIVERED]}, and what it held at {stamp[DELIVERED]} was"
                    " never here. A table that is merged cannot go back to it: ingest that release or a"
                    " later one."
                )
            if table["mode"] == "merge" and last[DELIVERED]:
                return {"status": "merged", **self._merge(table, path)}
        else:
            self._create(table, path)
        writer = rows.write.format("delta").mode("overwrite").option("userMetadata", json.dumps(stamp))
        if self.spark.read.format("delta").load(path).dtypes != rows.dtypes:
            writer = writer.option("overwriteSchema", "true")
        if table["partition_by"]:
            writer = writer.partitionBy(*table["partition_by"])
        writer.save(path)
        return {"status": "loaded", **self._state(path), "inserted": table["rows"]}

    def _create(self, table: dict[str, Any], path: str) -> None:
        """An empty table of the manifest's types: only a definition brings NOT NULL and comments into a Delta
        table.
        """
        columns = ", ".join(
            f"`{c['name']}` {c['type']}{'' if c['nullable'] else ' NOT NULL'} COMMENT {_quoted(c['meaning'])}"
            for c in table["columns"]
        )
        split = (
            f" PARTITIONED BY ({', '.join(f'`{name}`' for name in table['partition_by'])})"
            if table["partition_by"]
            else ""
        )
        sql = (
            f"CREATE TABLE delta.`{path}` ({columns}) USING DELTA{split} COMMENT {_quoted(table['meaning'])}"
        )
        self._stamped(sql, {FINGERPRINT: "created", DELIVERED: ""})

    def _merge(self, table: dict[str, Any], path: str) -> dict[str, Any]:
        """Rows by key; those that are the same already are left alone. New columns are added."""
        view = self._view(table)
        names = [column["name"] for column in table["columns"]]
        there = self.spark.read.format("delta").load(path).columns
        same = " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in table["key"])
        equal = " AND ".join(
            f"t.`{name}` <=> s.`{name}`" if name in there else f"s.`{name}` IS NULL" for name in names
        )
        self.spark.conf.set("spark.databricks.delta.schema.autoMerge.enabled", "true")
        try:
            self._stamped(
                f"MERGE INTO delta.`{path}` AS t USING {view} AS s ON {same} "
                f"WHEN MATCHED AND NOT ({equal}) THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
            )
        finally:
            self.spark.conf.unset("spark.databricks.delta.schema.autoMerge.enabled")
        metrics = self._query(f"DESCRIBE HISTORY delta.`{path}` LIMIT 1")[0]["operationMetrics"]
        counts = {"inserted": "numTargetRowsInserted", "updated": "numTargetRowsUpdated"}
        return self._state(path) | {name: int(metrics.get(metric, 0)) for name, metric in counts.items()}

    def _conclude(self, done: list[dict[str, Any]], faults: list[Fault]) -> str | None:
        """Points readers at a release that came in whole and writes down what was done. Returns the version
        readers are pointed at.
        """
        now = dt.datetime.now(dt.UTC)
        current = f"{self.tables}/release_current"
        known = self._query(f"SELECT * FROM delta.`{current}`") if self._history(current) else []
        failed = faults or any(table["status"] == "failed" for table in done)
        lines = [
            (t["table"], self.manifest["version"], t["delta_version"], t["rows"], self.seal, now)
            for t in done
        ]
        is_known = {(k["table_name"], k["delta_version"], k["manifest_sha256"]) for k in known} == {
            (t[0], t[2], t[4]) for t in lines
        }
        if not failed and not is_known:
            frame = self.spark.createDataFrame(lines, self.schemas["release_current"]).coalesce(1)
            frame.write.format("delta").mode("overwrite").option(
                "userMetadata", json.dumps(self._stamp())
            ).save(current)
            known = [{"release_version": self.manifest["version"]}]
        changed = [table for table in done if table["status"] != "unchanged"]
        log = [(now, self.manifest["version"], *table.values(), self.seal) for table in changed]
        if log:
            frame = self.spark.createDataFrame(log, self.schemas["release_ingests"]).coalesce(1)
            frame.write.format("delta").mode("append").save(f"{self.tables}/release_ingests")
        return known[0]["release_version"] if known else None

    def _rows(self, table: dict[str, Any]) -> DataFrame:
        return self.spark.read.parquet(*(f"{self.spark_folder}/{file['path']}" for file in table["files"]))

    def _view(self, table: dict[str, Any]) -> str:
        return f"released_{table['name'].replace('.', '_')}"

    def _path(self, table: dict[str, Any]) -> str:
        return f"{self.tables}/{table['name'].partition('.')[2]}"

    def _stamp(self) -> dict[str, str]:
        """What a commit of this release says of itself; `mergehouse ingest` writes and reads the same."""
        version = self.manifest["version"]
        return {FINGERPRINT: f"release {version} {self.seal}", DELIVERED: version}

    def _stamped(self, sql: str, stamp: dict[str, str] | None = None) -> None:
        self.spark.conf.set(USER_METADATA, json.dumps(stamp or self._stamp()))
        try:
            self.spark.sql(sql)
        finally:
            self.spark.conf.unset(USER_METADATA)

    def _history(self, path: str) -> list[tuple[int, dict[str, str] | None]]:
        """Versions and stamps, newest first; none where there is no table."""
        if not DeltaTable.isDeltaTable(self.spark, path):
            return []
        commits = self._query(f"DESCRIBE HISTORY delta.`{path}`")
        return [(c["version"], _parsed(c["userMetadata"])) for c in commits if c["operation"] not in CARE]

    def _state(self, path: str) -> dict[str, int]:
        version = self._query(f"DESCRIBE HISTORY delta.`{path}` LIMIT 1")[0]["version"]
        return {
            "rows": self._query(f"SELECT COUNT(*) AS n FROM delta.`{path}`")[0]["n"],
            "delta_version": version,
        }

    def _query(self, sql: str) -> list[dict[str, Any]]:
        return [row.asDict() for row in self.spark.sql(sql).collect()]


def _outcome(
    table: str,
    status: str,
    rows: int = 0,
    inserted: int = 0,
    updated: int = 0,
    deleted: int = 0,
    delta_version: int | None = None,
    message: str = "",
) -> dict[str, Any]:
    return {
        "table": table, "status": status, "rows": rows, "inserted": inserted, "updated": updated,
        "deleted": deleted, "delta_version": delta_version, "message": message,
    }  # fmt: skip


def _parsed(text: str | None) -> dict[str, str] | None:
    try:
        found = json.loads(text or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) and FINGERPRINT in found else None


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split("."))) if version else ()


def _quoted(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
