"""`/api/v1`: the figures as JSON, for whoever brings a token of a user, within what that user may see."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, get_origin

from fastapi import APIRouter, Depends, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from mergehouse.access.gateway import Row
from mergehouse.access.secret import derived
from mergehouse.app import answers
from mergehouse.app.answers import By, Filters, NotAsked, SegmentBy
from mergehouse.app.api.cursor import BadCursor, after, cursor
from mergehouse.app.api.values import Kind, kinds, plain
from mergehouse.app.visitor import Visitor, visitor_for

if TYPE_CHECKING:
    from mergehouse.app.server import Suite

PATH = "/api/v1"
PAGE_ROWS = 1_000  # of a list, at most


class Rows(BaseModel):
    """Rows, and what they are of."""

    version: str = Field(description="The data's version: answers with the same are of the same data.")
    scope: str = Field(description="Whose rows these are made of.")
    columns: dict[str, Kind] = Field(
        description="What each column holds. Decimals are written as text, exactly."
    )
    rows: list[dict[str, Any]]
    next: str | None = Field(default=None, description="The `cursor` with which a list goes on.")


class Problem(BaseModel):
    """What went wrong, in words."""

    error: str


def with_token(request: Request) -> Visitor:
    """Whose token a request bears; 401 without one that holds, 403 where their roles allow nothing."""
    suite: Suite = request.app.state.suite
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    person = suite.people.of_token(token.strip()) if kind.lower() == "bearer" and len(token) < 200 else None
    if person is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    visitor = visitor_for(request, person)
    _expect_described(request)
    return visitor


def _expect_described(request: Request) -> None:
    """Raises NotAsked on a parameter that the question does not have, and on one given twice that is single:
    a filter that is misspelt would be none, and its answer that of another question.
    """
    fields = {field.alias: field for field in request.scope["route"].dependant.query_params}
    given = Counter(name for name, _ in request.query_params.multi_items())
    several = {name for name, field in fields.items() if get_origin(field.field_info.annotation) is list}
    if given.keys() - fields.keys() or any(
        count > 1 and name not in several for name, count in given.items()
    ):
        raise NotAsked(f"expected {', '.join(fields) or 'no parameters'}, each once, and nothing else.")


Caller = Annotated[Visitor, Depends(with_token)]
Brand = Annotated[str | None, Query(max_length=64, description="A brand by its folder; without, all.")]
Region = Annotated[str | None, Query(max_length=64, description="A reporting region.")]
Country = Annotated[str | None, Query(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
Segment = Annotated[str | None, Query(max_length=64, description="An RFM segment.")]
Since = Annotated[dt.date | None, Query(description="First day.")]
Until = Annotated[dt.date | None, Query(description="Last day.")]
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No token, or one that does not hold."},
    403: {"model": Problem, "description": "The user's roles do not allow it."},
    422: {"model": Problem, "description": "Not a question that can be asked."},
    503: {"model": Problem, "description": "The figures cannot be read now."},
}
router = APIRouter(prefix=PATH, responses=REFUSALS)


@router.get("/openapi.json", include_in_schema=False)
def openapi(caller: Caller) -> JSONResponse:
    """What can be asked, as OpenAPI; the same for every user."""
    described = get_openapi(title="mergehouse", version="1", routes=router.routes)
    scheme = {"token": {"type": "http", "scheme": "bearer"}}
    described.setdefault("components", {})["securitySchemes"] = scheme
    return JSONResponse(described | {"security": [{"token": []}]})


@router.get("/brands")
def brands(request: Request, caller: Caller) -> Rows:
    """The brands that you may see, each with its own as-of date."""
    return _answer(request, caller, answers.brands(caller.reader))


@router.get("/dimensions")
def dimensions(request: Request, caller: Caller) -> Rows:
    """What figures may be cut and filtered by, with the values that you may see."""
    return _answer(request, caller, answers.dimensions(caller.reader))


@router.get("/kpis")
def kpi_list(request: Request, caller: Caller) -> Rows:
    """Every KPI: what it is, its formula, what it may be cut by."""
    return _answer(request, caller, answers.kpi_list())


@router.get("/kpis/values")
def kpi_values(
    request: Request,
    caller: Caller,
    by: By = "all",
    kpi: Annotated[list[str], Query(max_length=40, description="Names of KPIs; without, all.")] = [],  # noqa: B006
    brand: Brand = None,
    region: Region = None,
    country: Country = None,
    since: Since = None,
    until: Until = None,
) -> Rows:
    """KPIs cut by one thing. Customer KPIs are as of each brand's own date and are not told for a period."""
    filters = Filters(brand, region, country, since, until)
    return _answer(request, caller, answers.kpis(caller.reader, by, filters, tuple(kpi)))


