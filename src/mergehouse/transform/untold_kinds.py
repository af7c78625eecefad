"""Values that order_lines.sql does not name of a column by which it tells returns from sales: their rows
count as the others do.
"""

from __future__ import annotations

from sqlglot import exp

from mergehouse.engine.literal import folded, literal
from mergehouse.project.brand import Brand
from mergehouse.project.folding import spellings
from mergehouse.transform.brand_queries import ORDER_LINES, selects_of
from mergehouse.transform.brand_sql import comparisons, resolved
from mergehouse.transform.column_sources import source_of

MAX_VALUES = 20  # of a column that tells kinds apart
# What a column is compared for; one that gives anything else of a line tells no kinds. What is said of a
# status is said where brand.yml leaves out none.
OF_DIRECTION = {"is_cancellation", "quantity", "unit_price", "amount", "problem", "line_class"}


def untold_kinds(brand: Brand) -> str:
    """SQL of the values, few in all, of columns of which order_lines.sql makes returns by some, without those
    that it compares with, or brand.yml leaves out; the commonest of all is what the rest is. Empty where
    there is no such column.

    >>> from pathlib import Path
    >>> brand = mh.project("shop").brands["shop"].model_copy(update={"folder": Path()})
    >>> _ = Path("order_lines.sql").write_text("SELECT title = 'Refund' AS is_cancellation FROM lines")
    >>> untold_kinds(brand)[:72]
    "SELECT 'shop' AS source_system, 'lines.title' AS compared, value, delive"
    """
    file = brand.folder / ORDER_LINES
    query = resolved(brand, file)
    named: dict[tuple[str, str], set[str]] = {}
    telling, open_ended = set[tuple[str, str]](), set[tuple[str, str]]()
    for comparison in comparisons(query, brand):
        column = comparison.source, comparison.column
        named.setdefault(column, set()).update(comparison.texts)
        if not isinstance(comparison.node, exp.EQ | exp.In | exp.Case) or _tells_the_rest(comparison.node):
            open_ended.add(column)
        if _tells_direction(comparison.node):
            telling.add(column)
    if not telling:
        return ""
    given = _given(selects_of(query, file), brand)
    of_direction = OF_DIRECTION | ({"status"} & brand.leave_out.keys())
    return " UNION ALL ".join(
        _select(brand, source, name, named[source, name], given.get((source, name), set()))
        for source, name in sorted(telling - open_ended)
        if given.get((source, name), set()) <= of_direction
    )


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


def _select(brand: Brand, source: str, name: str, texts: set[str], given: set[str]) -> str:
    left_out = [value for of in {name, *given} for value in brand.leave_out.get(of, [])]
    known = spellings([*texts, *left_out, *brand.sources[source].deleted.get(name, [])])
    is_named = f"{folded('TRIM(value)')} IN ({', '.join(map(literal, known))})"
    counted = (
        f"SELECT `{name}` AS value, COUNT(*) AS delivered_rows FROM typed.{brand.name}_{source}"
        f" WHERE TRIM(`{name}`) <> '' GROUP BY `{name}`"
    )
    placed = (
        f"SELECT value, delivered_rows, {is_named} AS is_named, COUNT(*) OVER () AS kinds, ROW_NUMBER() OVER"
        f" (ORDER BY delivered_rows DESC, {is_named}, value) AS place FROM ({counted}) AS counted"
    )
    return (
        f"SELECT {literal(brand.name)} AS source_system, {literal(f'{source}.{name}')} AS compared, value,"
        f" delivered_rows FROM ({placed}) AS placed"
        f" WHERE NOT is_named AND place > 1 AND kinds BETWEEN 3 AND {MAX_VALUES}"
    )
