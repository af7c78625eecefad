"""Text in CSV files that people open with a spreadsheet."""

from __future__ import annotations

import re

# a spreadsheet takes a cell that begins like this for a formula (OWASP, CSV injection)
FORMULA = re.compile(r"^[\s\u200b\ufeff]*[=+\-@|\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")


def as_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula.

    >>> as_cell("=1+1"), as_cell("Mug")
    ("'=1+1", 'Mug')
    """
    return f"'{text}" if FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """What `as_cell` was given.

    >>> from_cell("'=1+1"), from_cell("'t Huis")
    ('=1+1', "'t Huis")
    """
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell
