"""Values, texts in capital letters, and no rows, as Spark SQL has them. Of its own: most of what writes SQL
parses none.
"""

from __future__ import annotations

from collections.abc import Mapping

FOLDED = "FOLDED("


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


def folded(text: str) -> str:
    """A text expression as texts are compared, whatever their case and whichever engine: in capitals, the
    Turkish one with a dot like any other I.

    >>> folded("title")
    "REPLACE(REPLACE(UPPER(title), 'ẞ', 'SS'), 'İ', 'I')"
    """
    return f"REPLACE({capitals(text)}, 'İ', 'I')"


def with_folds(sql: str) -> str:
    """A model's SQL, each `FOLDED(...)` written out.

    >>> with_folds("SELECT FOLDED(TRIM(status)) AS status")
    "SELECT REPLACE(REPLACE(UPPER(TRIM(status)), 'ẞ', 'SS'), 'İ', 'I') AS status"
    """
    while FOLDED in sql:
        before, rest = sql.split(FOLDED, 1)
        depth, end = 1, -1
        while depth:
            end += 1
            depth += (rest[end] == "(") - (rest[end] == ")")
        sql = f"{before}{folded(rest[:end])}{rest[end + 1 :]}"
    return sql


def no_rows(kinds: Mapping[str, str]) -> str:
    """A SELECT of no rows, its columns by name with their types.

    >>> no_rows({"value": "STRING", "entries": "BIGINT"})
    'SELECT CAST(NULL AS STRING) AS value, CAST(NULL AS BIGINT) AS entries WHERE FALSE'
    """
    return (
        f"SELECT {', '.join(f'CAST(NULL AS {kind}) AS {name}' for name, kind in kinds.items())} WHERE FALSE"
    )
