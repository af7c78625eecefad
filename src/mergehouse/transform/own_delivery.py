"""Windows and sums over the rows that order lines come from: each sees the rows of one delivery. What an
order says on its first line alone, or what its lines add up to, is that of the file which says it, not of
versions that other files brought.
"""

from __future__ import annotations

import itertools
from collections.abc import Set

from sqlglot import exp

DELIVERY = "batch_id"
OWN = "own_delivery"
NAMES_OF_DELIVERIES = {DELIVERY, "ingest_ts", "source_file"}


def within_deliveries(query: exp.Query, tables: Set[str]) -> None:
    """Parts the windows of a query of order lines by the delivery of their rows, in place, where these are of
    `tables`, which lines come from; and so the groups that lines are joined to. What names deliveries itself
    stays as it is written.

    >>> from mergehouse.engine.dialect import parsed
    >>> query = parsed("SELECT MAX(status) OVER (PARTITION BY number) AS status FROM typed.shop_lines")
    >>> within_deliveries(query, {"shop_lines"})
    >>> query.selects[0].sql("spark")
    'MAX(status) OVER (PARTITION BY number, `shop_lines`.`batch_id`) AS status'
    """
    for window in list(query.find_all(exp.Window)):
        if window.args.get("alias"):  # it is defined elsewhere in the query
            continue
        if _names_deliveries(window):
            continue
        if delivery := _delivery(window.find_ancestor(exp.Select), query, tables):
            window.set("partition_by", [*(window.args.get("partition_by") or []), delivery])
    for join in list(query.find_all(exp.Join)):
        _join_within_deliveries(join, query, tables)


def _names_deliveries(it: exp.Expr) -> bool:
    return bool(NAMES_OF_DELIVERIES & {column.name.lower() for column in it.find_all(exp.Column)})


def _join_within_deliveries(join: exp.Join, whole: exp.Query, tables: Set[str]) -> None:
    """Has a line joined to groups of its own rows find that of its own delivery."""
    lines, groups, on = join.find_ancestor(exp.Select), _inner(join.this, whole), join.args.get("on")
    if not isinstance(groups, exp.Select) or not groups.args.get("group") or not on:
        return
    table = rows_of(groups, whole)
    if table not in tables or rows_of(lines, whole) != table:
        return
    delivery, of_line = _delivery(groups, whole, tables), _delivery(lines, whole, tables)
    if not delivery or not of_line or (_names_deliveries(groups) and OWN not in groups.named_selects):
        return
    if OWN not in groups.named_selects:  # a CTE may be joined several times
        groups.select(exp.alias_(delivery, OWN), copy=False)
        groups.group_by(delivery.copy(), copy=False)
    of_group = exp.column(OWN, join.this.alias_or_name, quoted=True)
    join.set("on", exp.and_(on, of_group.eq(of_line)))


def rows_of(query: exp.Expr | None, whole: exp.Query) -> str | None:
    """The typed table that a query reads its rows from, through CTEs and subqueries of the whole one.

    >>> from mergehouse.engine.dialect import parsed
    >>> query = parsed("WITH o AS (SELECT * FROM typed.shop_lines) SELECT * FROM o")
    >>> rows_of(query, query)
    'shop_lines'
    """
    if not isinstance(query, exp.Select) or not query.args.get("from_"):
        return None
    read = query.args["from_"].this
    if isinstance(read, exp.Table) and read.db:
        return read.name if read.db == "typed" else None
    return rows_of(_inner(read, whole), whole)


def _inner(read: exp.Expr | None, whole: exp.Query) -> exp.Expr | None:
    """The query of a subquery, or of a CTE, that is read. A CTE knows those before it."""
    if isinstance(read, exp.Subquery):
        return read.unnest()
    if not isinstance(read, exp.Table):
        return None
    own = read.find_ancestor(exp.CTE)
    earlier = itertools.takewhile(lambda cte: cte is not own, whole.find_all(exp.CTE))
    return next((cte.this for cte in earlier if cte.alias == read.name), None)


def _delivery(select: exp.Expr | None, whole: exp.Query, tables: Set[str]) -> exp.Column | None:
    """The column that tells deliveries of a SELECT's rows apart, where the rows are of one of the tables."""
    if not isinstance(select, exp.Select) or not select.args.get("from_"):
        return None
    for read in (select.args["from_"].this, *(join.this for join in select.args.get("joins") or [])):
        if isinstance(read, exp.Table) and read.db:
            is_of_lines = read.db == "typed" and read.name in tables
        else:
            inner = _inner(read, whole)
            passes = isinstance(inner, exp.Select) and (DELIVERY in inner.named_selects or inner.is_star)
            is_of_lines = passes and _delivery(inner, whole, tables) is not None
        if is_of_lines:
            return exp.column(DELIVERY, read.alias_or_name, quoted=True)
    return None
