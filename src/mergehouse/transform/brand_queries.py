"""A brand's own SQL as the queries that are run: sources resolved, each row with where it comes from, and of
order lines what the rules of brand.yml say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlglot import exp

from mergehouse.engine.dialect import parsed, reading
from mergehouse.errors import ConfigError, of_brand
from mergehouse.project.brand import Brand
from mergehouse.project.text_file import read_text
from mergehouse.transform import allowed_sql
from mergehouse.transform.brand_sql import resolved
from mergehouse.transform.column_sources import source_of
from mergehouse.transform.line_joins import with_partners
from mergehouse.transform.order_rules import with_order_rules
from mergehouse.transform.own_delivery import rows_of, table_of, within_deliveries
from mergehouse.transform.source_views import instant_columns, latest
from mergehouse.transform.unread_values import with_unread

ORDER_LINES = "order_lines.sql"
PLACE = ("ingest_ts", "source_row")  # which of two rows came later


def brand_queries(brand: Brand, file: Path) -> list[exp.Query]:
    """A brand's staging query with its source names resolved to typed views, and its quotients to nine
    decimals. Of order lines each SELECT of a UNION ALL is a query of its own, with its number as `line_part`.

    Order lines have what follows from the rules of brand.yml, too, and the instant of the order where the
    column of its time tells it. Products and customers have the place of the row that they are read from,
    where there is one.

    >>> brand = mh.project("shop").brands["shop"]
    >>> [query] = brand_queries(brand, brand.folder / "order_lines.sql")
    >>> query.find(exp.Table).sql(), query.named_selects[-1]
    ('typed.shop_lines AS lines', 'line_part')
    """
    with of_brand(brand.name):
        query = resolved(brand, file)
        if file.name != ORDER_LINES:
            return [_with_place(query)]
        branches = selects_of(query, file)
        origins = [line_source(branch, brand) for branch in branches]
        tables = {
            f"{brand.name}_{table}" if table else rows_of(branch, branch) or ""
            for branch, (table, _) in zip(branches, origins, strict=True)
        }
        for place, (branch, (_, alias)) in enumerate(zip(branches, origins, strict=True)):
            within_deliveries(branch, tables)
            _read_latest(branch, brand, alias, {table for table, _ in origins if table})
            numbered = _numbered(
                _with_instant(branch, brand), brand, place + 1, origins[place], origins[0][0]
            )
            told = with_unread(with_partners(numbered, brand), brand)
            branches[place] = with_order_rules(told, brand, *origins[place])
        joined = _joined(branches, brand)
        for place, (table, alias) in enumerate(origins):
            if table in joined:
                branches[place] = _without_gone_lines(branches[place], brand, table, alias)
        return branches


def _with_place(query: exp.Query) -> exp.Query:
    """The query with when the row that each of its rows comes from was loaded, and where it stood."""
    source = query.args["from_"].this if query.args.get("from_") else None
    if not isinstance(query, exp.Select) or not isinstance(source, exp.Table) or source.db != "typed":
        return query
    if query.args.get("group") or query.args.get("distinct") or query.find(exp.AggFunc):
        return query
    places = [f"`{source.alias_or_name}`.{c}" for c in PLACE if c not in query.named_selects]
    return query.select(*places, dialect="spark")


def line_source(query: exp.Query, brand: Brand) -> tuple[str | None, str]:
    """The source whose rows are the order lines, and its alias: that of `batch_id`. A subquery or CTE that
    hands on its rows, with all of their columns, stands for it. None where the query has another shape.

    >>> brand = mh.project("shop").brands["shop"]
    >>> line_source(brand_queries(brand, brand.folder / "order_lines.sql")[0], brand)
    ('lines', 'lines')
    """
    found = _source_of(query, brand, "batch_id")
    return found if found[0] or not isinstance(query, exp.Select) else _source_within(query, brand)


def _source_within(query: exp.Select, brand: Brand) -> tuple[str | None, str]:
    """The source that the subquery or CTE of a query's FROM hands on, and the alias of that."""
    table = None if query.args.get("group") else table_of(query, query, as_they_are=True)
    source = table.name.removeprefix(f"{brand.name}_") if table else ""
    alias = query.args["from_"].this.alias_or_name if table else ""
    batch = next((e.find(exp.Column) for e in query.selects if e.alias_or_name == "batch_id"), None)
    is_of_it = batch and (batch.table == alias or not (batch.table or query.args.get("joins")))
    return (source, alias) if is_of_it and source in brand.sources else (None, "")


def _source_of(query: exp.Query, brand: Brand, name: str) -> tuple[str | None, str]:
    """The source that a column of the query comes from, and its alias."""
    selects = query.selects if isinstance(query, exp.Select) else []
    origin = next((e.find(exp.Column) for e in selects if e.alias_or_name == name), None)
    return source_of(query, brand, origin) if origin else (None, "")


