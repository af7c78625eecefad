"""What columns a brand's sources have in Bronze."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand


def delivered_columns(brand: Brand, delivered: Iterable[Batch]) -> dict[str, list[str]]:
    """By source of which something was delivered its columns, in order: those that are declared, and those
    that nobody declared, where the files say so in their formats.

    >>> from mergehouse.ingest.bronze import read_batches
    >>> shop = mh.project("shop").brands["shop"]
    >>> delivered_columns(shop, read_batches(mh.open("shop")))["lines"][:3]
    ['country', 'currency', 'customer']
    """
    written = {(b.source_table, b.formats) for b in delivered if b.source_system == brand.name}
    found = {table: {*brand.sources[table].columns} for table, _ in written if table in brand.sources}
    for table, formats in written:
        if table in found:
            found[table].update(json.loads(formats).get("others", []))
    return {table: sorted(columns) for table, columns in sorted(found.items())}
