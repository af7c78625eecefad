"""The lakehouse that people and programs read: its tables, the versions that belong together, their rows.

A table is `<location>/<layer>/<table>/`, a Delta table. It is written by `writing.py` and `staging.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.commits import CARE, Standing, commits, standing
from mergehouse.lakehouse.files import LAYERS, Stamp
from mergehouse.lakehouse.location import Location
from mergehouse.lakehouse.opening import not_found, open_current, open_earlier
from mergehouse.lakehouse.published import published_versions
from mergehouse.lakehouse.reader import create_view, database
from mergehouse.lakehouse.table import Table
from mergehouse.storage import delta_options, failure, storage_errors

if TYPE_CHECKING:
    import duckdb
    from deltalake import DeltaTable


class Lakehouse(Location):
    """The tables under one location: a folder, or a URL of an object store.

    Read are the versions of the last published set, each time anew; with `newest` the newest ones, for who
    publishes.

    >>> mh.open("shop")
    Lakehouse ...shop/lakehouse
      as of     shop 2026-03-06
      last run  ... UTC, ... s, ok (...)
      bronze    batches 1, ...
      silver    customer_categories 2, ...
      gold      category_perf 2, ...
      monitor   freshness 1, ...
    """

    def __init__(self, location: Path | str, newest: bool = False):
        super().__init__(location)
        self.newest = newest
        # tables, and how many commits they have seen
        self._opened: dict[str, tuple[DeltaTable, int]] | None = None
        self._pinned: dict[str, int] | None = None
        self._commits: Counter[str] = Counter()
        self._standings: dict[str, tuple[tuple[int, int], Standing]] = {}
        # built tables whose files are not those that were published: runs build them again
        self.untrusted: set[str] = set()
        # tables of which a run keeps what can be read: what was made of them before may be of other rows
        self.salvaged: set[str] = set()

    def __repr__(self) -> str:
        from mergehouse.lakehouse.summary import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from mergehouse.lakehouse.summary import as_html

        return as_html(self)

    @contextmanager
    def pinned(self, newest: bool | None = None) -> Iterator[Lakehouse]:
        """Within, one published set is read, or with `newest` what there is: a table's log once, and its news
        after each commit of this object's or that `committed` tells of.

        >>> with mh.open("shop").pinned() as lakehouse:
        ...     lakehouse.delta("gold.dim_brand") is lakehouse.delta("gold.dim_brand")
        True
        """
        before = self.newest, self._opened, self._pinned
        self.newest = self.newest if newest is None else newest
        self._pinned = None if self.newest else published_versions(self)
        self._opened = {}
        try:
            yield self
        finally:
            self.newest, self._opened, self._pinned = before

    def published(self) -> dict[str, int] | None:
        """The versions that are read, by table; None where these are the newest.

        >>> (mh.open("shop").published() or {})["gold.dim_brand"]
        0
        """
        if self.newest:
            return None
        return published_versions(self) if self._opened is None else self._pinned

    def at_once(self) -> AbstractContextManager[Lakehouse]:
        """A lakehouse of which all that is read is of one published set; threads may share this one.

        >>> with mh.open("shop").at_once() as lakehouse:
        ...     lakehouse.rows("gold.sales_daily"), lakehouse.rows("gold.dim_brand")
        (4, 1)
        """
        is_steady = self.newest or self._opened is not None
        return nullcontext(self) if is_steady else Lakehouse(self.location).pinned()

    def forget(self, name: str) -> None:
        """What was read of the table's log is of no use: the log has been exchanged.

        >>> lakehouse = mh.open("shop")
        >>> with lakehouse.pinned():
        ...     before = lakehouse.delta("gold.dim_brand")
        ...     lakehouse.forget("gold.dim_brand")
        ...     lakehouse.delta("gold.dim_brand") is before
        False
        """
        if self._opened is not None:
            self._opened.pop(name, None)

    def committed(self, name: str) -> None:
        """What was read of the table's log is out of date.

        >>> lakehouse = mh.open("shop")
        >>> with lakehouse.pinned():
        ...     before = lakehouse.delta("gold.dim_brand")
        ...     lakehouse.committed("gold.dim_brand")  # another engine has written to it
        ...     lakehouse.delta("gold.dim_brand").version()
        0
        """
        self._commits[name] += 1

    def exists(self, name: str) -> bool:
        """True where the table has a published version.

        >>> mh.open("shop").exists("gold.sales_daily"), mh.open("shop").exists("gold.sales_hourly")
        (True, False)
        """
        if self._opened is not None and name in self._opened:
            return True
        published = self.published()
        if published is not None and (name not in published or self.is_remote):
            return name in published
        if self.is_remote:
            from deltalake import DeltaTable

            with storage_errors(self.location, name):
                return DeltaTable.is_deltatable(self.address(name), delta_options(self.location))
        log = self.path(name) / "_delta_log"
        try:  # one that may not be read is no table that is not there
            return any(file.name.endswith(".json") for file in log.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise LakehouseError(f"`{name}`: {failure(str(log), error)}") from None

    def tables(self) -> list[str]:
        """Names of all tables, in layer order.

        >>> mh.open("shop").tables()[:3]
        ['bronze.batches', 'bronze.shop_lines', 'silver.customer_categories']
        """
        with self.at_once() as lakehouse:
            published = lakehouse.published()
            return [
                name
                for name in (lakehouse.folders() if published is None else sorted(published, key=_place))
                if lakehouse.exists(name)
            ]

    def delta(
        self, name: str, version: int | None = None, as_of: datetime | date | str | None = None
    ) -> DeltaTable:
        """The Delta table, optionally as of a version number or an instant.

        Raises LakehouseError naming the nearest existing table, or the versions there are.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.delta("gold.sales_daily").metadata().partition_columns
        ['source_system']
        >>> lakehouse.delta("gold.sale_daily")
        Traceback (most recent call last):
        mergehouse.errors.LakehouseError: table `gold.sale_daily` not found in ...; did you mean ...
        """
        if version is not None or as_of is not None:
            return open_earlier(self, name, version, as_of)
        published = self.published()
        if published is not None and name not in published:
            raise not_found(self, name)
        table, seen = (self._opened or {}).get(name, (None, 0))
        commits = self._commits[name]
        if table and (seen == commits or published is not None):
            return table
        table = open_current(self, name, None if published is None else published[name], table)
        if self._opened is not None:
            self._opened[name] = table, commits
        return table

    def stamp(self, name: str) -> Stamp | None:
        """What the newest version was built from; None where unknown, and where somebody else has written to
        the table since.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.stamp("gold.sales_daily").delivered  # the instant of the last delivery that is in it
        '20...+00:00'
        >>> lakehouse.stamp("gold.sales_hourly") is None
        True
        """
        if name in self.untrusted or not self.exists(name):
            return None
        rows = self.standing(name).rows
        return rows.stamp if rows else None

    def standing(self, name: str) -> Standing:
        """The commits that decide whose a table's rows are.

        >>> str(mh.open("shop").standing("gold.dim_brand").ours)
        'version 0 (CREATE OR REPLACE TABLE, 20... UTC)'
        """
        delta = self.delta(name)
        seen, found = self._standings.get(name, (None, None))
        if found is None or seen != (delta.metadata().id, delta.version()):
            found = standing(delta)
        self._standings[name] = (delta.metadata().id, delta.version()), found
        return found

    def stamped(self, name: str) -> list[tuple[int, Stamp | None]]:
        """Versions of a table and their stamps, newest first; what only cares for the files (compaction,
        vacuum) is left out.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.stamped("gold.dim_brand") == [(0, lakehouse.stamp("gold.dim_brand"))]
        True
        """
        return [(c.version, c.stamp) for c in commits(self.delta(name)) if c.operation not in CARE]

    def rows(self, name: str) -> int:
        """Number of rows, from the statistics in the log.

        >>> mh.open("shop").rows("silver.sales_clean")
        4
        """
        return sum(self.delta(name).get_add_actions().column("num_records").to_pylist())

    def table(
        self, name: str, version: int | None = None, as_of: datetime | date | str | None = None
    ) -> Table:
        """A handle on a table, optionally back in time: `version=3` or `as_of="2026-11-01T00:00:00Z"`; a day
        is meant as it begins, in UTC.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.table("gold.dim_brand")
        Table('gold.dim_brand', version=0)
        >>> lakehouse.table("gold.dim_brand", version=7)
        Traceback (most recent call last):
        mergehouse.errors.LakehouseError: table `gold.dim_brand` has no version 7 (versions 0 to 0): ...
        """
        return Table(name, self.delta(name, version, as_of))

    def reading(
        self, *names: str, connection: duckdb.DuckDBPyConnection | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A connection, unless given to a database of its own, on which these tables are views as they are
        published now.

        Raises LakehouseError where one is not there.

        >>> connection = mh.open("shop").reading("gold.dim_brand", "gold.sales_daily")
        >>> joined = "gold.sales_daily JOIN gold.dim_brand USING (source_system)"
        >>> connection.sql(f"SELECT DISTINCT label, currency FROM {joined}").fetchall()
        [('Shop', 'EUR')]
        """
        connection = database() if connection is None else connection
        with self.at_once() as lakehouse:
            for name in names:
                create_view(connection, name, lakehouse.delta(name))
        return connection

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Runs one SELECT over all tables (`silver.sales_clean`, `gold.sales_daily`, ...).

        Raises LakehouseError on anything but one SELECT, and with the engine's message where it is wrong.

        >>> lakehouse = mh.open("shop")
        >>> lakehouse.query("SELECT sum(gmv_eur) FROM gold.sales_daily WHERE country_code = 'DE'").fetchall()
        [(Decimal('40.00'),)]
        """
        from mergehouse.lakehouse.query import relation_of

        return relation_of(self, sql)


def _place(name: str) -> tuple[int, str]:
    """Where a table stands in layer order."""
    layer = name.split(".")[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS), name
