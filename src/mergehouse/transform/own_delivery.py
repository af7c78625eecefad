"""Windows, groups and subqueries of the rows that order lines come from: each sees the rows of one delivery.
What an order says on its first line alone, or what its lines add up to, is that of the file which says it,
not of versions that other files brought.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

from sqlglot import exp

DELIVERY = "batch_id"
OWN = "own_delivery"
OTHER_ROWS = ("joins", "laterals", "group", "having", "distinct", "limit", "offset")
NAMES_OF_DELIVERIES = {DELIVERY, "ingest_ts", "source_file"}


def within_deliveries(query: exp.Query, tables: Set[str]) -> None:
    """Parts the windows of a query of order lines by the delivery of their rows, in place, where these are of
    `tables`, which lines come from; and so the rows of their own that lines are joined to by what both have,
    as an order's sum by its number. What names deliveries itself stays as it is written.

    >>> from mergehouse.engine.dialect import parsed
    >>> query = parsed("SELECT MAX(status) OVER (PARTITION BY number) AS status FROM typed.shop_lines")
    >>> within_deliveries(query, {"shop_lines"})
    >>> query.selects[0].sql("spark")
    'MAX(status) OVER (PARTITION BY number, `shop_lines`.`batch_id`) AS status'
    """
    for select in _chain(query, query):
        if delivery := _delivery(select, query, tables):
            _part_windows(select, delivery)
            lines = _Lines(select, delivery, query, tables)
            for join in select.args.get("joins") or []:
                _join_own(join, lines)
            for asked in _subqueries(select):
                _ask_own(asked, lines)


class _Lines(NamedTuple):
    """A SELECT of order lines, the column that tells deliveries of its rows apart, the whole query, and the
    tables that lines come from.
    """

    select: exp.Select
    delivery: exp.Column
    whole: exp.Query
    tables: Set[str]


def rows_of(query: exp.Expr | None, whole: exp.Query) -> str | None:
    """The typed table that a query reads its rows from, through CTEs and subqueries of the whole one.

    >>> from mergehouse.engine.dialect import parsed
    >>> query = parsed("WITH o AS (SELECT * FROM typed.shop_lines) SELECT * FROM o")
    >>> rows_of(query, query)
    'shop_lines'
    """
    table = table_of(query, whole)
    return table.name if table else None


def table_of(query: exp.Expr | None, whole: exp.Query, as_they_are: bool = False) -> exp.Table | None:
    """The table itself; none where subqueries and CTEs do not hand on its rows, or some of them, with all
    columns `as_they_are`, if that is asked for.

    >>> from mergehouse.engine.dialect import parsed
    >>> query = parsed("SELECT * FROM (SELECT batch_id FROM typed.shop_lines) AS o")
    >>> table_of(query, query).name, table_of(query, query, as_they_are=True)
    ('shop_lines', None)
    """
    chain = [*_chain(query, whole)]
    inner = chain[1:] if as_they_are else []
    if not chain or any(not s.is_star or any(map(s.args.get, OTHER_ROWS)) for s in inner):
        return None
    read = chain[-1].args["from_"].this
    return read if isinstance(read, exp.Table) and read.db == "typed" else None


def _chain(query: exp.Expr | None, whole: exp.Query) -> Iterator[exp.Select]:
    """A query, the one that it reads its rows from, and so on."""
    while isinstance(query, exp.Select) and query.args.get("from_"):
        yield query
        query = _inner(query.args["from_"].this, whole)


def _inner(read: exp.Expr, whole: exp.Query) -> exp.Expr | None:
    """The query of a subquery, or of a CTE, that is read. A CTE knows those before it."""
    if isinstance(read, exp.Subquery):
        return read.unnest()
    if not isinstance(read, exp.Table) or read.db:
        return None
    own = read.find_ancestor(exp.CTE)
    earlier = itertools.takewhile(lambda cte: cte is not own, whole.find_all(exp.CTE))
    return next((cte.this for cte in earlier if cte.alias == read.name), None)


def _delivery(select: exp.Select, whole: exp.Query, tables: Set[str]) -> exp.Column | None:
    """The column that tells deliveries of a SELECT's rows apart, where the rows are of one of the tables."""
    for read in (select.args["from_"].this, *(join.this for join in select.args.get("joins") or [])):
        is_of_lines = isinstance(read, exp.Table) and read.db == "typed" and read.name in tables
        inner = _inner(read, whole)
        if isinstance(inner, exp.Select) and read is select.args["from_"].this:
            passes = DELIVERY in inner.named_selects or inner.is_star
            is_of_lines = passes and bool(inner.args.get("from_") and _delivery(inner, whole, tables))
        if is_of_lines:
            return exp.column(DELIVERY, read.alias_or_name, quoted=True)
    return None


