"""Which source of a brand a column of its SQL comes from."""

from __future__ import annotations

from sqlglot import exp

from mergehouse.project.brand import Brand


def source_of(query: exp.Query, brand: Brand, column: exp.Column) -> tuple[str | None, str]:
    """The source of the brand that a column of its query comes from, and its alias there. None where that
    cannot be told.

    >>> brand = mh.project("shop").brands["shop"]
    >>> from mergehouse.transform.brand_sql import resolved
    >>> query = resolved(brand, brand.folder / "order_lines.sql")
    >>> source_of(query, brand, query.find(exp.Column))
    ('lines', 'lines')
    """
    if not isinstance(query, exp.Select) or query.args.get("group") or not query.args.get("from_"):
        return None, ""
    joined = [join.this for join in query.args.get("joins") or []]
    tables = {
        t.alias_or_name: t.name.removeprefix(f"{brand.name}_")
        for t in (query.args["from_"].this, *joined)
        if isinstance(t, exp.Table) and t.db == "typed"
    }
    alias = column.table or ("" if joined else next(iter(tables), ""))
    return (tables[alias], alias) if tables.get(alias) in brand.sources else (None, "")
