"""Values of rows as JSON has them, exactly, and what each column holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["boolean", "integer", "decimal", "number", "date", "timestamp", "text"]
KINDS: tuple[tuple[type, Kind], ...] = (  # the first that fits: True is an int, an instant is a date
    (bool, "boolean"),
    (int, "integer"),
    (Decimal, "decimal"),
    (float, "number"),
    (dt.datetime, "timestamp"),
    (dt.date, "date"),
)


def kinds(rows: Iterable[dict[str, Any]]) -> dict[str, Kind]:
    """What each column holds, told by its values; text where it has none.

    >>> kinds([{"part": None, "gmv": Decimal("1.50")}, {"part": dt.date(2026, 3, 1), "gmv": None}])
    {'part': 'date', 'gmv': 'decimal'}
    """
    found: dict[str, Kind] = {}
    names: dict[str, None] = {}
    for row in rows:
        for name, value in row.items():
            names.setdefault(name)
            if value is not None and name not in found:
                found[name] = next((kind for of, kind in KINDS if isinstance(value, of)), "text")
    return {name: found.get(name, "text") for name in names}


def plain(value: Any) -> Any:
    """Decimals as exact text, days and instants by ISO 8601; the rest as it is.

    >>> plain(Decimal("1.50")), plain(dt.date(2026, 3, 1)), plain([Decimal(2)]), plain(3)
    ('1.50', '2026-03-01', ['2'], 3)
    """
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
