"""First Look: the raw exports before cleaning, with the warning that they are so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from mergehouse.app.asked import MOST_BRANDS, AskedFor, about
from mergehouse.app.export import Export, Kind, exported
from mergehouse.app.figures.annotations import Annotation, annotated, spans_from
from mergehouse.app.figures.first_look import BrandRaw, first_look
from mergehouse.app.page import Page
from mergehouse.app.plots.annotations import NONE, Notes, notes
from mergehouse.app.rendering import page
from mergehouse.app.visitor import SignedIn
from mergehouse.app.writing import Writing

PAGE = Page(
    "/first-look",
    "First Look",
    "Trust",
    place=10,
    key="f",
    says="What was delivered, before anything is cleaned.",
)
FILES = {
    "brand": "Brand",
    "source": "Source",
    "name": "File",
    "status": "Status",
    "rows": "Rows",
    "rejected": "Rejected rows",
    "size": "Bytes",
    "loaded": "Loaded",
}
MONTHS = {
    "brand": "Brand",
    "month": "Month",
    "lines": "Order lines",
    "amount": "Amount",
    "currency": "Currency",
    "is_partial": "Partial",
}
STATUSES = {
    "loaded": "loaded",
    "repeat": "delivered before, not loaded again",
    "replaced": "replaced by a longer file",
}
router = APIRouter()


@router.get("/first-look")
def show(request: Request, visitor: SignedIn, question: AskedFor) -> HTMLResponse:
    found = first_look(visitor.reader, question.view.brand)
    request.state.entry.rows += sum(len(brand.files) for brand in found)
    drawn = [brand for brand in found if brand.months][:MOST_BRANDS]
    said = annotated(visitor.reader, question.view.brand, question.offered)
    return page(
        request,
        visitor,
        "first_look",
        asked=question,
        found=found,
        drawn=drawn,
        notes_of=lambda brand, write: _notes(brand, said, write),
        chart_of=_chart,
        months_of=_months_written,
        deliveries_of=_deliveries,
        files_of=_files_written,
    )


@router.get("/first-look/export")
def export(
    request: Request,
    visitor: SignedIn,
    question: AskedFor,
    of: Literal["files", "months"] = "files",
    kind: Kind = "csv",
) -> Response:
    found = first_look(visitor.reader, question.view.brand)
    said = annotated(visitor.reader, question.view.brand, question.offered)
    rows = [row for brand in found for row in (_files(brand) if of == "files" else _months(brand, said))]
    request.state.entry.rows += len(rows)
    told = {"page": "First Look: raw figures before cleaning"} | about(question, visitor)
    columns = FILES if of == "files" else MONTHS
    if any(row.get("said", NONE) != NONE for row in rows):
        columns = columns | {"said": "Annotations"}
    return exported(Export(f"first look {of}", columns, rows, told), kind)


def _notes(brand: BrandRaw, said: Iterable[Annotation], write: Writing) -> Notes:
    starts = [(place, month.start) for place, month in enumerate(brand.months)]
    return notes(said, spans_from(brand.name, starts), write)


def _chart(brand: BrandRaw, write: Writing, colour: str, of: Notes) -> dict[str, Any]:
    """Lines per month; the last one is hatched where the data end within it."""
    return of.options | {
        "kind": "trend",
        "labels": [write.short_month(month.start) for month in brand.months],
        "unit": "count",
        "partial": brand.months[-1].is_partial,
        "series": [
            {
                "name": "Order lines",
                "type": "column",
                "token": colour,
                "values": [month.lines or None for month in brand.months],
            }
        ],
    }


def _deliveries(found: Iterable[BrandRaw], write: Writing) -> list[dict[str, Any]]:
    """A row a brand."""
    return [
        {
            "brand": brand.label,
            "files": len(brand.loaded),
            "size": write.size(brand.size),
            "rows": brand.rows,
            "rejected": brand.rejected,
            "lines": brand.lines,
            "odd": brand.lines_undated + brand.lines_elsewhere,
            "billed": ", ".join(write.amount(raw.billed, raw.currency) for raw in brand.raw) or None,
            "returned": ", ".join(write.amount(raw.returned, raw.currency) for raw in brand.raw) or None,
            "last": write.instant(brand.last_delivery),
        }
        for brand in found
    ]


def _months_written(brand: BrandRaw, write: Writing, of: Notes) -> list[dict[str, Any]]:
    return [
        {
            "month": write.short_month(month.start) + (", partial" if month.is_partial else ""),
            "lines": month.lines,
            "amount": ", ".join(write.amount(amount, currency) for currency, amount in month.amounts.items())
            or None,
        }
        | of.cell(place)
        for place, month in enumerate(brand.months)
    ]


def _files_written(found: Iterable[BrandRaw], write: Writing) -> list[dict[str, Any]]:
    return [
        {"brand": brand.label, "source": file.source, "name": file.name, "status": STATUSES[file.status]}
        | {"rows": file.rows, "rejected": file.rejected}
        | {"size": write.size(file.size), "loaded": write.instant(file.loaded)}
        for brand in found
        for file in brand.files
    ]


def _files(brand: BrandRaw) -> list[dict[str, Any]]:
    return [{"brand": brand.label} | vars(file) for file in brand.files]


def _months(brand: BrandRaw, said: Iterable[Annotation]) -> list[dict[str, Any]]:
    """A row a month and currency; one without lines has neither amount nor currency."""
    of = _notes(brand, said, Writing())
    return [
        {"brand": brand.label, "month": month.start, "lines": month.lines, "is_partial": month.is_partial}
        | {"currency": currency, "amount": month.amounts.get(currency), "said": of.told.get(place, NONE)}
        for place, month in enumerate(brand.months)
        for currency in month.amounts or ("",)
    ]
