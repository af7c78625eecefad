"""Rows written to a table through delta-rs, each call in one commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mergehouse.contracts.contract import Contract
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.commits import OURS, metadata
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.files import Stamp, duckdb_types, writer_properties
from mergehouse.lakehouse.reader import shared, text
from mergehouse.lakehouse.schema import arrow_rows, delta_schema, properties
from mergehouse.storage import delta_options, failure, write_failure

if TYPE_CHECKING:
    import polars


def create_table(lakehouse: Lakehouse, contract: Contract) -> None:
    """Makes the table, without rows, where it is not there yet.

    >>> from mergehouse.contracts.registry import contract_of
    >>> lakehouse = Lakehouse("new")
    >>> create_table(lakehouse, contract_of("gold.dim_brand"))
    >>> lakehouse.rows("gold.dim_brand"), lakehouse.table("gold.dim_brand").polars().columns[:2]
    (0, ['source_system', 'label'])
    """
    from deltalake import CommitProperties, DeltaTable

    if not lakehouse.exists(contract.table):
        with write_errors(lakehouse, contract.table):
            DeltaTable.create(
                lakehouse.address(contract.table),
                delta_schema(contract),
                storage_options=delta_options(lakehouse.location),
                commit_properties=CommitProperties(custom_metadata=OURS),
                **properties(contract),
            )


def append(
    lakehouse: Lakehouse,
    name: str,
    stream: Any,
    batches: Sequence[str] = (),
    contract: Contract | None = None,
) -> None:
    """Appends an Arrow stream in one commit; new columns widen the schema.

    The commit records the `batches`, so that none is ever appended twice. With `contract` a table that is
    not there yet gets its properties. An error raised by the stream leaves the table as it was.

    >>> import duckdb
    >>> lakehouse = Lakehouse("new")
    >>> append(lakehouse, "bronze.notes", duckdb.sql("SELECT 'first' AS note"), batches=["b1"])
    >>> append(lakehouse, "bronze.notes", duckdb.sql("SELECT 'second' AS note, 2 AS page"))
    >>> lakehouse.query("FROM bronze.notes ORDER BY note").fetchall()
    [('first', None), ('second', 2)]
    """
    from deltalake import CommitProperties, Transaction, write_deltalake

    with write_errors(lakehouse, name):
        write_deltalake(
            lakehouse.address(name),
            stream,
            mode="append",
            storage_options=delta_options(lakehouse.location),
            schema_mode="merge",
            writer_properties=writer_properties(),
            commit_properties=CommitProperties(
                custom_metadata=OURS,
                app_transactions=[Transaction(batch, 1) for batch in batches] or None,
            ),
            **(properties(contract) if contract else {}),
        )


def held_batches(lakehouse: Lakehouse, name: str, batches: Sequence[str]) -> set[str]:
    """Those that a commit of this table has already brought in (Delta app transactions).

    >>> lakehouse = mh.open("shop")
    >>> ((batch,),) = lakehouse.query("SELECT batch_id FROM bronze.batches").fetchall()
    >>> held_batches(lakehouse, "bronze.shop_lines", [batch, "other"]) == {batch}
    True
    """
    delta = lakehouse.delta(name) if batches and lakehouse.exists(name) else None
    return {b for b in batches if delta is not None and delta.transaction_version(b) is not None}


def append_rows(lakehouse: Lakehouse, contract: Contract, rows: list[list[Any]]) -> None:
    """Appends a few rows, given as values in the order of a contract's columns; makes the table where it
    is not there. No rows, no commit.

    >>> from mergehouse.contracts.registry import contract_of
    >>> lakehouse = Lakehouse("new")
    >>> row = ["shop", "Shop", "EUR", "UTC", None, None, None]
    >>> append_rows(lakehouse, contract_of("gold.dim_brand"), [row])
    >>> lakehouse.rows("gold.dim_brand")
    1
    """
    if rows:
        append(lakehouse, contract.table, arrow_rows(contract, rows), contract=contract)


def upsert_rows(lakehouse: Lakehouse, contract: Contract, rows: list[list[Any]]) -> None:
    """The same in one commit, a row in the place of one with its key.

    >>> from mergehouse.contracts.registry import contract_of
    >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
    >>> append_rows(lakehouse, contract, [["shop", "Old", "EUR", "UTC", None, None, None]])
    >>> upsert_rows(lakehouse, contract, [["shop", "New", "EUR", "UTC", None, None, None]])
    >>> lakehouse.query("SELECT label FROM gold.dim_brand").fetchall()
    [('New',)]
    """
    from deltalake import CommitProperties

    same = " AND ".join(f"old.{name} = new.{name}" for name in contract.key)
    with write_errors(lakehouse, contract.table):
        merge = lakehouse.delta(contract.table).merge(
            arrow_rows(contract, rows),
            same,
            source_alias="new",
            target_alias="old",
            merge_schema=True,
            writer_properties=writer_properties(),
            commit_properties=CommitProperties(custom_metadata=OURS),
        )
        merge.when_matched_update_all().when_not_matched_insert_all().execute()


def replace_brand(lakehouse: Lakehouse, contract: Contract, rows: polars.DataFrame, brand: str) -> None:
    """Puts rows, by the names of their columns, in the place of a brand's, in one commit; makes the table
    where it is not there.

    >>> import polars
    >>> from mergehouse.contracts.registry import contract_of
    >>> lakehouse, contract = Lakehouse("new"), contract_of("gold.dim_brand")
    >>> empty = [None, None, None]
    >>> append_rows(lakehouse, contract, [[name, "Old", "EUR", "UTC", *empty] for name in "ab"])
    >>> new = polars.DataFrame([["a", "New", "EUR", "UTC", *empty]], list(contract.columns), orient="row")
    >>> replace_brand(lakehouse, contract, new, "a")
    >>> lakehouse.query("SELECT label FROM gold.dim_brand ORDER BY ALL").fetchall()
    [('New',), ('Old',)]
    """
    from deltalake import CommitProperties, write_deltalake

    create_table(lakehouse, contract)
    types = duckdb_types(lakehouse.delta(contract.table))
    connection = shared()
    connection.register("given", rows)
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
    with write_errors(lakehouse, contract.table):
        write_deltalake(
            lakehouse.address(contract.table),
            connection.sql(f"SELECT {columns} FROM given"),
            mode="overwrite",
            predicate=f"source_system = {text(brand)}",
            storage_options=delta_options(lakehouse.location),
            writer_properties=writer_properties(),
            commit_properties=CommitProperties(custom_metadata=OURS),
        )


def restore(lakehouse: Lakehouse, name: str, version: int, stamp: Stamp | None) -> int:
    """Makes the rows of an earlier version the table's content again, as a new version, which is
    returned. Without `stamp` it is that of a table that no run builds.

    Raises LakehouseError where files of that version are gone.

    >>> import duckdb
    >>> lakehouse = Lakehouse("new")
    >>> append(lakehouse, "gold.notes", duckdb.sql("SELECT 'right' AS note"))
    >>> append(lakehouse, "gold.notes", duckdb.sql("SELECT 'wrong' AS note"))
    >>> restore(lakehouse, "gold.notes", 0, Stamp("as it was"))
    2
    >>> lakehouse.query("FROM gold.notes").fetchall()
    [('right',)]
    """
    from deltalake import CommitProperties

    with write_errors(lakehouse, name):
        lakehouse.delta(name).restore(
            version,
            commit_properties=CommitProperties(custom_metadata=metadata(stamp) if stamp else OURS),
        )
    return lakehouse.delta(name).version()


@contextmanager
def write_errors(lakehouse: Lakehouse, name: str) -> Iterator[None]:
    """Turns what the file system, the object store and delta-rs raise into one readable line.

    >>> with write_errors(Lakehouse("new"), "gold.notes"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: `gold.notes`: cannot write to new/gold/notes: the disk is full ...
    """
    from deltalake.exceptions import CommitFailedError, DeltaError
    from obstore.exceptions import BaseError

    try:
        yield
    except CommitFailedError as error:
        raise LakehouseError(f"{conflict(name)} ({error})") from None
    except (OSError, DeltaError, BaseError) as error:
        if lakehouse.is_remote:
            raise LakehouseError(
                f"`{name}`: {failure(lakehouse.location, error)} The published tables are unharmed."
            ) from None
        raise LakehouseError(write_failure(name, lakehouse.path(name), error)) from None
    finally:
        lakehouse.committed(name)


def conflict(name: str) -> str:
    """What to say where somebody else has made the next version first.

    >>> conflict("gold.notes")
    '`gold.notes`: another writer committed at the same time; nothing was written. Run again.'
    """
    return f"`{name}`: another writer committed at the same time; nothing was written. Run again."
