"""Values, and texts in capital letters, as Spark SQL has them. Of its own: most of what writes SQL parses
none.
"""

from __future__ import annotations


def literal(value: str) -> str:
    r"""A text as Spark SQL has it.

    >>> print(literal("Ann's"))
    'Ann\'s'
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def capitals(text: str) -> str:
    """A text expression in capital letters, as Java and Python write them: of ß they make SS, DuckDB a letter
    of its own.

    >>> capitals("title")
    "REPLACE(UPPER(title), 'ẞ', 'SS')"
    """
    return f"REPLACE(UPPER({text}), 'ẞ', 'SS')"
