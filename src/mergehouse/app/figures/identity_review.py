"""Pairs of customers that wait for somebody to decide whether they are one; one of them with both records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from mergehouse.access.gateway import Reader, Row
from mergehouse.identity.decisions import PAIR
from mergehouse.identity.review import Waiting, decided, waiting_pair
from mergehouse.project.config import Project

REASONS = {  # of the candidates, in words
    "household": "By the score they would be one person, by the rule for persons two: members of one"
    " household agree as much.",
    "not_mutual": "They agree, and one of the two agrees still more with somebody else.",
    "below_threshold": "They may be one person, and the score is too low to link them.",
    "person": "They agree as one person does.",
}


@dataclass(frozen=True)
class Decided:
    """What somebody has decided of a pair."""

    decision: str
    by: str
    at: str


@dataclass(frozen=True)
class Pairs:
    """Those of the scope's files, the surest first, with the decisions of now: `rows` have `pair`, PAIR and
    `reason`.
    """

    rows: list[Row]
    decisions: dict[tuple[str, ...], Decided]

    @cached_property
    def waiting(self) -> list[Row]:
        """Those that nobody has decided."""
        return [row for row in self.rows if numbers(row) not in self.decisions]

    @property
    def decided(self) -> int:
        return len(self.rows) - len(self.waiting)

    @cached_property
    def reasons(self) -> Counter[str]:
        """Why the waiting ones wait."""
        return Counter(row["reason"] for row in self.waiting)

    def find(self, pair: str) -> Row | None:
        return next((row for row in self.rows if row["pair"] == pair), None)

    def decision(self, row: Row) -> Decided | None:
        return self.decisions.get(numbers(row))

    def after(self, row: Row) -> str | None:
        """The next one that waits; the first again after the last, None where no other does."""
        place = self.rows.index(row)
        others = [each["pair"] for each in (*self.rows[place + 1 :], *self.rows[:place])]
        known = {each["pair"] for each in self.waiting}
        return next((pair for pair in others if pair in known), None)

    def place(self, row: Row) -> int | None:
        """Which of the waiting ones it is, from 1."""
        return self.waiting.index(row) + 1 if row in self.waiting else None


def pairs(reader: Reader, project: Project) -> Pairs:
    """Raises ConfigError where the file of decisions cannot be read."""
    known = {
        row[:4]: Decided(*row[4:])
        for row in decided(project).select(*PAIR, "decision", "decided_by", "decided_at").iter_rows()
    }
    return Pairs(reader.rows("identity_pairs"), known)


def records(reader: Reader, pair: str) -> Waiting | None:
    """Both records and the evidence. None for a pair that there is not."""
    row = reader.one("identity_pair", pair=pair)
    return waiting_pair(row) if row else None


def numbers(row: Row) -> tuple[str, str, str, str]:
    """The brands and customers' numbers of a pair."""
    return (row[PAIR[0]], row[PAIR[1]], row[PAIR[2]], row[PAIR[3]])
