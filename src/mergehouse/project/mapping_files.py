"""Mapping files: what a project and its brands know that is not in any export. Each becomes a `mapping.*`
table.

`mappings/*.csv` hold for the group; `category_map.csv`, `line_types.csv`, `customer_xref.csv` and
`fx_rates.csv` in a brand's folder hold for that brand and are stacked. Rules keep their file order in
`rule_no`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from mergehouse.errors import ConfigError, of_brand
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.text_file import read_text

CUSTOMER_PAIRS = "customer_pairs"
FX_RATES = "fx_rates"
GROUP_FILES = {
    "countries": ["country_code", "alpha3", "country", "region", "aliases"],
    "hierarchy": ["department", "category", "cost_rate", "note"],
    "rfm_segments": ["r_score", "f_score", "segment"],
}
BRAND_FILES = {
    "category_map": ("category_map.csv", ["match", "pattern", "department", "category"]),
    "line_types": ("line_types.csv", ["match", "pattern", "line_class"]),
    CUSTOMER_PAIRS: (
        "customer_xref.csv",
        ["source_customer_id", "other_source_system", "other_source_customer_id"],
    ),
    FX_RATES: ("fx_rates.csv", ["currency", "rate_date", "units_per_eur"]),
}
RULE_MATCHES = ("code", "name", "category")
HELD_BACK = "held_back"  # brands whose deliveries a run does not read
RUN = "run"  # when it began
# units of a currency for a euro: what silver.fx_rates_eur holds
LEAST_UNITS, MOST_UNITS = Decimal("0.0001"), 10_000_000

Rows = tuple[list[str], list[list[str | None]]]


def mapping_tables(project: Project) -> dict[str, Rows]:
    """Every mapping as (column names, rows of text). Raises ConfigError naming file, row and column.

    >>> columns, rows = mapping_tables(mh.project("shop"))["brands"]
    >>> columns[:4], rows[0][:4]
    (['source_system', 'label', 'currency', 'timezone'], ['shop', 'Shop', 'EUR', 'Europe/Berlin'])
    """
    tables = {name: group_table(project, name) for name in GROUP_FILES}
    for name, (file, columns) in BRAND_FILES.items():
        tables[name] = _stacked(project, file, columns)
    _check_rates(project, tables[FX_RATES][1])
    tables[CUSTOMER_PAIRS] = _known_pairs(project, *tables[CUSTOMER_PAIRS])
    tables["customer_groups"] = _customer_groups(project, tables[CUSTOMER_PAIRS][1])
    tables["brands"] = (
        ["source_system", "label", "currency", "timezone", "as_of", "prices"],
        [
            [b.name, b.label, b.currency, b.timezone, str(b.as_of) if b.as_of else None, b.prices]
            for b in project.brands.values()
        ],
    )
    tables["order_rules"] = (
        ["source_system", "replaces", "repeats"],
        [[b.name, b.replaces, b.repeats] for b in project.brands.values()],
    )
    tables["left_out_values"] = (
        ["source_system", "column_name", "value"],
        [
            [b.name, name, value.strip().upper()]
            for b in project.brands.values()
            for name, values in b.leave_out.items()
            for value in values
        ],
    )
    tables[HELD_BACK] = (["source_system"], [])
    tables[RUN] = (["started"], [])
    tables["settings"] = (["rate_hold_days"], [[str(project.config.rates.hold_business_days)]])
    tables["churn_days"] = (
        ["source_system", "churn_after_days"],
        [[name, str(project.churn_after_days(name))] for name in project.brands],
    )
    tables["quarantine_limits"] = (
        ["source_system", "warn_share", "stop_share"],
        [[b.name, str(b.quarantine.warn), str(b.quarantine.stop)] for b in project.brands.values()],
    )
    return tables


def group_table(project: Project, name: str) -> Rows:
    """One mapping that holds for the group, as in `mapping_tables`.

    >>> columns, rows = group_table(mh.project("shop"), "rfm_segments")
    >>> columns
    ['r_score', 'f_score', 'segment']
    """
    return _read(project.mappings_folder / f"{name}.csv", GROUP_FILES[name])


def _stacked(project: Project, file: str, columns: list[str]) -> Rows:
    rows: list[list[str | None]] = []
    is_rule = "pattern" in columns
    for brand in project.brands.values():
        with of_brand(brand.name):
            path = brand.folder / file
            there = _read(path, columns)[1] if path.exists() else []
            for number, cells in enumerate(there, start=1):
                row = [brand.name, str(number), *cells]
                rows.append([*row, *_like(brand, file, row)] if is_rule else row)
    added = ["value_pattern", "name_pattern", "name_part"] if is_rule else []
    return ["source_system", "rule_no", *columns, *added], rows


def _known_pairs(project: Project, names: list[str], rows: list[list[str | None]]) -> Rows:
    """Pairs of customers, their numbers read as their brands' are. ConfigError where a cell is empty."""
    cased = {brand.name for brand in project.brands.values() if _tells_case(brand)}
    found: list[list[str | None]] = []
    for brand, rule_no, *cells in rows:
        with of_brand(str(brand)):
            own, other_brand, other = cells
            if own is None or other_brand is None or other is None:
                where = _where(project.brands[str(brand)], BRAND_FILES[CUSTOMER_PAIRS][0], rule_no)
                raise ConfigError(f"{where}: found an empty cell; expected two customer numbers and a brand.")
            other_brand = other_brand.lower()
            numbers = _as_code(own, brand in cased), _as_code(other, other_brand in cased)
            found.append([brand, rule_no, numbers[0], other_brand, numbers[1]])
    return names, found


