"""Values that order_lines.sql does not name of a column by which it tells returns from sales: their rows
count as the others do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

from mergehouse.engine.literal import folded, literal
from mergehouse.project.brand import Brand
from mergehouse.project.folding import spellings
from mergehouse.transform.brand_queries import ORDER_LINES, selects_of
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.column_sources import source_of

MAX_VALUES = 20  # of a column that tells kinds apart
NUMBERS = ("number", "percent")
# What a column is compared for; one that gives anything else of a line tells no kinds. What is said of a
# status is said where brand.yml leaves out none.
OF_DIRECTION = {"is_cancellation", "quantity", "unit_price", "amount", "problem", "line_class"}


def untold_kinds(brand: Brand) -> str:
    """SQL of the values, few in all, of columns of which order_lines.sql makes returns by some, without those
    that it compares with - texts, numbers, how a value begins - or brand.yml leaves out; the commonest of all
    is what the rest is. Empty where there is no such column.

    >>> from pathlib import Path
    >>> brand = mh.project("shop").brands["shop"].model_copy(update={"folder": Path()})
    >>> _ = Path("order_lines.sql").write_text("SELECT title = 'Refund' AS is_cancellation FROM lines")
    >>> untold_kinds(brand)[:72]
    "SELECT 'shop' AS source_system, 'lines.title' AS compared, CAST(value AS"
    """
    file = brand.folder / ORDER_LINES
    query = resolved(brand, file)
    named: dict[tuple[str, str], list[_Comparison]] = {}
    telling, open_ended = set[tuple[str, str]](), set[tuple[str, str]]()
    for it in _comparisons(query, brand):
        column = it.source, it.column
        named.setdefault(column, []).append(it)
        if it.is_of_value is None or _tells_the_rest(it.node):
            open_ended.add(column)
        if _tells_direction(it.node):
            telling.add(column)
    if not telling - open_ended:
        return ""
    given = _given(selects_of(query, file), brand)
    of_direction = OF_DIRECTION | ({"status"} & brand.leave_out.keys())
    return " UNION ALL ".join(
        _select(brand, source, name, named[source, name], given.get((source, name), set()))
        for source, name in sorted(telling - open_ended)
        if given.get((source, name), set()) <= of_direction
    )


class _Comparison(NamedTuple):
    """Where a column of a source is compared with what is written there, and the condition that its `value`
    is one that is named, None where that is not told: other than some, above a number, with a word in it.
    """

    node: exp.Expr
    source: str
    column: str
    is_of_value: exp.Expr | None
    texts: list[str]


def _comparisons(query: exp.Query, brand: Brand) -> Iterator[_Comparison]:
    found: list[exp.Expr] = []
    for node in query.find_all(exp.Predicate, exp.StartsWith, exp.Case):
        compared = node.this if isinstance(node, exp.Case) else node
        columns = list(compared.find_all(exp.Column)) if compared else []
        if len({*columns}) != 1 or compared.find(exp.Query, exp.Window, exp.AggFunc, exp.Is):
            continue
        column, select = columns[0], node.find_ancestor(exp.Select)
        table = source_of(select, brand, column)[0] if select else None
        if not table or column.name not in brand.sources[table].columns or _is_within(node, found):
            continue
        found.append(compared)
        is_number = brand.sources[table].columns[column.name].type in NUMBERS
        is_named = None if is_number and _is_measure(query, column.name) else _is_named(node)
        yield _Comparison(node, table, column.name, is_named, _texts(node))


def _is_within(node: exp.Expr, others: list[exp.Expr]) -> bool:
    return any(node is not other and node in other.walk() for other in others)


def _is_named(node: exp.Expr) -> exp.Expr | None:
    match node:
        case exp.Case(args={"this": column, "ifs": branches}):
            named: exp.Expr | None = column.copy().isin(*(branch.this.copy() for branch in branches))
        case exp.EQ() | exp.In() | exp.StartsWith():
            named = node.copy()
        case exp.Like(expression=exp.Literal() as pattern) if not pattern.name.startswith("%"):
            named = node.copy()
        case _:
            named = None
    return named.transform(_as_value) if named else None


def _as_value(it: exp.Expr) -> exp.Expr:
    return exp.column("value") if isinstance(it, exp.Column) else it


def _texts(node: exp.Expr) -> list[str]:
    """Of a column that is compared in whole the texts, which another check finds in other spellings."""
    if isinstance(node, exp.Case):
        return [branch.this.name for branch in node.args["ifs"] if branch.this.is_string]
    is_whole = isinstance(node, exp.EQ | exp.In) and not node.find(exp.Substring, exp.Left, exp.Right)
    return [it.name for it in node.find_all(exp.Literal) if is_whole and it.is_string]


def _is_measure(query: exp.Query, name: str) -> bool:
    """True of a column of numbers that is counted with, such as a quantity, and so tells no kinds."""
    compared = (exp.EQ, exp.NEQ, exp.In, exp.Case)
    return any(it.name == name and not isinstance(it.parent, compared) for it in query.find_all(exp.Column))


def _tells_the_rest(node: exp.Expr) -> bool:
    """True of a comparison that says what all other values are: NOT, or an ELSE that makes returns of them,
    or a problem.
    """
    rest: exp.Expr | None = None
    above: exp.Expr | None = node
    while above and not isinstance(above, exp.Select):
        if isinstance(above, exp.Not):
            return True
        if isinstance(above, exp.Case | exp.If):
            rest = _rest(above)
            if rest and (rest.find(exp.Neg) or (isinstance(rest, exp.Boolean) and rest.this)):
                return True
        if isinstance(above, exp.Alias) and above.alias == "problem":
            return rest is not None and not isinstance(rest, exp.Null)
        above = above.parent
    return False


def _tells_direction(node: exp.Expr) -> bool:
    """True of what a cancellation is told by, or the sign of an amount."""
    above: exp.Expr | None = node
    while above and not isinstance(above, exp.Select):
        if isinstance(above, exp.Alias) and above.alias == "is_cancellation":
            return True
        if isinstance(above, exp.Case | exp.If) and any(result.find(exp.Neg) for result in _results(above)):
            return True
        above = above.parent
    return False


def _results(choice: exp.Case | exp.If) -> list[exp.Expr]:
    branches = choice.args["ifs"] if isinstance(choice, exp.Case) else [choice]
    return [branch.args["true"] for branch in branches]


def _rest(choice: exp.Case | exp.If) -> exp.Expr | None:
    rest: exp.Expr | None = choice.args.get("default" if isinstance(choice, exp.Case) else "false")
    return rest


def _given(selects: list[exp.Query], brand: Brand) -> dict[tuple[str, str], set[str]]:
    """By column of a source, what of order lines is made of it."""
    found: dict[tuple[str, str], set[str]] = {}
    for select in selects:
        for output in select.selects:
            for column in output.find_all(exp.Column):
                if table := source_of(select, brand, column)[0]:
                    found.setdefault((table, column.name), set()).add(output.alias_or_name)
    return found


def _select(brand: Brand, source: str, name: str, compared: list[_Comparison], given: set[str]) -> str:
    left_out = [value for of in {name, *given} for value in brand.leave_out.get(of, [])]
    texts = [text for it in compared for text in it.texts]
    known = spellings([*texts, *left_out, *brand.sources[source].deleted.get(name, [])])
    conditions = {it.is_of_value.sql("spark") for it in compared if it.is_of_value}
    said, written = "value", "TRUE"
    if brand.sources[source].columns[name].type in NUMBERS:
        said = "REGEXP_REPLACE(CAST(CAST(value AS DOUBLE) AS STRING), '[.]0$', '')"
    else:
        written = f"TRIM(`{name}`) <> ''"
    conditions.add(f"{folded(f'TRIM({said})')} IN ({', '.join(map(literal, known or ['']))})")
    is_named = f"COALESCE({' OR '.join(f'({it})' for it in sorted(conditions))}, FALSE)"
    counted = (
        f"SELECT `{name}` AS value, COUNT(*) AS delivered_rows FROM typed.{brand.name}_{source}"
        f" WHERE `{name}` IS NOT NULL AND {written} GROUP BY `{name}`"
    )
    placed = (
        f"SELECT value, delivered_rows, {is_named} AS is_named, COUNT(*) OVER () AS kinds, ROW_NUMBER() OVER"
        f" (ORDER BY delivered_rows DESC, {is_named}, value) AS place FROM ({counted}) AS counted"
    )
    return (
        f"SELECT {literal(brand.name)} AS source_system, {literal(f'{source}.{name}')} AS compared,"
        f" CAST({said} AS STRING) AS value, delivered_rows FROM ({placed}) AS placed"
        f" WHERE NOT is_named AND place > 1 AND kinds BETWEEN 3 AND {MAX_VALUES}"
    )