def _with_instant(query: exp.Query, brand: Brand) -> exp.Query:
    """With the instant beside the local time, where this is a column of a source as it is."""
    time = next((e.unalias() for e in query.selects if e.alias_or_name == "order_local_ts"), None)
    table, alias = _source_of(query, brand, "order_local_ts")
    if table is None or not isinstance(time, exp.Column) or "order_instant" in query.named_selects:
        return query
    told = instant_columns(brand.sources[table]).get(time.name)
    return query.select(f"{alias}.`{told}` AS order_instant", dialect="spark") if told else query


def line_sources(brand: Brand) -> set[str]:
    """The sources whose rows are order lines.

    >>> line_sources(mh.project("shop").brands["shop"])
    {'lines'}
    """
    return {table for table in origins_of(brand) if table}


def origins_of(brand: Brand) -> set[str | None]:
    """The sources whose rows are order lines, and None where that cannot be told of a SELECT.

    >>> origins_of(mh.project("shop").brands["shop"])
    {'lines'}
    """
    file = brand.folder / ORDER_LINES
    return {line_source(branch, brand)[0] for branch in selects_of(resolved(brand, file), file)}


def keyed_by_row(brand: Brand) -> set[str]:
    """The sources of order lines with a key that has nothing of the order's number, as the number of an item,
    which may go from one order to another.

    >>> brand = mh.project("shop").brands["shop"]
    >>> keyed = {"lines": brand.sources["lines"].model_copy(update={"key": ["line"]})}
    >>> keyed_by_row(brand.model_copy(update={"sources": keyed}))
    {'lines'}
    """
    file = brand.folder / ORDER_LINES
    found = set()
    for branch in (
        selects_of(resolved(brand, file), file) if any(s.key for s in brand.sources.values()) else []
    ):
        table, alias = line_source(branch, brand)
        key = brand.sources[table].key if table else []
        given = {column.alias_or_name: column.unalias() for column in branch.selects}
        of_order = given.get("order_id", exp.null()).find_all(exp.Column)
        is_of_order = any(it.name in key and it.table in ("", alias) for it in of_order)
        number = given.get("line_id")
        if table and key and not is_of_order and (number is None or [number.name] == key):
            found.add(table)
    return found


def header_sources(brand: Brand) -> set[str]:
    """The sources that some order lines come from and others are joined to, as lines are to their order.

    >>> header_sources(mh.project("shop").brands["shop"])
    set()
    """
    file = brand.folder / ORDER_LINES
    return _joined(selects_of(resolved(brand, file), file), brand)


def _joined(branches: Sequence[exp.Query], brand: Brand) -> set[str]:
    """Sources that some lines come from and others are joined to."""
    own, joined = set[str](), set[str]()
    for branch in branches:
        if table := line_source(branch, brand)[0]:
            read = {
                t.name.removeprefix(f"{brand.name}_") for t in branch.find_all(exp.Table) if t.db == "typed"
            }
            own.add(table)
            joined |= read - {table}
    return joined & own


def written_queries(file: Path) -> list[exp.Query]:
    """The queries of a brand's file as they are written; of order lines each SELECT of a UNION ALL.

    >>> [query.named_selects[0] for query in written_queries(Path("shop/brands/shop/order_lines.sql"))]
    ['order_id']
    """
    query = allowed_sql.parsed(read_text(file), file)
    return selects_of(query, file) if file.name == ORDER_LINES else [query]


def selects_of(query: exp.Query, file: Path) -> list[exp.Query]:
    """The SELECTs of a UNION ALL, their columns called as those of the first; any other query alone.

    Raises ConfigError where a column would come to stand below another one.

    >>> both = parsed("SELECT 1 AS a UNION ALL SELECT 2")
    >>> [query.sql() for query in selects_of(both, Path("order_lines.sql"))]
    ['SELECT 1 AS a', 'SELECT 2 AS "a"']
    """
    found = _parts(query)
    names = found[0].named_selects
    for place, branch in enumerate(found[1:], start=2):
        if len(branch.selects) != len(names):
            raise ConfigError(
                f"{file}: SELECT {place} of the UNION ALL has {len(branch.selects)} columns, the first has"
                f" {len(names)}."
            )
        for column, (name, given) in enumerate(zip(names, branch.selects, strict=True), start=1):
            own = given.alias_or_name if isinstance(given, exp.Alias | exp.Column) else ""
            if own != name and own in names:
                raise ConfigError(
                    f"{file}: column {column} of SELECT {place} of the UNION ALL is `{own}`, which is"
                    f" `{name}` in the first; give the columns in one order, or an alias."
                )
            given.replace(exp.alias_(given.unalias().copy(), name, quoted=True))
    return found


