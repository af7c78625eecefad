"""Model cards as rows of Gold, `model_cards` and `model_curves`: what dashboards show of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

import polars as pl

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import frame_schema
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.writing import replace_brand
from mergehouse.science.cards.card import Card

CARDS, CURVES = "gold.model_cards", "gold.model_curves"


def keep_cards(lakehouse: Lakehouse, cards: Iterable[Card]) -> None:
    """Puts cards in the place of all that is published of their brands. The caller holds the lakehouse.

    >>> import datetime as dt
    >>> day, now = dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    >>> card = Card("shop", "churn_90d", "To rank.", "All.", "None left.", day, now, gains=((0, 0), (1, 1)),
    ...             judged_at=day)
    >>> lakehouse = Lakehouse("new")
    >>> keep_cards(lakehouse, [card])
    >>> lakehouse.rows(CARDS), lakehouse.rows(CURVES)
    (1, 2)
    """
    for brand, of_brand in groupby(sorted(cards, key=attrgetter("brand", "target")), attrgetter("brand")):
        found = list(of_brand)
        rows = {CARDS: map(_card, found), CURVES: (point for card in found for point in _points(card))}
        for name, of_table in rows.items():
            contract = contract_of(name)
            replace_brand(lakehouse, contract, _frame(contract, of_table), brand)


def _frame(contract: Contract, rows: Iterable[list[Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=frame_schema(contract.types), orient="row")


def _card(card: Card) -> list[Any]:
    version = int(card.version) if card.version else None
    lists = ("\n".join(lines) or None for lines in (card.not_for, card.limits))
    return [
        card.brand, card.target, card.headline, card.standing or None, card.method or None, card.name or None,
        version, card.trained, card.as_of, card.judged_at, card.customers, card.main_metric,
        "\n".join(card.rules) or None, card.purpose, card.population, card.label, *lists,
    ]  # fmt: skip


def _points(card: Card) -> Iterator[list[Any]]:
    deciles = [(c.predicted, c.observed, c.low, c.high, c.customers) for c in card.calibration]
    curves = {"calibration": deciles} | {
        name: [(*point, None, None, None) for point in curve]
        for name, curve in (("gains", card.gains), ("best_gains", card.best_gains))
    }
    for name, points in curves.items():
        for number, (x, y, *more) in enumerate(points, start=1):
            yield [card.brand, card.target, name, number, card.judged_at, x, y, *more]
