"""The order in time of files that come together, as their names tell it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(
    r"[-._ ]?(?<![a-z])(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])[-._ ]?"
)
_DATE = re.compile(
    r"(?<!\d)(?=\d{8}(?!\d)|\d\d?[-._ ])([012]?[1-9]|[123]0|31)([-._ ]?)([012]?[1-9]|[123]0|31)\2"
    r"((?:19|20)\d\d)(?!\d)"
)
_MONTH_OR_WEEK = re.compile(r"(?<!\d)(\d\d?)[-._ ]((?:19|20)\d\d)(?!\d)")
_ENDING = re.compile(r"(\.[a-z]+)+$")


class Named(Protocol):
    @property
    def label(self) -> str: ...


_File = TypeVar("_File", bound=Named)


def in_time_order(files: list[_File], date_order: str | None = None) -> list[_File]:
    """Files by the numbers and dates in their names, so that the last one is the latest.

    Numbers count as numbers. A date may have its year last, its month as a word in English. Of dates such as
    `05_04_2026` the first number is the day, unless `date_order` or another name says that it is the month.

    >>> from mergehouse.ingest.landing import LandedFile
    >>> def ordered(*names):
    ...     return [file.name for file in in_time_order([LandedFile(name, 1, 0) for name in names])]
    >>> ordered("sales_10.csv", "sales_2.csv", "sales.csv")
    ['sales.csv', 'sales_2.csv', 'sales_10.csv']
    >>> ordered("till 01.02.2026.csv", "till 31.01.2026.csv", "till 31.12.2025.csv")
    ['till 31.12.2025.csv', 'till 31.01.2026.csv', 'till 01.02.2026.csv']
    >>> ordered("sales_April_2026.csv", "sales_Feb_2026.csv", "sales_Dec_2025.csv")
    ['sales_Dec_2025.csv', 'sales_Feb_2026.csv', 'sales_April_2026.csv']
    """
    pieces = _by_name([file.label for file in files], date_order)
    return sorted(files, key=lambda file: pieces[file.label])


class LatestNames:
    """Of names that are alike but for a number or date, the latest.

    >>> names = LatestNames(["stock_9.csv", "sales_1.csv", "sales_10.csv"])
    >>> names.later_than("sales_2.csv"), names.later_than("sales_11.csv")
    ('sales_10.csv', None)
    """

    def __init__(self, names: Iterable[str], date_order: str | None = None):
        self._month_first, self._is_open = date_order == "mdy", date_order is None
        self._latest: dict[tuple[str, ...], tuple[list[tuple[str, int]], str]] = {}
        self._names: list[str] = []
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        self._learn_order(name)
        self._names.append(name)
        self._note(name)

    def later_than(self, name: str) -> str | None:
        self._learn_order(name)
        pieces = _pieces(_with_month_numbers(name.lower()), self._month_first)
        latest, called = self._latest.get(_texts(pieces), (pieces, None))
        return called if latest > pieces else None

    def _note(self, name: str) -> None:
        pieces = _pieces(_with_month_numbers(name.lower()), self._month_first)
        latest, _ = self._latest.get(_texts(pieces), ([], ""))
        if pieces > latest:
            self._latest[_texts(pieces)] = pieces, name

    def _learn_order(self, name: str) -> None:
        """Where a name shows that months come first, so they do in those before it."""
        if self._is_open and not self._month_first and _shows_month_first(_with_month_numbers(name.lower())):
            self._month_first, self._latest = True, {}
            for earlier in self._names:
                self._note(earlier)


def _texts(pieces: list[tuple[str, int]]) -> tuple[str, ...]:
    return tuple(text for text, _ in pieces)


def _shows_month_first(name: str) -> bool:
    return any(int(found[3]) > 12 for found in _DATE.finditer(name))


def _by_name(names: list[str], date_order: str | None) -> dict[str, list[tuple[str, int]]]:
    """What is compared of each name."""
    written = {name: _with_month_numbers(name.lower()) for name in names}
    is_shown = date_order is None and any(map(_shows_month_first, written.values()))
    month_first = date_order == "mdy" or is_shown
    return {name: _pieces(said, month_first) for name, said in written.items()}


def _with_month_numbers(name: str) -> str:
    return _MONTH.sub(lambda found: f"-{_MONTHS.index(found[1][:3]) + 1:02}-", name)


def _pieces(name: str, month_first: bool) -> list[tuple[str, int]]:
    """Texts, each with the number behind it, of a name without its ending and with years in front of days."""
    month, day = (1, 3) if month_first else (3, 1)
    name = _DATE.sub(lambda found: f"{found[4]}-{found[month]}-{found[day]}", _ENDING.sub("", name))
    name = re.sub("[-._ ]+", "-", _MONTH_OR_WEEK.sub(r"\2-\1", name))
    parts = re.split(r"(\d+)", name)
    return [(text, int(number)) for text, number in zip(parts[::2], [*parts[1::2], "-1"], strict=True)]
