"""Who the demonstration's customers are: what both brands' loyalty programmes know of their members.

Some are members of both, and the two records differ as such records do: a letter is wrong, accents are lost,
somebody has moved or has another address for mail, and much is not told. Others live together and share name
and address, and are two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mergehouse.project.yaml_file import parse_yaml

WORDS = Path(__file__).with_name("people.yml")
COLUMNS = ("first_name", "last_name", "email", "birth_date", "address", "postcode", "city")
AT_HOME = 0.25  # share of customers who live with the one before them in the list
NOT_TOLD = {"email": 0.15, "birth_date": 0.2, "address": 0.1, "postcode": 0.1, "city": 0.1}
MOVED, OTHER_MAIL, MISTYPED, SWAPPED_DAY, WITHOUT_ACCENTS, IN_CAPITALS = 0.12, 0.25, 0.12, 0.03, 0.3, 0.08
FIRST_BIRTH, BIRTH_DAYS = np.datetime64("1944-01-01"), 22_000


def members(
    count: int, others: int, shared: np.ndarray, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What two brands know of their customers, `count` and `others`, row by row: COLUMNS as text. `shared`
    are the pairs (row of the one, row of the other) of one person, shape (n, 2).
    """
    one = _persons(count, rng)
    other = _persons(others, rng)
    again = _changed(one[shared[:, 0]], rng)
    place = np.full(others, -1)
    place[shared[:, 1]] = np.arange(len(shared))
    other = pl.concat([other, again])[np.where(place >= 0, others + place, np.arange(others))]
    return _told(one, rng), _told(_mistyped(other, rng), rng)


def _persons(count: int, rng: np.random.Generator) -> pl.DataFrame:
    words: dict[str, Any] = parse_yaml(WORDS.read_text(encoding="utf-8"))
    number = np.arange(count)
    home = np.where(rng.random(count) < AT_HOME, np.maximum(number - 1, 0), number)
    born = FIRST_BIRTH + rng.integers(0, BIRTH_DAYS, count).astype("timedelta64[D]")
    people = pl.DataFrame(
        {
            "first_name": _drawn(words["first_names"], count, rng),
            "last_name": _drawn(words["last_names"], count, rng)[home],
            "birth_date": pl.Series(born.astype("datetime64[us]")).dt.date().cast(pl.String),
            **_addresses(words, count, rng)[home].to_dict(),
            "domain": _drawn(words["mail"], count, rng),
            "number": pl.Series(rng.integers(10, 99, count)).cast(pl.String),
        }
    )
    return people.with_columns(email=_email()).select(COLUMNS)


def _addresses(words: dict[str, Any], count: int, rng: np.random.Generator) -> pl.DataFrame:
    house = pl.Series(rng.integers(1, 120, count)).cast(pl.String)
    return pl.DataFrame(
        {
            "address": _drawn(words["streets"], count, rng) + " " + house,
            "postcode": pl.Series(rng.integers(10_000, 99_999, count)).cast(pl.String),
            "city": _drawn(words["towns"], count, rng),
        }
    )


def _changed(people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The same persons, as another brand came to know them at another time."""
    fresh = _persons(people.height, rng)
    moved, mail = (pl.Series(rng.random(people.height) < share) for share in (MOVED, OTHER_MAIL))
    where = [pl.when(moved).then(fresh[name]).otherwise(name).alias(name) for name in COLUMNS[-3:]]
    return people.with_columns(*where, email=pl.when(mail).then(fresh["email"]).otherwise("email"))


def _mistyped(people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A letter left out, day and month exchanged, accents lost, capitals: some of each."""

    def some(share: float) -> pl.Series:
        return pl.Series(rng.random(people.height) < share)

    for name in ("first_name", "last_name"):
        at = pl.Series(1 + rng.integers(0, 3, people.height))
        shorter = pl.col(name).str.slice(0, at) + pl.col(name).str.slice(at + 1)
        people = people.with_columns(pl.when(some(MISTYPED)).then(shorter).otherwise(name).alias(name))
    year, month, day = (pl.col("birth_date").str.slice(*part) for part in ((0, 4), (5, 2), (8, 2)))
    swapped = pl.when(day <= "12").then(year + "-" + day + "-" + month).otherwise("birth_date")
    names = ["first_name", "last_name", "address", "city"]
    plain = [pl.col(name).str.normalize("NFKD").str.replace_all(r"\p{M}", "") for name in names]
    return (
        people.with_columns(birth_date=pl.when(some(SWAPPED_DAY)).then(swapped).otherwise("birth_date"))
        .with_columns(
            pl.when(some(WITHOUT_ACCENTS)).then(each).otherwise(each.meta.root_names()[0]) for each in plain
        )
        .with_columns(
            pl.when(some(IN_CAPITALS)).then(pl.col(names).str.to_uppercase()).otherwise(pl.col(names))
        )
    )


def _told(people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Without what somebody did not tell."""
    return people.with_columns(
        pl.when(pl.Series(rng.random(people.height) >= share)).then(name).alias(name)
        for name, share in NOT_TOLD.items()
    )


def _drawn(words: list[str], count: int, rng: np.random.Generator) -> pl.Series:
    """Some words are drawn more often than others, as some names are more common."""
    weights = 1 / (10 + np.arange(len(words)))
    return pl.Series(words).gather(rng.choice(len(words), count, p=weights / weights.sum()))


def _email() -> pl.Expr:
    letters = pl.format("{}.{}", "first_name", "last_name").str.normalize("NFKD").str.to_lowercase()
    return pl.format("{}{}@{}", letters.str.replace_all(r"[^a-z.]", ""), "number", "domain")
