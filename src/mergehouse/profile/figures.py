"""From figures to pictures: which axis, which ticks, which words."""

from __future__ import annotations

import datetime as dt
import math

from mergehouse.charts.svg import Axis, Figure, Mark, Size, bars, even_ticks, nice_step, short
from mergehouse.profile.customers import Gaps
from mergehouse.profile.seasons import Seasons
from mergehouse.profile.tables import Column
from mergehouse.profile.values import Class

SMALL: Size = {"width": 340, "height": 170}
MOST_TICKS = 6
WEEKS_DRAWN = 52


def histogram(column: Column) -> str:
    """Classes side by side, of equal width also where their limits are logarithmic; fences dashed."""
    numbers = column.numbers
    assert numbers is not None
    classes = numbers.classes
    is_log = numbers.scale == "log"
    is_count = not is_log and numbers.is_whole and classes[0].high - classes[0].low == 1
    limits = [c.low for c in classes] + [classes[-1].high]
    marks = [
        Mark(n, n + 1, c.rows, f"{_class_words(c, is_count)}: {_rows(c.rows)}") for n, c in enumerate(classes)
    ]
    if is_count:
        stride = math.ceil(len(classes) / 12)
        ticks = [(n + 0.5, short(c.low)) for n, c in enumerate(classes) if n % stride == 0]
    else:
        ticks = _limit_ticks(limits, is_log)
    unit = f", {column.unit}" if column.unit else ""
    rules = [
        (_place(limits, fence), f"outer fence {short(fence)}")
        for fence in numbers.fences or ()
        if numbers.outliers and limits[0] < fence < limits[-1]
    ]
    scale = " (log scale)" if is_log else ""
    title = (
        f"Histogram of {column.name}: median {short(numbers.median)}, from {short(numbers.minimum)} to"
        f" {short(numbers.maximum)}{unit}"
    )
    return bars(
        Figure(
            title, Axis(f"{column.name}{unit}{scale}", 0, len(classes), ticks), "rows", marks, rules, **SMALL
        )
    )


def timeline(column: Column) -> str:
    """Rows per day, month or year."""
    dates = column.dates
    assert dates is not None
    marks = [
        Mark(
            start.toordinal(),
            _after(start, dates.step).toordinal(),
            n,
            f"{_when(start, dates.step)}: {_rows(n)}",
        )
        for start, n in dates.counts
    ]
    axis = _time_axis(
        f"{column.name}, per {dates.step}", dates.counts[0][0], _after(dates.counts[-1][0], dates.step), 4
    )
    return bars(
        Figure(
            f"Rows per {dates.step} of {column.name}, {dates.first} to {dates.last}",
            axis,
            "rows",
            marks,
            **SMALL,
        )
    )


def months(seasons: Seasons) -> str:
    marks = [
        Mark(
            m.start.toordinal(),
            _after(m.start, "month").toordinal(),
            float(m.gmv_eur),
            f"{m.start:%B %Y}{'' if m.complete else ' (incomplete)'}: {m.gmv_eur:,.0f} EUR, {m.orders:,}"
            " orders",
            is_partial=not m.complete,
        )
        for m in seasons.months
    ]
    axis = _time_axis("month", seasons.months[0].start, _after(seasons.months[-1].start, "month"), 12)
    return bars(Figure("GMV per month in EUR", axis, "GMV, EUR", marks))


def weekdays(seasons: Seasons) -> str:
    days = seasons.weekdays
    marks = [
        Mark(n + 0.08, n + 0.92, float(d.gmv_eur), f"{d.name}: {d.gmv_eur:,.0f} EUR a day, {d.days:,} days")
        for n, d in enumerate(days)
    ]
    axis = Axis("weekday", 0, len(days), [(n + 0.5, d.name[:3]) for n, d in enumerate(days)])
    return bars(Figure("Mean GMV of a day in EUR, by weekday", axis, "GMV, EUR a day", marks, width=460))


