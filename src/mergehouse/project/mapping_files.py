"""Mapping files: what a project and its brands know that is not in any export. Each becomes a `mapping.*`
table.

`mappings/*.csv` hold for the group, of which `identity_decisions.csv` need not be there; `category_map.csv`,
`line_types.csv`, `customer_xref.csv`, `product_xref.csv` and `fx_rates.csv` in a brand's folder hold for that
brand and are stacked. Rules keep their file order in `rule_no`.
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
from mergehouse.project.known_pairs import DECISION_COLUMNS, DECISIONS, decisions, groups, known_pairs
from mergehouse.project.known_pairs import Rows as Rows
from mergehouse.project.text_file import read_text

CUSTOMER_PAIRS = "customer_pairs"
PRODUCT_PAIRS = "product_pairs"
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
    PRODUCT_PAIRS: ("product_xref.csv", ["product_code", "other_source_system", "other_product_code"]),
    FX_RATES: ("fx_rates.csv", ["currency", "rate_date", "units_per_eur"]),
}
RULE_MATCHES = ("code", "name", "category")
HELD_BACK = "held_back"  # brands whose deliveries a run does not read
RUN = "run"  # when it began
# units of a currency for a euro: what silver.fx_rates_eur holds
LEAST_UNITS, MOST_UNITS = Decimal("0.0001"), 10_000_000


def mapping_tables(project: Project) -> dict[str, Rows]:
    """Every mapping as (column names, rows of text). Raises ConfigError naming file, row and column.

    >>> columns, rows = mapping_tables(mh.project("shop"))["brands"]
    >>> columns[:4], rows[0][:4]
    (['source_system', 'label', 'currency', 'timezone'], ['shop', 'Shop', 'EUR', 'Europe/Berlin'])
    """
    tables = {name: group_table(project, name) for name in GROUP_FILES}
    for name, (file, columns) in BRAND_FILES.items():
        if name not in (CUSTOMER_PAIRS, PRODUCT_PAIRS):
            tables[name] = _stacked(project, file, columns)
    _check_rates(project, tables[FX_RATES][1])
    for pairs, joined, code, group in (
        (CUSTOMER_PAIRS, "customer_groups", "customer_code", "customer_id"),
        (PRODUCT_PAIRS, "product_groups", "product_code", "group_product_id"),
    ):
        tables[pairs] = _pairs(project, pairs, code)
        tables[joined] = ["source_system", code, group], groups(project, tables[pairs][1])
    tables["identity_attributes"] = (
        ["source_system", "attribute"],
        [[b.name, attribute] for b in project.brands.values() for attribute in b.identity],
    )
    tables["identity_decisions"] = identity_decisions(project)
    _check_cost_rates(project, tables["hierarchy"][1])
    tables["brands"] = (
        ["source_system", "label", "currency", "timezone", "as_of", "prices", "hierarchy"],
        [
            [
                b.name,
                b.label,
                b.currency,
                b.timezone,
                str(b.as_of) if b.as_of else None,
                b.prices,
                b.hierarchy,
            ]
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
    tables["fiscal_years"] = (["starts"], [[str(project.config.fiscal_year_starts)]])
    tables["churn_days"] = (
        ["source_system", "churn_after_days"],
        [[name, str(project.churn_after_days(name))] for name in project.brands],
    )
    tables["quarantine_limits"] = (
        ["source_system", "warn_share", "stop_share"],
        [[b.name, str(b.quarantine.warn), str(b.quarantine.stop)] for b in project.brands.values()],
    )
    return tables


def customer_pairs(project: Project) -> Rows:
    """Pairs of customers' numbers that people know to be one, as in `mapping_tables`.

    >>> customer_pairs(mh.project("shop"))[1]
    []
    """
    return _pairs(project, CUSTOMER_PAIRS, "customer_code")


def identity_decisions(project: Project) -> Rows:
    """What people decided about pairs of customers, as in `mapping_tables`.

    >>> identity_decisions(mh.project("shop"))[1]
    []
    """
    file = project.mappings_folder / DECISIONS
    return decisions(project, file, _read(file, DECISION_COLUMNS)[1] if file.exists() else [])


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


def _pairs(project: Project, name: str, code: str) -> Rows:
    return known_pairs(project, BRAND_FILES[name], code, *_stacked(project, *BRAND_FILES[name]))


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


def _check_cost_rates(project: Project, rows: list[list[str | None]]) -> None:
    """Raises ConfigError where a cost rate is no share, or a category or a whole department has two."""
    file, seen = project.mappings_folder / "hierarchy.csv", set()
    for number, (department, category, rate, _) in enumerate(rows, start=2):
        if department is None or not re.fullmatch(r"0(\.\d{1,4})?|1(\.0{1,4})?", rate or ""):
            raise ConfigError(
                f"{file}, row {number}: found department `{department or ''}` and cost_rate `{rate or ''}`;"
                " expected a department and a share of the price from 0 to 1, such as 0.45."
            )
        if (department, category) in seen:
            what = f"category `{category}` of `{department}`" if category else f"department `{department}`"
            raise ConfigError(f"{file}, row {number}: {what} has a rate above already; expected one.")
        seen.add((department, category))


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
