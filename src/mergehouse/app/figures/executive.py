"""The Executive page: how much, up or down, where, and whether to trust it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from mergehouse.access.gateway import Reader, Row
from mergehouse.app.figures.annotations import Annotation, annotated
from mergehouse.app.figures.cards import Card, Scoped, brand_cards, combined_cards, kpi_named
from mergehouse.app.figures.overlap import Overlap, overlap
from mergehouse.app.figures.story import Story, story
from mergehouse.app.figures.targets import Target, targets_of
from mergehouse.app.figures.trend import LINES, Scale, Trend, recent, trend
from mergehouse.app.view import Choices, View
from mergehouse.kpi import formula
from mergehouse.kpi.catalogue import catalogue

COMPARED = ("net_revenue", "aov", "return_rate", "margin_rate")
KPIS = [kpi.model_dump() for kpi in catalogue()]
TOP = 8  # categories that are shown; the others are one bar


@dataclass(frozen=True)
class Versus:
    """One KPI of all brands. `is_clear`: whether the intervals of the highest two do not touch; None where
    one has none.
    """

    kpi: str
    cards: tuple[tuple[Scoped, Card], ...]
    is_clear: bool | None


@dataclass(frozen=True)
class Part:
    """A region or category: net revenue a day of each brand, in the brands' order, and of all together;
    `share`: of the whole.
    """

    name: str
    by_brand: tuple[Decimal, ...]
    per_day: Decimal
    share: Decimal | None
    return_rate: Decimal | None
    margin_rate: Decimal | None
    others: int = 0  # categories that are in it


@dataclass(frozen=True)
class Executive:
    """All that the page shows. `combined`: of all brands together, for those who may see that."""

    brands: tuple[Scoped, ...]
    combined: Scoped | None
    recent: dict[str, tuple[Decimal | None, ...]]  # KPIs of a single brand, by week
    story: Story
    trend: Trend
    versus: tuple[Versus, ...]
    regions: tuple[Part, ...]
    categories: tuple[Part, ...]
    without_sales: tuple[str, ...]
    overlap: Overlap | None
    targets: tuple[Target, ...]
    hides_targets: bool  # which are of whole brands, and the view is of a place
    annotations: tuple[Annotation, ...]

    @property
    def sells_nothing(self) -> bool:
        """Whether there are days to look at and the filters leave nothing of them."""
        sold = (each.measures.get("gmv") or each.measures.get("returns") for each in self.brands)
        return bool(self.story.brands) and not any(sold)


def executive(
    reader: Reader,
    view: View,
    offered: Choices,
    measure: str = "net_revenue",
    scale: Scale = "value",
) -> Executive:
    """What a scope sees of a view."""
    chosen = [brand for brand in offered.brands if view.brand in (None, brand.name)]
    brands = tuple(brand_cards(reader, brand, view, offered) for brand in chosen if brand.days)
    combined = None
    if reader.scope.group and len(brands) > 1:
        combined = combined_cards(reader, brands, view, offered)
    told = story(reader, brands, view, offered)
    largest = [each for each in brands if each in told.brands[:LINES]]
    return Executive(
        brands=brands,
        combined=combined,
        recent=recent(reader, brands[0], view) if len(brands) == 1 else {},
        story=told,
        trend=trend(reader, largest, view, offered, measure, scale),
        versus=tuple(_versus(name, brands) for name in COMPARED) if len(brands) > 1 else (),
        regions=_regions(reader, brands, view, offered),
        categories=_categories(reader, brands, view),
        without_sales=tuple(brand.label for brand in chosen if not brand.days),
        overlap=overlap(reader, view, offered),
        targets=targets_of(reader, view, offered),
        hides_targets=bool((view.region or view.country) and reader.rows("targets", brand=view.brand)),
        annotations=annotated(reader, view.brand, offered),
    )


def _versus(name: str, brands: Sequence[Scoped]) -> Versus:
    cards = []
    for each in brands:
        if name == "margin_rate":
            card = Card(
                kpi_named(name), value=each.measures.get(name), absence=each.absence, method=each.method
            )
        else:
            card = each.card(name)
        cards.append((each, card))
    return Versus(name, tuple(cards), _is_clear([card for _, card in cards]))


def _is_clear(cards: Sequence[Card]) -> bool | None:
    told = sorted((c for c in cards if c.value is not None), key=lambda c: -(c.value or 0))
    if len(told) < 2 or not (told[0].interval and told[1].interval):
        return None
    return not told[0].interval.touches(told[1].interval)


def _regions(reader: Reader, brands: Sequence[Scoped], view: View, offered: Choices) -> tuple[Part, ...]:
    """In the order of the filter; those in which nothing was sold, too."""
    names = [name for name in offered.regions if view.region in (None, name)]
    return _parts(brands, [_rows(reader, "sales", "region", each, view) for each in brands], names)


def _categories(reader: Reader, brands: Sequence[Scoped], view: View) -> tuple[Part, ...]:
    """The best-selling first, and the others together."""
    rows = [_rows(reader, "categories", "category", each, view) for each in brands]
    names = list({name: None for by_name in rows for name in by_name})
    parts = sorted(_parts(brands, rows, names), key=lambda part: (-part.per_day, part.name))
    if len(parts) <= TOP + 1:
        return tuple(parts)
    rest = {part.name for part in parts[TOP:]}
    merged = [{"": _merged(row for name, row in by_name.items() if name in rest)} for by_name in rows]
    whole = sum((part.per_day for part in parts), Decimal(0))
    (others,) = _parts(brands, merged, [""])
    share = others.per_day / whole if whole > 0 else None
    return (*parts[:TOP], replace(others, share=share, others=len(rest)))


def _rows(reader: Reader, query: str, by: str, brand: Scoped, view: View) -> dict[str, Row]:
    if not brand.window:
        return {}
    found = reader.rows(query, by=by, brand=brand.name, **view.places, **brand.window.bounds)
    return {row["part"]: row for row in found}


def _parts(
    brands: Sequence[Scoped], rows: Sequence[dict[str, Row]], names: Sequence[str]
) -> tuple[Part, ...]:
    """Of each name what every brand sold a day in its own window."""
    parts = []
    for name in names:
        by_brand = tuple(
            Decimal(by_name[name]["net_revenue"] or 0) / each.window.days
            if each.window and name in by_name
            else Decimal(0)
            for each, by_name in zip(brands, rows, strict=True)
        )
        ratios = formula.ratios(KPIS, _merged(by_name[name] for by_name in rows if name in by_name))
        parts.append(
            Part(
                name,
                by_brand,
                sum(by_brand, Decimal(0)),
                None,
                ratios.get("return_rate"),
                ratios.get("margin_rate"),
            )
        )
    whole = sum((part.per_day for part in parts), Decimal(0))
    return tuple(replace(part, share=part.per_day / whole if whole > 0 else None) for part in parts)


def _merged(rows: Iterable[Row]) -> Row:
    """The measures of several rows added up."""
    total = dict.fromkeys(("gmv", "returns", "net_revenue", "margin"), Decimal(0))
    for row in rows:
        total = {name: value + Decimal(row[name] or 0) for name, value in total.items()}
    return total
