"""Attributes by which customers are recognised, in one form for all brands.

What identifies nobody - placeholders, dates that cannot be, values that many share - becomes empty, and is
counted.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import polars as pl

from mergehouse.errors import ConfigError
from mergehouse.identity.phones import international

KEY = ("source_system", "customer_code")
ATTRIBUTES = (
    "first_name", "last_name", "email", "phone", "birth_date", "address_line_1", "address_line_2", "postcode",
    "city", "country", "loyalty_card",
)  # fmt: skip
MOST_SHARING, MOST_BORN = 10, 50
REASONS = {
    "placeholder": "stands for an unknown value, such as n/a, 000000 or 1900-01-01",
    "unreadable": "is not what the attribute holds: a name without letters, an address without @",
    "future": "is a birth date after today",
    "before_1900": "is a birth date before 1900",
    "shared": f"belongs to more than {MOST_SHARING} customers of the brand, or is a birth date"
    f" {MOST_BORN} times as frequent as its others",
    "constant": "is the same for more than half of the brand's customers",
}
_PLACEHOLDERS = (  # of any attribute, without case and blanks
    r"^[\W_]*$|^(n/?\.?a\.?|none|null|nil|nan|unknown|unbekannt|inconnu|anonymous|test|dummy|xx+|0+|tbd|undefined"
    r"|not (given|known|provided|available)|no ?e?-?mail|no ?phone)$"
)
_PLACEHOLDERS_OF = {
    "email": r"^(no-?reply|noemail|none|unknown|test|anonymous|dummy|na)@|@(example|test|invalid|none)\.",
    "phone": r"^\D*(?:0\D*)+$|^\D*(?:1\D*)+$|^\D*(?:9\D*)+$|123456789",
    "birth_date": r"^(0001|1900|1901)-01-01|^9999|^00",
    "postcode": r"^[09]+$",
}
_LETTERS = {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ı": "i", "þ": "th"}
_TITLE = r"^\s*(?:(?:mrs?|ms|miss|dr|prof|herr|frau|mme|mlle)(?:\.\s*|\s+))+"
_HELD_BY_ONE = ("email", "phone", "loyalty_card")
_RARELY_THE_SAME = {*ATTRIBUTES} - {"postcode", "city", "country"}
_ENOUGH_TO_TELL = 20  # customers with a value, before it is called constant or shared


@dataclass(frozen=True)
class Standardised:
    """`customers`: source_system, customer_code and all of ATTRIBUTES as text, null where empty. `emptied`:
    source_system, attribute, reason (one of REASONS) and customers, how many of the brand had such a value.
    """

    customers: pl.DataFrame
    emptied: pl.DataFrame


def standardise(customers: Any, today: dt.date) -> Standardised:
    """Attributes in one form, from an Arrow or Polars frame with source_system, customer_code and some of
    ATTRIBUTES; what the frame lacks is empty for all.

    Names are compared by their letters alone, without case, accents or titles; e-mail without case, tags
    (`name+tag@`) and the dots that Gmail ignores; a house number stands before its street. Phone numbers are
    E.164, read by the customer's `country` (ISO 3166, two letters). Birth dates are text, year first; those
    that no calendar has stay, for a day mistyped is evidence still.

    Raises ConfigError where a key is missing, empty or not unique.

    >>> shop = {"source_system": ["a"], "customer_code": ["1"], "first_name": ["Dr. José"]}
    >>> shop |= {"email": ["n/a"], "birth_date": ["1980-05-17"]}
    >>> done = standardise(pl.DataFrame(shop), dt.date(2026, 1, 1))
    >>> done.customers.select("first_name", "email", "birth_date").row(0)
    ('jose', None, '1980-05-17')
    >>> done.emptied.rows()
    [('a', 'email', 'placeholder', 1)]
    """
    given = _checked(customers if isinstance(customers, pl.DataFrame) else pl.DataFrame(customers))
    standard = given.select(pl.col(key).cast(pl.String) for key in KEY)
    emptied = []
    for name in sorted(ATTRIBUTES, key="country".__ne__):  # first, for phones are read by it
        judged = _judged(name, standard.with_columns(_trimmed(given, name)), today)
        standard = standard.with_columns(
            judged.select(pl.when(pl.col("reason").is_null()).then("form").alias(name)).to_series()
        )
        emptied.append(_counted(name, judged))
    return Standardised(standard.select(*KEY, *ATTRIBUTES), pl.concat(emptied).sort(pl.all()))


def _checked(given: pl.DataFrame) -> pl.DataFrame:
    missing = [key for key in KEY if key not in given.columns]
    if missing:
        raise ConfigError(
            f"customers: column {' and '.join(missing)} is missing. Each customer needs {' and '.join(KEY)}."
        )
    empty = given.filter(pl.any_horizontal(pl.col(KEY).is_null())).height
    if empty:
        raise ConfigError(f"customers: {empty:,} have no source_system or customer_code. Each needs both.")
    twice = given.height - given.select(KEY).n_unique()
    if twice:
        raise ConfigError(
            f"customers: {twice:,} rows repeat a customer of the same brand. Each customer is given once."
        )
    return given


def _trimmed(given: pl.DataFrame, name: str) -> pl.Series:
    """As delivered, without blanks around it; null where there is nothing."""
    if name not in given.columns:
        return pl.Series(name, [None] * given.height, pl.String)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return given.select(pl.when(text != "").then(text).alias(name)).to_series()


def _judged(name: str, customers: pl.DataFrame, today: dt.date) -> pl.DataFrame:
    """source_system, `form` and, where that is worth nothing, the `reason`."""
    form = _phones(customers) if name == "phone" else customers.select(_form(name)).to_series()
    judged = customers.select("source_system", raw=name).with_columns(form=form)
    judged = judged.select("source_system", "form", reason=_unusable(name, today))
    if name in _RARELY_THE_SAME:
        judged = judged.with_columns(form=pl.when(pl.col("reason").is_null()).then("form"))
        judged = judged.with_columns(reason=pl.coalesce("reason", _too_common(name, judged)))
    return judged


def _plain(text: pl.Expr) -> pl.Expr:
    """Lower case without the accents of Latin, Greek and Cyrillic letters and the vowel marks of Arabic;
    signs that other scripts cannot do without stay.
    """
    plain = text.str.normalize("NFKD").str.replace_all(r"[\u{300}-\u{36f}\u{64b}-\u{65f}]", "")
    return plain.str.normalize("NFKC").str.to_lowercase().str.replace_many(_LETTERS)


def _form(name: str) -> pl.Expr:
    text = pl.col(name)
    if name == "country":
        form = text.str.to_uppercase().str.extract(r"^([A-Z]{2})$")
    elif name in ("first_name", "last_name"):
        form = _plain(text.str.to_lowercase().str.replace(_TITLE, "")).str.replace_all(r"[^\p{L}\p{M}]", "")
    elif name == "city":
        form = _plain(text).str.replace_all(r"[^\p{L}\p{M}]+", " ").str.strip_chars()
    elif name.startswith("address"):
        words = _plain(text).str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
        form = words.str.replace(r"^(\D+) (\d+ ?\p{L}?)$", "${2} ${1}")
    elif name == "email":
        form = _mailbox(text.str.to_lowercase())
    elif name == "birth_date":
        form = text.str.extract(r"^(\d{4}-\d{2}-\d{2})")
    else:  # postcode, loyalty_card
        form = text.str.to_uppercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return pl.when(form != "").then(form).alias(name)


def _mailbox(text: pl.Expr) -> pl.Expr:
    """Null where the text is no address."""
    address = pl.when(text.str.contains(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")).then(text)
    box = address.str.extract(r"^([^@]+?)(?:\+[^@]*)?@")
    domain = address.str.extract(r"@(.+)$").str.replace(r"^googlemail\.com$", "gmail.com")
    return (
        pl.when(domain == "gmail.com").then(box.str.replace_all(".", "", literal=True)).otherwise(box)
        + "@"
        + domain
    )


def _phones(customers: pl.DataFrame) -> pl.Series:
    numbers = customers.select("phone", "country").filter(pl.col("phone").is_not_null()).unique()
    return customers.select("phone", "country").join(
        international(numbers), on=["phone", "country"], how="left", nulls_equal=True, maintain_order="left"
    )["international"]


def _unusable(name: str, today: dt.date) -> pl.Expr:
    text, form = pl.col("raw").str.to_lowercase(), pl.col("form")
    placeholder = text.str.contains(_PLACEHOLDERS)
    if name in _PLACEHOLDERS_OF:
        placeholder |= text.str.contains(_PLACEHOLDERS_OF[name])
    reasons = [("placeholder", placeholder), ("unreadable", form.is_null())]
    if name == "birth_date":
        reasons += [("future", form > today.isoformat()), ("before_1900", form < "1900")]
    return pl.when(text.is_not_null()).then(_first_of(reasons))


def _too_common(name: str, judged: pl.DataFrame) -> pl.Expr:
    """Where so many customers of the brand have the value that it identifies nobody."""
    has = pl.col("form").is_not_null()
    sharing = pl.when(has).then(pl.len().over("source_system", "form"))
    reasons = [("constant", (sharing * 2 > has.sum().over("source_system")) & (sharing >= _ENOUGH_TO_TELL))]
    if name in _HELD_BY_ONE:
        reasons.append(("shared", sharing > MOST_SHARING))
    if name == "birth_date":
        reasons.append(("shared", sharing > MOST_BORN * _usually_born(judged)))
    return _first_of(reasons)


def _usually_born(judged: pl.DataFrame) -> pl.Expr:
    """How many customers of the brand the median birth date has."""
    days = judged.filter(pl.col("form").is_not_null()).group_by("source_system", "form").len()
    usual = days.group_by("source_system").agg(pl.col("len").median())
    return pl.col("source_system").replace_strict(usual["source_system"], usual["len"], default=None)


def _first_of(reasons: list[tuple[str, pl.Expr]]) -> pl.Expr:
    return pl.coalesce(
        pl.when(condition).then(pl.lit(reason, pl.Enum(list(REASONS)))) for reason, condition in reasons
    )


def _counted(name: str, judged: pl.DataFrame) -> pl.DataFrame:
    return (
        judged.filter(pl.col("reason").is_not_null())
        .group_by("source_system", "reason")
        .agg(customers=pl.len().cast(pl.Int64))
        .select(
            "source_system", pl.lit(name).alias("attribute"), pl.col("reason").cast(pl.String), "customers"
        )
    )
