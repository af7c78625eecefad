"""Semantic versions, and what a difference between two releases asks of them.

Source: Semantic Versioning 2.0.0 (semver.org), for data: what readers relied on is gone or narrower: major;
there is more, or wider: minor; the same with other rows: patch.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from mergehouse.errors import MergehouseError

Level = Literal["major", "minor", "patch"]
LEVELS: tuple[Level, ...] = ("major", "minor", "patch")


class Version(NamedTuple):
    """Three numbers, which are compared as numbers.

    >>> Version(1, 10, 0) > Version(1, 9, 9)
    True
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """`1.4.0` or `v1.4.0`. Raises MergehouseError on anything else.

        >>> Version.parse("v1.4.0")
        Version(major=1, minor=4, patch=0)
        >>> Version.parse("1.4")
        Traceback (most recent call last):
        mergehouse.errors.MergehouseError: version 1.4: expected three numbers such as 1.4.0.
        """
        found = re.fullmatch(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", text)
        if not found:
            raise MergehouseError(f"version {text}: expected three numbers such as 1.4.0.")
        return cls(*map(int, found.groups()))

    def next(self, level: Level) -> Version:
        """The lowest version above this one that a change of a level asks for.

        >>> [str(Version(1, 4, 2).next(level)) for level in LEVELS]
        ['2.0.0', '1.5.0', '1.4.3']
        """
        if level == "major":
            return Version(self.major + 1, 0, 0)
        return (
            Version(self.major, self.minor + 1, 0)
            if level == "minor"
            else Version(self.major, self.minor, self.patch + 1)
        )

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class Change(BaseModel):
    """One difference to the release before. `what` is a table, a column as `table.column`, or a KPI."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level
    what: str
    how: str
