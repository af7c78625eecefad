"""Who may be called the same person: rules in SQL over two customers `l` and `r` of the table `customers`.

Families share surname, address, phone and e-mail, so that evidence alone takes a couple for one customer. So
birth dates must agree, a typo or swapped day and month allowed, and first names be similar, swapped or
missing. Where a birth date is missing, first names must be within one edit or swapped, and e-mail or phone
agree; or last names, unless phones are known and differ: that is how a son named after his father looks.
Another e-mail says less, for people have several.
"""

from __future__ import annotations

from mergehouse.identity.comparisons import within_edits

SIMILAR = 0.88  # Jaro-Winkler: a mistyped or shortened name


def _similar(column: str) -> str:
    return f"coalesce(jaro_winkler_similarity(l.{column}, r.{column}) >= {SIMILAR}, false)"


def _within_one_edit(column: str) -> str:
    return f"coalesce({within_edits(f'l.{column}', f'r.{column}', 1)}, false)"


def _missing(column: str) -> str:
    return f"(l.{column} IS NULL OR r.{column} IS NULL)"


_SWAPPED_NAMES = "coalesce(l.first_name = r.last_name AND l.last_name = r.first_name, false)"
_SWAPPED_DAY = (
    "(substr(l.birth_date, 1, 4) = substr(r.birth_date, 1, 4)"
    " AND substr(l.birth_date, 6, 2) = substr(r.birth_date, 9, 2)"
    " AND substr(l.birth_date, 9, 2) = substr(r.birth_date, 6, 2))"
)
_BIRTH_DATE_AGREES = f"({_within_one_edit('birth_date')} OR coalesce({_SWAPPED_DAY}, false))"
_CONTACT_AGREES = f"({_within_one_edit('email')} OR {_within_one_edit('phone')})"
IS_PERSON = f"""(
    ({_BIRTH_DATE_AGREES} AND ({_missing("first_name")} OR {_similar("first_name")} OR {_SWAPPED_NAMES}))
    OR (
        {_missing("birth_date")}
        AND (({_within_one_edit("first_name")} AND {_similar("first_name")}) OR {_SWAPPED_NAMES})
        AND ({_CONTACT_AGREES} OR ({_missing("phone")} AND ({_similar("last_name")} OR {_SWAPPED_NAMES})))
    )
)"""

# Attributes that, equal in their one form, are evidence enough for what the rule calls a person.
EXACT = (
    ("first_name", "last_name", "birth_date"),
    ("first_name", "last_name", "email"),
    ("first_name", "last_name", "phone"),
    ("first_name", "last_name", "loyalty_card"),
    ("first_name", "last_name", "address_line_1", "postcode"),
    ("first_name", "birth_date", "email"),
)
