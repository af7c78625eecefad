"""Mapping files: what a project and its brands know that is not in any export. Each becomes a `mapping.*`
table.

`mappings/*.csv` hold for the group, of which `identity_decisions.csv` need not be there, nor `targets.csv`
and `annotations.csv`, which are for dashboards alone and no table of a run. `category_map.csv`,
`line_types.csv`, `customer_xref.csv`, `product_xref.csv` and `fx_rates.csv` in a brand's folder hold for that
brand and are stacked. Rules keep their file order in `rule_no`: the line of the file, that below the header
being 1.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mergehouse.errors import ConfigError, of_brand
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.folding import fold
from mergehouse.project.known_pairs import (
    DECISION_COLUMNS,
    DECISIONS,
    Numbered,
    decisions,
    groups,
    known_pairs,
)
from mergehouse.project.known_pairs import Rows as Rows
from mergehouse.project.mapping_checks import check_brand_rows, check_group_rows, where
from mergehouse.project.sources import TEXTS
from mergehouse.project.text_file import read_text

if TYPE_CHECKING:
    from _csv import Reader

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
REMARKS = "note"  # a column that any of the files may have
RULE_MATCHES = ("code", "name", "category")
HELD_BACK = "held_back"  # brands whose deliveries a run does not read
RUN = "run"  # when it began


def mapping_tables(project: Project) -> dict[str, Rows]:
    """Every mapping as (column names, rows of text). Raises ConfigError naming file, row and column.

    >>> columns, rows = mapping_tables(mh.project("shop"))["brands"]
    >>> columns[:4], rows[0][:4]
    (['source_system', 'label', 'currency', 'timezone'], ['shop', 'Shop', 'EUR', 'Europe/Berlin'])
    """
    tables: dict[str, Rows] = {}
    for name, columns in GROUP_FILES.items():
        path = project.mappings_folder / f"{name}.csv"
        numbered = _read(path, columns)
        check_group_rows(name, path, numbered)
        tables[name] = columns, [cells for _, cells in numbered]
    for name, (file, columns) in BRAND_FILES.items():
        tables[name] = _stacked(project, file, columns)
        check_brand_rows(name, project, file, tables[name][1])
    for pairs, joined, code, group in (
        (CUSTOMER_PAIRS, "customer_groups", "customer_code", "customer_id"),
        (PRODUCT_PAIRS, "product_groups", "product_code", "group_product_id"),
    ):
        tables[pairs] = known_pairs(project, BRAND_FILES[pairs], code, *tables[pairs])
        tables[joined] = ["source_system", code, group], groups(project, tables[pairs][1])
    tables["identity_decisions"] = identity_decisions(project)
    return tables | _declared(project)


def _declared(project: Project) -> dict[str, Rows]:
    """What brand.yml and mergehouse.yml say, as tables; of a run nothing yet."""
    brands, config = project.brands.values(), project.config
    return {
        "identity_attributes": (
            ["source_system", "attribute"],
            [[b.name, attribute] for b in brands for attribute in b.identity],
        ),
        "brands": (
            ["source_system", "label", "currency", "timezone", "as_of", "prices", "hierarchy"],
            [[b.name, b.label, b.currency, b.timezone, _day(b.as_of), b.prices, b.hierarchy] for b in brands],
        ),
        "order_rules": (
            ["source_system", "replaces", "repeats", "marks_deletions"],
            [
                [b.name, b.replaces, b.repeats, _said(any(s.deleted for s in b.sources.values()))]
                for b in brands
            ],
        ),
        "left_out_values": (
            ["source_system", "column_name", "value", "is_text"],
            [
                [b.name, name, fold(value), _said(_is_text(b, name))]
                for b in brands
                for name, values in b.leave_out.items()
                for value in values
            ],
        ),
        HELD_BACK: (["source_system"], []),
        RUN: (["started"], []),
        "settings": (["rate_hold_days"], [[str(config.rates.hold_business_days)]]),
        "fiscal_years": (["starts"], [[str(config.fiscal_year_starts)]]),
        "churn_days": (
            ["source_system", "churn_after_days"],
            [[name, str(project.churn_after_days(name))] for name in project.brands],
        ),
        "quarantine_limits": (
            ["source_system", "warn_share", "stop_share"],
            [[b.name, str(b.quarantine.warn), str(b.quarantine.stop)] for b in brands],
        ),
    }


def customer_pairs(project: Project) -> Rows:
    """Pairs of customers' numbers that people know to be one, as in `mapping_tables`.

    >>> customer_pairs(mh.project("shop"))[1]
    []
    """
    file = BRAND_FILES[CUSTOMER_PAIRS]
    return known_pairs(project, file, "customer_code", *_stacked(project, *file))


def identity_decisions(project: Project) -> Rows:
    """What people decided about pairs of customers, as in `mapping_tables`.

    >>> identity_decisions(mh.project("shop"))[1]
    []
    """
    return decisions(project, *optional_table(project, DECISIONS, DECISION_COLUMNS))


def countries(project: Project) -> list[dict[str, str]]:
    """The rows of countries.csv, by its columns.

    >>> [row["region"] for row in countries(mh.project("shop")) if row["country_code"] == "DE"]
    ['North Europe']
    """
    columns = GROUP_FILES["countries"]
    rows = _read(project.mappings_folder / "countries.csv", columns)
    return [{name: cell or "" for name, cell in zip(columns, cells, strict=True)} for _, cells in rows]


def optional_table(project: Project, name: str, columns: list[str]) -> tuple[Path, list[Numbered]]:
    """A file of `mappings/` that need not be there, and its rows with their lines: none where it is not.

    >>> optional_table(mh.project("shop"), "targets.csv", ["kpi", "value"])[1]
    []
    """
    file = project.mappings_folder / name
    return file, _read(file, columns) if file.exists() else []


def _day(day: dt.date | None) -> str | None:
    return str(day) if day else None


def _said(fact: bool) -> str:
    return str(fact).lower()


def _is_text(brand: Brand, name: str) -> bool:
    """True of a column of a source whose values are as delivered, but for case and blanks."""
    types = {s.columns[name].type for s in brand.sources.values() if name in s.columns}
    return bool(types) and types <= {*TEXTS}


def _stacked(project: Project, file: str, columns: list[str]) -> Rows:
    rows: list[list[str | None]] = []
    is_rule = "pattern" in columns
    for brand in project.brands.values():
        with of_brand(brand.name):
            path = brand.folder / file
            for line, cells in _read(path, columns) if path.exists() else []:
                row = [brand.name, str(line - 1), *cells]
                rows.append([*row, *_like(brand, file, row)] if is_rule else row)
    added = ["value_pattern", "name_pattern", "name_part"] if is_rule else []
    return ["source_system", "rule_no", *columns, *added], rows


def _like(brand: Brand, file: str, row: list[str | None]) -> list[str | None]:
    """The rule's pattern as LIKE patterns on codes and categories, with `\\` as escape, and on the words of a
    name, and where no more is meant, the text that the name contains: Spark makes a regular expression of
    every pattern for every name, which took it two thirds of a run over the published exports.
    """
    match, pattern = row[2], row[3] or ""
    words = _words(pattern)
    if match not in RULE_MATCHES or not pattern or (match == "name" and not words):
        place = where(brand, file, row[1])
        expected = "a pattern with a letter or a digit" if pattern else "a pattern"
        if match not in RULE_MATCHES:
            expected = "one of " + ", ".join(RULE_MATCHES)
        raise ConfigError(f"{place}: found match `{match}` and pattern `{pattern}`; expected {expected}.")
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


def _read(file: Path, columns: list[str]) -> list[Numbered]:
    """The rows of a mapping file, each with the line that it begins in, its columns in the expected order,
    empty cells as None.
    """
    if not file.exists():
        raise ConfigError(f"{file} not found. `mergehouse init` writes one; copy it from a fresh project.")
    reader = csv.reader(io.StringIO(read_text(file), newline=""), strict=True)
    try:
        return list(_rows(reader, file, columns))
    except csv.Error as error:
        raise ConfigError(f"{file}, line {reader.line_num + 1}: not CSV ({error}).") from None


def unread_columns(folder: Path, files: Mapping[str, Iterable[str]]) -> list[str]:
    """Columns of mapping files in a folder that nothing reads, with the file. `files`: the columns of each.

    >>> _ = Path("fx_rates.csv").write_text("currency,rate_date,units_per_eur,valid_until,note")
    >>> unread_columns(Path(), dict(BRAND_FILES.values()))
    ['`valid_until` of fx_rates.csv']
    """
    return [
        f"`{column}` of {name}"
        for name, columns in files.items()
        if (folder / name).is_file()
        for column in next(csv.reader(io.StringIO(read_text(folder / name), newline="")), [])
        if column.strip() and column not in (*columns, REMARKS)
    ]


def _rows(reader: Reader, file: Path, columns: list[str]) -> Iterator[Numbered]:
    header: list[str] = next(reader, [])
    missing = [c for c in columns if c not in header]
    if missing:
        raise ConfigError(
            f"{file}: column `{missing[0]}` is missing; found {', '.join(header or ['nothing'])};"
            f" expected {', '.join(columns)}."
        )
    if twice := [c for c in columns if header.count(c) > 1]:
        raise ConfigError(f"{file}: column `{twice[0]}` is there twice; expected {', '.join(columns)}.")
    places = [header.index(c) for c in columns]
    last = reader.line_num
    for cells in reader:
        line, last = last + 1, reader.line_num
        if not cells:
            continue
        if len(cells) > len(header):
            raise ConfigError(f"{file}, row {line}: more cells than columns; quote texts that hold a comma.")
        cells += [""] * (len(header) - len(cells))
        yield line, [cells[place].strip() or None for place in places]
