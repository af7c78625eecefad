"""Values as PBIR writes them: expressions whose literals carry their type, `12D`, `3L`, `'text'`, `true`."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def literal(written: str) -> Json:
    return {"expr": {"Literal": {"Value": written}}}


def text(value: str) -> Json:
    """A text in single quotes; one within it is doubled.

    >>> text("What's new")
    {'expr': {'Literal': {'Value': "'What''s new'"}}}
    """
    return literal(quoted(value))


def quoted(value: str) -> str:
    """
    >>> print(quoted("Müller's"))
    'Müller''s'
    """
    return "'" + value.replace("'", "''") + "'"


def number(value: float) -> Json:
    """A double, such as a size; written without the D it would be no literal at all to Desktop.

    >>> number(12), number(0.5)
    ({'expr': {'Literal': {'Value': '12D'}}}, {'expr': {'Literal': {'Value': '0.5D'}}})
    """
    return literal(f"{value:g}D")


def whole(value: int) -> Json:
    """A whole number.

    >>> whole(3)
    {'expr': {'Literal': {'Value': '3L'}}}
    """
    return literal(f"{value}L")


def switch(value: bool) -> Json:
    """
    >>> switch(True)
    {'expr': {'Literal': {'Value': 'true'}}}
    """
    return literal("true" if value else "false")


def colour(value: str) -> Json:
    """A colour as `#rrggbb`.

    >>> colour("#1f5fa8")["solid"]["color"]
    {'expr': {'Literal': {'Value': "'#1f5fa8'"}}}
    """
    return {"solid": {"color": text(value)}}


def properties(**values: Json | list[Any]) -> list[Json]:
    """One formatting object, for all of a visual.

    >>> properties(show=switch(False))
    [{'properties': {'show': {'expr': {'Literal': {'Value': 'false'}}}}}]
    """
    return [{"properties": values}]
