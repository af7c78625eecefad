"""KPIs of a brand in its window, or of all together, each with what it is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures import intervals
from mergehouse.app.figures.intervals import Interval
from mergehouse.app.figures.windows import Absence, Window, are_the_same, compared_with, window
from mergehouse.app.view import Brand, Choices, View
from mergehouse.kpi import formula
from mergehouse.kpi.catalogue import Kpi, catalogue
from mergehouse.kpi.formula import GROUP

SALES = ("net_revenue", "gmv", "aov", "margin", "return_rate", "orders")
CUSTOMERS = ("customers", "active_rate")
OF_CHURN = ("active_customers", "active_rate")
Measures = dict[str, Decimal | None]


@dataclass(frozen=True)
class Card:
    """One KPI: `value` is the window's, `per_day` that over its days, of sums alone.

    `change` is relative for amounts, per day where windows differ in length, and a difference for shares.
    """

    kpi: Kpi
    value: Decimal | None = None
    per_day: Decimal | None = None
    absence: Absence | None = None
    before: Decimal | None = None
    change: Decimal | None = None
    no_change: Absence | None = None
    interval: Interval | None = None
    method: str | None = None
    rate: Decimal | None = None  # of net revenue, for margin


@dataclass(frozen=True)
class Scoped:
    """A brand, or `group`, with its cards."""

    name: str
    label: str
    cards: tuple[Card, ...]
    brand: Brand | None = None
    window: Window | None = None
    compared: Window | None = None
    absence: Absence | None = None
    no_change: Absence | None = None
    measures: Measures = field(default_factory=dict)
    method: str | None = None

    def card(self, kpi: str) -> Card:
        return next(card for card in self.cards if card.kpi.name == kpi)


def kpi_named(name: str) -> Kpi:
    return next(kpi for kpi in catalogue() if kpi.name == name)


def brand_cards(reader: Reader, brand: Brand, view: View, offered: Choices) -> Scoped:
    """A brand's KPIs in its window."""
    of = window(brand, view, offered)
    if isinstance(of, Absence):
        missing = tuple(Card(kpi_named(name), absence=of, no_change=of) for name in SALES)
        cards = missing + customer_cards(reader, [brand], view, offered)
        return Scoped(brand.name, brand.label, cards, brand, absence=of, no_change=of)
    before = compared_with(brand, of, view)
    now, method = sales(reader, brand.name, view, of)
    earlier = sales(reader, brand.name, view, before)[0] if isinstance(before, Window) else None
    sums = reader.one("order_values", brand=brand.name, **view.places, **of.bounds) or {}
    cards = tuple(
        replace(
            _compared(_card(name, now, of.days, method), earlier, before, of.days),
            interval=_interval(name, now, sums),
        )
        for name in SALES
    )
    return Scoped(
        name=brand.name,
        label=brand.label,
        cards=cards + customer_cards(reader, [brand], view, offered),
        brand=brand,
        window=of,
        compared=before if isinstance(before, Window) else None,
        no_change=before if isinstance(before, Absence) else None,
        measures=now,
        method=method,
    )


def combined_cards(reader: Reader, brands: Sequence[Scoped], view: View, offered: Choices) -> Scoped:
    """All brands together: amounts a day, each in its brand's own window, added up; and the ratios of what
    those windows hold. There is a change only where all windows are of the same days.
    """
    members = [each.brand for each in brands if each.brand]
    customers = customer_cards(reader, members, view, offered)
    with_data = [each for each in brands if each.brand and each.brand.days]
    gap = next((each.absence for each in with_data if each.absence), None)
    if gap or not with_data:
        why = replace(gap or Absence("no data", "no_sales"), word="not comparable" if gap else "no data")
        cards = tuple(Card(kpi_named(name), absence=why, no_change=why) for name in SALES)
        return Scoped(GROUP, "", cards + customers, absence=why, no_change=why)
    windows = [each.window for each in with_data if each.window]
    is_one = are_the_same(windows)
    before = [each.compared for each in with_data if each.compared]
    comparable = is_one and len(before) == len(windows)
    now = added(each.measures for each in with_data)
    methods = {each.method for each in with_data if each.method}
    method = methods.pop() if len(methods) == 1 else "mixed" if methods else None
    no_change = Absence("not comparable", "periods_differ")
    if is_one and not comparable:
        no_change = next(each.no_change for each in with_data if each.no_change)
    earlier = None
    if comparable:
        earlier = added(
            sales(reader, each.name, view, each.compared)[0] for each in with_data if each.compared
        )
    told = []
    for name in SALES:
        card = _card(name, now, windows[0].days, method)
        if card.per_day is not None:
            card = replace(
                card, per_day=sum((each.card(name).per_day or Decimal(0) for each in with_data), Decimal(0))
            )
        told.append(_compared(card, earlier, before[0] if comparable else no_change, windows[0].days))
    return Scoped(
        name=GROUP,
        label="",
        cards=(*told, *customers),
        window=windows[0] if is_one else None,
        compared=before[0] if comparable else None,
        no_change=None if comparable else no_change,
        measures=now,
        method=method,
    )


