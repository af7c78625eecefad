"""The KPI catalogue: what a number is, how it is come by, and what it is today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from mergehouse.access.cut import CUSTOMERS
from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures.cards import (
    GROUP,
    OF_CHURN,
    Measures,
    brand_cards,
    combined_cards,
    kpi_named,
    not_observable,
)
from mergehouse.app.figures.windows import Absence, Window
from mergehouse.app.view import Brand, Choices, View
from mergehouse.kpi import formula
from mergehouse.kpi.catalogue import Kpi, catalogue

NOTHING = dict.fromkeys(("region", "country", "since", "until"))
EVERYTHING = {"brand": None} | NOTHING


@dataclass(frozen=True)
class Value:
    """A KPI of one brand, or of all (`group`): of all data, as `mergehouse kpi` tells it, and of a view's
    window.
    """

    scope: str
    label: str
    value: Decimal | None
    absence: Absence | None
    rows: int | None
    window: Window | None = None
    in_window: Decimal | None = None
    not_in_window: Absence | None = None


@dataclass(frozen=True)
class Entry:
    """One KPI with its values; `sql` asks the lakehouse for it, or for the two measures of a ratio."""

    kpi: Kpi
    values: tuple[Value, ...]
    sql: str
    parts: tuple[Kpi, ...]  # the measures of a ratio
    used_by: tuple[Kpi, ...]  # ratios that it is a measure of
    tables: tuple[str, ...]


def entries(reader: Reader, offered: Choices) -> tuple[Entry, ...]:
    """All KPIs, of all data."""
    told = _all_values(reader, offered.brands)
    return tuple(_entry(reader, kpi, told, offered) for kpi in catalogue())


def entry(reader: Reader, name: str, view: View, offered: Choices) -> Entry | None:
    """One KPI, of all data and in a view; None where there is none of that name."""
    if name not in {kpi.name for kpi in catalogue()}:
        return None
    found = _entry(reader, kpi_named(name), _all_values(reader, offered.brands), offered)
    if CUSTOMERS in found.tables:
        return found
    in_view = {
        brand.name: brand_cards(reader, brand, view, offered)
        for brand in offered.brands
        if view.brand in (None, brand.name) and brand.days
    }
    if reader.scope.group and len(in_view) > 1:
        together = combined_cards(reader, tuple(in_view.values()), view, offered)
        differ = None if together.window else Absence("not comparable", "periods_differ")
        in_view[GROUP] = replace(together, absence=together.absence or differ)
    values = []
    for value in found.values:
        scoped = in_view.get(value.scope)
        if scoped:
            number = None if scoped.absence else scoped.measures.get(name)
            absence = scoped.absence or (None if number is not None else Absence("no data", "nothing_sold"))
            value = replace(value, window=scoped.window, in_window=number, not_in_window=absence)
        values.append(value)
    return replace(found, values=tuple(values))


def _all_values(reader: Reader, brands: Sequence[Brand]) -> dict[str, Measures]:
    told: dict[str, Measures] = {brand.name: {} for brand in brands}
    for row in reader.rows("sales", by="brand", **EVERYTHING):
        told.setdefault(row["part"], {}).update(_numbers(row))
    if reader.scope.group:
        told[GROUP] = _numbers(reader.one("sales", by="all", **EVERYTHING) or {})
    for row in reader.rows("customer_cells"):
        if row["region"] is None and row["country_code"] is None:
            told.setdefault(row["source_system"], {}).update(_numbers(row))
    return told


def _numbers(row: Row) -> Measures:
    names = {kpi.name for kpi in catalogue()}
    return {name: None if value is None else Decimal(value) for name, value in row.items() if name in names}


def _entry(reader: Reader, kpi: Kpi, told: dict[str, Measures], offered: Choices) -> Entry:
    named = {each.name: each for each in catalogue()}
    parts = tuple(named[name] for name in kpi.ratio or ())
    measures = parts or (kpi,)
    tables = tuple(dict.fromkeys(each.table for each in measures if each.table))
    rows = {(row["table_name"], row["source_system"]): int(row["rows"]) for row in reader.rows("kpi_rows")}
    values = []
    for scope, numbers in told.items():
        number, absence = numbers.get(kpi.name), None
        if kpi.name in OF_CHURN:
            absence = not_observable(brand for brand in offered.brands if scope in (brand.name, GROUP))
        if absence:
            number = None
        elif number is None:
            is_few = CUSTOMERS in tables and not reader.scope.persons  # who has no cell of a few
            absence = Absence("fewer than 5", "suppressed") if is_few else Absence("no data", "nothing_sold")
        counted = sum(
            count for (table, brand), count in rows.items() if table in tables and scope in (brand, GROUP)
        )
        values.append(Value(scope, offered.label(scope), number, absence, None if absence else counted))
    of_table = {table: [each for each in measures if each.table == table] for table in tables}
    return Entry(
        kpi=kpi,
        values=tuple(values),
        sql="\n".join(_sql(table, kpis, reader) for table, kpis in of_table.items()),
        parts=parts,
        used_by=tuple(each for each in catalogue() if each.ratio and kpi.name in each.ratio),
        tables=tables,
    )


def _sql(table: str, kpis: Sequence[Kpi], reader: Reader) -> str:
    """As `mergehouse query` takes it; of brands alone for those who see no figures of the group."""
    if reader.scope.group:
        return formula.kpi_sql(table, [kpi.model_dump() for kpi in kpis])
    measures = ", ".join(f"{kpi.measure_sql()} AS {kpi.name}" for kpi in kpis)
    return f"SELECT source_system, {measures} FROM {table}\nGROUP BY source_system ORDER BY source_system"
