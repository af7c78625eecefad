"""Who is called the same person: pairs of customers, decided by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from mergehouse.identity.attributes import standardise
from mergehouse.identity.input_table import load_customers
from mergehouse.identity.person_rule import IS_PERSON
from mergehouse.lakehouse.reader import connect

ANA = {
    "first_name": "Anastasia", "last_name": "Keller", "birth_date": "1980-05-17", "email": "ana@web.de",
    "phone": "+491712345678",
}  # fmt: skip


def is_person(one: dict[str, str | None], other: dict[str, str | None]) -> bool:
    keys = [{"source_system": "a", "customer_code": "1"}, {"source_system": "b", "customer_code": "2"}]
    both = pl.DataFrame([keys[0] | one, keys[1] | other], infer_schema_length=None)
    connection = connect()
    load_customers(connection, standardise(both, dt.date(2026, 11, 1)).customers)
    sql = f"SELECT {IS_PERSON} FROM customers AS l JOIN customers AS r ON l.id < r.id"
    return bool(connection.sql(sql).fetchall()[0][0])


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"last_name": "Married", "email": "new@web.de", "phone": None}, True),
        ({"birth_date": "1980-05-11"}, True),  # a typo
        ({"birth_date": "1980-17-05"}, True),  # day and month swapped
        ({"birth_date": "1981-05-11"}, False),
        ({"first_name": "Anastasja"}, True),
        ({"first_name": "Keller", "last_name": "Anastasia"}, True),
        ({"first_name": None}, True),
        ({"first_name": "Robert"}, False),  # a twin
        ({"birth_date": None}, True),
        ({"birth_date": None, "first_name": "Anastasja"}, True),
        ({"birth_date": None, "first_name": "Anna"}, False),
        ({"birth_date": None, "first_name": None}, False),
        ({"birth_date": None, "phone": "+491719999999"}, True),  # the e-mail agrees
        ({"birth_date": None, "phone": "+491719999999", "email": None}, False),  # named after her?
        ({"birth_date": None, "phone": None, "email": "other@web.de"}, True),  # another e-mail says less
        ({"birth_date": None, "phone": None, "email": "other@web.de", "last_name": "Wong"}, False),
        ({"birth_date": None, "last_name": "Wong"}, True),  # married: the phone agrees
    ],
)
def test_who_is_the_same_person(other: dict[str, str | None], same: bool) -> None:
    assert is_person(ANA, ANA | other) == is_person(ANA | other, ANA) == same


def test_a_short_first_name_is_not_within_one_edit_by_being_short() -> None:
    nothing = {"birth_date": None, "phone": None}
    assert not is_person(ANA | nothing | {"first_name": "Ivo"}, ANA | nothing | {"first_name": "Eva"})
    assert not is_person(ANA | nothing | {"first_name": "Eva"}, ANA | nothing | {"first_name": "Ada"})


def test_names_from_right_to_left() -> None:
    written = {"first_name": "محمد", "last_name": "الفاسي", "birth_date": None, "phone": None}
    assert is_person(ANA | written, ANA | written)
    assert not is_person(ANA | written, ANA | written | {"first_name": "خديجة"})
