"""Pairs that people know to be one, or not: `customer_xref.csv` and `product_xref.csv` of a brand, and the
group's `identity_decisions.csv`.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from contextlib import suppress
from pathlib import Path

from mergehouse.errors import BrandError, ConfigError, of_brand
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.text_file import read_text

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

Numbered = tuple[int, list[str | None]]  # a row with its line in the file
Rows = tuple[list[str], list[list[str | None]]]


def known_pairs(
    project: Project,
    described: tuple[str, list[str]],
    code: str,
    names: list[str],
    rows: list[list[str | None]],
) -> Rows:
    """Pairs of customers or products, their codes read as their brands' are. `described` is the file that
    they are in, and its columns. ConfigError where a cell is empty.

    >>> columns = ["source_system", "rule_no", "source_customer_id", "other_source_system", "other"]
    >>> rows = [["shop", "1", "13085.0", "Other", "a1"]]
    >>> known_pairs(mh.project("shop"), ("customer_xref.csv", columns[2:]), "customer_code", columns, rows)[1]
    [['shop', '1', '13085', 'other', 'A1']]
    """
    file, expected = described
    cased = _cased(project, code)
    found: list[list[str | None]] = []
    for brand, rule_no, own, other_brand, other in rows:
        if own is None or other_brand is None or other is None:
            where = _row(project, brand, file, rule_no)
            raise BrandError(f"{where}: found an empty cell; expected {', '.join(expected)}.", str(brand))
        other_brand = other_brand.lower()
        codes = _as_code(own, brand in cased), _as_code(other, other_brand in cased)
        if (brand, codes[0]) == (other_brand, codes[1]):
            where = _row(project, brand, file, rule_no)
            raise BrandError(
                f"{where}: both are {codes[0]} of {brand}; expected two that are one.", str(brand)
            )
        found.append([brand, rule_no, codes[0], other_brand, codes[1]])
    return names, found


def _row(project: Project, brand: str | None, file: str, rule_no: str | None) -> str:
    return f"{project.brands[str(brand)].folder / file}, row {int(str(rule_no)) + 1}"


def groups(project: Project, pairs: list[list[str | None]]) -> list[list[str | None]]:
    """Every code in a pair of known brands, with the alphabetically first of all that pairs join it to, by
    any number of steps.

    >>> groups(mh.project("shop"), [["shop", "1", "7", "shop", "8"], ["shop", "2", "9", "nobody", "7"]])
    [['shop', '7', 'shop:7'], ['shop', '8', 'shop:7']]
    """
    firsts: dict[str, str] = {}

    def first(member: str) -> str:
        while (nearer := firsts.setdefault(member, member)) != member:
            firsts[member] = firsts.get(nearer, nearer)
            member = nearer
        return member

    for brand, _, own, other_brand, other in pairs:
        if other_brand not in project.brands:
            continue
        low, high = sorted((first(f"{brand}:{own}"), first(f"{other_brand}:{other}")))
        firsts[high] = low
    return [[*member.split(":", 1), first(member)] for member in list(firsts)]


def decisions(project: Project, file: Path, rows: list[Numbered]) -> Rows:
    """What was decided of pairs, `rule_no` before the file's columns, customers' numbers read as their
    brands' are. Raises ConfigError naming the row and what is wrong with it.

    >>> row = ["shop", "77.0", "other", "a1", "same", "me", "2026-01-31", None]
    >>> decisions(mh.project("shop"), Path(DECISIONS), [(2, row)])[1][0][:6]
    ['1', 'shop', '77', 'other', 'A1', 'same']
    """
    cased, found = _cased(project, "customer_code"), list[list[str | None]]()
    for line, cells in rows:
        where = f"{file}, row {line}"
        *pair, decision, who, when, why = cells
        if None in (*pair, who, when):
            missing = DECISION_COLUMNS[cells.index(None)]
            raise ConfigError(f"{where}: `{missing}` is empty; expected all but `why` to be told.")
        if decision not in ("same", "different"):
            raise ConfigError(f"{where}: found decision `{decision or ''}`; expected same or different.")
        instant = _as_instant(str(when))
        if instant is None:
            raise ConfigError(
                f"{where}: found decided_at `{when}`; expected a day or an instant, such as 2026-01-31 or"
                " 2026-01-31T09:30:00Z."
            )
        brand, other = (str(name).lower() for name in (pair[0], pair[2]))
        numbers = _as_code(str(pair[1]), brand in cased), _as_code(str(pair[3]), other in cased)
        if (brand, numbers[0]) == (other, numbers[1]):
            raise ConfigError(f"{where}: both are customer {numbers[0]} of {brand}; expected two customers.")
        found.append([str(line - 1), brand, numbers[0], other, numbers[1], decision, who, instant, why])
    return ["rule_no", *DECISION_COLUMNS], found


def _as_instant(text: str) -> str | None:
    """A day or an instant, written so that the later of two sorts last: of decisions the later counts."""
    with suppress(ValueError):
        return dt.date.fromisoformat(text).isoformat()
    with suppress(ValueError):
        instant = dt.datetime.fromisoformat(text)
        return (instant.astimezone(dt.UTC) if instant.tzinfo else instant).isoformat().replace("+00:00", "Z")
    return None


def _cased(project: Project, code: str) -> set[str]:
    """The brands whose codes tell upper from lower case."""
    return {brand.name for brand in project.brands.values() if _tells_case(brand, code)}


def _tells_case(brand: Brand, code: str) -> bool:
    """True where the brand's customer or product codes come from a column of type id."""
    if not brand.sources:
        return False
    with of_brand(brand.name):
        sql = read_text(brand.folder / "order_lines.sql")
    named = re.search(rf"(\w+)`?\s+AS\s+`?{code}\b", sql, re.IGNORECASE)
    name = named[1] if named else code
    return any(name in s.columns and s.columns[name].type == "id" for s in brand.sources.values())


def _as_code(text: str, tells_case: bool) -> str:
    """A number in a mapping file as a column of type id or code reads it."""
    code = (text if text.isascii() and text.isprintable() else _visible(text)).strip()
    if code.startswith('="'):
        code = re.sub('^="(.*)"$', r"\1", code).strip()
    if code.endswith(".0"):
        code = re.sub(r"^([0-9]+)\.0$", r"\1", code)
    return code if tells_case else code.upper()


def _visible(text: str) -> str:
    return "".join(
        " " if unicodedata.category(letter) in ("Zs", "Zl", "Zp", "Cc") else letter
        for letter in text
        if unicodedata.category(letter) != "Cf"
    )
