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


def later_by_name(name: str, others: Iterable[str], date_order: str | None = None) -> str | None:
    """One of the others that is called as `name`, but for a later number or date. None where there is none.

    >>> later_by_name("sales_2.csv", ["stock_9.csv", "sales_1.csv", "sales_10.csv"])
    'sales_10.csv'
    """
    pieces = _by_name([name, *others], date_order)
    texts = [text for text, _ in pieces[name]]
    alike = (other for other in pieces if [text for text, _ in pieces[other]] == texts)
    return next((other for other in alike if pieces[other] > pieces[name]), None)


def _by_name(names: list[str], date_order: str | None) -> dict[str, list[tuple[str, int]]]:
    """What is compared of each name."""
    written = {name: _with_month_numbers(name.lower()) for name in names}
    seconds = [int(found[3]) for name in written.values() for found in _DATE.finditer(name)]
    month_first = date_order == "mdy" or (date_order is None and any(second > 12 for second in seconds))
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
