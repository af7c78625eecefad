"""A Parquet file as a relation, its values as text."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from mergehouse.errors import SourceError
from mergehouse.ingest.nested import flattened
from mergehouse.ingest.reader import Reader
from mergehouse.lakehouse.reader import quoted, text
from mergehouse.storage import one_file

NUMBERS = "U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER|DECIMAL|FLOAT|DOUBLE"  # DuckDB's types


class ParquetReader(Reader):
    """Of a Parquet file; structs and lists are made columns and rows."""

    def _open(self, path: Path) -> str:
        file, items = text(one_file(str(path))), self.delivery.source.items
        try:
            rows, types = flattened(self.cursor, f"read_parquet({file}, hive_partitioning = false)", items)
            counted = (
                f"SELECT count(*) FROM ({rows})"
                if items
                else f"SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata({file})"
            )
            ((self._expected,),) = self.cursor.execute(counted).fetchall()
        except duckdb.Error as error:
            raise SourceError(
                f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})."
            ) from None
        self._match(list(types), str(path))
        self.numbers = [
            name
            for name, kind in zip(self._own_columns, types.values(), strict=True)
            if re.match(NUMBERS, kind)
        ]
        instants = self.cursor.execute(
            f"SELECT name FROM parquet_schema({file}) WHERE type = 'INT96'"
        ).fetchall()
        for path_in_row in (p for p in types if (p.split(".")[-1],) in instants):
            # Spark, Hive and Impala keep instants so, in UTC, and DuckDB takes them for local times
            rows = f"SELECT * REPLACE ({quoted(path_in_row)} || 'Z' AS {quoted(path_in_row)}) FROM ({rows})"
        return f"(SELECT {self._renamed(list(types))} FROM ({rows}))"
