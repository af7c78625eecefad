"""How two customers are compared: for each attribute, levels of agreement from equal to different.

Conditions are SQL over the columns of the table `customers`, `_l` of one customer and `_r` of the other. The
first condition that holds decides; two customers without a value to compare say nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

DIFFERENT, UNKNOWN = "different", "unknown"


@dataclass(frozen=True)
class Agreement:
    """`equal`: the columns whose equality is all that the condition asks, for then its `u` can be counted
    exactly. `frequency`: the column whose value matters: to share a rare one says more.
    """

    label: str
    sql: str
    equal: tuple[str, ...] = ()
    frequency: str = ""


@dataclass(frozen=True)
class Comparison:
    """`columns` are all that it reads; without a value in one of each of `needs` it says nothing. After
    `conditions` comes DIFFERENT.
    """

    name: str
    columns: tuple[str, ...]
    unknown: str
    conditions: tuple[Agreement, ...]


def comparisons(attributes: Collection[str]) -> tuple[Comparison, ...]:
    """Those that customers with these attributes allow, in the order in which evidence is shown.

    >>> [comparison.name for comparison in comparisons(["first_name", "last_name", "phone"])]
    ['name', 'phone']
    """
    return tuple(_comparisons(set(attributes)))


def _comparisons(has: set[str]) -> Iterator[Comparison]:
    if has >= {"first_name", "last_name"}:
        yield _NAME
    if "birth_date" in has:
        yield _BIRTH_DATE
    if "email" in has:
        yield _EMAIL
    if "phone" in has:
        yield _single("phone", _equal("phone"), Agreement("one edit apart", _edits("phone", 1)))
    if "loyalty_card" in has:
        yield _single("loyalty_card", _equal("loyalty_card"))
    if "address_line_1" in has:
        yield _street(has)
    if "address_line_2" in has:
        yield _single(
            "address_line_2",
            _equal("address_line_2", "address_line_2"),
            Agreement("similar", _similar("address_line_2", 0.9)),
        )
    if has & {"postcode", "city"}:
        yield _place(has)


def within_edits(one: str, other: str, most: int) -> str:
    """Whether two texts are so many edits apart, swapped neighbours being one. Lengths come first: of two
    e-mail addresses they rule out most, and edits of these are most of what there is to compute.

    >>> import duckdb
    >>> pairs = "(VALUES ('ab', 'ba'), ('ab', 'abcd')) AS pairs (one, other)"
    >>> duckdb.sql(f"SELECT {within_edits('one', 'other', 1)} FROM {pairs}").fetchall()
    [(True,), (False,)]
    """
    lengths = f"abs(strlen({one}) - strlen({other})) <= {most}"
    return f"({lengths} AND damerau_levenshtein({one}, {other}) <= {most})"


def _single(name: str, *conditions: Agreement) -> Comparison:
    return Comparison(name, (name,), f"{name}_l IS NULL OR {name}_r IS NULL", conditions)


def _equal(column: str, frequency: str = "", label: str = "equal") -> Agreement:
    return Agreement(label, f"{column}_l = {column}_r", (column,), frequency)


def _similar(column: str, least: float, other: str = "") -> str:
    return f"jaro_winkler_similarity({column}_l, {other or column}_r) >= {least}"


def _edits(column: str, most: int) -> str:
    return within_edits(f"{column}_l", f"{column}_r", most)


_FIRST, _LAST = _similar("first_name", 0.88), _similar("last_name", 0.88)
_NAME = Comparison(
    "name",
    ("first_name", "last_name", "full_name"),
    "(first_name_l IS NULL OR first_name_r IS NULL) AND (last_name_l IS NULL OR last_name_r IS NULL)",
    (
        _equal("full_name", "full_name"),
        Agreement("swapped", "first_name_l = last_name_r AND last_name_l = first_name_r"),
        Agreement("both similar", f"{_FIRST} AND {_LAST}"),
        _equal("first_name", "first_name", "first name equal"),
        _equal("last_name", "last_name", "last name equal"),
        Agreement("one of them swapped", "first_name_l = last_name_r OR last_name_l = first_name_r"),
        Agreement("first name similar", _FIRST),
        Agreement("last name similar", _LAST),
    ),
)
_BIRTH_DATE = _single(
    "birth_date",
    _equal("birth_date"),
    Agreement(
        "day and month swapped",
        "substr(birth_date_l, 1, 4) = substr(birth_date_r, 1, 4)"
        " AND substr(birth_date_l, 6, 2) = substr(birth_date_r, 9, 2)"
        " AND substr(birth_date_l, 9, 2) = substr(birth_date_r, 6, 2)",
    ),
    Agreement("one edit apart", _edits("birth_date", 1)),
    Agreement("two edits apart", _edits("birth_date", 2)),
)
_EMAIL = Comparison(
    "email",
    ("email", "mailbox"),
    "email_l IS NULL OR email_r IS NULL",
    (
        _equal("email"),
        _equal("mailbox", label="mailbox equal"),
        Agreement(
            "one edit apart", _edits("email", 1)
        ),  # similar ones share a name, which is compared already
    ),
)


def _street(has: set[str]) -> Comparison:
    swapped = "address_line_1_l = address_line_2_r OR address_line_2_l = address_line_1_r"
    return Comparison(
        "address",
        ("address_line_1", *(["address_line_2"] if "address_line_2" in has else [])),
        "address_line_1_l IS NULL OR address_line_1_r IS NULL",
        (
            _equal("address_line_1", "address_line_1"),
            Agreement("similar", _similar("address_line_1", 0.92)),
            *([Agreement("lines swapped", swapped)] if "address_line_2" in has else []),
            Agreement("somewhat similar", _similar("address_line_1", 0.8)),
        ),
    )


def _place(has: set[str]) -> Comparison:
    columns = tuple(column for column in ("postcode", "city") if column in has)
    unknown = " AND ".join(f"({column}_l IS NULL OR {column}_r IS NULL)" for column in columns)
    similar = {"postcode": _edits("postcode", 1), "city": _similar("city", 0.9)}
    both = Agreement("postcode and city equal", "postcode_l = postcode_r AND city_l = city_r", columns)
    return Comparison(
        "place",
        columns,
        unknown,
        (
            *([both] if len(columns) == 2 else []),
            *(_equal(column, column, f"{column} equal") for column in columns),
            Agreement("similar", " OR ".join(similar[column] for column in columns)),
        ),
    )
