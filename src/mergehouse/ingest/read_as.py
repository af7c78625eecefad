"""What of brand.yml decides how a delivery is read, as digests that the ledger keeps: where one of them is no
longer that of now, the delivery is to be read again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from mergehouse.ingest.landing import kind_of
from mergehouse.project.brand import Brand
from mergehouse.project.sources import Source

OF_FILES = {"files"}  # which files are read
OF_VALUES = {"decimal_mark", "date_order", "null_values"}  # how their text is understood
LATER = {"key", "updated_at", "deleted", "optional"}  # what models ask, whatever was loaded
HEADER, LATER_OF_COLUMNS = {"header"}, {"timezone"}


class ReadAs(NamedTuple):
    """Digests of what decides which `files` are read, what `rows` and columns they have, and what their
    `values` are.
    """

    files: str
    rows: str
    values: str

    def __str__(self) -> str:
        return ".".join(self)


def read_as(brand: Brand, source: Source, path: str) -> ReadAs:
    """How a file would be read now.

    >>> brand = mh.project("shop").brands["shop"]
    >>> source = brand.sources["lines"]
    >>> before = read_as(brand, source, "lines.csv")
    >>> now = read_as(brand, source.model_copy(update={"decimal_mark": ","}), "lines.csv")
    >>> before.rows == now.rows, before.values == now.values
    (True, False)
    """
    columns = source.columns.items()
    types = {name: c.model_dump(exclude=HEADER | LATER_OF_COLUMNS) for name, c in columns}
    rows: dict[str, Any] = source.model_dump(exclude=OF_FILES | OF_VALUES | LATER | {"columns"})
    rows["undeclared"] = source.undeclared or brand.undeclared
    rows["columns"] = [(name, c.header) for name, c in columns]
    if kind_of(path) == "workbook":  # of which a percent is written as it is shown
        rows["types"] = types
    values = source.model_dump(include=OF_VALUES) | {"types": types, "currency": brand.currency}
    files = [source.files, brand.landing_zone]
    return ReadAs(*(_digest(part) for part in (files, rows, values)))


def kept_as(said: str) -> ReadAs:
    """What a ledger's text stands for.

    >>> kept_as("a.b.c").rows
    'b'
    """
    return ReadAs(*said.split("."))


def _digest(part: Any) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:8]
