"""Opening a version of a table's log, and what is said where it cannot be read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from mergehouse.errors import LakehouseError, LogError
from mergehouse.lakehouse.files import PLAIN_READER_FEATURES
from mergehouse.lakehouse.retention import versions
from mergehouse.storage import delta_options, failure

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from mergehouse.lakehouse.delta import Lakehouse

DAMAGED_LOG = (  # what delta-rs says of one, and not of a store that does not answer
    r"Json error|Invalid JSON|Parquet error|Arrow error|Invalid Checkpoint|commit files, but found gap"
    r"|No table metadata or protocol|Invalid table version"
)
STORE_FAULT = r"(?i)generic \w+ error|object.?store|http|connect|timed? ?out|permission|os error"
# what there is besides is read through delta-rs, see lakehouse/reader.py
READABLE_FEATURES = PLAIN_READER_FEATURES | {"deletionVectors", "columnMapping"}


def open_current(
    lakehouse: Lakehouse, name: str, published: int | None = None, known: DeltaTable | None = None
) -> DeltaTable:
    """A table at its `published` version or, without, its newest; what was opened before, and is `known`, is
    brought up to date.

    Raises LakehouseError naming the nearest existing table, LogError where the log is damaged.

    >>> open_current(mh.open("shop"), "gold.dim_brand").version()
    0
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        if known:
            known.update_incremental()
        table = known or DeltaTable(
            lakehouse.address(name), version=published, storage_options=delta_options(lakehouse.location)
        )
    except TableNotFoundError:
        raise not_found(lakehouse, name) from None
    except (DeltaError, ValueError) as error:
        said = str(error).splitlines()[0]
        is_damaged = re.search(DAMAGED_LOG, said) and not re.search(STORE_FAULT, str(error))
        kind = LogError if is_damaged else LakehouseError
        at = f" at version {published}, which is published" if published is not None else ""
        mend = " `mergehouse run` publishes anew." if published is not None else ""
        if kind is LogError:
            mend = " `mergehouse run` mends it, or says what is lost."
        raise kind(
            f"`{name}`: the table's log in {lakehouse.location} cannot be read{at} ({said}).{mend}"
        ) from None
    except OSError as error:
        raise LakehouseError(f"`{name}`: {failure(lakehouse.location, error)}") from None
    return _readable(lakehouse, name, table)


def open_earlier(
    lakehouse: Lakehouse, name: str, version: int | None, as_of: datetime | date | str | None
) -> DeltaTable:
    """A table as of a version number, or of an instant: without a zone in UTC, a day as it begins.

    Raises LakehouseError naming the nearest existing table, or the versions there are.

    >>> open_earlier(mh.open("shop"), "gold.dim_brand", 7, None)
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: table `gold.dim_brand` has no version 7 (versions 0 to 0): ...
    >>> open_earlier(mh.open("shop"), "gold.dim_brand", None, "2020-01-01")
    Traceback (most recent call last):
    mergehouse.errors.LakehouseError: table `gold.dim_brand` has no version as of 2020-01-01 ...
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    if version is not None and as_of is not None:
        raise LakehouseError(f"`{name}`: version={version} and as_of={as_of}: give one of them.")
    instant = None if as_of is None else _instant(as_of)
    try:
        if version is not None and (type(version) is not int or version < 0):
            raise ValueError("expected a whole number")
        table = DeltaTable(
            lakehouse.address(name), version=version, storage_options=delta_options(lakehouse.location)
        )
        if instant is not None:
            table.load_as_version(instant)
            _expect_reached(lakehouse, name, instant)
    except (DeltaError, ValueError) as error:
        if isinstance(error, TableNotFoundError) and name not in lakehouse.folders():
            raise not_found(lakehouse, name) from None
        raise _no_version(lakehouse, name, version, as_of, error) from None
    except OSError as error:
        raise LakehouseError(f"`{name}`: {failure(lakehouse.location, error)}") from None
    return _readable(lakehouse, name, table)


def not_found(lakehouse: Lakehouse, name: str) -> LakehouseError:
    """What to say of a table that is not there: the nearest that is, or how it comes to be.

    >>> print(not_found(mh.open("shop"), "gold.dim_brands"))
    table `gold.dim_brands` not found in ...; did you mean `gold.dim_brand`?
    """
    from mergehouse.contracts.registry import find
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.project.validation import nearest

    published = lakehouse.published()
    if (
        published is not None
        and name not in published
        and Lakehouse(lakehouse.location, newest=True).exists(name)
    ):
        return LakehouseError(
            f"table `{name}` in {lakehouse.location} is of no published set yet: it is being built, a run was"
            " killed, or another program made it. `mergehouse run` publishes it."
        )
    there = lakehouse.tables()
    if not there or find(name):
        hint = "; `mergehouse run` builds the tables."
    elif best := nearest(name, there):
        hint = f"; did you mean `{best}`?"
    else:
        hint = f"; it has {len(there)} tables, such as {there[0]}."
    return LakehouseError(f"table `{name}` not found in {lakehouse.location}{hint}")


def _readable(lakehouse: Lakehouse, name: str, table: DeltaTable) -> DeltaTable:
    if unknown := set(table.protocol().reader_features or ()) - READABLE_FEATURES:
        raise LakehouseError(
            f"table `{name}` in {lakehouse.location} uses the Delta reader feature `{min(unknown)}`, which"
            " mergehouse cannot read. Have it written without, or read it with the engine that wrote it."
        )
    return table


def _no_version(
    lakehouse: Lakehouse,
    name: str,
    version: int | None,
    as_of: datetime | date | str | None,
    error: Exception,
) -> LakehouseError:
    wanted = f"version {version}" if version is not None else f"version as of {as_of}"
    there = versions(lakehouse, name)
    oldest, newest = min(there, default=0), max(there, default=0)
    gone = "; older ones have gone: `retention` in mergehouse.yml says when" if oldest else ""
    reason = str(error).splitlines()[0]
    return LakehouseError(f"table `{name}` has no {wanted} (versions {oldest} to {newest}{gone}): {reason}")


def _instant(as_of: datetime | date | str) -> datetime:
    try:
        given = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
        instant = given if isinstance(given, datetime) else datetime.combine(given, time())
    except (TypeError, ValueError):
        raise LakehouseError(
            f"as_of={as_of}: expected a day or an instant, such as 2026-11-01 or 2026-11-01T12:00:00Z."
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _expect_reached(lakehouse: Lakehouse, name: str, instant: datetime) -> None:
    """Raises ValueError where the table was not there yet, or the versions of an instant have gone: delta-rs
    gives the oldest that is left.
    """
    there = versions(lakehouse, name)
    if there and there[min(there)] > instant:
        raise ValueError(f"the oldest is of {there[min(there)]:%Y-%m-%d %H:%M:%S} UTC")
