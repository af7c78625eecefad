"""Profiles the lakehouse: one page per layer and brand, and what belongs to the group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from mergehouse.contracts.registry import contract_of, find
from mergehouse.errors import ConfigError, LakehouseError
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import read_batches
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import limited
from mergehouse.profile.customers import CustomerProfile, customer_profile
from mergehouse.profile.overlaps import Overlaps, shared_categories, shared_countries, shared_customers
from mergehouse.profile.seasons import Seasons, seasons
from mergehouse.profile.tables import TableProfile, is_of_brands, profile_source, profile_table
from mergehouse.progress import Progress, silent
from mergehouse.project.config import Project
from mergehouse.project.mapping_files import mapping_tables
from mergehouse.project.validation import nearest

LAYERS = ("bronze", "silver", "gold")


@dataclass(frozen=True)
class Page:
    """A layer of a brand. `seasons` on Silver's page, `customers` on Gold's; None elsewhere and where there
    is nothing to show.
    """

    layer: str
    brand: str
    tables: tuple[TableProfile, ...]
    seasons: Seasons | None
    customers: CustomerProfile | None


@dataclass(frozen=True)
class Profile:
    """`group_tables` are tables whose rows are not a brand's; `overlaps` is None where a single brand was
    asked for.
    """

    churn_after_days: int
    pages: tuple[Page, ...]
    group_tables: tuple[TableProfile, ...]
    overlaps: Overlaps | None


def profile(
    project: Project,
    layer: str | None = None,
    brand: str | None = None,
    progress: Progress = silent,
) -> Profile:
    """Every published table of the layers and brands asked for; all by default. `progress` is told what is
    looked at.

    Raises ConfigError for an unknown layer or brand, LakehouseError where nothing is published yet.
    """
    if layer is not None and layer not in LAYERS:
        raise ConfigError(f"--layer {layer}: expected one of {', '.join(LAYERS)}.")
    if brand is not None and brand not in project.brands:
        best = nearest(brand, project.brands)
        hint = f"did you mean `{best}`?" if best else f"the project has: {', '.join(project.brands)}."
        raise ConfigError(f"--brand {brand}: no such brand; {hint}")
    lakehouse = Lakehouse(project.lakehouse_location)
    published = lakehouse.tables()
    layers = [
        one
        for one in LAYERS
        if layer in (None, one) and any(name.startswith(f"{one}.") for name in published)
    ]
    if not layers:
        what = f"no table of {layer} is published" if layer and published else "nothing ran here"
        raise LakehouseError(f"{lakehouse.location}: {what} yet; `mergehouse run` comes first.")
    with lakehouse.pinned(), limited(project.config.limits) as connection:
        return _Profiler(project, lakehouse, connection, progress).profile(
            layers, [brand] if brand else list(project.brands), brand is None
        )


class _Profiler:
    """A connection on which published tables are views, opened when they are first asked for."""

    def __init__(
        self,
        project: Project,
        lakehouse: Lakehouse,
        connection: duckdb.DuckDBPyConnection,
        progress: Progress,
    ):
        self.project, self.lakehouse, self.connection, self.progress = (
            project,
            lakehouse,
            connection,
            progress,
        )
        self.published = set(lakehouse.tables())
        self.batches = read_batches(lakehouse)
        self.opened: set[str] = set()

    def profile(self, layers: list[str], brands: list[str], whole: bool) -> Profile:
        pages = tuple(self._page(layer, brand) for brand in brands for layer in layers)
        tables = (
            tuple(
                self._table(name, None)
                for layer in layers
                for name in self._contracted(layer, of_brands=False)
            )
            if whole
            else ()
        )
        overlaps = self._overlaps() if whole else None
        return Profile(self.project.config.churn_after_days, pages, tables, overlaps)

    def _page(self, layer: str, brand: str) -> Page:
        tables = (
            [self._source(brand, source) for source in self.project.brands[brand].sources]
            if layer == "bronze"
            else []
        )
        tables += [self._table(name, brand) for name in self._contracted(layer, of_brands=True)]
        found_seasons, found_customers = None, None
        if layer == "silver" and self._open("silver.orders"):
            found_seasons = self._run(
                f"{brand}: seasons",
                lambda: seasons(self.connection, brand, self.project.brands[brand].timezone),
            )
        if layer == "gold" and self._open("silver.customer_days", "gold.dim_brand"):
            churn = self.project.churn_after_days(brand)
            found_customers = self._run(
                f"{brand}: customers", lambda: customer_profile(self.connection, brand, churn)
            )
        return Page(layer, brand, tuple(t for t in tables if t is not None), found_seasons, found_customers)

    def _contracted(self, layer: str, of_brands: bool) -> list[str]:
        """Published tables of a layer that have a contract: what no contract describes may hold anything."""
        named = [name for name in sorted(self.published) if name.startswith(f"{layer}.")]
        return [name for name in named if (contract := find(name)) and is_of_brands(contract) == of_brands]

    def _table(self, name: str, brand: str | None) -> TableProfile:
        contract = contract_of(name)
        self._open(name)
        owner = self.project.brands[brand] if brand else None
        return self._run(
            f"{brand or 'group'}: {name}", lambda: profile_table(self.connection, contract, owner)
        )

    def _source(self, brand: str, source: str) -> TableProfile | None:
        name = bronze_table(brand, source)
        if not self._open(name):
            return None
        return self._run(
            f"{brand}: {name}",
            lambda: profile_source(self.connection, self.project.brands[brand], source, self.batches),
        )

    def _overlaps(self) -> Overlaps:
        rows = mapping_tables(self.project)["countries"][1]
        names = {code: name for code, _, name, *_ in rows if code and name}
        return Overlaps(
            (
                self._run("shared customers", lambda: shared_customers(self.connection))
                if self._open("gold.customer_brand_360")
                else None
            ),
            (
                self._run("shared categories", lambda: shared_categories(self.connection))
                if self._open("gold.category_perf")
                else None
            ),
            (
                self._run("shared countries", lambda: shared_countries(self.connection, names))
                if self._open("gold.sales_daily")
                else None
            ),
        )

    def _open(self, *names: str) -> bool:
        """True where all of these are published; they are then views."""
        if not self.published.issuperset(names):
            return False
        self.lakehouse.reading(*(set(names) - self.opened), connection=self.connection)
        self.opened.update(names)
        return True

    def _run(self, what: str, work: Callable):
        self.progress(what)
        try:
            return work()
        except duckdb.OutOfMemoryException as error:
            raise LakehouseError(
                f"profile, {what}: not enough memory or spill space ({str(error).splitlines()[0]}). "
                "Raise `limits.memory` in mergehouse.yml."
            ) from None
        except duckdb.Error as error:
            raise LakehouseError(
                f"profile, {what}: {str(error).splitlines()[0]} If the table was written by another version,"
                " `mergehouse run` rebuilds it."
            ) from None
