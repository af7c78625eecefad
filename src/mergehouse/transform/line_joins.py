"""The LEFT JOINs of a brand's order lines: by what they look rows up, and whether a line finds one. Keys that
are written differently on the two sides find nothing, and nothing else would say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from mergehouse.engine.literal import literal
from mergehouse.project.brand import Brand

FOUND, NONE, NOT_ASKED = "+", "-", "?"
STRING = exp.DataType.build("STRING", dialect="spark")  # and a TryCast is what Spark's CAST is read as
WHOLE_RESULT = ("group", "having", "distinct", "qualify")


@dataclass(frozen=True)
class LineJoin:
    """A LEFT JOIN by equal values: what the line has (`wanted`) and what the other side has (`found`), in
    pairs.

    `compared` names both, `source` is what is read there, if it is one of the brand's. `is_lookup`: it is
    joined by its key, so that each line should find its row, and is no list of which the query asks whether
    it has the line.
    """

    wanted: list[exp.Expr]
    found: list[exp.Expr]
    compared: str
    source: str | None
    is_lookup: bool


def line_joins(query: exp.Query, brand: Brand) -> list[LineJoin]:
    """The LEFT JOINs of one SELECT of order lines that compare columns of both sides.

    >>> from mergehouse.engine.dialect import parsed
    >>> brand = mh.project("shop").brands["shop"]
    >>> joined = "LEFT JOIN mapping.countries AS c ON c.spelling = UPPER(l.title) AND c.region = 'North'"
    >>> [found] = line_joins(parsed(f"SELECT c.region FROM typed.shop_lines AS l {joined}"), brand)
    >>> found.compared
    'UPPER(lines.title) = countries.spelling'
    """
    return _of_lines(query, brand)[1]


def with_partners(query: exp.Select, brand: Brand) -> exp.Select:
    """The query with `partners`: empty where a line finds a row by every LEFT JOIN, else a sign for each of
    them - + found, - none, ? nothing to look for - and behind them the first value that finds none.

    >>> from mergehouse.engine.dialect import parsed
    >>> brand = mh.project("shop").brands["shop"]
    >>> joined = "LEFT JOIN mapping.countries AS c ON c.spelling = l.title"
    >>> query = parsed(f"SELECT 1 AS n FROM typed.shop_lines AS l {joined}")
    >>> print(with_partners(query, brand).selects[-1].sql("spark"))
    CASE WHEN NOT c.spelling IS NULL THEN NULL ELSE CONCAT(CASE ... ELSE '-' END, ...) END AS partners
    """
    joined, joins = _of_lines(query, brand)
    if not isinstance(joined, exp.Select) or not joins or "partners" in query.named_selects:
        return query
    is_found = [exp.not_(join.found[0].copy().is_(exp.null())) for join in joins]
    signs: list[exp.Expr] = []
    values: list[exp.Expr] = []
    for join, found in zip(joins, is_found, strict=True):
        has_none = exp.or_(*(value.copy().is_(exp.null()) for value in join.wanted))
        sign = exp.case().when(found.copy(), _text(FOUND)).when(has_none, _text(NOT_ASKED)).else_(_text(NONE))
        texts = [exp.TryCast(this=value.copy(), to=STRING.copy()) for value in join.wanted]
        value = exp.func("CONCAT_WS", _text(" / "), *texts, dialect="spark") if len(texts) > 1 else texts[0]
        signs.append(sign)
        values.append(exp.case().when(exp.not_(exp.or_(found.copy(), has_none.copy())), value))
    said = exp.func("CONCAT", *signs, exp.func("COALESCE", *values, _text("")), dialect="spark")
    told = exp.case().when(exp.and_(*is_found), exp.null()).else_(said)
    joined.select(exp.alias_(told, "partners"), copy=False)
    return (
        query
        if joined is query
        else query.select(f"`{query.args['from_'].alias_or_name}`.partners", dialect="spark")
    )


def line_joins_view(joins: list[tuple[str, int, list[LineJoin]]]) -> str:
    """SQL of `staging.line_joins`: of each brand and SELECT of its order lines (`line_part`) the LEFT JOINs,
    by their `place` among as many as `partners` has `signs` of.

    >>> print(line_joins_view([])[-11:])
    WHERE FALSE
    """
    columns = {
        "source_system": "STRING", "line_part": "INT", "place": "INT", "signs": "INT", "compared": "STRING",
        "source_table": "STRING", "is_lookup": "BOOLEAN",
    }  # fmt: skip
    rows = [
        (brand, part, place, len(of_part), join.compared, join.source, join.is_lookup)
        for brand, part, of_part in joins
        for place, join in enumerate(of_part, start=1)
    ]
    given = [
        [literal(v) if isinstance(v, str) else "NULL" if v is None else str(v) for v in row] for row in rows
    ]
    selects = [
        ", ".join(
            f"CAST({value} AS {kind}) AS {name}"
            for value, (name, kind) in zip(row, columns.items(), strict=True)
        )
        for row in given or [["NULL"] * len(columns)]
    ]
    return " UNION ALL ".join(f"SELECT {row}" for row in selects) + ("" if given else " WHERE FALSE")


def _of_lines(query: exp.Query, brand: Brand) -> tuple[exp.Query, list[LineJoin]]:
    """The SELECT in which lines are joined - the query, or what it reads its lines from - and its joins."""
    joins = _joins(query, brand)
    if joins or not isinstance(query, exp.Select) or query.args.get("joins") or _is_of_whole_result(query):
        return query, joins
    read = query.args["from_"].this if query.args.get("from_") else None
    inner = read.this if isinstance(read, exp.Subquery) else None
    if isinstance(read, exp.Table) and not read.db:
        times = sum(table.name == read.name and not table.db for table in query.find_all(exp.Table))
        inner = next((cte.this for cte in query.ctes if cte.alias_or_name == read.name and times == 1), None)
    if not isinstance(inner, exp.Select) or inner.is_star:
        return query, []
    return inner, _joins(inner, brand)


def _joins(query: exp.Query, brand: Brand) -> list[LineJoin]:
    if not isinstance(query, exp.Select) or _is_of_whole_result(query):
        return []
    joins = query.args.get("joins") or []
    tables = [query.args["from_"].this, *(join.this for join in joins)] if joins else []
    known = {table.alias_or_name: _known_columns(table, brand) for table in tables}
    names = {table.alias_or_name: _source(table, brand) or table.alias_or_name for table in tables}
    told = [_line_join(join, brand, names, known) for join in joins if join.side == "LEFT"]
    return [join for join in told if join]


def _is_of_whole_result(query: exp.Select) -> bool:
    return any(query.args.get(clause) for clause in WHOLE_RESULT)


def _line_join(
    join: exp.Join, brand: Brand, names: dict[str, str], known: dict[str, set[str]]
) -> LineJoin | None:
    own, on = join.this.alias_or_name, join.args.get("on")
    wanted: list[exp.Expr] = []
    found: list[exp.Expr] = []
    others = {table: columns for table, columns in known.items() if table != own}
    pairs: list[tuple[exp.Expr, exp.Expr]] = [
        (exp.column(name), exp.column(name, own)) for name in join.args.get("using") or []
    ]
    for condition in on.flatten() if isinstance(on, exp.And) else [on] if on else []:
        if isinstance(condition := condition.unnest(), exp.EQ):
            pairs.append((condition.left, condition.right))
    for left, right in pairs:
        sides = {
            _side(e, own): e for e in (_qualified(left, known if on else others), _qualified(right, known))
        }
        if {*sides} == {"own", "other"}:
            wanted.append(sides["other"])
            found.append(sides["own"])
    if not found:
        return None
    compared = " and ".join(
        f"{_named(w, names)} = {_named(f, names)}" for w, f in zip(wanted, found, strict=True)
    )
    read = {_source(table, brand) for table in join.this.find_all(exp.Table)}
    source = next((name for name in brand.sources if read == {name}), None)
    key = brand.sources[source].key if source and isinstance(join.this, exp.Table) else []
    is_by_key = bool(key) and {e.name for e in found if isinstance(e, exp.Column)} == {*key}
    is_lookup = is_by_key and not _marks_some(own, join.find_ancestor(exp.Select))
    return LineJoin(wanted, found, compared, source, is_lookup)


def _marks_some(table: str, query: exp.Expr | None) -> bool:
    """Whether a query asks if there is a row of a joined table, as of a list of what is deleted."""
    asked = (it.this for it in query.find_all(exp.Not) if isinstance(it.this, exp.Is)) if query else ()
    return any(isinstance(it.this, exp.Column) and it.this.table == table for it in asked)


def _qualified(value: exp.Expr, known: dict[str, set[str]]) -> exp.Expr:
    """An expression, its columns with the table that alone has one of the name, where they name none."""
    told = value.copy()
    for column in told.find_all(exp.Column):
        owners = [table for table, columns in known.items() if column.name in columns]
        if not column.table and len(owners) == 1:
            column.set("table", exp.to_identifier(owners[0]))
    return told


def _side(value: exp.Expr, own: str) -> str:
    """Of which side of a join the columns of an expression are, if of one and if that is told."""
    tables = {column.table for column in value.find_all(exp.Column)}
    if not tables or "" in tables or value.find(exp.Query):
        return ""
    return "own" if tables == {own} else "" if own in tables else "other"


def _named(value: exp.Expr, names: dict[str, str]) -> str:
    """An expression as people read it, its columns with the names of sources."""
    told = value.copy()
    for column in told.find_all(exp.Column):
        column.set("table", exp.to_identifier(names.get(column.table, column.table)))
        column.this.set("quoted", False)
    return told.sql("spark")


def _known_columns(table: exp.Expr, brand: Brand) -> set[str]:
    if isinstance(table, exp.Subquery):
        return {*table.named_selects}
    source = _source(table, brand)
    return {*brand.sources[source].columns} if source and source in brand.sources else set()


def _source(table: exp.Expr, brand: Brand) -> str | None:
    """What people call a table."""
    if not isinstance(table, exp.Table):
        return None
    return table.name.removeprefix(f"{brand.name}_") if table.db == "typed" else table.name


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)
