"""Names and texts as Databricks SQL writes them, and files of statements."""

from __future__ import annotations

from collections.abc import Iterable

APART = ";\n\n"  # between two statements of a file: no statement holds an empty line


def named(*parts: str) -> str:
    """A name of several parts, each between backticks.

    >>> named("retail_dev", "gold", "sales_daily"), named("Größe `x`")
    ('`retail_dev`.`gold`.`sales_daily`', '`Größe ``x```')
    """
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def literal(text: str) -> str:
    r"""A text between quotes, on one line.

    >>> print(literal("L'Été \\ 1"))
    'L\'Été \\ 1'
    """
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def script(about: str, statements: Iterable[str]) -> str:
    """A file of statements, whose first line says what it is for.

    >>> print(script("Two.", ["SELECT 1", "SELECT 2"]), end="")
    -- Two.
    SELECT 1;
    <BLANKLINE>
    SELECT 2;
    """
    return f"-- {about}\n" + APART.join(statements) + ";\n"


def statements_of(text: str) -> list[str]:
    """The statements of a file that `script` has written.

    >>> statements_of(script("Two.", ["SELECT 1", "SELECT 2"]))
    ['SELECT 1', 'SELECT 2']
    """
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("-- "))
    return [found.strip() for found in lines.strip().removesuffix(";").split(APART) if found.strip()]
