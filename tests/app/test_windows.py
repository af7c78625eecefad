"""Which days a figure is of, for brands of any age: no lakehouse is needed to tell."""

from __future__ import annotations

import datetime as dt

import pytest

from mergehouse.app.figures.windows import Absence, Window, compared_with, is_all, weeks_of, window
from mergehouse.app.view import Brand, Choices, UnknownFilter, View, read_view
from mergehouse.app.wording import Wording
from mergehouse.app.writing import Writing

DAY = dt.date


def brand(name: str, first: dt.date | None, as_of: dt.date | None) -> Brand:
    return Brand(name, name.title(), "EUR", first, as_of, 90)


def offered(*brands: Brand) -> Choices:
    return Choices(brands, (("North", "DE"), ("Rest", "US"), ("South", "ES")))


def test_a_brand_of_a_few_days_is_shown_with_all_it_has() -> None:
    new = brand("new", DAY(2026, 3, 1), DAY(2026, 3, 6))
    choices, view = offered(new), View()
    assert choices.weeks == 0 and is_all(view, choices) and weeks_of(view, choices) is None
    assert window(new, view, choices) == Window(DAY(2026, 3, 1), DAY(2026, 3, 5), is_all=True)
    assert Wording(Writing(), choices, view).period() == "all data"


def test_a_young_brand_does_not_shorten_the_others_to_nothing() -> None:
    """Less than a week is no window: the others keep theirs, and it says what it lacks."""
    new, old = brand("new", DAY(2026, 3, 1), DAY(2026, 3, 6)), brand("old", DAY(2025, 1, 1), DAY(2026, 3, 6))
    choices = offered(new, old)
    assert choices.weeks == 52 and choices.clock == "own"
    assert window(new, View(), choices) == Absence("not observable yet", "weeks", "New", 0, 52)
    assert window(old, View(), choices) == Window(DAY(2025, 3, 7), DAY(2026, 3, 5))


def test_a_brand_without_sales_is_in_no_window() -> None:
    empty, old = brand("empty", None, None), brand("old", DAY(2025, 1, 1), DAY(2026, 3, 6))
    choices = offered(empty, old)
    assert choices.with_sales == (old,) and window(empty, View(), choices) == Absence(
        "no data", "no_sales", "Empty"
    )


@pytest.mark.parametrize(
    ("period", "compare", "before"),
    [
        ("2025-03", "previous", Window(DAY(2025, 2, 1), DAY(2025, 2, 28))),
        ("2025-03", "last_year", Window(DAY(2024, 3, 1), DAY(2024, 3, 31))),
        ("2025-q1", "previous", Window(DAY(2024, 10, 1), DAY(2024, 12, 31))),
        ("2025", "previous", Window(DAY(2024, 1, 1), DAY(2024, 12, 31))),
        ("2024-02", "last_year", Window(DAY(2023, 2, 1), DAY(2023, 2, 28))),
        ("4w", "previous", Window(DAY(2026, 1, 9), DAY(2026, 2, 5))),
        ("4w", "last_year", Window(DAY(2025, 2, 7), DAY(2025, 3, 6))),
    ],
)
def test_what_is_compared_is_as_long_and_whole(period: str, compare: str, before: Window) -> None:
    old = brand("old", DAY(2023, 1, 1), DAY(2026, 3, 6))
    choices = offered(old)
    view = read_view([("period", period), ("compare", compare)], choices)
    now = window(old, view, choices)
    assert isinstance(now, Window) and not now.is_partial
    assert compared_with(old, now, view) == before


def test_the_season_of_a_leap_day_is_the_day_before_it() -> None:
    new, old = brand("new", DAY(2024, 2, 29), DAY(2024, 4, 4)), brand("old", DAY(2015, 1, 1), DAY(2018, 1, 1))
    view = read_view([("clock", "season")], offered(new, old))
    assert window(old, view, offered(new, old)) == Window(DAY(2017, 2, 28), DAY(2017, 4, 3))


def test_a_season_that_a_brand_never_had_is_not_compared() -> None:
    new, old = brand("new", DAY(2025, 6, 1), DAY(2025, 7, 6)), brand("old", DAY(2010, 9, 1), DAY(2011, 2, 1))
    view = read_view([("clock", "season")], offered(new, old))
    assert window(old, view, offered(new, old)) == Absence(
        "not comparable", "season", "Old", day=DAY(2025, 6, 1)
    )


@pytest.mark.parametrize("weeks", [7, 8])
def test_eight_weeks_in_common_make_one_calendar(weeks: int) -> None:
    old = brand("old", DAY(2024, 1, 1), DAY(2025, 6, 2))
    new = brand("new", DAY(2025, 6, 2) - dt.timedelta(weeks=weeks), DAY(2026, 1, 1))
    choices = offered(new, old)
    assert choices.clock == ("calendar" if weeks == 8 else "own")
    ends = {
        found.until
        for each in choices.brands
        if isinstance(found := window(each, View(clock=choices.clock), choices), Window)
    }
    assert ends == ({DAY(2025, 6, 1)} if weeks == 8 else {DAY(2025, 6, 1), DAY(2025, 12, 31)})


def test_regions_stand_in_one_order_and_countries_within_them() -> None:
    choices = offered()
    assert choices.regions == ("North", "South", "Rest")
    assert choices.countries("South") == ("ES",) and choices.countries() == ("DE", "ES", "US")


@pytest.mark.parametrize(
    "given",
    [
        [("brand", "other")], [("brand", "OLD")], [("brand", "old"), ("brand", "old")], [("brand", "")],
        [("period", "2031")], [("period", "13W")], [("period", "all ")], [("clock", "own\0")],
        [("country", "de")], [("region", "North' OR 1=1--")], [("compare", "all")], [("period", "")],
    ],
)  # fmt: skip
def test_what_is_not_offered_is_refused(given: list[tuple[str, str]]) -> None:
    with pytest.raises(UnknownFilter):
        read_view(given, offered(brand("old", DAY(2024, 1, 1), DAY(2025, 6, 2))))


def test_an_address_says_what_differs_and_reads_back() -> None:
    choices = offered(brand("old", DAY(2024, 1, 1), DAY(2025, 6, 2)))
    view = read_view(
        [("compare", "off"), ("region", "South"), ("period", "2024-q2"), ("brand", "all")], choices
    )
    assert list(view.query().items()) == [("region", "South"), ("period", "2024-q2"), ("compare", "off")]
    assert read_view(view.query().items(), choices) == view
