"""The lakehouse: what a release's tables come into and what the semantic model reads.

Source: Microsoft's page on the definition of lakehouses (LakehouseDefinitionV1). Shortcuts are not part of
it: a file of them would take away those that somebody made in Fabric.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from mergehouse.platform.fabric.item import Item, made, written

KIND = "Lakehouse"
METADATA = "lakehouse.metadata.json"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,122}")


def lakehouse_item(project: str) -> Item:
    """The lakehouse of a project. It has schemas: tables are in `Tables/gold/<table>`."""
    what = "the tables of the releases that were ingested. It holds data: no deployment removes it."
    return made(KIND, lakehouse_name(project), {METADATA: written({"defaultSchema": "dbo"})}, what)


def lakehouse_name(project: str) -> str:
    """A project's name in the letters that a lakehouse may have.

    >>> [lakehouse_name(name) for name in ("merged-retail", "Käse & Größe", "3 shops", "🛒")]
    ['merged_retail', 'Kase_Gro_e', 'lakehouse_3_shops', 'lakehouse']
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", project) if not unicodedata.combining(c))
    name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:100]
    return name if NAME.fullmatch(name) else "_".join(filter(None, ("lakehouse", name)))


def check_lakehouse(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What Fabric would refuse of a lakehouse, in words."""
    if not NAME.fullmatch(item.name):
        yield f"the name `{item.name}` is not of letters, digits and underscores, a letter first"
    if unknown := set(item.json(METADATA)) - {"defaultSchema"}:
        yield f"{METADATA}: unknown key `{min(unknown)}`; expected `defaultSchema` or nothing"
