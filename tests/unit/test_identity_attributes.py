"""Attributes in one form: what becomes of names, numbers and dates, and what becomes empty and is counted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from mergehouse.errors import ConfigError
from mergehouse.identity.attributes import ATTRIBUTES, Standardised, standardise

TODAY = dt.date(2026, 11, 1)


def one_brand(**attributes: list[Any]) -> Standardised:
    count = len(next(iter(attributes.values())))
    keys = {"source_system": ["a"] * count, "customer_code": [str(n) for n in range(count)]}
    return standardise(pl.DataFrame(keys | attributes), TODAY)


@pytest.mark.parametrize(
    ("attribute", "written", "form"),
    [
        ("first_name", " José-María ", "josemaria"),
        ("first_name", "Dr. Anna", "anna"),
        ("first_name", "Drew", "drew"),
        ("last_name", "O'Brien", "obrien"),
        ("last_name", "GROẞ", "gross"),
        ("last_name", "Müller", "muller"),
        ("last_name", "Łukasz", "lukasz"),
        ("first_name", "محمد", "محمد"),
        ("first_name", "مُحَمَّد", "محمد"),  # with and without vowel marks
        ("last_name", "王", "王"),
        ("last_name", "がく", "がく"),  # the mark of ga is no accent
        ("email", " Ana.Sa+shop@GoogleMail.com", "anasa@gmail.com"),
        ("email", "ana.sa+x@web.de", "ana.sa@web.de"),
        ("postcode", "sw1a 1aa", "SW1A1AA"),
        ("address_line_1", "Hauptstraße 12 a", "12 a hauptstrasse"),
        ("address_line_1", "12 Main St.", "12 main st"),
        ("city", "St. Étienne", "st etienne"),
        ("birth_date", dt.date(1980, 5, 17), "1980-05-17"),
        ("loyalty_card", "ab-12 34", "AB1234"),
    ],
)
def test_form(attribute: str, written: Any, form: str) -> None:
    assert one_brand(**{attribute: [written]}).customers[attribute].item() == form


def test_phones_are_read_by_country() -> None:
    written = ["06 12 34 56 78", "+33612345678", "0033 6 12 34 56 78", "0612345678", "0171/2345678"]
    found = one_brand(phone=written, country=["FR", None, "fr", None, "DE"])
    assert found.customers["phone"].to_list() == [
        "+33612345678", "+33612345678", "+33612345678", "0612345678", "+491712345678",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attribute", "written", "reason"),
    [
        ("first_name", "n/a", "placeholder"),
        ("last_name", "---", "placeholder"),
        ("last_name", "123", "unreadable"),
        ("email", "noreply@shop.eu", "placeholder"),
        ("email", "ana at web.de", "unreadable"),
        ("phone", "000000", "placeholder"),
        ("phone", "12", "unreadable"),
        ("birth_date", "1900-01-01", "placeholder"),
        ("birth_date", "2026-11-02", "future"),
        ("birth_date", "1899-12-31", "before_1900"),
        ("birth_date", "spring", "unreadable"),
        ("postcode", "00000", "placeholder"),
        ("country", "Germany", "unreadable"),
    ],
)
def test_what_stands_for_nothing_becomes_empty_and_is_counted(
    attribute: str, written: str, reason: str
) -> None:
    found = one_brand(**{attribute: [written, None]})
    assert found.customers[attribute].to_list() == [None, None]
    assert found.emptied.rows() == [("a", attribute, reason, 1)]


def test_today_is_no_future() -> None:
    assert one_brand(birth_date=["2026-11-01"]).customers["birth_date"].item() == "2026-11-01"


def test_values_that_many_share_become_empty() -> None:
    emails = [f"c{n}@web.de" for n in range(100)]
    emails[:11] = ["info@shop.eu"] * 11
    emails[11:21] = ["family@web.de"] * 10  # as many as may
    found = one_brand(email=emails, last_name=["Smith"] * 60 + [f"Name{chr(97 + n % 26)}" for n in range(40)])
    assert found.customers["email"].null_count() == 11
    assert found.emptied.rows() == [("a", "email", "shared", 11), ("a", "last_name", "constant", 60)]


def test_a_birth_date_that_is_far_too_frequent_becomes_empty() -> None:
    days = [str(dt.date(1970, 1, 2) + dt.timedelta(n)) for n in range(200)] + ["1970-01-01"] * 51
    found = one_brand(birth_date=days)
    assert found.emptied.rows() == [("a", "birth_date", "shared", 51)]


def test_all_attributes_missing_is_no_error() -> None:
    found = one_brand(gender=["f", "m"])
    assert found.customers.columns == ["source_system", "customer_code", *ATTRIBUTES]
    assert found.customers.select(ATTRIBUTES).null_count().row(0) == (2,) * len(ATTRIBUTES)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"source_system": ["a"]}, "customer_code is missing"),
        ({"source_system": ["a"], "customer_code": [None]}, "1 have no source_system or customer_code"),
        ({"source_system": ["a", "a"], "customer_code": ["1", "1"]}, "1 rows repeat a customer"),
    ],
)
def test_keys_are_needed(keys: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        standardise(pl.DataFrame(keys), TODAY)
