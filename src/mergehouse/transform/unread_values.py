"""Amounts, costs, taxes and cancellations that say something and cannot be read: they must not count as if
nothing were said.
"""

from __future__ import annotations

from sqlglot import exp

from mergehouse.engine.dialect import with_values
from mergehouse.project.brand import Brand
from mergehouse.transform.column_sources import source_of
from mergehouse.transform.source_views import unread_columns

# columns of order lines that may be empty; quantity and price may not, and have reasons of their own
MAY_BE_EMPTY = {
    **dict.fromkeys(("amount", "cost", "profit", "tax_amount", "tax_rate"), "DECIMAL(20, 9)"),
    "is_cancellation": "BOOLEAN",
}


def with_unread(query: exp.Select, brand: Brand) -> exp.Select:
    """The query of order lines with the problem of those that give such a value: from a column of a source
    whose cell was not read, or from an expression that is no number, or no yes or no. Marks of deletion are
    such values, too.

    >>> from mergehouse.engine.dialect import parsed
    >>> brand = mh.project("shop").brands["shop"]
    >>> query = parsed("SELECT l.price AS amount FROM typed.shop_lines AS l")
    >>> print(with_unread(query, brand).selects[-1].sql("spark"))
    CASE WHEN `l`.`price_unread` THEN 'unreadable_value' END AS problem
    """
    given = {column.alias_or_name: column.unalias() for column in query.selects}
    doubtful = [name for name in MAY_BE_EMPTY if name in given]
    elsewhere = [given[name] for name in ("quantity", "unit_price") if name in given]
    read = [c for name in doubtful for c in given[name].find_all(exp.Column) if c not in elsewhere]
    marks = [mark for column in read if (mark := _mark(query, brand, column))]
    unread: list[exp.Expr] = [*marks, *_deletion_marks(query, brand, given)]
    for name in doubtful:
        value = given[name]
        if not (isinstance(value, exp.Column) and _mark(query, brand, value)):
            is_none = f":it IS NOT NULL AND TRY_CAST(:it AS {MAY_BE_EMPTY[name]}) IS NULL"
            unread.append(with_values(is_none, it=value))
    if not unread:
        return query
    told: exp.Expr = exp.case().when(exp.or_(*dict.fromkeys(unread)), exp.Literal.string("unreadable_value"))
    if "problem" in given:
        told = exp.func("COALESCE", given["problem"].copy(), told)
    kept = [column for column in query.selects if column.alias_or_name != "problem"]
    return query.select(*kept, exp.alias_(told, "problem"), append=False)


def _mark(query: exp.Select, brand: Brand, column: exp.Column) -> exp.Column | None:
    """The column beside that of a source which says that a cell was not read."""
    table, alias = source_of(query, brand, column)
    mark = unread_columns(brand.sources[table]).get(column.name) if table else None
    return exp.column(mark, alias or None, quoted=True) if mark else None


def _deletion_marks(query: exp.Select, brand: Brand, given: dict[str, exp.Expr]) -> list[exp.Column]:
    """Those of what says that a row is gone, of the source that the lines come from."""
    origin = given["batch_id"].find(exp.Column) if "batch_id" in given else None
    table, alias = source_of(query, brand, origin) if origin else (None, "")
    names = brand.sources[table].deleted if table else {}
    columns = [exp.column(name, alias or None) for name in names]
    return [mark for column in columns if (mark := _mark(query, brand, column))]