@router.get("/kpis/{name}")
def explain(
    request: Request,
    caller: Caller,
    name: str,
    brand: Brand = None,
    region: Region = None,
    country: Country = None,
) -> Rows:
    """What a KPI is, how it is computed, its value by brand."""
    return _answer(request, caller, [answers.explain(caller.reader, name, Filters(brand, region, country))])


@router.get("/segments")
def segments(
    request: Request,
    caller: Caller,
    by: SegmentBy = "segment",
    brand: Brand = None,
    region: Region = None,
    country: Country = None,
) -> Rows:
    """Customers, money and expected value by RFM segment or region."""
    filters = Filters(brand, region, country)
    return _answer(request, caller, answers.segments(caller.reader, by, filters))


@router.get("/risk-and-value")
def risk_and_value(
    request: Request, caller: Caller, brand: Brand = None, region: Region = None, country: Country = None
) -> Rows:
    """Customers and money by band of risk and tier of value."""
    filters = Filters(brand, region, country)
    return _answer(request, caller, answers.risk_and_value(caller.reader, filters))


@router.get("/categories")
def categories(
    request: Request,
    caller: Caller,
    brand: Brand = None,
    region: Region = None,
    country: Country = None,
    since: Since = None,
    until: Until = None,
) -> Rows:
    """What categories sold."""
    filters = Filters(brand, region, country, since, until)
    return _answer(request, caller, answers.categories(caller.reader, "category", filters))


@router.get("/customers")
def customers(
    request: Request,
    caller: Caller,
    brand: Brand = None,
    region: Region = None,
    country: Country = None,
    segment: Segment = None,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    size: Annotated[int, Query(ge=1, le=PAGE_ROWS)] = PAGE_ROWS,
) -> Rows:
    """Customers at each brand, a page at a time, in the order of their keys."""
    if not caller.scope.persons:
        raise HTTPException(403)
    Filters(brand, region, country).checked(caller.reader)
    asked = {"brand": brand, "region": region, "country": country, "segment": segment}
    question = {"version": caller.reader.version, "scope": caller.scope.id} | asked
    return _page(request, caller, "customers_after", asked, question, cursor, size)


@router.get("/cleaning")
def cleaning(request: Request, caller: Caller, brand: Brand = None) -> Rows:
    """From the raw exports' figures to the clean ones, step by step."""
    return _answer(request, caller, answers.cleaning(caller.reader, brand))


@router.get("/left-out")
def left_out(request: Request, caller: Caller, brand: Brand = None) -> Rows:
    """Delivered lines that are not in GMV, by step and reason."""
    return _answer(request, caller, answers.left_out(caller.reader, brand))


@router.get("/freshness")
def freshness(request: Request, caller: Caller, brand: Brand = None) -> Rows:
    """How old each brand's data was at the last run."""
    return _answer(request, caller, answers.freshness(caller.reader, brand))


@router.get("/targets")
def targets(request: Request, caller: Caller, brand: Brand = None) -> Rows:
    """What is aimed at in years, quarters and months, what there is of it, and whether that meets it."""
    return _answer(request, caller, answers.targets(caller.reader, brand))


@router.get("/annotations")
def annotations_of(
    request: Request, caller: Caller, brand: Brand = None, since: Since = None, until: Until = None
) -> Rows:
    """What people note on days, the newest first; `group`: on all brands together."""
    filters = Filters(brand, since=since, until=until)
    return _answer(request, caller, answers.annotations_of(caller.reader, filters))


@router.get("/models")
def model_metrics(request: Request, caller: Caller, brand: Annotated[str, Query(max_length=64)]) -> Rows:
    """How good every method was at past cut-offs."""
    return _answer(request, caller, answers.model_metrics(caller.reader, brand))


def _page(
    request: Request, caller: Visitor, query: str, asked: Row, question: Row, given: str | None, size: int
) -> Rows:
    """A page of a list that is in the order of `customer_id` and `source_system`."""
    suite: Suite = request.app.state.suite
    key = derived(suite.project, "sign cursor")
    try:
        last = after(key, question, given) if given else [None, None]
    except BadCursor:
        raise answers.NotAsked(
            "cursor: it is of another question, or the data has changed since; begin without."
        ) from None
    rows = caller.reader.rows(query, after_key=last[0], after_brand=last[1], size=size + 1, **asked)
    shown = rows[:size]
    way_on = (
        cursor(key, question, [shown[-1]["customer_id"], shown[-1]["source_system"]])
        if len(rows) > size
        else None
    )
    return _answer(request, caller, shown, way_on)


def _answer(request: Request, caller: Visitor, rows: list[Row], way_on: str | None = None) -> Rows:
    request.state.entry.rows += len(rows)
    return Rows(
        version=caller.reader.version,
        scope=caller.scope.label,
        columns=kinds(rows),
        rows=[plain(row) for row in rows],
        next=way_on,
    )
