"""What pages with filters begin with: the visitor's view, what they could choose instead, and words for
both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from mergehouse.app.figures.methods import Methods, methods
from mergehouse.app.view import ALL, FILTERS, Choices, UnknownFilter, View, choices, read_view
from mergehouse.app.visitor import SignedIn
from mergehouse.app.wording import Wording
from mergehouse.app.writing import Writing, accepted

TIMES = ("period", "clock", "compare")  # filters that pages of figures as of a day have no use for


@dataclass(frozen=True)
class Looked:
    """A view and its choices; `shown` is what `filters.html.j2` needs, to be given to the page's template."""

    view: View
    offered: Choices
    words: Wording
    methods: Methods

    @property
    def shown(self) -> dict[str, Any]:
        return {"view": self.view, "offered": self.offered, "words": self.words, "made": self.methods}

    @property
    def places(self) -> dict[str, str]:
        """The filters that are set and not of time."""
        return {name: value for name, value in self.view.query().items() if name not in TIMES}

    @property
    def shown_as_of(self) -> dict[str, Any]:
        """The same for a page whose figures are as of a day: the period stays in the address (`kept`), but
        nothing on the page is of it.
        """
        kept = {name: value for name, value in self.view.query().items() if name in TIMES}
        words = replace(self.words, view=replace(self.view, period=ALL))
        return self.shown | {"words": words, "kept": kept}


def looked_at(request: Request, visitor: SignedIn) -> Looked:
    """The filters of an address: 422 where one is not the visitor's. An address that says what holds
    anyway, as forms do, goes to the one that does not.
    """
    given = request.query_params.multi_items()
    offered = choices(visitor.reader)
    try:
        view = read_view(given, offered)
    except UnknownFilter:
        raise HTTPException(422) from None
    filters = [(name, value) for name, value in given if name in FILTERS]
    if dict(filters) != view.query():
        others = [(name, value) for name, value in given if name not in FILTERS]
        query = urlencode([*view.query().items(), *others])
        prefix = request.app.state.suite.prefix
        path = request.scope["path"].removeprefix(prefix)
        raise HTTPException(303, headers={"Location": f"{prefix}{path}{'?' if query else ''}{query}"})
    write = Writing(accepted(request.headers.get("accept-language")), request.app.state.suite.place)
    words = Wording(write, offered, view)
    return Looked(view, offered, words, methods(visitor.reader, offered, view))


LookedAt = Annotated[Looked, Depends(looked_at)]
