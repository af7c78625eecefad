"""One version of one table, as readers take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergehouse.lakehouse.reader import frame, scan, shared

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow
    from deltalake import DeltaTable


class Table:
    """One version of one table, read into the frame of your choice.

    >>> table = mh.open("shop").table("gold.dim_brand")
    >>> table.name, table.version
    ('gold.dim_brand', 0)
    """

    def __init__(self, name: str, delta: DeltaTable):
        self.name = name
        self.version = delta.version()
        self._delta = delta

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """A lazy DuckDB relation: filters and columns are pushed down into the Parquet files.

        >>> sales = mh.open("shop").table("gold.sales_daily").duckdb()
        >>> sales.filter("returns_eur > 0").project("order_date, returns_eur").fetchall()
        [(datetime.date(2026, 3, 6), Decimal('5.00'))]
        """
        return scan(shared(), self._delta)

    def polars(self) -> polars.DataFrame:
        """All rows as a Polars frame.

        >>> mh.open("shop").table("gold.sales_daily").polars()["gmv_eur"].sum()
        Decimal('60.00')
        """
        return frame(self.duckdb())

    def arrow(self) -> pyarrow.Table:
        """All rows as an Arrow table; needs PyArrow.

        >>> mh.open("shop").table("gold.sales_daily").arrow().num_rows
        4
        """
        return self.duckdb().to_arrow_table()

    def pandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame; needs pandas.

        >>> float(mh.open("shop").table("gold.sales_daily").pandas()["gmv_eur"].sum())
        60.0
        """
        return self.duckdb().df()

    def __repr__(self) -> str:
        return f"Table({self.name!r}, version={self.version})"
