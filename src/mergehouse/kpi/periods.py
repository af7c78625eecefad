"""Periods of the calendar by their names: years, quarters, months."""

from __future__ import annotations

import datetime as dt
import re

_NAME = re.compile(r"((?:19|20|21)[0-9]{2})(?:-(?:q([1-4])|(0[1-9]|1[0-2])))?")


def calendar_period(period: str) -> tuple[dt.date, dt.date] | None:
    """The first day of a year, quarter or month, and the day after its last; None for other periods.

    >>> calendar_period("2011-q4"), calendar_period("13w")
    ((datetime.date(2011, 10, 1), datetime.date(2012, 1, 1)), None)
    """
    found = _NAME.fullmatch(period)
    if not found:
        return None
    year, quarter, month = int(found[1]), found[2], found[3]
    first = int(month) if month else 3 * int(quarter) - 2 if quarter else 1
    months = 1 if month else 3 if quarter else 12
    after = first + months
    return dt.date(year, first, 1), dt.date(year + (after > 12), after - 12 if after > 12 else after, 1)
