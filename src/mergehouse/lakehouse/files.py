"""What Delta's files are made of: data files staged and published, their statistics, types and stamps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from mergehouse.contracts.types import duckdb_type, of_delta
from mergehouse.storage import is_url

if TYPE_CHECKING:
    from deltalake import DeltaTable, WriterProperties


LAYERS = ("bronze", "silver", "vault", "gold", "monitor")
FINGERPRINT, DELIVERED = "mergehouse.fingerprint", "mergehouse.delivered"
ROW_GROUP_ROWS = 122_880  # what DuckDB scans per thread: one big row group would be read by one thread only
DICTIONARY_BYTES = 1 << 18  # of a column; those of more values are smaller without, and sooner written
PLAIN_READER_FEATURES = {"timestampNtz", "appendOnly", "invariants", "v2Checkpoint", "vacuumProtocolCheck"}


@dataclass(frozen=True)
class StagedFile:
    """A Parquet file written on this machine, not yet part of any version."""

    path: Path
    rows: int
    bytes: int
    partition: dict[str, str] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stamp:
    """What a version was built from, kept in its commit: the fingerprint of its model and inputs, and the
    last delivery in it.
    """

    fingerprint: str
    delivered: str = ""

    def as_json(self) -> str:
        """For engines whose commits take one text.

        >>> Stamp("f1").as_json()
        '{"mergehouse.fingerprint": "f1", "mergehouse.delivered": ""}'
        """
        return json.dumps({FINGERPRINT: self.fingerprint, DELIVERED: self.delivered})


def data_files(delta: DeltaTable) -> list[str]:
    """Addresses of a version's files: paths on this machine, or URLs of an object store.

    Of a local table delta-rs writes the folder as a URL would have it, with %20 for a blank, and what is in
    it as it is on disk.

    >>> len(data_files(mh.open("shop").delta("gold.dim_brand")))
    1
    """
    folder = delta.table_uri.removeprefix("file://")
    if is_url(folder):
        return delta.file_uris()
    return [unquote(folder) + file.removeprefix(folder) for file in delta.file_uris()]


class LiveFile(NamedTuple):
    """A data file of a version as the log has it: its path as written there, its bytes and rows, the values
    of the partition it is in, and when it was last written (s since 1970).
    """

    path: str
    bytes: int
    rows: int
    partition: tuple[str, ...]
    modified: float = 0.0

    @property
    def place(self) -> str:
        """Its path in the table's folder.

        >>> LiveFile("brand=a%20b/part-0.parquet", 10, 1, ("a b",)).place
        'brand=a b/part-0.parquet'
        """
        return unquote(self.path)


def live_files(delta: DeltaTable) -> list[LiveFile]:
    """The files of a version.

    >>> [(file.rows, file.partition) for file in live_files(mh.open("shop").delta("gold.sales_daily"))]
    [(4, ('shop',))]
    """
    actions = delta.get_add_actions(flatten=True)
    paths, sizes, rows, moments = (
        actions.column(c).to_pylist() if c in actions.schema.names else [0] * actions.num_rows
        for c in ("path", "size_bytes", "num_records", "modification_time")
    )
    columns = [actions.column(f"partition.{c}").to_pylist() for c in delta.metadata().partition_columns]
    partitions = zip(*columns, strict=True) if columns else [()] * len(paths)
    return [
        LiveFile(path, size, count or 0, tuple(map(str, partition)), int(moment) / 1000)
        for path, size, count, partition, moment in zip(paths, sizes, rows, partitions, moments, strict=True)
    ]


def files_with(delta: DeltaTable, column: str, value: str) -> list[str]:
    """Addresses of the files of an unpartitioned table that may hold rows with a value, by their statistics.

    >>> bronze = mh.open("shop").delta("bronze.shop_lines")
    >>> len(files_with(bronze, "order", "A1")), files_with(bronze, "order", "none")
    (1, [])
    """
    actions = delta.get_add_actions(flatten=True)
    bounds = [f"{end}.{column}" for end in ("min", "max")]
    if not set(bounds) <= set(actions.schema.names):
        return data_files(delta)
    low, high = (actions.column(bound).to_pylist() for bound in bounds)
    files = zip(actions.column("path").to_pylist(), low, high, strict=True)
    without = {path for path, first, last in files if first and last and not first <= value <= last}
    return [file for file in data_files(delta) if file.rsplit("/", 1)[-1] not in without]


def needs_safe_reader(delta: DeltaTable) -> bool:
    """True where a plain list of Parquet files would show wrong rows: deletion vectors, column mapping.

    >>> needs_safe_reader(mh.open("shop").delta("gold.dim_brand"))
    False
    """
    features = set(delta.protocol().reader_features or ())
    return delta.protocol().min_reader_version >= 2 and not features <= PLAIN_READER_FEATURES


def writer_properties() -> WriterProperties:
    """How delta-rs is to write Parquet.

    >>> "compression: SNAPPY" in str(writer_properties())
    True
    """
    from deltalake import ColumnProperties, WriterProperties

    return WriterProperties(
        compression="SNAPPY",
        max_row_group_size=ROW_GROUP_ROWS,
        dictionary_page_size_limit=DICTIONARY_BYTES,
        default_column_properties=ColumnProperties(statistics_enabled="CHUNK"),
    )


def types_of(delta: DeltaTable) -> dict[str, str]:
    """Column names and their types, in a contract's words, in order.

    >>> list(types_of(mh.open("shop").delta("gold.dim_brand")).items())[-2:]
    [('last_order_date', 'date'), ('as_of_date', 'date')]
    """
    return {field.name: of_delta(field.type.type) for field in delta.schema().fields}


def duckdb_types(delta: DeltaTable) -> dict[str, str]:
    """Column names and their DuckDB types, in order.

    >>> list(duckdb_types(mh.open("shop").delta("gold.dim_brand")).items())[-2:]
    [('last_order_date', 'DATE'), ('as_of_date', 'DATE')]
    """
    return {name: duckdb_type(kind) for name, kind in types_of(delta).items()}


def minimum_and_maximum(pairs: Iterable[tuple[str, Any, Any]]) -> dict[str, dict[str, Any]]:
    """Delta's `minValues` and `maxValues` from (column, minimum, maximum).

    >>> minimum_and_maximum([("price", 2, 7)])
    {'minValues': {'price': 2}, 'maxValues': {'price': 7}}
    """
    pairs = list(pairs)
    return {
        "minValues": {name: low for name, low, _ in pairs},
        "maxValues": {name: high for name, _, high in pairs},
    }
