"""Raw vs Silver: what cleaning does to the figures, to the cent, and why."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from mergehouse.app.asked import MOST_BRANDS, AskedFor, about
from mergehouse.app.export import Export, Kind, exported
from mergehouse.app.figures.raw_vs_silver import (
    REJECTED,
    STEPS,
    BrandCleaning,
    Pair,
    Reason,
    Step,
    raw_vs_silver,
)
from mergehouse.app.page import Page
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn
from mergehouse.app.writing import MINUS, Writing

PAGE = Page(
    "/raw-vs-silver",
    "Raw vs Silver",
    "Trust",
    place=20,
    key="r",
    says="What cleaning takes out and why, to the cent.",
)
WATERFALL = {
    "brand": "Brand", "name": "Step", "lines": "Order lines", "change": "Amount", "after": "Amount after",
    "lines_after": "Order lines after", "meaning": "What it does",
}  # fmt: skip
REASONS = {
    "brand": "Brand", "step": "Step", "code": "Reason", "meaning": "Meaning", "lines": "Order lines",
    "amount": "Amount", "currency": "Currency",
}  # fmt: skip
NO_LINES = "no lines"  # of steps that change amounts alone
router = APIRouter()


@router.get("/raw-vs-silver")
def show(request: Request, visitor: SignedIn, question: AskedFor) -> HTMLResponse:
    found = raw_vs_silver(visitor.reader, question.view.brand)
    request.state.entry.rows += sum(len(r.samples) for brand in found for r in brand.reasons)
    return page(
        request, visitor, "raw_vs_silver", asked=question, found=found, drawn=found[:MOST_BRANDS],
        pairs_of=_pairs, chart_of=_chart, steps_of=_steps, groups_of=_by_step, samples_of=_samples,
        currency_of=_currencies,
    )  # fmt: skip


@router.get("/raw-vs-silver/export")
def export(
    request: Request,
    visitor: SignedIn,
    question: AskedFor,
    of: Literal["steps", "reasons"] = "steps",
    kind: Kind = "csv",
) -> Response:
    found = raw_vs_silver(visitor.reader, question.view.brand)
    rows = [
        {"brand": brand.label} | vars(row)
        for brand in found
        for row in (brand.steps if of == "steps" else brand.reasons)
    ]
    request.state.entry.rows += len(rows)
    told = {"page": "Raw vs Silver", "amounts": "as delivered up to the step Currency, euros after it"}
    columns = WATERFALL if of == "steps" else REASONS
    return exported(Export(f"raw vs silver {of}", columns, rows, told | about(question, visitor)), kind)


def _chart(brand: BrandCleaning, links: str) -> dict[str, Any]:
    """Steps that change nothing are left out of the plot; the table has them."""
    shown = [step for step in brand.steps if step.is_total or step.change]
    return {
        "kind": "waterfall",
        "name": brand.label,
        "unit": "count",
        "labels": [step.label for step in shown],
        "values": [step.change for step in shown],
        "totals": [step.is_total for step in shown],
        "links": [None if step.is_total else f"#{links}-{step.name}" for step in shown],
    }


def _pairs(brand: BrandCleaning, write: Writing) -> list[dict[str, Any]]:
    return [
        {
            "label": pair.label,
            "raw": _figure(pair, pair.raw, brand.currency or "", write),
            "clean": _figure(pair, pair.clean, "EUR", write),
            "change": _change(pair, write),
            "meaning": pair.meaning,
        }
        for pair in brand.pairs
    ]


def _figure(pair: Pair, value: Decimal | None, currency: str, write: Writing) -> str:
    if pair.kind == "share":
        return write.share(value)
    return write.count(value) if pair.kind == "count" else write.amount(value, currency)


def _change(pair: Pair, write: Writing) -> str:
    """Of amounts a ratio alone: before and after may be in two currencies."""
    if pair.difference is None:
        return "no data"
    if pair.kind == "share":
        return write.points(pair.difference)
    if not pair.difference:
        return write.delta(0)
    return write.delta(pair.difference / pair.raw) if pair.raw else write.delta(None, "not comparable")


def _steps(brand: BrandCleaning, write: Writing) -> list[dict[str, Any]]:
    return [
        {
            "step": step,
            "lines": NO_LINES
            if step.lines is None
            else _signed(step, write.count(abs(step.lines)), step.lines),
            "lines_after": write.count(step.lines_after),
            "change": _signed(step, write.cents(abs(step.change)), step.change),
            "after": write.cents(step.after),
        }
        for step in brand.steps
    ]


def _signed(step: Step, written: str, value: Decimal | int) -> str:
    sign = MINUS if value < 0 else "+" if value > 0 and not step.is_total else ""
    return sign + written


def _by_step(brand: BrandCleaning) -> list[tuple[str, str, list[Reason]]]:
    """(step, its label, its reasons), in the order of steps; rejected rows, which are of no step, last."""
    names = dict.fromkeys(reason.step for reason in brand.reasons)
    labels = STEPS | {REJECTED: "Rejected rows"}
    return [(n, labels.get(n, n), [r for r in brand.reasons if r.step == n]) for n in names]


def _samples(reason: Reason, write: Writing) -> list[dict[str, Any]]:
    return [
        {
            "order": sample.order_id,
            "date": write.date(sample.order_date),
            "product": sample.product_code,
            "amount": write.amount(sample.amount, sample.currency),
        }
        for sample in reason.samples
    ]


def _currencies(reasons: Iterable[Reason], write: Writing) -> str:
    """The sum of amounts by currency."""
    sums: dict[str, Decimal] = {}
    for reason in reasons:
        if reason.amount is not None:
            sums[reason.currency] = sums.get(reason.currency, Decimal(0)) + reason.amount
    return ", ".join(write.amount(amount, currency) for currency, amount in sums.items())
