"""The one JSON encoder: fields in their order, and text for what JSON has no word for."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from pydantic import BaseModel

from mergehouse.json_text import json_text


@dataclass(frozen=True)
class Inner:
    day: dt.date
    amounts: tuple[Decimal, ...]


@dataclass
class Outer:
    second: int
    first: list[Inner] = field(default_factory=list)

    @cached_property
    def derived(self) -> int:
        return self.second * 2


class Model(BaseModel):
    made: dt.datetime
    name: str | None = None


def test_fields_in_their_order_and_nothing_beside_them() -> None:
    found = Outer(2, [Inner(dt.date(2026, 11, 28), (Decimal("1.50"), Decimal(3)))])
    assert found.derived == 4
    assert json_text({"found": found}, indent=None) == (
        '{"found": {"second": 2, "first": [{"day": "2026-11-28", "amounts": ["1.50", "3"]}]}}'
    )


def test_models_are_written_as_they_write_themselves() -> None:
    made = Model(made=dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC))
    assert json.loads(json_text([made])) == [{"made": "2026-11-28T12:00:00Z", "name": None}]
    assert json_text([made]).startswith('[\n  {\n    "made"')
