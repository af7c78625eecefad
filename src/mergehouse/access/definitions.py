"""What a scope may have: the queries in `extracts/`, and what their first lines say of them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from mergehouse.access.policy import Scope
from mergehouse.kpi.catalogue import catalogue

SQL = Path(__file__).parent / "extracts"
REASONS = ("reason_1", "reason_2", "reason_3")


@dataclass(frozen=True)
class Extract:
    """One table of a scope: its name, `schema.table`, its query, which rights a scope must have, and which
    tables and mappings it reads. One that is `by_date` of a column has a file for each year, and for each
    month of the newest year, in this `order`: a delivery leaves those of before as they are. Where it is
    `by_brand`, what it says of a brand follows from that brand's rows alone.
    """

    name: str
    sql: str
    only: frozenset[str]  # `persons`, `group`, `identity`
    reads: frozenset[str]
    mappings: frozenset[str]
    by_brand: bool
    by_date: str = ""
    order: str = ""

    @property
    def counts(self) -> bool:
        """Whether it tells of customers by their number alone: no key of one is in the file."""
        return self.name.startswith("cube.")

    @property
    def is_of_gold(self) -> bool:
        """Whether a release, which has Gold and no other tables, has what the file is made of."""
        return not self.reads or any(name.startswith("gold.") for name in self.reads)

    def is_for(self, scope: Scope) -> bool:
        return all(getattr(scope, right) for right in self.only)


@functools.cache
def extracts() -> tuple[Extract, ...]:
    """All that a scope may have, by name.

    >>> [extract.name for extract in extracts() if "group" in extract.only]
    ['cube.overlap', 'gold.customer_360']
    """
    return tuple(_read(file) for file in sorted(SQL.glob("*.sql")))


def tables_read() -> frozenset[str]:
    """All that extracts are made of.

    >>> "gold.dim_brand" in tables_read()
    True
    """
    return frozenset().union(*(extract.reads for extract in extracts()))


def filled(sql: str) -> str:
    """SQL with the measures that the KPI catalogue defines over a table, and with the columns of reasons.

    >>> filled("SELECT {measures of gold.sales_daily} FROM gold.sales_daily")
    'SELECT SUM(gmv_eur) AS gmv, SUM(returns_eur) AS returns, ... FROM gold.sales_daily'
    """
    for table in re.findall(r"\{measures of ([a-z0-9_.]+)\}", sql):
        measures = [f"{kpi.measure_sql()} AS {kpi.name}" for kpi in catalogue() if kpi.table == table]
        sql = sql.replace(f"{{measures of {table}}}", ", ".join(measures))
    return sql.replace("{reasons}", _reasons())


def _reasons() -> str:
    """Reasons without gaps. Of one brand the third is left out always: that it is not there must not say that
    one was about other brands.
    """
    first, second, third = REASONS
    return (
        f"COALESCE({first}, {second}, {third}) AS {first}, CASE WHEN {first} IS NOT NULL"
        f" THEN COALESCE({second}, {third}) WHEN {second} IS NOT NULL THEN {third} END AS {second},"
        f" CASE WHEN getvariable('is_group') AND {first} IS NOT NULL AND {second} IS NOT NULL"
        f" THEN {third} END AS {third}"
    )


def _read(file: Path) -> Extract:
    sql = file.read_text(encoding="utf-8")
    only = re.match(r"-- only: ([a-z, ]+)\n", sql)
    date = re.search(r"^-- a file for each year of ([a-z_]+), in the order of (.+)$", sql, re.MULTILINE)
    reads = re.findall(r"\b(?:FROM|JOIN) ((?:bronze|silver|gold|monitor)\.[a-z0-9_]+)", sql)
    mappings = re.findall(r"\b(?:FROM|JOIN) mapping\.([a-z_]+)", sql)
    rights = frozenset(only[1].split(", ") if only else ())
    by_brand = "\n-- by brand\n" in f"\n{sql}"
    return Extract(
        file.stem,
        sql,
        rights,
        frozenset(reads),
        frozenset(mappings),
        by_brand,
        *(date.groups() if date else ()),
    )
