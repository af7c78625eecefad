"""What rows of mapping files must say: whatever would do nothing, or do something else than it says, is
refused by its file and row.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from mergehouse.errors import ConfigError, of_brand
from mergehouse.project.brand import Brand
from mergehouse.project.config import Project
from mergehouse.project.folding import fold
from mergehouse.project.known_pairs import Numbered

REPORTING = "EUR"  # the currency of all figures
# units of a currency for a euro: what silver.fx_rates_eur holds
LEAST_UNITS, MOST_UNITS = Decimal("0.0001"), 10_000_000
SCORES = range(1, 6)  # of recency and of frequency
NO_GOODS = "Non-merchandise"  # the department of what is no goods
# no classes of other lines, with an `s` neither
OF_GOODS = ("sale", "return", "good", "merchandise", "product", "item", "article")

Row = list[str | None]
Seen = dict[tuple[str, ...], object]


def check_group_rows(name: str, file: Path, rows: list[Numbered]) -> None:
    """Raises ConfigError where a row of a mapping that holds for the group cannot be used.

    >>> check_group_rows("hierarchy", Path("hierarchy.csv"), [(2, ["Home", "Mugs", "50 %", None])])
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: hierarchy.csv, row 2: found department `Home` and cost_rate `50 %`; ...
    """
    GROUP_CHECKS[name](file, rows)


def check_brand_rows(name: str, project: Project, file: str, rows: list[Row]) -> None:
    """Raises ConfigError where a row of a mapping that brands have each for themselves cannot be used.

    >>> rows = [["shop", "1", "code", "POST", None]]
    >>> check_brand_rows("line_types", mh.project("shop"), "line_types.csv", rows)
    Traceback (most recent call last):
    mergehouse.errors.BrandError: shop/brands/shop/line_types.csv, row 2: `POST` has no line_class; ...
    """
    if check := BRAND_CHECKS.get(name):
        seen: Seen = {}
        for brand, number, *cells in rows:
            with of_brand(str(brand)):
                check(where(project.brands[str(brand)], file, number), [brand, *cells], seen)


def where(brand: Brand, file: str, number: str | None) -> str:
    """The place of a stacked row: its file, and the line there.

    >>> where(mh.project("shop").brands["shop"], "fx_rates.csv", "1")
    'shop/brands/shop/fx_rates.csv, row 2'
    """
    return f"{brand.folder / file}, row {int(str(number)) + 1}"


def _line_types(place: str, cells: Row, seen: Seen) -> None:
    brand, match, pattern, line_class = cells[:4]
    if not line_class:
        raise ConfigError(
            f"{place}: `{pattern}` has no line_class; expected what it is, such as `postage` or `fee`."
        )
    if line_class.lower().removesuffix("s") in OF_GOODS:
        raise ConfigError(
            f"{place}: `{pattern}` is `{line_class}`, and would be in no figure of goods; expected what it"
            " is, where it is no goods, such as `postage` or `fee`. What no rule matches is goods."
        )
    _expect_one(place, (brand, match, pattern), line_class, seen)


def _category_map(place: str, cells: Row, seen: Seen) -> None:
    brand, match, pattern, department, category = cells[:5]
    if not department or not category:
        raise ConfigError(f"{place}: `{pattern}` lacks a department or a category; expected both.")
    if NO_GOODS in (department, category):
        raise ConfigError(
            f"{place}: `{pattern}` is placed under {NO_GOODS}, and would count as goods all the same;"
            " say what is no goods in line_types.csv."
        )
    _expect_one(place, (brand, match, pattern), f"{department}, {category}", seen)


def _expect_one(place: str, rule: tuple[str | None, ...], says: str, seen: Seen) -> None:
    key = tuple(fold(str(part)) for part in rule)
    if (before := seen.setdefault(key, says)) != says:
        raise ConfigError(f"{place}: `{rule[-1]}` is `{says}`, and `{before}` above; expected one of them.")


def _rates(place: str, cells: Row, seen: Seen) -> None:
    """A rate can be read, is the only one of its currency and day, and none of euros."""
    _, currency, day, units = cells
    if (
        not re.fullmatch("[A-Z]{3}", currency or "")
        or not is_day(day)
        or not re.fullmatch(r"\d{1,10}(\.\d{1,8})?", units or "")
    ):
        raise ConfigError(
            f"{place}: found `{currency or ''},{day or ''},{units or ''}`; expected a currency, a day"
            " and how many units a euro was worth, such as `AED,2026-01-31,3.9925`."
        )
    rate = Decimal(str(units))
    if currency == REPORTING and rate != 1:
        raise ConfigError(
            f"{place}: a euro is worth {units} {REPORTING}; euros need no rate. Take the row out."
        )
    if not LEAST_UNITS <= rate <= MOST_UNITS:
        raise ConfigError(
            f"{place}: a euro is worth {units} {currency} on {day}; expected {LEAST_UNITS} to"
            f" {MOST_UNITS:,} units."
        )
    if (before := seen.setdefault((str(currency), str(day)), rate)) != rate:
        raise ConfigError(
            f"{place}: a euro is worth {units} {currency} on {day}, and {before} before; expected one"
            " rate for a day."
        )


def _hierarchy(file: Path, rows: list[Numbered]) -> None:
    """Cost rates are shares, one for a category and one for a whole department; a name has one spelling."""
    seen = set()
    spelt: dict[tuple[str, str], str] = {}
    for number, (department, category, rate, _) in rows:
        if department is None or not re.fullmatch(r"0(\.\d{1,4})?|1(\.0{1,4})?", rate or ""):
            raise ConfigError(
                f"{file}, row {number}: found department `{department or ''}` and cost_rate `{rate or ''}`;"
                " expected a department and a share of the price from 0 to 1, such as 0.45."
            )
        for name, within in ((department, ""), (category, department)):
            letters = " ".join((name or "").split()).casefold()
            if (known := spelt.setdefault((within.casefold(), letters), name or "")) != (name or ""):
                raise ConfigError(
                    f"{file}, row {number}: found `{name}`, and `{known}` above; expected one spelling."
                )
        if (department, category) in seen:
            what = f"category `{category}` of `{department}`" if category else f"department `{department}`"
            raise ConfigError(f"{file}, row {number}: {what} has a rate above already; expected one.")
        seen.add((department, category))


def _rfm_segments(file: Path, rows: list[Numbered]) -> None:
    """Each pair of scores has one segment: buyers of another would be shown as if they never bought."""
    expected = {(str(r), str(f)) for r in SCORES for f in SCORES}
    seen: set[tuple[str | None, str | None]] = set()
    for number, (recency, frequency, segment) in rows:
        scores = recency, frequency
        if scores not in expected or scores in seen or not segment:
            raise ConfigError(
                f"{file}, row {number}: found `{recency or ''},{frequency or ''},{segment or ''}`; expected"
                " an r_score and an f_score from 1 to 5, each pair of them once, and a segment."
            )
        seen.add(scores)
    if missing := sorted(expected - seen):
        recency, frequency = missing[0]
        raise ConfigError(
            f"{file}: r_score {recency} with f_score {frequency} has no segment; expected a row for each pair"
            " of scores from 1 to 5."
        )


def _countries(file: Path, rows: list[Numbered]) -> None:
    """A code is ISO's, each country has one row and a region, each spelling one country."""
    spelt: dict[str, tuple[int, str]] = {}
    regions: dict[str, str] = {}
    for number, (code, alpha3, country, region, aliases) in rows:
        place = f"{file}, row {number}"
        if not re.fullmatch("[A-Z]{2}", code or "") or not country or not region:
            raise ConfigError(
                f"{place}: found country_code `{code or ''}`, country `{country or ''}` and region"
                f" `{region or ''}`; expected two capital letters, a name and a region."
            )
        if (known := regions.setdefault(region.casefold(), region)) != region:
            raise ConfigError(
                f"{place}: found region `{region}`, and `{known}` above; expected one spelling."
            )
        for text in {code, alpha3, country, *(aliases or "").split("|")} - {None, ""}:
            row, other = spelt.setdefault(fold(str(text)), (number, str(code)))
            if row != number:
                raise ConfigError(
                    f"{place}: `{str(text).strip()}` is {other} in row {row} already; expected one row for a"
                    " country, its other spellings in `aliases`, parted by `|`."
                )


def is_day(text: str | None) -> bool:
    """Whether a text is a day as ISO 8601 writes it.

    >>> is_day("2026-01-31"), is_day("20260131"), is_day("2026-02-30"), is_day(None)
    (True, False, False, False)
    """
    with suppress(ValueError):
        return str(dt.date.fromisoformat(text or "")) == text
    return False


GROUP_CHECKS: dict[str, Callable[[Path, list[Numbered]], None]] = {
    "countries": _countries,
    "hierarchy": _hierarchy,
    "rfm_segments": _rfm_segments,
}
BRAND_CHECKS: dict[str, Callable[[str, Row, Seen], None]] = {
    "line_types": _line_types,
    "category_map": _category_map,
    "fx_rates": _rates,
}
