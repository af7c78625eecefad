"""What happened on a day, `mappings/annotations.csv`: notes on a brand, or on all of them."""

from __future__ import annotations

from mergehouse.errors import ConfigError
from mergehouse.project.config import Project
from mergehouse.project.mapping_checks import is_day
from mergehouse.project.mapping_files import Rows, optional_table
from mergehouse.project.validation import nearest_known

FILE = "annotations.csv"
COLUMNS = ["day", "brand", "who", "text"]
GROUP = "group"  # in the place of a brand: for those alone who may see all brands together
LONGEST = {"who": 60, "text": 200}


def annotation_rows(project: Project) -> Rows:
    """The notes, all of them sound. Raises ConfigError naming the row and what is wrong with it.

    >>> annotation_rows(mh.project("shop"))
    (['day', 'brand', 'who', 'text'], [])
    """
    file, rows = optional_table(project, FILE, COLUMNS)
    brands = (*project.brands, GROUP)
    seen: dict[tuple[str | None, ...], int] = {}
    for number, cells in rows:
        day, brand, who, text = (cell or "" for cell in cells)
        place = f"{file}, row {number}"
        if not is_day(day):
            raise ConfigError(f"{place}: found day `{day}`; expected one such as `2026-11-27`.")
        if brand not in brands:
            raise ConfigError(f"{place}: found brand `{brand}`{nearest_known(brand, brands)}")
        for name, value in (("who", who), ("text", text)):
            if not 0 < len(value) <= LONGEST[name] or not value.isprintable():
                found = f"{len(value)} letters" if len(value) > LONGEST[name] else f"`{ascii(value)[1:-1]}`"
                raise ConfigError(
                    f"{place}: found {name} {found}; expected 1 to {LONGEST[name]} letters in one"
                    " line, none of them invisible."
                )
        if (before := seen.setdefault((day, brand, text), number)) != number:
            raise ConfigError(f"{place}: this note is in row {before} already; take one out.")
    return COLUMNS, [cells for _, cells in rows]
