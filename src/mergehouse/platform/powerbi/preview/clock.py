"""The days that figures are of where nobody has chosen any: of each brand the last whole weeks before its
as-of date, or the same ones where all brands have eight weeks in common; the rules of the model's clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from mergehouse.platform.powerbi.choices import LONGEST

COMMON = 8  # whole weeks from which on all brands are looked at on the same days
YEAR = dt.timedelta(days=364)  # the same weekdays a year before


@dataclass(frozen=True)
class BrandDays:
    """What a brand has delivered: from `first` to the day before `after`."""

    brand: str
    label: str
    first: dt.date
    after: dt.date

    @property
    def days(self) -> int:
        return (self.after - self.first).days


@dataclass(frozen=True)
class Window:
    """From `since` to `until`, both in it; None where a brand has not delivered these days."""

    brand: BrandDays
    end: dt.date  # the day after the clock's last
    weeks: int
    is_common: bool = False  # all brands are looked at on the same days

    @property
    def since(self) -> dt.date | None:
        start = self.end - dt.timedelta(weeks=self.weeks)
        return start if self.weeks and start >= self.brand.first else None

    @property
    def until(self) -> dt.date:
        return self.end - dt.timedelta(days=1)

    @property
    def first_week(self) -> dt.date:
        """The first day of the first whole week that is looked at."""
        return self.end - dt.timedelta(weeks=min(LONGEST, (self.end - self.brand.first).days // 7))

    @property
    def year_before(self) -> dt.date | None:
        return self.since - YEAR if self.since and self.since - YEAR >= self.brand.first else None

    @property
    def words(self) -> str:
        if self.since:
            return f"{self.brand.label}: {self.since} to {self.until}"
        have = self.brand.days // 7
        return f"{self.brand.label}: not observable yet: {have} whole weeks of data, {self.weeks} needed"


def windows(brands: Sequence[BrandDays]) -> dict[str, Window]:
    """The window of each brand, by its key.

    >>> first, after = dt.date(2025, 1, 1), dt.date(2026, 1, 7)  # 371 days: 53 weeks
    >>> windows([BrandDays("shop", "Shop", first, after)])["shop"].since
    datetime.date(2025, 1, 8)
    """
    weeks = [brand.days // 7 for brand in brands if brand.days >= 7]
    longest = min([LONGEST, *weeks]) if weeks else 0
    common = common_weeks(brands)
    is_common = len(brands) > 1 and common >= COMMON
    end = min(brand.after for brand in brands) if is_common else None
    chosen = min(longest, common) if is_common else longest
    return {brand.brand: Window(brand, end or brand.after, chosen, is_common) for brand in brands}


def common_weeks(brands: Sequence[BrandDays]) -> int:
    """Whole weeks that all brands have data of at once."""
    if not brands:
        return 0
    days = (min(brand.after for brand in brands) - max(brand.first for brand in brands)).days
    return max(days, 0) // 7
