"""From the raw exports' figures to the clean ones: pairs, a waterfall that adds up to the cent, and
reasons.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from mergehouse.access.gateway import Reader
from mergehouse.quality.words import words

NOTHING = Decimal(0)
AMOUNT, LINES = "gmv_eur", "order_lines"
START, END = "raw", "clean"
WITHOUT_LINES = ("tax", "fx")  # they change amounts alone
STEPS = words()["step_names"]
REJECTED = "rejected"  # lines that could not be split: of no step, since nobody knows what they are


@dataclass(frozen=True)
class Sample:
    """One of the lines that a reason has taken out."""

    order_id: str | None
    order_date: dt.date | None
    product_code: str | None
    amount: Decimal | None
    currency: str


@dataclass(frozen=True)
class Reason:
    """Why lines are not in GMV: `meaning` in words, where the code is known; no samples for a scope without
    persons.
    """

    step: str
    code: str
    meaning: str
    currency: str
    lines: int
    amount: Decimal | None
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Step:
    """One step of a waterfall. `change` and `lines` are signed; of the first and the last step they are the
    figure itself. `after` and `lines_after` are what is left then. `lines` is None where only amounts change.
    """

    name: str
    label: str
    meaning: str
    change: Decimal
    after: Decimal
    lines: int | None
    lines_after: int

    @property
    def is_total(self) -> bool:
        return self.name in (START, END)


@dataclass(frozen=True)
class Pair:
    """A figure as the raw export has it, and the clean one."""

    name: str
    label: str
    kind: Literal["money", "count", "share"]
    raw: Decimal | None
    clean: Decimal | None
    meaning: str

    @property
    def difference(self) -> Decimal | None:
        return None if self.raw is None or self.clean is None else self.clean - self.raw


@dataclass(frozen=True)
class BrandCleaning:
    """`currency`: what raw amounts are in, or None where there are several. `adds_up`: the steps lead from
    the first figure to the last to the cent, in amounts and in lines.
    """

    name: str
    label: str
    currency: str | None
    pairs: tuple[Pair, ...]
    steps: tuple[Step, ...]
    reasons: tuple[Reason, ...]
    adds_up: bool


def raw_vs_silver(reader: Reader, brand: str | None) -> tuple[BrandCleaning, ...]:
    """The brands of a scope, or one of them. Empty where the scope is told by places: cleaning is of whole
    brands.
    """
    brands = [row for row in reader.rows("brands") if brand in (None, row["source_system"])]
    asked = {"brand": brand, "step": None}
    rows = {
        "steps": reader.rows("raw_vs_silver", brand=brand),
        "raw": reader.rows("raw_lines", by="brand", brand=brand),
        "reasons": reader.rows("left_out", **asked),
        "samples": reader.rows("left_out_samples", **asked) if reader.scope.persons else [],
        "kpis": reader.rows(
            "sales", by="brand", brand=brand, region=None, country=None, since=None, until=None
        ),
    }
    return tuple(_brand(row, rows) for row in brands if any(_of(row, rows["steps"])))


def _brand(row: dict[str, Any], rows: dict[str, list[dict[str, Any]]]) -> BrandCleaning:
    steps, adds_up = _steps(_of(row, rows["steps"]))
    raw = _of(row, rows["raw"])
    currencies = {line["currency"] for line in raw}
    clean = next((kpis for kpis in rows["kpis"] if kpis["part"] == row["source_system"]), {})
    return BrandCleaning(
        row["source_system"],
        row["label"],
        currencies.pop() if len(currencies) == 1 else None,
        _pairs(steps, raw, clean),
        steps,
        _reasons(_of(row, rows["reasons"]), _of(row, rows["samples"])),
        adds_up,
    )


def _of(brand: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["source_system"] == brand["source_system"]]


def _steps(rows: list[dict[str, Any]]) -> tuple[tuple[Step, ...], bool]:
    """In order, and whether they add up."""
    lines = {row["step"]: int(row["value"]) for row in rows if row["kpi"] == LINES}
    steps: list[Step] = []
    after, lines_after = NOTHING, 0
    sums = True
    for row in (row for row in rows if row["kpi"] == AMOUNT):
        name, value = row["step"], row["value"]
        of_lines = None if name in WITHOUT_LINES else lines.get(name, 0)
        if name == END:
            sums = after == value and lines_after == of_lines
            after, lines_after = value, of_lines or 0
        else:
            after, lines_after = after + value, lines_after + (of_lines or 0)
        meaning = words()["steps"].get(name, "")
        steps.append(Step(name, STEPS.get(name, name), meaning, value, after, of_lines, lines_after))
    return tuple(steps), sums


def _pairs(steps: tuple[Step, ...], raw: list[dict[str, Any]], clean: dict[str, Any]) -> tuple[Pair, ...]:
    """Raw figures are what a sum over the export gives, read as if each number were euros."""
    first, last = steps[0], steps[-1]
    billed = sum((line["billed"] for line in raw), NOTHING)
    returned = sum((line["returned"] for line in raw), NOTHING)
    return (
        Pair("gmv", "GMV", "money", billed, clean.get("gmv"),
             "raw: every positive amount; clean: goods sold, in euros"),
        Pair("returns", "Returns", "money", returned, clean.get("returns"),
             "raw: every negative amount; clean: goods returned or cancelled, in euros"),
        Pair("net_revenue", "Net revenue", "money", first.after, clean.get("net_revenue"),
             "raw: the sum of all amounts; clean: GMV less returns"),
        Pair("return_rate", "Return rate", "share", returned / billed if billed else None,
             clean.get("return_rate"), "returns over GMV"),
        Pair("order_lines", "Order lines", "count", Decimal(first.lines_after), Decimal(last.lines_after),
             "raw: all lines; clean: lines of goods sold"),
    )  # fmt: skip


def _reasons(rows: list[dict[str, Any]], samples: list[dict[str, Any]]) -> tuple[Reason, ...]:
    """In the order of steps, the most lines first."""
    places = {name: place for place, name in enumerate((*STEPS, REJECTED))}
    found = [
        Reason(
            row["step"],
            row["reason"],
            _meaning(row["step"], row["reason"]),
            row["currency"],
            row["lines"],
            row["amount"],
            tuple(
                Sample(s["order_id"], s["order_date"], s["product_code"], s["amount_original"], s["currency"])
                for s in samples
                if (s["step"], s["reason"]) == (row["step"], row["reason"])
                and s["currency"] == row["currency"]
            ),
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda r: (places.get(r.step, len(places)), -r.lines, r.code)))


def _meaning(step: str, code: str) -> str:
    if step == "duplicates":
        return words()["duplicates"].get(code, "")
    return words()["reasons"].get(code, "") or REASONS.get(code, "")


REASONS = {
    "cancellation": "A line of a cancellation document",
    "return": "A line with a negative amount",
    "adjustment": "No money changes hands",
}
