"""Names in a catalog: every table of a lakehouse is an external table `catalog.layer.table` at its place."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mergehouse.engine.spark.errors import first_lines, spark_errors
from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.lakehouse.delta import Lakehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Catalog:
    """One catalog of a session: Unity Catalog's, or any other that holds external Delta tables.

    Raises ConfigError where the session has no catalog of that name or may not use it.
    """

    def __init__(self, session: SparkSession, name: str, lakehouse: Lakehouse):
        from pyspark.errors import PySparkException

        self.session, self.name, self.lakehouse = session, name, lakehouse
        self._own: set[str] = set()
        self._lock = threading.Lock()
        try:
            session.sql(f"SHOW SCHEMAS IN `{name}`").collect()
        except PySparkException as error:
            raise ConfigError(
                f"engine spark: the catalog `{name}` cannot be used on this Spark"
                f" ({first_lines(str(error))}). Create it, ask for USE CATALOG on it, or change"
                " `engine.catalog` in mergehouse.yml."
            ) from None

    def register(self, name: str) -> str:
        """Gives a table of the lakehouse its name, if it has none yet; returns it as SQL writes it.

        Raises LakehouseError where the name belongs to a table at another place.
        """
        self.expect_free(name)
        if name not in self._own:
            with self._lock, spark_errors(name):
                self.session.sql(f"CREATE SCHEMA IF NOT EXISTS {self._quoted(name.split('.')[0])}")
                place = self._place(name).replace("\\", "\\\\").replace("'", "\\'")
                self.session.sql(
                    f"CREATE TABLE IF NOT EXISTS {self._quoted(name)} USING DELTA LOCATION '{place}'"
                )
            self._own.add(name)
        return self._quoted(name)

    def expect_free(self, name: str) -> None:
        """Raises LakehouseError where the name belongs to a table at another place: before anything is
        written.
        """
        if name in self._own:
            return
        with spark_errors(name):
            if not self.session.catalog.tableExists(self._quoted(name)):
                return
            found = self.session.sql(f"DESCRIBE DETAIL {self._quoted(name)}").collect()[0]["location"]
        if _path(found) != _path(self._place(name)):
            raise LakehouseError(
                f"`{self.name}.{name}` is already a table at {found}; this lakehouse keeps its own at"
                f" {self._place(name)}. Name another `engine.catalog` in mergehouse.yml, or rename the table"
                " that is there."
            )
        self._own.add(name)

    def _place(self, name: str) -> str:
        return self.lakehouse.address(name)

    def _quoted(self, name: str) -> str:
        return ".".join(f"`{part}`" for part in [self.name, *name.split(".")])


def _path(location: str) -> str:
    """A location to compare: Spark writes a folder as a URI, with `file:` and escapes."""
    parts = urlsplit(location)
    return unquote(parts.path).rstrip("/") if parts.scheme in ("", "file") else location.rstrip("/")
