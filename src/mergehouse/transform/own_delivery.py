"""Windows and groups of the rows that order lines come from: each sees the rows of one delivery. What an
order says on its first line alone, or what its lines add up to, is that of the file which says it, not of
versions that other files brought.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Set

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
            for join in select.args.get("joins") or []:
                _join_own(join, select, delivery, query, tables)


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


def _join_own(
    join: exp.Join, lines: exp.Select, delivery: exp.Column, whole: exp.Query, tables: Set[str]
) -> None:
    """Has a line that is joined to rows of its own source, by what both have, find those of its delivery."""
    rows = _inner(join.this, whole)
    if not isinstance(rows, exp.Select) or rows_of(rows, whole) != rows_of(lines, whole):
        return
    if not rows.args.get("group") and not _windows(rows):
        return
    of_row = None if _names_deliveries(rows) else _delivery(rows, whole, tables)
    if not of_row or not _is_by_the_same(join, rows):
        return
    if isinstance(join.this, exp.Table):  # a CTE, which may be read in other ways, too
        rows = rows.copy()
        join.this.replace(rows.subquery(join.this.alias_or_name, copy=False))
    _part_windows(rows, of_row)
    rows.select(exp.alias_(of_row, OWN), copy=False)
    if rows.args.get("group"):
        rows.group_by(of_row.copy(), copy=False)
    found = exp.column(OWN, join.this.alias_or_name, quoted=True)
    join.set("on", exp.and_(join.args["on"], found.eq(delivery.copy())))


def _is_by_the_same(join: exp.Join, rows: exp.Select) -> bool:
    """Whether a join compares columns with themselves: an order with itself, not a return with its sale."""
    on, joined = join.args.get("on"), join.this.alias_or_name
    given = {column.alias_or_name: column.unalias() for column in rows.selects}
    pairs = [it for it in (on.flatten() if isinstance(on, exp.And) else [on]) if isinstance(it, exp.EQ)]
    compared = []
    for pair in pairs:
        of_rows, of_line = sorted((pair.left, pair.right), key=lambda it: getattr(it, "table", "") != joined)
        if isinstance(of_rows, exp.Column) and isinstance(of_line, exp.Column):
            compared.append(given.get(of_rows.name, of_rows).name == of_line.name)
    return any(compared) and all(compared)


def _names_deliveries(it: exp.Expr) -> bool:
    return bool(NAMES_OF_DELIVERIES & {column.name.lower() for column in it.find_all(exp.Column)})
