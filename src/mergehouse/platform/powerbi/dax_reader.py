"""Reads DAX as far as it is written here: which tables, columns, measures, functions and variables it names.

Microsoft's parser of models takes an expression as a text, so a bracket that is missing or a column that is
not there would be found by who opens the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

FUNCTIONS = frozenset({  # those that are written here
    "ADDCOLUMNS", "ALL", "BLANK", "CALCULATE", "CALCULATETABLE", "COALESCE", "CONCATENATEX", "COUNTROWS",
    "DATATABLE", "DATE", "DATEDIFF", "DAY", "DISTINCT", "DISTINCTCOUNTNOBLANK", "DIVIDE", "EDATE",
    "EOMONTH", "FALSE", "FILTER", "FORMAT", "GENERATESERIES", "IF", "INT", "ISBLANK", "ISEMPTY",
    "ISFILTERED", "KEEPFILTERS", "LEFT", "MAX", "MAXX", "MIN", "MINX", "MONTH", "NAMEOF", "REMOVEFILTERS",
    "ROUND", "SELECTCOLUMNS", "SELECTEDVALUE", "SUM", "SUMMARIZE", "SUMX", "SWITCH", "TRUE", "UNICHAR",
    "YEAR",
})  # fmt: skip
_WORDS = frozenset(
    {"VAR", "RETURN", "NOT", "IN", "ASC", "DESC", "STRING", "DATETIME", "DOUBLE", "DAY", "MONTH"}
)  # that are no names
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"]|"")*")|(?P<table>'(?:[^']|'')*')|(?P<name>\[(?:[^\]\[]|\]\])*\])|(?P<word>[A-Za-z_]\w*)
    |(?P<number>\d+(?:\.\d+)?)|(?P<open>[({])|(?P<close>[)}])|(?P<other>==|<=|>=|<>|&&|\|\||[-+*/^&=<>,])
    |(?P<space>\s+)""",
    re.VERBOSE,
)
_PAIRS = {"(": ")", "{": "}"}


@dataclass(frozen=True)
class Names:
    """What an expression may name: columns by table, and measures; `homes`: the tables of these."""

    columns: Mapping[str, frozenset[str]]
    measures: frozenset[str]
    homes: Mapping[str, str] = field(default_factory=dict)


def wrong_in_dax(dax: str, names: Names) -> list[str]:
    """What is wrong, one sentence each.

    >>> names = Names({"Sales": frozenset({"Net"})}, frozenset({"GMV"}))
    >>> wrong_in_dax("SUM ( 'Sales'[Net] ) / [GMV]", names)
    []
    >>> wrong_in_dax("SUM ( 'Sales'[Gross] ", names)
    ["'Sales' has no column [Gross]", '`(` is not closed']
    """
    try:
        tokens = [each for each in _tokens(dax) if each[0] != "space"]
    except ValueError as error:
        return [str(error)]
    if not tokens:
        return ["there is no expression"]
    return [*_named(tokens, names), *_words(tokens, names), *_brackets(tokens)]


def made_columns(dax: str) -> list[str]:
    """The columns of a table that DAX makes, as far as such tables are made here.

    >>> made_columns('{ ( "a", 1 ), ( "b, c", 2 ) }'), made_columns("GENERATESERIES ( 1, 9, 1 )")
    (['[Value1]', '[Value2]'], ['[Value]'])
    >>> made_columns('DATATABLE ( "Country", STRING, "Region", STRING, { { "Spain", "South" } } )')
    ['[Country]', '[Region]']
    """
    tokens = [(kind, written) for kind, written in _tokens(dax) if kind != "space"]
    if tokens[0][1] == "DATATABLE":
        rows = next(n for n, (_, written) in enumerate(tokens) if written == "{")
        return [f"[{written[1:-1]}]" for kind, written in tokens[:rows] if kind == "text"]
    if tokens[1][1] != "(" or tokens[0][1] != "{":
        return ["[Value]"]
    depth, commas = 0, 0
    for _, written in tokens[1:]:
        depth += (written == "(") - (written == ")")
        commas += written == "," and depth == 1
        if depth == 0:
            break
    return [f"[Value{n}]" for n in range(1, commas + 2)]


def _tokens(dax: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(dax):
        found = _TOKEN.match(dax, place)
        if not found:
            raise ValueError(f"cannot be read from `{dax[place : place + 30]}` on")
        yield str(found.lastgroup), found[0]
        place = found.end()


def _named(tokens: list[tuple[str, str]], names: Names) -> Iterator[str]:
    """Columns, tables and measures; a name that begins with @, and [Value], are columns made on the way."""
    for n, (kind, written) in enumerate(tokens):
        before = tokens[n - 1] if n else ("", "")
        after = tokens[n + 1] if n + 1 < len(tokens) else ("", "")
        if kind == "table":
            table = written[1:-1].replace("''", "'")
            if table not in names.columns:
                yield f"there is no table {written}"
            elif after[0] == "name" and not _has(table, _inner(after[1]), names):
                yield f"{written} has no column {after[1]}"
        elif kind == "name" and before[0] != "table":
            if before[0] == "word" and before[1] not in _WORDS:
                yield f"{before[1]}{written}: the table's name is not in quotes"
            elif _inner(written) not in names.measures and not re.fullmatch(
                r"@\w+|Value\d?", _inner(written)
            ):
                yield f"there is no measure {written}"


def _has(table: str, name: str, names: Names) -> bool:
    """Whether it is a column of the table, or a measure that stands there."""
    return name in names.columns[table] or names.homes.get(name) == table


def _words(tokens: list[tuple[str, str]], names: Names) -> Iterator[str]:
    """Functions and variables. A variable is called neither as a table is nor as a function is."""
    made: set[str] = set()
    taken = {name.casefold() for name in names.columns} | {name.casefold() for name in FUNCTIONS}
    returns = [written for kind, written in tokens if kind == "word" and written in ("VAR", "RETURN")]
    if ("VAR" in returns) != ("RETURN" in returns):
        yield "VAR and RETURN belong together"
    for n, (kind, written) in enumerate(tokens):
        if kind != "word":
            continue
        is_called = n + 1 < len(tokens) and tokens[n + 1][1] == "("
        if n and tokens[n - 1][1] == "VAR":
            made.add(written)
            if written.casefold() in taken:
                yield f"the variable `{written}` is called as a table or a function is"
        elif is_called and written not in (*FUNCTIONS, *_WORDS):
            yield f"there is no function {written}"
        elif not is_called and written not in made and written not in _WORDS:
            yield f"there is no variable `{written}`"


def _brackets(tokens: list[tuple[str, str]]) -> Iterator[str]:
    expected: list[str] = []
    for n, (kind, written) in enumerate(tokens):
        if kind == "open":
            expected.append(written)
        elif kind == "close":
            if not expected or _PAIRS[expected.pop()] != written:
                yield f"`{written}` closes nothing"
                return
            if tokens[n - 1][1] == ",":
                yield f"nothing stands between `,` and `{written}`"
        elif written == "," and n and tokens[n - 1][1] in (",", "(", "{"):
            yield "nothing stands before `,`"
    if expected:
        yield f"`{expected[-1]}` is not closed"
    if tokens[-1][0] == "other":
        yield f"nothing stands after `{tokens[-1][1]}`"


def _inner(written: str) -> str:
    return written[1:-1].replace("]]", "]")
