"""Who may be called the same person: rules in SQL over two customers `l` and `r` of the table `customers`.

Families share surname, address, phone and e-mail, so that evidence alone takes a couple for one customer.
"""

from __future__ import annotations

SIMILAR = 0.88  # Jaro-Winkler: a mistyped or shortened name
_SWAPPED_NAMES = "(l.first_name = r.last_name AND l.last_name = r.first_name)"
_SWAPPED_DAY = (
    "(substr(l.birth_date, 1, 4) = substr(r.birth_date, 1, 4)"
    " AND substr(l.birth_date, 6, 2) = substr(r.birth_date, 9, 2)"
    " AND substr(l.birth_date, 9, 2) = substr(r.birth_date, 6, 2))"
)
_BIRTH_DATE_MISSING = "(l.birth_date IS NULL OR r.birth_date IS NULL)"
_BIRTH_DATE_AGREES = (
    f"(l.birth_date = r.birth_date OR damerau_levenshtein(l.birth_date, r.birth_date) <= 1 OR {_SWAPPED_DAY})"
)
_FIRST_NAME_AGREES = (
    "(l.first_name IS NULL OR r.first_name IS NULL"
    f" OR jaro_winkler_similarity(l.first_name, r.first_name) >= {SIMILAR} OR {_SWAPPED_NAMES})"
)
_FIRST_NAME_WITHIN_ONE_EDIT = (
    f"(damerau_levenshtein(l.first_name, r.first_name) <= 1 OR {_SWAPPED_NAMES})"  # null where one is missing
)
NO_OTHER_BIRTH_DATE = f"({_BIRTH_DATE_MISSING} OR {_BIRTH_DATE_AGREES})"
IS_PERSON = (
    f"coalesce(({_BIRTH_DATE_AGREES} AND {_FIRST_NAME_AGREES})"
    f" OR ({_BIRTH_DATE_MISSING} AND {_FIRST_NAME_WITHIN_ONE_EDIT}), false)"
)

# Attributes that in one form and together stand for a person, unless birth dates tell two apart.
EXACT = (
    ("first_name", "last_name", "birth_date"),
    ("first_name", "last_name", "email"),
    ("first_name", "last_name", "phone"),
    ("first_name", "last_name", "loyalty_card"),
    ("first_name", "last_name", "address_line_1", "postcode"),
    ("first_name", "birth_date", "email"),
)


def exact_pairs(columns: str = "l.id AS id_l, r.id AS id_r") -> str:
    """SELECT of pairs of customers of two brands that agree by a rule of EXACT; each pair once.

    >>> exact_pairs().count("UNION")
    5
    """
    return " UNION ".join(
        f"SELECT {columns} FROM customers AS l JOIN customers AS r USING ({', '.join(rule)})"
        f" WHERE l.source_system < r.source_system AND {NO_OTHER_BIRTH_DATE}"
        for rule in EXACT
    )
