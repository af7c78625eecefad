"""How a batch is written: what is kept of it in the ledger."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field

RARE = (
    "undecided", "marks", "nulls", "numbers", "plain", "cleaned", "composed", "shortened", "verbatim",
    "minor_units", "dashed", "filled", "voiding", "others",
)  # fmt: skip


@dataclass(frozen=True)
class Formats:
    """How a batch is written: its decimal mark (`undecided` where nothing shows it), and the `marks` of
    columns that have another; by column its patterns of dates (Spark's) besides ISO, and the words that mean
    "empty"; columns of `numbers` that the file itself holds as such, of which every cell is a `plain` one, of
    cells to be `cleaned`, of letters to be `composed` with their accents, of codes that a spreadsheet
    `shortened`, of which every cell is read `verbatim`, of numbers with `dashed` cents; the `minor_units` of
    currencies among codes; columns that are `filled` in most rows, or of which cells are `voiding` rows,
    and the `others`, which nobody declared; `notes` on what was unclear, `doubts` on what seems wrong.
    """

    decimal_mark: str
    dates: dict[str, list[str]]
    notes: list[str] = field(default_factory=list)
    undecided: bool = False
    nulls: dict[str, list[str]] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    composed: dict[str, list[str]] = field(default_factory=dict)
    shortened: list[str] = field(default_factory=list)
    verbatim: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    minor_units: dict[str, list[str]] = field(default_factory=dict)
    dashed: list[str] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    voiding: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """As the ledger keeps them.

        >>> Formats(",", {"day": ["d.M.yyyy"]}).as_json()
        '{"dates": {"day": ["d.M.yyyy"]}, "decimal_mark": ","}'
        """
        always = {"decimal_mark": self.decimal_mark, "dates": self.dates}
        rare = {name: found for name in RARE if (found := getattr(self, name))}
        return json.dumps(always | rare, sort_keys=True)


@dataclass(frozen=True)
class Written:
    """What a file itself says of how it is written: its delimiter, if it is text, and the columns that it
    holds as numbers.
    """

    delimiter: str | None = None
    numbers: Collection[str] = ()