def _part_windows(select: exp.Select, delivery: exp.Column) -> None:
    for window in _windows(select):
        is_defined_elsewhere = bool(window.args.get("alias"))
        if not is_defined_elsewhere and not _names_deliveries(window):
            window.set("partition_by", [*(window.args.get("partition_by") or []), delivery.copy()])


def _windows(select: exp.Select) -> list[exp.Window]:
    return [w for w in select.find_all(exp.Window) if w.find_ancestor(exp.Select) is select]


def _join_own(join: exp.Join, lines: _Lines) -> None:
    """Has a line that is joined to rows of its own source, by what both have, find those of its delivery."""
    rows, joined = _inner(join.this, lines.whole), join.this.alias_or_name
    if not isinstance(rows, exp.Select) or not _is_of_same_rows(rows, lines) or _names_deliveries(rows):
        return
    if not rows.args.get("group") and not rows.args.get("distinct") and not _windows(rows):
        return
    on = join.args.get("on") or (lines.select.args.get("where") if not join.args.get("using") else None)
    pairs: list[tuple[exp.Expr, exp.Expr]] = [
        (exp.column(name), exp.column(name, joined)) for name in join.args.get("using") or []
    ]
    pairs += _pairs(on.this if isinstance(on, exp.Where) else on, {joined})
    if not _are_the_same(pairs, rows, lines):
        return
    if isinstance(join.this, exp.Table):  # a CTE, which may be read in other ways, too
        rows = rows.copy()
        join.this.replace(rows.subquery(joined, copy=False))
    if of_row := _own(rows, lines):
        rows.select(exp.alias_(of_row, OWN), copy=False)
        if rows.args.get("group"):
            rows.group_by(of_row.copy(), copy=False)
        _say_columns(join, lines)
        is_own = exp.column(OWN, joined, quoted=True).eq(lines.delivery.copy())
        if isinstance(on, exp.Where):
            on.set("this", exp.and_(on.this, is_own))
        else:
            join.set("on", exp.and_(join.args["on"], is_own))


def _say_columns(join: exp.Join, lines: _Lines) -> None:
    """The ON of a USING: what the SELECT calls by a name alone is the line's."""
    for name in join.args.get("using") or []:
        of_line = exp.column(name.copy(), lines.delivery.args["table"].copy())
        for column in lines.select.find_all(exp.Column):
            if column.name == name.name and not column.table and column.parent_select is lines.select:
                column.set("table", lines.delivery.args["table"].copy())
        found = of_line.eq(exp.column(name.copy(), join.this.alias_or_name))
        join.set("on", exp.and_(join.args["on"], found) if join.args.get("on") else found)
    join.set("using", None)


def _subqueries(select: exp.Select) -> list[exp.Select]:
    """What a SELECT asks row by row: subqueries of its columns and conditions, in whole or within IN."""
    asking = [*select.selects, select.args.get("where")]
    return [it for part in asking if part for it in part.find_all(exp.Select) if it.parent_select is select]


