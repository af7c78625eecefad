"""What of brand.yml decides how a delivery is read, as digests that the ledger keeps: where one of them is no
longer that of now, the delivery is to be read again.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, NamedTuple

from mergehouse.ingest.brand_source import BrandSource
from mergehouse.ingest.landing import kind_of

OF_FILES = {"files"}  # which files are read
OF_VALUES = {"decimal_mark", "date_order", "null_values"}  # how their text is understood
LATER = {"key", "updated_at", "deleted", "optional"}  # what models ask, whatever was loaded
HEADER, LATER_OF_COLUMNS = {"header"}, {"timezone"}
Keys = dict[str, Any]


class ReadAs(NamedTuple):
    """Digests of what decides which `files` are read, what `rows` and columns they have, and what their
    `values` are.
    """

    files: str
    rows: str
    values: str

    def __str__(self) -> str:
        return ".".join(self)


class Reading:
    """How files of a source would be read now.

    >>> brand = mh.project("shop").brands["shop"]
    >>> source = brand.sources["lines"]
    >>> commas = source.model_copy(update={"decimal_mark": ","})
    >>> before = Reading(BrandSource(brand, "lines", source)).of("lines.csv")
    >>> now = Reading(BrandSource(brand, "lines", commas)).of("lines.csv")
    >>> before.rows == now.rows, before.values == now.values
    (True, False)
    """

    def __init__(self, source: BrandSource):
        self.brand, self.source = source.brand, source.source

    def of(self, path: str) -> ReadAs:
        return self._of_workbooks if kind_of(path) == "workbook" else self._of_others

    @cached_property
    def _of_others(self) -> ReadAs:
        return self._read_as([])

    @cached_property
    def _of_workbooks(self) -> ReadAs:  # of which a percent is written as it is shown
        return self._read_as(self._types)

    @property
    def _types(self) -> list[tuple[str, Keys]]:
        columns = self.source.columns.items()
        return [(name, c.model_dump(exclude=HEADER | LATER_OF_COLUMNS)) for name, c in columns]

    def _read_as(self, types: list[tuple[str, Keys]]) -> ReadAs:
        brand, source = self.brand, self.source
        rows: Keys = source.model_dump(exclude=OF_FILES | OF_VALUES | LATER | {"columns"})
        rows["undeclared"] = source.undeclared or brand.undeclared
        rows["columns"] = [(name, c.header) for name, c in source.columns.items()]
        values = source.model_dump(include=OF_VALUES) | {"types": self._types, "currency": brand.currency}
        return ReadAs(*map(_digest, ([source.files, brand.raw], [rows, types], values)))


def kept_as(said: str) -> ReadAs:
    """What a ledger's text stands for.

    >>> kept_as("a.b.c").rows
    'b'
    """
    return ReadAs(*said.split("."))


def _digest(part: Any) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:8]