def sales(reader: Reader, brand: str, view: View, of: Window) -> tuple[Measures, str | None]:
    """A brand's sales KPIs in a window, and how its margin was come by; zeros where it sold nothing."""
    row = reader.one("sales", by="all", brand=brand, **view.places, **of.bounds)
    names = [kpi.name for kpi in catalogue() if kpi.table == "gold.sales_daily" or kpi.ratio]
    if row is None:
        nothing: Measures = {kpi.name: Decimal(0) for kpi in catalogue() if kpi.table == "gold.sales_daily"}
        return nothing | _ratios(nothing), None
    now = {name: None if row[name] is None else Decimal(row[name]) for name in names if name in row}
    return now, row["margin_method"]


def customer_cards(reader: Reader, brands: Sequence[Brand], view: View, offered: Choices) -> tuple[Card, ...]:
    """Customers up to the as-of date, whatever the period; of one brand, or of several together.

    Who may not see persons has no cell of a few: then it is not told whether there are any.
    """
    place = (view.region or offered.region_of(view.country), view.country)
    name = brands[0].name if len(brands) == 1 else GROUP
    cells = {
        (row["source_system"], row["region"], row["country_code"]): row
        for row in reader.rows("customer_cells")
    }
    cell = cells.get((name, *place))
    unknown = (
        Absence("no data", "no_customers") if reader.scope.persons else Absence("fewer than 5", "suppressed")
    )
    too_early = not_observable(brands)
    cards = []
    for kpi in map(kpi_named, CUSTOMERS):
        value = cell[kpi.name] if cell else None
        absence = unknown if value is None else None
        if kpi.name in OF_CHURN and too_early:
            absence = too_early
        number = None if absence or value is None else Decimal(value)
        cards.append(Card(kpi, value=number, absence=absence, no_change=Absence("not comparable", "as_of")))
    return tuple(cards)


def not_observable(brands: Iterable[Brand]) -> Absence | None:
    """Why nobody can have churned at one of these brands, so that all of its customers would be active; None
    where somebody can have at each.
    """
    early = next((brand for brand in brands if brand.days and not brand.is_churn_observable), None)
    if early is None:
        return None
    return Absence("not observable yet", "churn", early.label, early.days, early.churn_after_days)


def _card(name: str, now: Measures, days: int, method: str | None) -> Card:
    kpi, value = kpi_named(name), now.get(name)
    per_day = None if kpi.ratio or value is None else value / days
    absence = Absence("no data", "nothing_sold") if value is None else None
    card = Card(kpi, value=value, per_day=per_day, absence=absence)
    return replace(card, method=method, rate=now.get("margin_rate")) if name == "margin" else card


def _compared(card: Card, earlier: Measures | None, before: Window | Absence, days: int) -> Card:
    if isinstance(before, Absence):
        return replace(card, no_change=before)
    was = (earlier or {}).get(card.kpi.name)
    if card.value is None or was is None:
        return replace(card, no_change=Absence("no data", "nothing_sold"))
    if card.kpi.format == "percent":
        return replace(card, before=was, change=card.value - was)
    if was <= 0:
        return replace(card, before=was, no_change=Absence("not comparable", "from_nothing"))
    now, then = (card.value, was) if card.kpi.ratio else (card.value / days, was / before.days)
    return replace(card, before=was, change=now / then - 1)


def _interval(name: str, now: Measures, sums: Row) -> Interval | None:
    value = now.get(name)
    if value is None:
        return None
    return {"aov": intervals.of_aov, "return_rate": intervals.of_return_rate}.get(name, lambda *_: None)(
        float(value), sums
    )


def added(several: Iterable[Measures]) -> Measures:
    """Sums added up, and the ratios of what they come to."""
    total: Measures = {}
    for measures in several:
        for kpi in catalogue():
            if kpi.name in measures and not kpi.ratio:
                total[kpi.name] = (total.get(kpi.name) or Decimal(0)) + (measures[kpi.name] or Decimal(0))
    return total | _ratios(total)


def _ratios(measures: Measures) -> Measures:
    return formula.ratios([kpi.model_dump() for kpi in catalogue()], measures)
