"""Pairs of customers that people know to be one, or not: `customer_xref.csv` of a brand, and the group's
`identity_decisions.csv`.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from contextlib import suppress
from pathlib import Path

from mergehouse.errors import ConfigError, of_brand
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.text_file import read_text

KNOWN_PAIRS = "customer_xref.csv"
DECISIONS = "identity_decisions.csv"
DECISION_COLUMNS = [
    "source_system",
    "source_customer_id",
    "other_source_system",
    "other_source_customer_id",
    "decision",
    "decided_by",
    "decided_at",
    "why",
]

Rows = tuple[list[str], list[list[str | None]]]


def known_pairs(project: Project, names: list[str], rows: list[list[str | None]]) -> Rows:
    """Pairs of customers, their numbers read as their brands' are. ConfigError where a cell is empty."""
    cased = _cased(project)
    found: list[list[str | None]] = []
    for brand, rule_no, *cells in rows:
        with of_brand(str(brand)):
            own, other_brand, other = cells
            if own is None or other_brand is None or other is None:
                where = f"{project.brands[str(brand)].folder / KNOWN_PAIRS}, row {int(str(rule_no)) + 1}"
                raise ConfigError(f"{where}: found an empty cell; expected two customer numbers and a brand.")
            other_brand = other_brand.lower()
            numbers = _as_code(own, brand in cased), _as_code(other, other_brand in cased)
            found.append([brand, rule_no, numbers[0], other_brand, numbers[1]])
    return names, found


def customer_groups(project: Project, pairs: list[list[str | None]]) -> Rows:
    """Everybody in a pair of known brands, with the alphabetically first number of all that pairs join them
    to, by any number of steps.
    """
    firsts: dict[str, str] = {}

    def first(customer: str) -> str:
        while (nearer := firsts.setdefault(customer, customer)) != customer:
            firsts[customer] = firsts.get(nearer, nearer)
            customer = nearer
        return customer

    for brand, _, own, other_brand, other in pairs:
        if other_brand not in project.brands:
            continue
        low, high = sorted((first(f"{brand}:{own}"), first(f"{other_brand}:{other}")))
        firsts[high] = low
    return ["source_system", "customer_code", "customer_id"], [
        [*customer.split(":", 1), first(customer)] for customer in list(firsts)
    ]


def decisions(project: Project, file: Path, rows: list[list[str | None]]) -> Rows:
    """What was decided of pairs, `rule_no` before the file's columns, customers' numbers read as their
    brands' are. Raises ConfigError naming the row and what is wrong with it.
    """
    cased, found = _cased(project), list[list[str | None]]()
    for number, cells in enumerate(rows, start=1):
        where = f"{file}, row {number + 1}"
        *pair, decision, who, when, why = cells
        if None in (*pair, who, when):
            missing = DECISION_COLUMNS[cells.index(None)]
            raise ConfigError(f"{where}: `{missing}` is empty; expected all but `why` to be told.")
        if decision not in ("same", "different"):
            raise ConfigError(f"{where}: found decision `{decision or ''}`; expected same or different.")
        if not _is_instant(str(when)):
            raise ConfigError(
                f"{where}: found decided_at `{when}`; expected a day or an instant, such as 2026-01-31 or"
                " 2026-01-31T09:30:00Z."
            )
        brand, other = (str(name).lower() for name in (pair[0], pair[2]))
        numbers = _as_code(str(pair[1]), brand in cased), _as_code(str(pair[3]), other in cased)
        if (brand, numbers[0]) == (other, numbers[1]):
            raise ConfigError(f"{where}: both are customer {numbers[0]} of {brand}; expected two customers.")
        found.append([str(number), brand, numbers[0], other, numbers[1], decision, who, when, why])
    return ["rule_no", *DECISION_COLUMNS], found


def _is_instant(text: str) -> bool:
    with suppress(ValueError):
        return dt.datetime.fromisoformat(text) is not None
    return False


def _cased(project: Project) -> set[str]:
    """The brands whose customers' numbers tell upper from lower case."""
    return {brand.name for brand in project.brands.values() if _tells_case(brand)}


def _tells_case(brand: Brand) -> bool:
    """True where the brand's customer numbers come from a column of type id."""
    if not brand.sources:
        return False
    with of_brand(brand.name):
        sql = read_text(brand.folder / "order_lines.sql")
    named = re.search(r"(\w+)`?\s+AS\s+`?customer_code\b", sql, re.IGNORECASE)
    name = named[1] if named else "customer_code"
    return any(name in s.columns and s.columns[name].type == "id" for s in brand.sources.values())


def _as_code(text: str, tells_case: bool) -> str:
    """A number in a mapping file as a column of type id or code reads it."""
    seen = "".join(
        " " if unicodedata.category(letter) in ("Zs", "Zl", "Zp", "Cc") else letter
        for letter in text
        if unicodedata.category(letter) != "Cf"
    ).strip()
    code = re.sub(r"^([0-9]+)\.0$", r"\1", re.sub('^="(.*)"$', r"\1", seen).strip())
    return code if tells_case else code.upper()
