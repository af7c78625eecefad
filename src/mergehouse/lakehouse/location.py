"""Where the tables of a lakehouse lie: folders of this machine, or of an object store."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mergehouse.lakehouse.files import LAYERS
from mergehouse.storage import expect_plain, folder_of, is_url, open_store, storage_errors

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class Location:
    """A folder, or a URL of an object store, with a folder `<layer>/<table>` for each table.

    `root` is the folder where this machine has the tables' data files: the location itself, or copies of what
    is in the store.

    >>> Location("house").address("gold.sales_daily")
    'house/gold/sales_daily'
    """

    def __init__(self, location: Path | str):
        self.location = str(location)
        self.root = folder_of(self.location)
        self.is_remote = is_url(self.location)
        expect_plain(self.root.absolute(), "lakehouse")

    @cached_property
    def store(self) -> ObjectStore:
        """The files below the location, by key.

        >>> mh.open("shop").store.list_with_delimiter()["common_prefixes"]
        ['bronze', 'gold', 'monitor', 'silver']
        """
        return open_store(self.location)

    def content(self, key: str) -> bytes | None:
        """Of a file below the location; None where there is none.

        >>> mh.open("shop").content("monitor/nothing.json") is None
        True
        """
        with storage_errors(self.location):
            try:
                return bytes(self.store.get(key).bytes())
            except FileNotFoundError:
                return None

    def path(self, name: str) -> Path:
        """The folder of a table's data files on this machine.

        >>> Location("house").path("gold.sales_daily")
        PosixPath('house/gold/sales_daily')
        """
        return self.root / name.replace(".", "/")

    def address(self, name: str) -> str:
        """Where a table lies, as engines and delta-rs take it.

        >>> Location("az://data/house").address("gold.sales_daily")
        'az://data/house/gold/sales_daily'
        """
        return f"{self.location}/{name.replace('.', '/')}"

    def folders(self) -> list[str]:
        """Names of all folders that may be tables, in layer order.

        >>> mh.open("shop").folders() == mh.open("shop").tables()
        True
        """
        return [f"{layer}.{folder}" for layer in LAYERS for folder in sorted(self._folders(layer))]

    def _folders(self, layer: str) -> list[str]:
        if self.is_remote:
            with storage_errors(self.location):
                found = self.store.list_with_delimiter(f"{layer}/")["common_prefixes"]
                return [prefix.rsplit("/", 1)[-1] for prefix in found]
        place = self.root / layer
        with storage_errors(str(place)):
            return [folder.name for folder in place.iterdir() if folder.is_dir()] if place.is_dir() else []
