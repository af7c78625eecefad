"""Pages from templates: what every one of them is given, and the pages of errors."""

from __future__ import annotations

import datetime as dt
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from mergehouse.access.gateway import lacking
from mergehouse.app.looking_on import PARAMETER, kept_in_forms
from mergehouse.app.writing import Writing, accepted
from mergehouse.errors import MergehouseError

if TYPE_CHECKING:
    from mergehouse.app.server import Suite
    from mergehouse.app.visitor import Visitor

TEMPLATES = Path(__file__).parent / "templates"
THEMES = ("light", "dark")
NO_KEYS = "off"  # the cookie of who wants no letter to be a shortcut
ERRORS: dict[int | str, tuple[str, str, str]] = {  # status: title, what it means, what to do
    400: ("Bad request", "The address or the form is not one that this site has written.", "Go back."),
    401: (
        "Not signed in",
        "A token of a user is needed, and it must hold.",
        "Make one with `mergehouse users token`.",
    ),
    403: ("Not for you", "Your access does not cover this page.", "Ask whoever looks after this site."),
    404: ("Not found", "There is nothing at this address that you may see.", "Check the address."),
    405: ("Not possible", "This address does not take that.", "Go back and try again."),
    413: ("Too much", "More was sent than this page takes.", "Send less."),
    414: ("Address too long", "The address is longer than this site takes.", "Remove some filters."),
    422: ("Not understood", "A filter in the address has a value that cannot be.", "Reset the filters."),
    429: ("Too many attempts", "There were too many attempts in a short time.", "Wait a minute."),
    500: ("Something failed", "The page could not be made; the figures are unharmed.", "Try again."),
    503: ("Nothing to show yet", "The figures are not there, or cannot be read now.", "Try again later."),
    "soon": ("One moment", "The figures that you may see are being prepared.", "Try again in a few seconds."),
    "slow": ("This takes too long", "The figures were not worked out in time.", "Ask for less at a time."),
    "many": (
        "One after the other",
        "Other pages of yours are still being made, and this one has waited long enough.",
        "Close what you do not need, and try again.",
    ),
}


def page(request: Request, visitor: Visitor, template: str, **context: Any) -> HTMLResponse:
    """A page for a visitor, from `templates/<template>.html.j2`.

    The template has `write` (figures in the visitor's locale), `url` (a path of the suite), `action` (one
    that forms post to), `with_query` (this address with some parameters changed), `visitor`, `data` (the
    reader), `behind` (whether newer figures are published), `lacking` (whether it asked for what a release
    does not hold), and what else is in `_common`.
    """
    suite = request.app.state.suite
    shown = [each for each, _ in suite.pages if visitor.may_open(each)]
    written = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            _common(request.scope)
            | {
                "visitor": visitor,
                "pages": shown,
                "data": _data(visitor),
                "behind": behind(suite),
                "lacking": lacking.get(),
            }
            | context
        )
    )
    role = request.state.entry.seen_as
    return HTMLResponse(kept_in_forms(written, role) if role else written)


def open_page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page for anybody, who need not have signed in."""
    written = _environment().get_template(f"{template}.html.j2").render(_common(request.scope) | context)
    return HTMLResponse(written, status)


def error_page(scope: Scope, status: int, number: str = "", words: str = "", kind: str = "") -> Response:
    """The same bytes for everybody and every address: it tells nothing of what is there. `number`: of the
    request, by which somebody may look it up; `kind`: which of `ERRORS` says it, if not that of the status.
    Programs get JSON, with `words` in the place of the meaning.
    """
    title, meaning, remedy = ERRORS.get(kind or status, ERRORS[400 if status < 500 else 500])
    if is_for_programs(scope):
        told = {"error": words or f"{title}: {meaning}"} | ({"request": number} if number else {})
        return JSONResponse(told, status)
    context = {"title": title, "meaning": meaning, "remedy": remedy, "number": number, "status": status}
    return HTMLResponse(_environment().get_template("error.html.j2").render(_common(scope) | context), status)


def link_to(request: Request, path: str, **query: Any) -> str:
    """A path of the suite, seen as this page is."""
    query |= _seen(request)
    return f"{request.app.state.suite.prefix}{path}{'?' if query else ''}{urlencode(query)}"


def _seen(request: Request) -> dict[str, str]:
    """What an address says of the role that somebody looks on as."""
    seen_as = request.state.entry.seen_as
    return {PARAMETER: seen_as} if seen_as else {}


def is_for_programs(scope: Scope) -> bool:
    return bool(scope["path"].removeprefix(scope["app"].state.suite.prefix).startswith("/api/"))


def _data(visitor: Visitor) -> Any:
    """The reader, for its version and age; None where nothing was published yet."""
    try:
        return visitor.reader
    except MergehouseError:
        return None


def behind(suite: Suite) -> str:
    """Whether newer figures than pages show are `writing`, or `failed`; empty where neither is known."""
    try:
        return str(suite.access().gateway.behind())
    except MergehouseError:
        return ""


def _common(scope: Scope) -> dict[str, Any]:
    request, suite = Request(scope), scope["app"].state.suite
    prefix = suite.prefix

    def with_query(**changed: Any) -> str:
        """This address with parameters set, or taken out where they are None."""
        names = {name.rstrip("_") for name in changed}
        kept = [(name, value) for name, value in request.query_params.multi_items() if name not in names]
        added = [(name.rstrip("_"), str(value)) for name, value in changed.items() if value is not None]
        return f"{prefix}{path}{'?' if kept or added else ''}{urlencode(kept + added)}"

    path = scope["state"]["entry"].path
    theme = request.cookies.get("theme", "")
    return {
        "write": Writing(accepted(request.headers.get("accept-language")), suite.place),
        "url": functools.partial(link_to, request),
        "seen": _seen(request),
        "action": lambda path: prefix + path,
        "static": lambda name: prefix + suite.bundle.path(name),
        "with_query": with_query,
        "path": path,
        "here": f"{path}{'?' if request.url.query else ''}{request.url.query}",
        "now": lambda: dt.datetime.now(dt.UTC),
        "theme": theme if theme in THEMES else "",
        "has_keys": request.cookies.get("keys") != NO_KEYS,
        "address": str(URL(scope=scope)),
    }


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    # in an attribute, which is escaped as any other text
    made.filters["as_json"] = lambda value: json.dumps(value, default=float, allow_nan=False)
    return made
