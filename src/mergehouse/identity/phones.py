"""Phone numbers in one form, E.164, read by Google's rules for the numbers of each country."""

from __future__ import annotations

import polars as pl

LEAST_DIGITS = 6


def international(numbers: pl.DataFrame) -> pl.DataFrame:
    """`numbers` with distinct rows of `phone` (text) and `country` (ISO 3166, two letters, or null), and
    `international`: the number in E.164; its digits alone where the country is unknown or has no such
    numbers; null where there are too few.

    Reading a number takes ten microseconds: give each once.

    >>> written = ["0171 234 56 78", "+49 (171) 2345678", "0171 2345678", "12"]
    >>> found = international(pl.DataFrame({"phone": written, "country": ["DE", "GB", None, "DE"]}))
    >>> found["international"].to_list()
    ['+491712345678', '+491712345678', '01712345678', None]
    """
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse

    def read(phone: str, country: str | None) -> str | None:
        try:
            return format_number(parse(phone, country), PhoneNumberFormat.E164)
        except NumberParseException:
            return None

    found = pl.Series(
        "international",
        [read(phone, country) for phone, country in zip(numbers["phone"], numbers["country"], strict=True)],
        dtype=pl.String,
    )
    digits = numbers["phone"].str.replace_all(r"\D", "")
    return numbers.with_columns(
        pl.when(digits.str.len_chars() >= LEAST_DIGITS).then(found.fill_null(digits)).alias("international")
    )
