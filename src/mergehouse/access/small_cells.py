"""Groups of fewer than five customers, joined with others: what a scope without persons has.

They are joined in its files, not on its pages: every figure is then a sum of rows of five customers or more,
and no subtraction of figures tells of fewer. So the complementary cell is covered, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from mergehouse.lakehouse.reader import quoted

LEAST = 5
SIZE = "customers"
_JOINED = re.compile(r"^-- joined below five: (.+)$", re.MULTILINE)
_PART = re.compile(r"^-- counted in two parts: ([a-z_]+)$", re.MULTILINE)
_NOT_TOLD = re.compile(r"^-- not without persons: ([a-z_]+)$", re.MULTILINE)
_LEFT_OUT = re.compile(r"^-- left out below five: ([a-z_]+)((?:; [a-z_]+ if [a-z_]+)*)$", re.MULTILINE)


@dataclass(frozen=True)
class Level:
    """A column that customers are told apart by. Classes that are `in_order` are joined with the next lower
    one and bear its name; others are joined under no name.
    """

    column: str
    in_order: bool


def levels(sql: str) -> tuple[Level, ...]:
    """What an extract's first lines say of it, the column that matters most first; none where they do not.

    >>> levels("-- joined below five: source_system; days in order")
    (Level(column='"source_system"', in_order=False), Level(column='"days"', in_order=True))
    """
    said = _JOINED.search(sql)
    named = said[1].split("; ") if said else []
    return tuple(Level(quoted(name.removesuffix(" in order")), name.endswith(" in order")) for name in named)


def is_covered(sql: str) -> bool:
    """Whether a scope without persons has other rows of an extract than one with.

    >>> is_covered("-- left out below five: is_small\\nFROM cells"), is_covered("FROM cells")
    (True, False)
    """
    return bool(levels(sql) or _LEFT_OUT.search(sql))


def covered(connection: duckdb.DuckDBPyConnection, sql: str, cells: str, persons: bool) -> str:
    """The query of the rows of an extract, whose own rows are in the table `cells`, for a scope with persons
    or without: then its small cells are joined, or those left out that it marks itself, rows or columns.

    >>> sql = "-- left out below five: is_small; active if is_active_small\\n..."
    >>> covered(duckdb.connect(), sql, "cells", persons=True)
    'SELECT * EXCLUDE (is_small, is_active_small) FROM cells'
    """
    if marked := _LEFT_OUT.search(sql):
        parts = [part.split(" if ") for part in marked[2].split("; ")[1:]]
        shown = f"* EXCLUDE ({', '.join((marked[1], *(mark for _, mark in parts)))})"
        if persons:
            return f"SELECT {shown} FROM {cells}"
        told = ", ".join(f"CASE WHEN NOT {mark} THEN {column} END AS {column}" for column, mark in parts)
        return f"SELECT {shown}{f' REPLACE ({told})' if told else ''} FROM {cells} WHERE NOT {marked[1]}"
    if persons or not levels(sql):
        return f"FROM {cells}"
    said = [line[0] for each in (_JOINED, _PART, _NOT_TOLD) if (line := each.search(sql))]
    return joined(connection, "\n".join((*said, f"FROM {cells}")))


def joined(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The query of an extract with its small cells joined; as it is where its first lines do not say by what.

    Level by level, within what is told apart already: cells below five are joined, and where they are fewer
    than five together, the smallest of the others goes with them. Figures are summed. What is joined at the
    first level, the brand, is left out: it may be all there is. Where customers are counted in two parts, as
    those who came back and those who did not, a cell is as small as the smaller part; one whose part is NULL
    is counted whole. What nobody without persons is told is NULL.

    >>> rows = "(VALUES ('a', 'x', 9), ('a', 'y', 7), ('a', 'z', 2)) AS t (brand, tier, customers)"
    >>> sql = joined(duckdb.connect(), "-- joined below five: brand; tier\\nFROM " + rows)
    >>> sorted(duckdb.sql(sql).fetchall(), key=str)
    [('a', 'x', 9), ('a', None, 9)]
    """
    by = levels(sql)
    if not by:
        return sql
    types = {quoted(row[0]): row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()}
    part = _PART.search(sql)
    size = f"LEAST(SUM({SIZE}), SUM({part[1]}), SUM({SIZE} - {part[1]}))" if part else f"SUM({SIZE})"
    untold = _NOT_TOLD.search(sql)
    steps, names = [f"cells_0 AS (\n{sql}\n)"], [level.column for level in by]
    for place, level in enumerate(by):
        steps += _step(place, level, names[:place], size)
    sums = {name: "NULL" if untold and name == quoted(untold[1]) else f"SUM({name})" for name in types}
    shown = ", ".join(
        name if name in names else f"CAST({sums[name]} AS {kind}) AS {name}" for name, kind in types.items()
    )
    told = ", ".join(names)
    return (
        f"WITH {', '.join(steps)} SELECT {shown} FROM cells_{len(by)}"
        f" WHERE {names[0]} IS NOT NULL GROUP BY {told} ORDER BY {told}"
    )


def _step(place: int, level: Level, above: list[str], size: str) -> list[str]:
    """How large the cells of a level are, how each is called then, and the cells under these names."""
    columns = ", ".join((*above, level.column))
    names = _in_order(level.column, place, above) if level.in_order else _by_size(level.column, place, above)
    same = " AND ".join(f"c.{name} IS NOT DISTINCT FROM n.{name}" for name in (*above, level.column))
    return [
        f"sizes_{place} AS (SELECT {columns}, {size} AS size FROM cells_{place} GROUP BY ALL)",
        f"names_{place} AS ({names})",
        f"cells_{place + 1} AS (SELECT c.* REPLACE (n.name_then AS {level.column})"
        f" FROM cells_{place} AS c JOIN names_{place} AS n ON {same})",
    ]


def _by_size(name: str, place: int, above: list[str]) -> str:
    """No name for the smallest ones, until those without are five customers, or there are none."""
    among = f"PARTITION BY {', '.join(above)} " if above else ""
    smaller = f"{among}ORDER BY size, {name} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    return (
        f"SELECT *, CASE WHEN size >= {LEAST} AND smaller >= {LEAST} THEN {name} END"
        f" AS name_then FROM (SELECT *, COALESCE(SUM(size) OVER ({smaller}), {LEAST}) AS smaller"
        f" FROM sizes_{place})"
    )


def _in_order(name: str, place: int, above: list[str]) -> str:
    """A class of five or more begins a group, which the smaller ones after it belong to; those before the
    first go with it.
    """
    among = f"PARTITION BY {', '.join(above)} " if above else ""
    within = ", ".join((*above, "place"))
    return (
        f"SELECT *, MIN({name}) OVER (PARTITION BY {within}) AS name_then FROM (SELECT *,"
        f" GREATEST(COUNT_IF(size >= {LEAST}) OVER ({among}ORDER BY {name}), 1) AS place FROM sizes_{place})"
    )
