"""A source as its brand declares it, and the table in Bronze that its files feed."""

from __future__ import annotations

from dataclasses import dataclass

from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.sources import Source


@dataclass(frozen=True)
class BrandSource:
    """What a brand's `source` is read with; `table` is what its brand calls it.

    >>> [source.bronze for source in brand_sources(mh.project("shop"))]
    ['bronze.shop_lines']
    """

    brand: Brand
    table: str
    source: Source

    def __str__(self) -> str:
        return f"{self.brand.label}, source `{self.table}`"

    @property
    def names(self) -> tuple[str, str]:
        """As the ledger has them: of its brand, and its own."""
        return self.brand.name, self.table

    @property
    def bronze(self) -> str:
        return bronze_table(*self.names)


def brand_sources(project: Project) -> list[BrandSource]:
    """All that the project's brands deliver; a brand that cannot be used has none.

    >>> [str(source) for source in brand_sources(mh.project("shop"))]
    ['Shop, source `lines`']
    """
    brands = project.brands.values()
    return [BrandSource(brand, table, source) for brand in brands for table, source in brand.sources.items()]


def bronze_table(brand: str, table: str) -> str:
    """The Bronze table of a brand's source.

    >>> bronze_table("shop", "lines")
    'bronze.shop_lines'
    """
    return f"bronze.{brand}_{table}"
