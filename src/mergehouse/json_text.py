"""JSON of what commands print and pages keep: one encoder for all of it."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel


def json_text(value: Any, indent: int | None = 2) -> str:
    """Dataclasses and models as objects of their fields, in order; dates, decimals and whatever else JSON has
    no word for as text, such as a number that is none.

    >>> from decimal import Decimal
    >>> json_text({"sum": Decimal("1.50"), "rows": 2, "share": float("nan")}, indent=None)
    '{"sum": "1.50", "rows": 2, "share": "NaN"}'
    """
    try:
        return json.dumps(value, indent=indent, default=_plain, allow_nan=False)
    except ValueError:
        told = json.loads(json.dumps(value, default=_plain), parse_constant=str)
        return json.dumps(told, indent=indent)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return str(value)
