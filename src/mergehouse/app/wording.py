"""Sentences that more than one page has: periods, clocks, and why a figure is not there."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, get_args

from mergehouse.app.figures.cards import Scoped, kpi_named
from mergehouse.app.figures.methods import Methods
from mergehouse.app.figures.story import FEW
from mergehouse.app.figures.targets import Outcome, Target
from mergehouse.app.figures.windows import Absence, Window, is_all, weeks_of
from mergehouse.app.view import DEFAULT_PERIOD, RECENT, Brand, Choices, Clock, View
from mergehouse.app.writing import Writing
from mergehouse.kpi.periods import calendar_period

CLOCKS: dict[Clock, tuple[str, str]] = {
    "own": ("Own clock", "weeks before each brand's last data"),
    "season": ("Same season", "same days of the year"),
    "calendar": ("Calendar", "real dates, side by side"),
}
COMPARISONS = {
    "last_year": "the same time a year before",
    "previous": "the time just before",
    "off": "nothing",
}
EVENING = 17  # the hour from which on a day's orders are taken for whole
MARGINS = ("actual", "estimated", "mixed")
COSTS = {"actual": "actual cost", "estimated": "estimated cost", "mixed": "cost partly estimated"}


@dataclass(frozen=True)
class Wording:
    """Words for one reader's view."""

    write: Writing
    offered: Choices
    view: View

    @property
    def clocks(self) -> dict[Clock, tuple[str, str]]:
        """Each with its name and what it means."""
        return CLOCKS

    def period(self, period: str | None = None) -> str:
        """`last 13 weeks`, `December 2011`, `Q4 2011`, `2011`, `all data`."""
        period = period or self.view.period
        if is_all(replace(self.view, period=period), self.offered):
            return "all data"
        named = calendar_period(period)
        if not named:
            weeks = RECENT.get(period) or weeks_of(self.view, self.offered) or self.offered.weeks
            return f"last {weeks} weeks" if weeks != 1 else "last week"
        if "q" in period:
            return f"Q{period[-1]} {named[0].year}"
        return self.write.month(named[0]) if "-" in period else str(named[0].year)

    def period_choice(self, period: str) -> str:
        """As the filter offers it."""
        words = self.period(period)
        if period == DEFAULT_PERIOD:
            words = f"{words} ({'common' if len(self.offered.with_sales) > 1 else 'usual'})"
        return words[:1].upper() + words[1:]

    @property
    def is_all(self) -> bool:
        return is_all(self.view, self.offered)

    @property
    def period_of_story(self) -> str:
        """`its last 13 weeks`, `these 13 weeks`, `December 2011`, `all its data`."""
        if is_all(self.view, self.offered):
            return "all its data"
        weeks = weeks_of(self.view, self.offered)
        if not weeks:
            return self.period()
        return f"these {weeks} weeks" if self.view.clock == "season" else f"its {self.period()}"

    @property
    def period_full(self) -> str:
        """`each brand's last 10 full weeks`, `each brand's December 2011`, `all data of each brand`."""
        weeks = weeks_of(self.view, self.offered)
        if is_all(self.view, self.offered):
            return "all data of each brand"
        if not weeks:
            return f"each brand's {self.period()}"
        if self.view.clock == "season":
            return f"{weeks} weeks of each brand at the same time of the year"
        return f"each brand's last {weeks} full week{'s' if weeks != 1 else ''}"

    def compared(self, scoped: Scoped) -> str:
        """The days that a window is compared with: `the same weeks of 2010`."""
        before = scoped.compared
        assert before
        if weeks_of(self.view, self.offered) and self.view.compare == "last_year":
            return f"the same weeks of {before.until.year}"
        return self.write.dates(before.since, before.until)

    def kpi(self, name: str) -> str:
        return kpi_named(name).label

    def clock(self, clock: Clock | None = None) -> str:
        return CLOCKS[clock or self.view.clock][0]

    def brand(self, name: str) -> str:
        return self.offered.label(name)

    def window(self, window: Window) -> str:
        """`10 Sep - 9 Dec 2011`."""
        return self.write.dates(window.since, window.until)

    def named(self, labels: Iterable[str]) -> str:
        """`A`, `A and B`, `A, B and C`, `20 brands`."""
        labels = list(labels)
        if len(labels) > FEW:
            return f"{len(labels)} brands"
        return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)

    def chips(self, periods: bool = True) -> list[tuple[str, dict[str, str]]]:
        """Filters that are set, each with the parameters of the address without it; `periods`: also those of
        time.
        """
        told: dict[str, Callable[[Any], str]] = {
            "brand": self.brand,
            "region": str,
            "country": self.write.country,
            "period": self.period_choice,
            "clock": self.clock,
            "compare": lambda value: f"Compared with {COMPARISONS[value]}",
        }
        return [
            (told[name](value), self.view.query(**{name: None}))
            for name, value in self.view.query().items()
            if periods or name in ("brand", "region", "country")
        ]

    def why(self, absence: Absence) -> str:
        """A sentence; empty where the word says it all."""
        day = self.write.date(absence.day)
        said = {
            "no_sales": f"{absence.brand} has no sales yet.",
            "period": f"{absence.brand} has no data in {self.period()}.",
            "weeks": f"{absence.brand} has {self._weeks(absence.have)} of data, {absence.need} needed.",
            "season": f"{absence.brand} has no year with all of these days.",
            "all": "All data are not compared with anything.",
            "so_far": f"No comparison: {absence.brand}'s data end on {day}, within {self.period()}.",
            "nothing_before": f"No comparison: {absence.brand} delivered nothing before {day}.",
            "periods_differ": "The brands' periods differ.",
            "as_of": "As of the last day, whatever the period.",
            "churn": f"{absence.brand} has {absence.have} days of data, {self._needed(absence)} needed.",
            "suppressed": "Groups of fewer than 5 customers, and what would tell of them, are not shown.",
            "from_nothing": "Nothing to compare with was sold then.",
            "nothing_sold": "Nothing was sold.",
            "begins": f"{absence.brand}'s data begin on {day}, within the period.",
        }
        return said.get(absence.reason, "")

    def costs(self, method: str) -> str:
        """How a margin's costs are come by."""
        return COSTS[method]

    def more_or_less(self, change: Decimal) -> str:
        """A relative change: `12.3% more`, `as much`."""
        if not self.write.rounded(change):
            return "as much"
        return f"{self.write.share(abs(change))} {'more' if change > 0 else 'less'}"

    def outcomes(self, targets: Iterable[Target]) -> str:
        """How many of them are met: `2 met, 1 missed so far, 3 not met yet`."""
        counted = Counter(each.outcome for each in targets)
        words = {each: each for each in get_args(Outcome)} | {"open": "not met yet", None: "not known"}
        return ", ".join(
            f"{self.write.count(counted[of])} {word}" for of, word in words.items() if counted[of]
        )

    def why_not(self, target: Target) -> str:
        """Why nothing is known of a target."""
        of_its_period = replace(self, view=replace(self.view, period=target.period))
        return of_its_period.why(target.absence) or target.absence.word if target.absence else ""

    def outcome(self, target: Target) -> str:
        """What a target has come to: `met`, `missed so far`, `not met yet, after 78 of 92 days`."""
        if not target.outcome or not target.window:
            return target.absence.word if target.absence else "no data"
        if target.outcome != "open":
            return target.outcome
        days = f"after {self.write.count(target.window.days)} of {self.write.count(target.days)} days"
        return f"not met yet, {days}"

    def methods(self, made: Methods) -> str:
        """One line on how figures were made."""
        parts = []
        if len(made.brands) > FEW:
            dates = sorted(brand.as_of for brand in made.brands if brand.as_of)
            first, last = self.write.date(dates[0]), self.write.date(dates[-1])
            parts.append(f"As of {first} to {last} ({len(made.brands)} brands)")
        elif made.brands:
            parts.append("As of " + ", ".join(f"{self.write.date(b.as_of)} ({b.label})" for b in made.brands))
        parts.append("EUR at ECB daily rates" if made.in_other_currencies else "EUR")
        parts.append("nominal prices")
        told = [
            f"{m} ({self.named(b.label for b in made.with_margin(m))})"
            for m in MARGINS
            if made.with_margin(m)
        ]
        if told:
            parts.append("margin " + ", ".join(told))
        parts.append(f"data version {made.version[:12]}")
        if weeks_of(self.view, self.offered):
            parts.append("complete weeks only")
        return " · ".join(parts)

    def stop_early(self, brands: Iterable[Brand]) -> str:
        """Which brands' last days are not whole."""
        told = [words for brand in brands if (words := self._stops_early(brand))]
        if len(told) > FEW:
            return f"The last days of {len(told)} brands end before {EVENING}:00."
        return " ".join(told)

    def _stops_early(self, brand: Brand) -> str:
        """Where a brand's last day is not whole: an export that stops at noon."""
        stopped = brand.last_order
        is_date = stopped and stopped.time() == dt.time()  # orders have no time of day
        if not stopped or is_date or stopped.hour >= EVENING or stopped.date() != brand.last:
            return ""
        return f"{brand.label}'s last day, {self.write.date(stopped.date())}, ends at {stopped:%H:%M}."

    @staticmethod
    def _weeks(weeks: int | None) -> str:
        return "1 whole week" if weeks == 1 else f"{weeks or 0} whole weeks"

    @staticmethod
    def _needed(absence: Absence) -> str:
        return "and a limit for churn" if absence.need is None else str(absence.need)