def _customer_groups(project: Project, pairs: list[list[str | None]]) -> Rows:
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


def _check_rates(project: Project, rows: list[list[str | None]]) -> None:
    """Raises ConfigError where a brand's rate cannot be read, or differs from another of that currency and
    day.
    """
    seen: dict[tuple[str, str], Decimal] = {}
    for brand, number, currency, day, units in rows:
        with of_brand(str(brand)):
            where = _where(project.brands[str(brand)], BRAND_FILES[FX_RATES][0], number)
            if (
                not re.fullmatch("[A-Z]{3}", currency or "")
                or not _is_day(day)
                or not re.fullmatch(r"\d{1,10}(\.\d{1,8})?", units or "")
            ):
                raise ConfigError(
                    f"{where}: found `{currency or ''},{day or ''},{units or ''}`; expected a currency, a day"
                    " and how many units a euro was worth, such as `AED,2026-01-31,3.9925`."
                )
            rate = Decimal(str(units))
            if not LEAST_UNITS <= rate <= MOST_UNITS:
                raise ConfigError(
                    f"{where}: a euro is worth {units} {currency} on {day}; expected {LEAST_UNITS} to"
                    f" {MOST_UNITS:,} units."
                )
            if (before := seen.setdefault((str(currency), str(day)), rate)) != rate:
                raise ConfigError(
                    f"{where}: a euro is worth {units} {currency} on {day}, and {before} before; expected one"
                    " rate for a day."
                )


def _is_day(text: str | None) -> bool:
    with suppress(ValueError):
        return str(dt.date.fromisoformat(text or "")) == text
    return False


def _where(brand: Brand, file: str, number: str | None) -> str:
    """The place of a stacked row: its file, and the row there below the header."""
    return f"{brand.folder / file}, row {int(str(number)) + 1}"


def _like(brand: Brand, file: str, row: list[str | None]) -> list[str | None]:
    """The rule's pattern as LIKE patterns on codes and categories, with `\\` as escape, and on the words of a
    name, and where no more is meant, the text that the name contains: Spark makes a regular expression of
    every pattern for every name, which took it two thirds of a run over the published exports.
    """
    match, pattern = row[2], row[3] or ""
    words = _words(pattern)
    if match not in RULE_MATCHES or not pattern or (match == "name" and not words):
        where = _where(brand, file, row[1])
        expected = "a pattern with a letter or a digit" if pattern else "a pattern"
        if match not in RULE_MATCHES:
            expected = "one of " + ", ".join(RULE_MATCHES)
        raise ConfigError(f"{where}: found match `{match}` and pattern `{pattern}`; expected {expected}.")
    # any word that begins so, or that word; `A *` asks for another one behind it
    part = None if re.search("%|^$| $", words.removesuffix("%")) else f" {words} ".replace("% ", "")
    return [re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%"), f"% {words} %", part]


def _words(pattern: str) -> str:
    """A pattern as names of products are read: words of letters and digits, with `%` for `*`."""
    parts = (
        "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in part)
        for part in pattern.split("*")
    )
    return re.sub(" +", " ", "%".join(parts)).strip()


def _read(file: Path, columns: list[str]) -> Rows:
    """A mapping file, its columns in the expected order, empty cells as None."""
    if not file.exists():
        raise ConfigError(f"{file} not found. `mergehouse init` writes one; copy it from a fresh project.")
    reader = csv.DictReader(io.StringIO(read_text(file), newline=""))
    try:
        return columns, list(_rows(reader, file, columns))
    except csv.Error as error:
        raise ConfigError(f"{file}, line {reader.line_num + 1}: not CSV ({error}).") from None


def _rows(reader: csv.DictReader[str], file: Path, columns: list[str]) -> Iterator[list[str | None]]:
    missing = [c for c in columns if c not in (reader.fieldnames or [])]
    if missing:
        raise ConfigError(
            f"{file}: column `{missing[0]}` is missing; found {', '.join(reader.fieldnames or ['nothing'])};"
            f" expected {', '.join(columns)}."
        )
    for number, row in enumerate(reader, start=2):
        if None in row:
            raise ConfigError(
                f"{file}, row {number}: more cells than columns; quote texts that hold a comma."
            )
        yield [(row[c] or "").strip() or None for c in columns]
