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
_RARELY_THE_SAME = (
    "first_name",
    "last_name",
    "birth_date",
    "address_line_1",
    "address_line_2",
    *_HELD_BY_ONE,
)
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
    given = _checked(pl.DataFrame(customers) if not isinstance(customers, pl.DataFrame) else customers)
    raw = given.select(
        *(pl.col(key).cast(pl.String) for key in KEY),
        *(
            _trimmed(name) if name in given.columns else pl.lit(None, pl.String).alias(name)
            for name in ATTRIBUTES
        ),
    )
    forms = raw.with_columns(
        _country(), *(_form(name) for name in ATTRIBUTES if name not in ("phone", "country"))
    )
    formed = _with_phones(forms)
    reasons = _reasons(raw, formed, today)
    kept = formed.with_columns(
        pl.when(reasons[name].is_null()).then(pl.col(name)).alias(name) for name in ATTRIBUTES
    )
    uncommon = _common(kept)
    reasons = reasons.with_columns(
        pl.coalesce(pl.col(name), uncommon[name]).alias(name) for name in ATTRIBUTES
    )
    return Standardised(
        kept.with_columns(
            pl.when(uncommon[name].is_null()).then(pl.col(name)).alias(name) for name in ATTRIBUTES
        ),
        _counted(kept.select("source_system"), reasons),
    )


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


def _trimmed(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def _plain(text: pl.Expr) -> pl.Expr:
    """Lower case without the accents of Latin, Greek and Cyrillic letters and the vowel marks of Arabic;
    signs that other scripts cannot do without stay.
    """
    plain = text.str.normalize("NFKD").str.replace_all(r"[\u{300}-\u{36f}\u{64b}-\u{65f}]", "")
    return plain.str.normalize("NFKC").str.to_lowercase().str.replace_many(_LETTERS)


def _form(name: str) -> pl.Expr:
    text = pl.col(name)
    if name in ("first_name", "last_name"):
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


def _country() -> pl.Expr:
    return pl.col("country").str.to_uppercase().str.extract(r"^([A-Z]{2})$")


def _with_phones(customers: pl.DataFrame) -> pl.DataFrame:
    numbers = customers.select("phone", "country").filter(pl.col("phone").is_not_null()).unique()
    return (
        customers.join(
            international(numbers),
            on=["phone", "country"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .with_columns(phone="international")
        .drop("international")
    )


def _reasons(raw: pl.DataFrame, formed: pl.DataFrame, today: dt.date) -> pl.DataFrame:
    """For each attribute of each customer why its value becomes empty; null where it does not."""
    return pl.DataFrame([_reason(name, raw[name], formed[name], today) for name in ATTRIBUTES])


def _reason(name: str, raw: pl.Series, formed: pl.Series, today: dt.date) -> pl.Series:
    text, form = raw.str.to_lowercase(), formed
    placeholder = text.str.contains(_PLACEHOLDERS)
    if name in _PLACEHOLDERS_OF:
        placeholder |= text.str.contains(_PLACEHOLDERS_OF[name])
    reason = pl.when(raw.is_null()).then(None).when(placeholder).then(pl.lit("placeholder"))
    reason = reason.when(form.is_null()).then(pl.lit("unreadable"))
    if name == "birth_date":
        reason = reason.when(form > today.isoformat()).then(pl.lit("future"))
        reason = reason.when(form < "1900").then(pl.lit("before_1900"))
    return pl.select(reason.otherwise(None).cast(pl.String).alias(name)).to_series()


def _common(customers: pl.DataFrame) -> pl.DataFrame:
    """For each attribute of each customer whether so many have its value that it identifies nobody."""
    nothing = pl.lit(None, pl.String)
    return customers.with_columns(_usual_birth_dates(customers)).select(
        _too_common(name) if name in _RARELY_THE_SAME else nothing.alias(name) for name in ATTRIBUTES
    )


def _too_common(name: str) -> pl.Expr:
    has = pl.col(name).is_not_null()
    sharing = pl.when(has).then(pl.len().over("source_system", name))
    constant = (sharing * 2 > has.sum().over("source_system")) & (sharing >= _ENOUGH_TO_TELL)
    if name in _HELD_BY_ONE:
        shared = sharing > MOST_SHARING
    elif name == "birth_date":
        shared = sharing > pl.col("usual") * MOST_BORN
    else:
        shared = pl.lit(False)
    return (
        pl.when(constant)
        .then(pl.lit("constant"))
        .when(shared)
        .then(pl.lit("shared"))
        .otherwise(None)
        .alias(name)
    )


def _usual_birth_dates(customers: pl.DataFrame) -> pl.Series:
    """For each customer how many customers of the brand the median birth date has, as `usual`."""
    days = customers.filter(pl.col("birth_date").is_not_null()).group_by("source_system", "birth_date").len()
    usual = days.group_by("source_system").agg(usual=pl.col("len").median())
    return customers.join(usual, on="source_system", how="left", maintain_order="left")["usual"]


def _counted(brands: pl.DataFrame, reasons: pl.DataFrame) -> pl.DataFrame:
    return (
        brands.hstack(reasons)
        .unpivot(index="source_system", on=ATTRIBUTES, variable_name="attribute", value_name="reason")
        .filter(pl.col("reason").is_not_null())
        .group_by("source_system", "attribute", "reason")
        .agg(customers=pl.len().cast(pl.Int64))
        .sort("source_system", "attribute", "reason")
    )