def hours(seasons: Seasons) -> str:
    marks = [
        Mark(hour, hour + 1, n, f"{hour:02}:00 to {hour:02}:59: {n:,} orders") for hour, n in seasons.hours
    ]
    axis = Axis("hour of the day, local time", 0, 24, [(hour, f"{hour}") for hour in range(0, 25, 4)])
    return bars(Figure("Orders by hour of the day", axis, "orders", marks, width=460))


def gaps(found: Gaps, churn_after_days: int) -> str:
    """Gaps per week up to a year."""
    drawn = [(week, n) for week, n in found.weeks if week <= WEEKS_DRAWN]
    marks = [
        Mark(7 * week - 7, 7 * week, n, f"{7 * week - 6} to {7 * week} days: {n:,} gaps") for week, n in drawn
    ]
    high = max([7 * week for week, _ in drawn], default=7)
    axis = Axis("days from a purchase to the next", 0, high, even_ticks(0, high))
    rule = (churn_after_days, f"churn definition: {churn_after_days} days")
    return bars(Figure("Days between purchases of the same customer, in weeks", axis, "gaps", marks, [rule]))


def _rows(n: int) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}"


def _class_words(c: Class, is_count: bool) -> str:
    return short(c.low) if is_count else f"{short(c.low)} up to {short(c.high)}"


def _place(limits: list[float], value: float) -> float:
    """Where a value lies on an axis on which classes have equal width."""
    n = max(n for n, limit in enumerate(limits[:-1]) if limit <= value)
    return n + (value - limits[n]) / (limits[n + 1] - limits[n])


def _limit_ticks(limits: list[float], is_log: bool) -> list[tuple[float, str]]:
    """Limits of classes to label: zero and powers of ten on a logarithmic axis, every so many on a linear
    one.
    """
    if is_log:
        chosen = [
            n for n, v in enumerate(limits) if v == 0 or math.isclose(math.log10(abs(v)) % 1, 0, abs_tol=1e-9)
        ]
        stride = math.ceil(len(chosen) / MOST_TICKS)
        zero = next((n for n, at in enumerate(chosen) if limits[at] == 0), 0)
        chosen = [at for n, at in enumerate(chosen) if (n - zero) % stride == 0] or [0, len(limits) - 1]
        return [(at, short(limits[at])) for at in chosen]
    width = limits[1] - limits[0]
    step = nice_step(limits[-1] - limits[0], MOST_TICKS)
    first = math.ceil(limits[0] / step - 1e-9)
    return [
        ((n * step - limits[0]) / width, short(round(n * step, 9)))
        for n in range(first, math.floor(limits[-1] / step + 1e-9) + 1)
    ]


def _time_axis(title: str, first: dt.date, end: dt.date, most: int) -> Axis:
    """At most so many ticks, at days, or where months begin: every one, three, six or twelve, or so many
    years.
    """
    low, high = first.toordinal(), end.toordinal()
    if high - low <= 62:
        ticks = [
            (at, f"{dt.date.fromordinal(at):%-d %b}")
            for at in range(low, high, math.ceil((high - low) / most))
        ]
        return Axis(title, low, high, ticks)
    spanned = (high - low) / 30.4
    stride = next(
        (months for months in (1, 3, 6, 12) if spanned / months <= most), 12 * math.ceil(spanned / 12 / most)
    )
    years = range(first.year, end.year + 1, max(1, stride // 12))
    starts = [dt.date(year, month, 1) for year in years for month in range(1, 13, min(stride, 12))]
    ticks = [(s.toordinal(), f"{s:%Y}" if stride >= 12 else f"{s:%b %Y}") for s in starts]
    return Axis(title, low, high, [tick for tick in ticks if low <= tick[0] <= high])


def _after(start: dt.date, step: str) -> dt.date:
    """The first day after a day, month or year that begins on `start`."""
    if step == "day":
        return start + dt.timedelta(days=1)
    return (
        dt.date(min(start.year + 1, dt.MAXYEAR), 1, 1)
        if step == "year"
        else (start + dt.timedelta(days=31)).replace(day=1)
    )


def _when(start: dt.date, step: str) -> str:
    return f"{start:%-d %B %Y}" if step == "day" else f"{start:%B %Y}" if step == "month" else f"{start:%Y}"