def _ask_own(asked: exp.Select, lines: _Lines) -> None:
    """Has a subquery of the rows that lines come from, about what the line has, see those of its delivery."""
    if not _is_of_same_rows(asked, lines) or _names_deliveries(asked) or lines.select.args.get("group"):
        return
    inner = {it.this.alias_or_name for it in (asked.args["from_"], *(asked.args.get("joins") or []))} | {""}
    pairs = _pairs(asked.args["where"].this, inner) if asked.args.get("where") else []
    asking = asked.parent.parent if isinstance(asked.parent, exp.Subquery) else asked.parent
    if isinstance(asking, exp.In):
        pairs.append((asking.this, asked.selects[0].unalias()))
    rows = _inner(asked.args["from_"].this, lines.whole)
    if _are_the_same(pairs, rows, lines) and (of_row := _own(asked, lines)):
        asked.where(of_row.eq(lines.delivery.copy()), copy=False)


def _is_of_same_rows(rows: exp.Select, lines: _Lines) -> bool:
    own = rows_of(rows, lines.whole)
    return own is not None and own == rows_of(lines.select, lines.whole)


def _own(rows: exp.Select, lines: _Lines) -> exp.Column | None:
    """The column that tells deliveries of rows apart, handed on by the queries that these are read from."""
    delivery = _delivery(rows, lines.whole, lines.tables)
    read = rows.args["from_"].this
    inner = _inner(read, lines.whole)
    if not delivery and isinstance(inner, exp.Select) and (inner.args.get("group") or not _adds_up(inner)):
        inner = inner.copy()
        if of_inner := _own(inner, lines):
            inner.select(exp.alias_(of_inner, DELIVERY), copy=False)
            if inner.args.get("group"):
                inner.group_by(of_inner.copy(), copy=False)
            read.replace(inner.subquery(read.alias_or_name, copy=False))
            delivery = exp.column(DELIVERY, read.alias_or_name, quoted=True)
    if delivery:
        _part_windows(rows, delivery)
    return delivery


def _adds_up(select: exp.Select) -> bool:
    return any(
        it.parent_select is select for it in select.find_all(exp.AggFunc) if not it.find_ancestor(exp.Window)
    )


def _pairs(condition: exp.Expr | None, inner: Set[str]) -> list[tuple[exp.Expr, exp.Expr]]:
    """What a condition says is equal: of the lines, and of rows that have these names."""
    found = []
    for pair in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        if isinstance(pair, exp.EQ | exp.NullSafeEQ):
            left, right = ({it.table for it in side.find_all(exp.Column)} for side in (pair.left, pair.right))
            if right and right <= inner and left and not left & inner - {""}:
                found.append((pair.left, pair.right))
            elif left and left <= inner and right and not right & inner - {""}:
                found.append((pair.right, pair.left))
    return found


def _are_the_same(pairs: Iterable[tuple[exp.Expr, exp.Expr]], rows: exp.Expr | None, lines: _Lines) -> bool:
    """Whether all that is compared is one thing: an order with itself, not a return with its sale."""
    own = _inner(lines.select.args["from_"].this, lines.whole)
    same = [
        _as_delivered(line, own, lines.whole) == _as_delivered(row, rows, lines.whole) for line, row in pairs
    ]
    return any(same) and all(same)


def _as_delivered(it: exp.Expr, query: exp.Expr | None, whole: exp.Query) -> exp.Expr:
    """An expression over a query's columns as one over the columns of what it reads in the end."""
    for select in _chain(query, whole):
        given = {column.alias_or_name: column.unalias() for column in select.selects}
        it = it.transform(lambda node, given=given: given.get(node.name, node) if _is_column(node) else node)
    return it.transform(lambda node: exp.column(node.name) if _is_column(node) else node)


def _is_column(it: exp.Expr) -> bool:
    return isinstance(it, exp.Column)


def _names_deliveries(it: exp.Expr) -> bool:
    return bool(NAMES_OF_DELIVERIES & {column.name.lower() for column in it.find_all(exp.Column)})
