"""What brand.yml says of order lines, written into the brand's own query: which version of a line is later,
what tells orders apart, which lines do not count.
"""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from mergehouse.engine.dialect import with_values
from mergehouse.engine.literal import folded
from mergehouse.errors import ConfigError
from mergehouse.project.brand import Brand
from mergehouse.project.folding import spellings
from mergehouse.project.sources import Source
from mergehouse.project.validation import nearest
from mergehouse.transform.source_views import deletion_marks


def with_order_rules(query: exp.Select, brand: Brand, table: str | None, alias: str) -> exp.Select:
    """The query of order lines with what follows from the rules of the brand and of the source that its lines
    come from, if that is known, by its alias in the query.

    Raises ConfigError where a rule names a column that neither has.

    >>> from mergehouse.engine.dialect import parsed
    >>> brand = mh.project("shop").brands["shop"].model_copy(update={"order_key": ["order_date"]})
    >>> query = parsed("SELECT l.number AS order_id, l.sold AS order_local_ts FROM lines AS l")
    >>> print(with_order_rules(query, brand, "lines", "l").selects[0].sql("spark"))
    CAST(l.number AS STRING) || '/' || COALESCE(CAST(CAST(l.sold AS DATE) AS STRING), '') AS order_id
    """
    source = brand.sources[table] if table else None
    given = {column.alias_or_name: column.unalias() for column in query.selects}
    changed: dict[str, exp.Expr] = {}

    def value(name: str, key: str) -> exp.Expr:
        if name in given:
            return given[name]
        if name == "order_date" and "order_local_ts" in given:
            return with_values("CAST(:it AS DATE)", it=given["order_local_ts"])
        if source and name in source.columns:
            return exp.column(name, alias, quoted=True)
        known = [*given, "order_date", *(source.columns if source else ())]
        best = nearest(name, known)
        hint = f"did you mean `{best}`?" if best else f"expected one of: {', '.join(known)}."
        raise ConfigError(
            f"{brand.folder / 'brand.yml'}: {key}: `{name}` is no column of order_lines.sql or of the source"
            f" of its lines; {hint}"
        )

    if source and source.updated_at and "version" not in given:
        number = source.columns[source.updated_at].type == "number"
        sortable = (
            "LPAD(CAST(:it AS STRING), 40, '0')" if number else "CAST(CAST(:it AS TIMESTAMP_NTZ) AS STRING)"
        )
        changed["version"] = with_values(sortable, it=value(source.updated_at, "updated_at"))
    if brand.order_key and "order_id" in given:
        parts = [with_values("CAST(:it AS STRING)", it=given["order_id"])]
        for name in brand.order_key:
            if name != "order_id":
                part = with_values("COALESCE(CAST(:it AS STRING), '')", it=value(name, "order_key"))
                parts.append(part)
        changed["order_id"] = _joined(parts, "/")
    left_out = [
        _is_one_of(value(name, "leave_out"), values, source) for name, values in brand.leave_out.items()
    ]
    if "order_id" in given:  # without one, what is gone cannot be told
        left_out += [
            with_values(f"{mark} AND :it IS NOT NULL", it=given["order_id"])
            for mark in (deletion_marks(source, alias) if source else ())
        ]
    if left_out:
        problem = given.get("problem", exp.null())
        changed["problem"] = (
            exp.case().when(exp.or_(*left_out), exp.Literal.string("left_out")).else_(problem)
        )
    columns = [
        exp.alias_(changed.pop(column.alias_or_name), column.alias_or_name)
        if column.alias_or_name in changed
        else column
        for column in query.selects
    ]
    return query.select(*columns, *(exp.alias_(e, name) for name, e in changed.items()), append=False)


def _is_one_of(it: exp.Expr, values: list[str], source: Source | None) -> exp.Expr:
    """Whether an expression has one of the values, in any case; a column of numbers, whatever their zeros."""
    column = source.columns.get(it.name) if source and isinstance(it, exp.Column) else None
    if column and column.type in ("number", "percent"):
        numbers = [Decimal(v) for v in values if re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", v)]
        return it.copy().isin(*(exp.Literal.number(f"{n:f}") for n in numbers)) if numbers else exp.false()
    said = with_values(folded("TRIM(CAST(:it AS STRING))"), it=it)
    return said.isin(*spellings(values))


def _joined(texts: list[exp.Expr], mark: str) -> exp.Expr:
    """Texts with a mark between them; NULL where one of them is."""
    template = f" || '{mark}' || ".join(f":it{number}" for number in range(len(texts)))
    return with_values(template, **{f"it{number}": text for number, text in enumerate(texts)})
