"""Two brands' customers with the persons behind them: households, people who move, marry or change their
e-mail, and what forms and clerks do to names and numbers. Seeded; written without looking at the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

FIRST_SYLLABLES = [
    "an", "ma", "ri", "el", "le", "na", "jo", "se", "lu", "ca", "no", "ra", "mi", "ka", "to", "be", "ja",
    "lia", "son", "vin", "dre", "phi", "lip", "eve", "lyn", "ol", "iv", "er", "tha", "zo", "ade", "té", "ün",
]  # fmt: skip
LAST_SYLLABLES = [
    "ber", "gar", "sch", "mül", "ler", "wag", "ner", "hof", "man", "stein", "lan", "ge", "dup", "ont", "mar",
    "tin", "ro", "ssi", "bian", "chi", "cia", "lo", "pez", "ko", "wal", "ski", "no", "vak", "jan", "sen",
    "and", "ers", "son", "smi", "th", "tay", "lor", "clar", "ke", "hill", "ford", "wood", "ham", "ton", "by",
    "o'", "mac", "ø", "né", "ibá",
]  # fmt: skip
DOMAINS = [
    "gmail.com", "yahoo.com", "hotmail.com", "gmx.de", "web.de", "orange.fr", "outlook.com", "icloud.com",
]  # fmt: skip
# country: calling code, trunk prefix, first digits of a mobile number, digits that follow
PHONES = {
    "FR": ("33", "0", "6", 8),
    "DE": ("49", "0", "171", 7),
    "GB": ("44", "0", "7911", 6),
    "ES": ("34", "", "6", 8),
}
BORN, YEARS = np.datetime64("1936-01-01"), 70


@dataclass(frozen=True)
class World:
    """`shared` customers of each brand's `customers` are persons of both. Shares: `members` of all persons
    live in the household of another, `without_birth_date` of all records have none.
    """

    customers: int
    shared: int
    seed: int
    members: float = 0.25
    without_birth_date: float = 0.30


def two_brands(world: World) -> pl.DataFrame:
    """source_system, customer_code, attributes as forms have them, and `person`, which the two share."""
    rng = np.random.default_rng(world.seed)
    persons = 2 * world.customers - world.shared
    population = _population(world, persons, rng)
    order = rng.permutation(persons)
    both, rest = order[: world.shared], order[world.shared :]
    own = world.customers - world.shared
    brands = []
    for brand, index in (("alpha", rest[:own]), ("beta", rest[own:])):
        chosen = rng.permutation(np.concatenate([both, index]))
        people = {name: values[chosen] for name, values in population.items()}
        if brand == "beta":
            _years_later(people, rng)
        _as_written(people, world, rng)
        codes = pl.Series("customer_code", np.arange(len(chosen))).cast(pl.String)
        brands.append(
            pl.DataFrame(
                {
                    "source_system": pl.repeat(brand, len(chosen), eager=True),
                    "customer_code": brand[0] + codes,
                }
            )
            .with_columns(
                pl.Series(name, values.tolist(), dtype=pl.String) for name, values in people.items()
            )
            .with_columns(person=pl.Series(chosen))
        )
    return pl.concat(brands)


def _population(world: World, persons: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    first_names, last_names = _names(3000, FIRST_SYLLABLES, rng), _names(40_000, LAST_SYLLABLES, rng)
    streets = np.char.add(_names(20_000, LAST_SYLLABLES, rng).astype(str), " street").astype(object)
    first = rng.choice(first_names, persons, p=_zipf(3000, 0.85))
    last = rng.choice(last_names, persons, p=_zipf(40_000, 0.7))
    born = BORN + rng.integers(0, 365 * YEARS, persons)
    country = rng.choice(list(PHONES), persons, p=[0.35, 0.3, 0.25, 0.1])
    city, postcode = _places(persons, rng)
    people = {
        "first_name": first,
        "last_name": last,
        "email": _emails(first, last, born, rng),
        "phone": _phones(country, rng),
        "birth_date": born.astype(str).astype(object),
        "address_line_1": _streets(streets, persons, rng),
        "postcode": postcode,
        "city": city,
        "country": country.astype(object),
    }
    # members share home and mostly surname with the head of their household, half of them also its phone
    member = rng.random(persons) < world.members
    member[0] = False
    head = np.maximum.accumulate(np.where(member, 0, np.arange(persons)))
    same_name, same_phone, same_email = (rng.random(persons) < p for p in (0.85, 0.5, 0.3))
    for name, sharing in {
        "last_name": same_name, "phone": same_phone, "email": same_email, "country": True,
        "address_line_1": True, "postcode": True, "city": True,
    }.items():  # fmt: skip
        people[name] = np.where(member & sharing, people[name][head], people[name])
    twin, namesake = (member & (rng.random(persons) < p) for p in (0.01, 0.01))
    people["birth_date"] = np.where(twin, people["birth_date"][head], people["birth_date"])
    people["first_name"] = np.where(
        namesake, people["first_name"][head], _unlike_at_home(people["first_name"], head, rng)
    )
    return people


def _unlike_at_home(first: np.ndarray, head: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """First names drawn again until no two of a household are the same: namesakes are meant to be."""
    while True:
        order = np.lexsort((first.astype(str), head))
        again = order[1:][(head[order][1:] == head[order][:-1]) & (first[order][1:] == first[order][:-1])]
        if not len(again):
            return first
        first = first.copy()
        first[again] = rng.choice(first, len(again))


def _years_later(people: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """What has changed since the person registered with the other brand: names, homes, e-mail, phones."""
    persons = len(people["first_name"])
    other = rng.permutation(persons)  # somebody else's, from the same world
    for share, names in (
        (0.06, ("last_name",)),
        (0.18, ("address_line_1", "postcode", "city")),
        (0.22, ("phone",)),
    ):
        changed = rng.random(persons) < share
        if names == ("phone",):
            fresh = {"phone": _phones(people["country"], rng)}
        else:
            fresh = {name: people[name][other] for name in names}
        for name in names:
            people[name] = np.where(changed, fresh[name], people[name])
    changed = rng.random(persons) < 0.30
    born = people["birth_date"].astype("datetime64[D]")
    people["email"] = np.where(
        changed, _emails(people["first_name"], people["last_name"], born, rng), people["email"]
    )


TYPOS = {
    "first_name": 0.04, "last_name": 0.05, "email": 0.02, "phone": 0.02, "birth_date": 0.02,
    "address_line_1": 0.08, "city": 0.03, "postcode": 0.02,
}  # fmt: skip
MISSING = {
    "first_name": 0.01, "last_name": 0.005, "email": 0.12, "phone": 0.25, "address_line_1": 0.10,
    "city": 0.05, "postcode": 0.06,
}  # fmt: skip
PLACEHOLDERS = {
    "phone": (0.01, "0000000000"),
    "email": (0.008, "noreply@shop.example"),
    "birth_date": (0.01, "1900-01-01"),
}


def _as_written(people: dict[str, np.ndarray], world: World, rng: np.random.Generator) -> None:
    persons = len(people["first_name"])

    def some(share: float) -> np.ndarray:
        return rng.random(persons) < share

    for name, share in TYPOS.items():
        hit = np.flatnonzero(some(share))
        people[name][hit] = [_mistyped(text, rng) for text in people[name][hit]]
    swapped = some(0.01)
    first, last = people["first_name"], people["last_name"]
    people["first_name"], people["last_name"] = np.where(swapped, last, first), np.where(swapped, first, last)
    american = np.flatnonzero(some(0.01))
    people["birth_date"][american] = [
        f"{text[:5]}{text[8:10]}-{text[5:7]}" if len(text) == 10 else text
        for text in people["birth_date"][american]
    ]
    for name, share in (MISSING | {"birth_date": world.without_birth_date}).items():
        people[name][some(share)] = None
    for name, (share, text) in PLACEHOLDERS.items():
        people[name][some(share)] = text
    shouted = np.flatnonzero(some(0.3))
    for name in ("first_name", "last_name", "city"):
        people[name][shouted] = [text and text.upper() for text in people[name][shouted]]


def _mistyped(text: str, rng: np.random.Generator) -> str:
    if len(text) < 3:
        return text
    place, kind = int(rng.integers(1, len(text) - 1)), int(rng.integers(0, 4))
    sign = (
        "0123456789"[int(rng.integers(0, 10))] if text[place].isdigit() else chr(int(rng.integers(97, 123)))
    )
    before, here, after = text[:place], text[place], text[place + 1 :]
    return (
        before + sign + after,
        before + after,
        before + sign + here + after,
        before + after[0] + here + after[1:],
    )[kind]


def _names(count: int, syllables: list[str], rng: np.random.Generator) -> np.ndarray:
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(rng.choice(syllables, rng.integers(2, 5))).capitalize()] = None
    return np.array(list(made), dtype=object)


def _zipf(count: int, exponent: float) -> np.ndarray:
    weights = 1 / np.arange(1, count + 1) ** exponent
    return weights / weights.sum()


def _emails(first: np.ndarray, last: np.ndarray, born: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    persons = len(first)
    plain = [
        np.array([str(name).replace("'", "").lower() for name in names], dtype=str) for names in (first, last)
    ]
    initial = plain[0].astype("U1")
    year = born.astype("datetime64[Y]").astype(str)
    number = rng.integers(0, 9999, persons).astype(str)
    forms = [
        np.char.add(np.char.add(plain[0], "."), plain[1]),
        np.char.add(initial, plain[1]),
        np.char.add(plain[0], year),
        np.char.add(np.char.add(plain[1], "."), plain[0]),
    ]
    box = np.char.add(np.choose(rng.integers(0, 4, persons), forms), number)
    domain = rng.choice(DOMAINS, persons, p=[0.38, 0.12, 0.12, 0.1, 0.08, 0.06, 0.08, 0.06])
    return np.char.add(np.char.add(box, "@"), domain).astype(object)


def _phones(country: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    numbers = np.empty(len(country), dtype=object)
    for name, (calling, trunk, mobile, digits) in PHONES.items():
        own = np.flatnonzero(country == name)
        national = np.char.add(
            mobile, np.char.zfill(rng.integers(0, 10**digits, len(own)).astype(str), digits)
        )
        abroad = rng.random(len(own)) < 0.2
        numbers[own] = np.where(abroad, np.char.add(f"+{calling} ", national), np.char.add(trunk, national))
    return numbers


def _places(persons: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    cities = _names(2500, LAST_SYLLABLES, rng)
    chosen = rng.choice(2500, persons, p=_zipf(2500, 0.8))
    area = np.char.zfill((chosen * 7 % 900 + 100).astype(str), 3)
    quarter = np.char.zfill(rng.integers(0, 40, persons).astype(str), 2)
    return cities[chosen], np.char.add(area, quarter).astype(object)


def _streets(streets: np.ndarray, persons: int, rng: np.random.Generator) -> np.ndarray:
    number = rng.integers(1, 180, persons).astype(str)
    return np.char.add(
        np.char.add(number, " "), streets[rng.integers(0, len(streets), persons)].astype(str)
    ).astype(object)
