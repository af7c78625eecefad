"""Values as Spark SQL has them. Of its own: most of what writes SQL parses none."""

from __future__ import annotations


def literal(value: str) -> str:
    r"""A text as Spark SQL has it.

    >>> print(literal("Ann's"))
    'Ann\'s'
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