def _parts(query: exp.Query) -> list[exp.Query]:
    if isinstance(query, exp.Subquery) and isinstance(query.this, exp.Query) and not query.args.get("with_"):
        return _parts(query.this)
    if not isinstance(query, exp.Union) or query.args.get("distinct") or _is_cut(query):
        return [query]
    parts = [*_parts(query.left), *_parts(query.right)]
    if common := query.args.get("with_"):
        for part in parts:
            own = part.args.get("with_")
            part.set("with_", common.copy())
            for table in own.expressions if own else ():
                part.args["with_"].append("expressions", table)
    return parts


def _is_cut(query: exp.Query) -> bool:
    return any(query.args.get(clause) for clause in ("limit", "offset"))


def _read_latest(branch: exp.Query, brand: Brand, alias: str, line_sources: set[str]) -> None:
    """Of a source that other lines come from, a SELECT whose lines do not reads the latest versions alone."""
    own = table_of(branch, branch, as_they_are=True) if alias else None
    for table in list(branch.find_all(exp.Table)):
        source = table.name.removeprefix(f"{brand.name}_")
        is_own = table is own or table.alias_or_name == alias
        if table.db != "typed" or source not in line_sources or is_own:
            continue
        if key := brand.sources[source].key:
            name = table.alias_or_name
            rows = parsed(latest(brand.sources[source], key, f"SELECT * FROM typed.`{table.name}`"))
            table.replace(rows.subquery(name))


def _without_gone_lines(branch: exp.Query, brand: Brand, table: str, alias: str) -> exp.Query:
    """A SELECT over headers with a key of which only some give a line: that of an earlier version is left out
    where the last version gives none, as an order's postage is when it is corrected to nothing. Where the
    last one gives it as well, `silver.duplicates` keeps account of the earlier.
    """
    where, first = branch.args.get("where"), branch.args.get("from_")
    source = brand.sources[table]
    if not where or not source.key or not first or not isinstance(branch, exp.Select):
        return branch
    read = {column.table for column in where.find_all(exp.Column)} - {""}
    if not isinstance(first.this, exp.Table) or first.this.alias_or_name != alias or read - {alias}:
        return branch
    key = ", ".join(f"`{name}`" for name in source.key)
    later_first = ", ".join(
        f"`{name}` DESC" for name in (source.updated_at, "ingest_ts", "source_row") if name
    )
    gives = where.this.copy()
    for column in gives.find_all(exp.Column):
        column.set("table", None)
    rows = reading(
        f"SELECT *, FIRST_VALUE(COALESCE(gives_line, FALSE)) OVER (PARTITION BY {key} ORDER BY {later_first})"
        " AS still_gives_line FROM with_condition AS versions",
        with_condition=exp.select("*", exp.alias_(gives, "gives_line")).from_(
            exp.table_(first.this.name, db=first.this.db, quoted=True)
        ),
    )
    branch = branch.from_(rows.subquery(alias))
    problem = next((c.unalias() for c in branch.selects if c.alias_or_name == "problem"), exp.null())
    gone = exp.column("still_gives_line", alias, quoted=True).not_()
    filled = [exp.column(name, alias, quoted=True).is_(exp.null()).not_() for name in source.key]
    told = exp.case().when(exp.and_(gone, *filled), exp.Literal.string("left_out")).else_(problem.copy())
    kept = [column for column in branch.selects if column.alias_or_name != "problem"]
    return branch.select(*kept, exp.alias_(told, "problem"), append=False)


def _numbered(
    branch: exp.Query, brand: Brand, part: int, origin: tuple[str | None, str], first_source: str | None
) -> exp.Select:
    """With `line_part`, and the key of its source as `line_id`, unless it has its own. Keys of other sources
    than the first SELECT's begin with the source: two sources may count alike.
    """
    table, alias = origin
    added = {} if "line_part" in branch.named_selects else {"line_part": str(part)}
    if table and (key := brand.sources[table].key) and "line_id" not in branch.named_selects:
        number = [f"CAST({alias}.`{column}` AS STRING)" for column in key]
        added["line_id"] = " || '-' || ".join(number if table == first_source else [f"'{table}'", *number])
    if not isinstance(branch, exp.Select):
        named = [exp.column(name, quoted=True) for name in branch.named_selects]
        branch = exp.select(*named).from_(branch.subquery("lines"))
    return branch.select(*(f"{sql} AS {name}" for name, sql in added.items()), dialect="spark")


def version_key(brand: Brand, table: str) -> list[str]:
    """The columns by which only the latest delivery of a row counts.

    Of sources that order lines come from all versions are read: `silver.duplicates` keeps account of those
    that do not count.

    >>> version_key(mh.project("shop").brands["shop"], "lines")  # what order lines come from
    []
    """
    key = brand.sources[table].key
    return [] if key and table in line_sources(brand) else key
