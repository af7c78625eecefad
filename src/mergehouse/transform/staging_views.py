"""Between Bronze and Silver: typed views of the sources, and each brand's staging SQL stacked into one view.

Everything here is generated Spark SQL, a brand's own as a tree; nothing is written. A typed view reads a
Bronze table with the formats found for each batch; text that cannot be read as its type becomes NULL and
later a reason code.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import SOURCE_TYPES
from mergehouse.engine.dialect import parsed, reading
from mergehouse.engine.literal import literal
from mergehouse.errors import ConfigError, of_brand
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.delivery import bronze_table
from mergehouse.project.brand import Brand, IdentityAttribute
from mergehouse.project.validation import nearest
from mergehouse.transform.brand_files import brand_file
from mergehouse.transform.brand_sql import compared_texts, resolved, source_of
from mergehouse.transform.line_joins import line_joins, line_joins_view, with_partners
from mergehouse.transform.order_rules import with_order_rules
from mergehouse.transform.source_views import instant_columns, latest, typed_rows, unread_columns
from mergehouse.transform.unread_values import with_unread

ORDER_LINES = "order_lines.sql"
# what brand.yml says of every row
OF_BRAND = {
    "source_system": "STRING",
    "timezone": "STRING",
    "brand_currency": "STRING",
    "are_prices_gross": "BOOLEAN",
    "brand_tax_rate": "DECIMAL(9, 6)",
}
IDENTITY = frozenset(get_args(IdentityAttribute))
PLACE = ("ingest_ts", "source_row")  # which of two rows came later


def typed_view(brand: Brand, table: str, batches: list[Batch]) -> str:
    """SQL of `typed.<brand>_<table>`: declared columns in their types and the row's origin.

    Where the source has a key, only the latest delivery of each key is kept. An optional source that was
    never delivered has no rows.

    >>> from mergehouse.engine.dialect import to_duckdb
    >>> from mergehouse.ingest.bronze import read_batches
    >>> lakehouse, brand = mh.open("shop"), mh.project("shop").brands["shop"]
    >>> rows = lakehouse.query(to_duckdb(typed_view(brand, "lines", read_batches(lakehouse))))
    >>> sorted(rows.project("title, price").fetchall())[0]
    ('Lamp', Decimal('30.000000000'))
    """
    source = brand.sources[table]
    if source.optional and not batches:
        types = {name: column.type for name, column in source.columns.items()}
        types |= dict.fromkeys(instant_columns(source).values(), "timestamp")
        types |= dict.fromkeys(unread_columns(source).values(), "boolean")
        nulls = ", ".join(f"CAST(NULL AS {SOURCE_TYPES[kind]}) AS `{name}`" for name, kind in types.items())
        origin = (
            "CAST(NULL AS STRING) AS batch_id, CAST(NULL AS BIGINT) AS source_row, CAST(NULL AS TIMESTAMP) AS"
            " ingest_ts, CAST(NULL AS STRING) AS source_file"
        )
        return f"SELECT {nulls}, {origin} WHERE FALSE"
    return latest(source, version_key(brand, table), typed_rows(brand, table, batches))


def version_key(brand: Brand, table: str) -> list[str]:
    """The columns by which only the latest delivery of a row counts.

    Of sources that order lines come from all versions are read: `silver.duplicates` keeps account of those
    that do not count.

    >>> version_key(mh.project("shop").brands["shop"], "lines")  # what order lines come from
    []
    """
    key = brand.sources[table].key
    return [] if key and table in _line_sources(brand) else key


def line_sources_view(brands: list[Brand]) -> str:
    """SQL of `staging.line_sources`: sources whose rows give order lines. `is_joined`: some lines are joined
    to its rows as well, as to an order that has lines and gives one for its postage. Not every row must.

    >>> line_sources_view([mh.project("shop").brands["shop"]])
    "SELECT 'shop' AS source_system, 'lines' AS source_table, FALSE AS is_joined"
    """
    found = [
        (b.name, table, table in _header_sources(b)) for b in brands for table in sorted(_line_sources(b))
    ]
    nothing = "SELECT CAST(NULL AS STRING) AS source_system, CAST(NULL AS STRING) AS source_table"
    return (
        " UNION ALL ".join(
            f"SELECT '{name}' AS source_system, '{table}' AS source_table, {str(joined).upper()} AS is_joined"
            for name, table, joined in found
        )
        or f"{nothing}, FALSE AS is_joined WHERE FALSE"
    )


def joins_view(brands: list[Brand]) -> str:
    """SQL of `staging.line_joins`: the LEFT JOINs by which order lines look something up.

    >>> joins_view([mh.project("shop").brands["shop"]]).endswith("WHERE FALSE")  # it has none
    True
    """
    found = []
    for brand in brands:
        file = brand.folder / ORDER_LINES
        for part, branch in enumerate(_branches(resolved(brand, file), file), start=1):
            found.append((brand.name, part, line_joins(branch, brand)))
    return line_joins_view(found)


def other_spellings_view(brands: list[Brand]) -> str:
    """SQL of `staging.other_spellings`: values that order_lines.sql compares with the same text in another
    case or with blanks, and so does not find.

    >>> other_spellings_view([mh.project("shop").brands["shop"]]).endswith("WHERE FALSE")  # it compares none
    True
    """
    selects = []
    for brand in brands:
        compared = compared_texts(resolved(brand, brand.folder / ORDER_LINES), brand)
        for (table, name), texts in sorted(compared.items()):
            if brand.sources[table].columns[name].type not in ("text", "id") or not texts:
                continue
            said = " UNION ALL ".join(f"SELECT {literal(text)} AS said" for text in sorted(texts))
            selects.append(
                f"SELECT {literal(brand.name)} AS source_system, {literal(f'{table}.{name}')} AS compared,"
                f" t.said, v.value FROM (SELECT DISTINCT `{name}` AS value FROM"
                f" typed.{brand.name}_{table}) AS v"
                f" JOIN ({said}) AS t ON UPPER(TRIM(v.value)) = UPPER(TRIM(t.said))"
                f" WHERE v.value NOT IN ({', '.join(map(literal, sorted(texts)))})"
            )
    columns = ("source_system", "compared", "said", "value")
    nothing = f"SELECT {', '.join(f'CAST(NULL AS STRING) AS {name}' for name in columns)} WHERE FALSE"
    return " UNION ALL ".join(selects) or nothing


def raw_rows_view(sources: list[tuple[Brand, str]]) -> str:
    """SQL of `staging.raw_rows`: the Bronze row, as JSON, of every order line that cannot be used.

    >>> brand = mh.project("shop").brands["shop"]
    >>> "TO_JSON(STRUCT(b.`order`, b.`line`" in raw_rows_view([(brand, "lines")])
    True
    """
    unusable = "SELECT batch_id, source_row FROM silver.order_lines WHERE reason_code IS NOT NULL"
    origins = {brand.name: _origins(brand) for brand, _ in sources}
    parts = []
    for brand, table in sources:
        if not {table, None} & origins[brand.name]:
            continue  # none of its rows is an order line
        raw = ", ".join(f"b.`{name}`" for name in brand.sources[table].columns)
        parts.append(
            f"SELECT b.batch_id, b.source_row, TO_JSON(STRUCT({raw})) AS raw_row FROM"
            f" {bronze_table(brand.name, table)} AS b LEFT SEMI JOIN ({unusable}) AS q ON q.batch_id ="
            " b.batch_id AND q.source_row = b.source_row"
        )
    nothing = (
        "SELECT CAST(NULL AS STRING) AS batch_id, CAST(NULL AS BIGINT) AS source_row, CAST(NULL AS STRING) AS"
        " raw_row WHERE FALSE"
    )
    return " UNION ALL ".join(parts) or nothing


def stacked_view(contract: Contract, brands: list[Brand]) -> exp.Query:
    """The query of `staging.<name>`: every brand's `<name>.sql`, cast to the contract and stacked.

    Raises ConfigError where a query lacks a required column, returns an unknown one or reads an unknown
    table.

    >>> from mergehouse.contracts.registry import contract_of
    >>> brand = mh.project("shop").brands["shop"]
    >>> stacked_view(contract_of("staging.order_lines"), [brand]).named_selects[:4]
    ['source_system', 'timezone', 'brand_currency', 'are_prices_gross']
    """
    files = [(brand, brand_file(brand, contract)) for brand in brands]
    return stacked(
        contract, [(b, q, file) for b, file in files if file.exists() for q in brand_queries(b, file)]
    )


def usable_view(contract: Contract, brands: list[Brand]) -> exp.Query:
    """The query of `staging.<name>` for a list of products or customers: the last row of each code, without
    those that break the contract.

    >>> from mergehouse.contracts.registry import contract_of
    >>> usable_view(contract_of("staging.customers"), []).sql()[-25:]
    'WHERE reason_code IS NULL'
    """
    columns = ", ".join((*OF_BRAND, *contract.columns))
    usable = f"SELECT {columns} FROM judged WHERE reason_code IS NULL"
    return reading(usable, judged=_judged(contract, brands))


def unusable_view(lists: list[Contract], brands: list[Brand]) -> exp.Query:
    """The query of `staging.unusable_entries`: the rows of lists of products or customers that do not count,
    as JSON without what tells who somebody is, and why.

    >>> from mergehouse.contracts.registry import contract_of
    >>> "missing_customer_code" in unusable_view([contract_of("staging.customers")], []).sql()
    True
    """
    parts = [
        reading(
            f"SELECT source_system, '{contract.table.split('.')[1]}' AS list, reason_code,"
            f" TO_JSON(STRUCT({', '.join(c for c in contract.columns if c not in IDENTITY)})) AS entry"
            " FROM judged WHERE reason_code IS NOT NULL",
            judged=_judged(contract, brands),
        )
        for contract in lists
    ]
    return _union(parts)


def _judged(contract: Contract, brands: list[Brand]) -> exp.Query:
    """The stacked rows with the reason why one does not count: it breaks what the contract says of its
    columns, or a later row has its key.
    """
    broken = [
        *(f"WHEN {name} IS NULL THEN 'missing_{name}'" for name in contract.key),
        *(
            f"WHEN {name} < {column.min:g} THEN '{name}_out_of_range'"
            for name, column in contract.columns.items()
            if column.min is not None
        ),
    ]
    key, others = ", ".join(contract.key), ", ".join(contract.columns)
    later_first = (
        f"PARTITION BY source_system, {key}, broken ORDER BY ingest_ts DESC, source_row DESC, {others}"
    )
    return reading(
        "SELECT *, CASE WHEN broken IS NOT NULL THEN broken"
        f" WHEN ROW_NUMBER() OVER ({later_first}) > 1 THEN 'repeated_{contract.key[0]}' END AS reason_code"
        f" FROM (SELECT *, CASE {' '.join(broken)} END AS broken FROM stacked) AS named",
        stacked=stacked_view(contract, brands),
    )


def stacked(contract: Contract, queries: list[tuple[Brand, exp.Query, Path]]) -> exp.Query:
    """The brands' queries, each from its file, cast to the contract and stacked.

    >>> from mergehouse.contracts.registry import contract_of
    >>> stacked(contract_of("staging.order_lines"), []).sql().endswith("WHERE FALSE")
    True
    """
    parts = []
    for brand, query, file in queries:
        with of_brand(brand.name):
            given = _named_columns(query, contract, file)
            if "tax_rate" in contract.columns:
                _check_tax(brand, given, file)
            if IDENTITY & contract.columns.keys():
                _check_identity(brand, given, file)
        columns = ", ".join(
            f"{_cast(column.type)}({name if name in given else 'NULL'} AS {_view_type(name, column.type)}) AS"
            f" {name}"
            for name, column in contract.columns.items()
        )
        rows = f"SELECT {_of_brand(brand)}, {columns} FROM written AS `{brand.name}`"
        parts.append(reading(rows, written=query))
    return _union(parts) if parts else _empty(contract)


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
        branches = _branches(query, file)
        origins = [line_source(branch, brand) for branch in branches]
        for place, (branch, (_, alias)) in enumerate(zip(branches, origins, strict=True)):
            _read_latest(branch, brand, alias, {table for table, _ in origins if table})
            numbered = _numbered(
                _with_instant(branch, brand), brand, place + 1, origins[place], origins[0][0]
            )
            told = with_unread(with_partners(numbered, brand), brand)
            branches[place] = with_order_rules(told, brand, *origins[place])
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
    """The source whose rows are the order lines, and its alias: that of `batch_id`. None where the query has
    another shape.

    >>> brand = mh.project("shop").brands["shop"]
    >>> line_source(brand_queries(brand, brand.folder / "order_lines.sql")[0], brand)
    ('lines', 'lines')
    """
    return _source_of(query, brand, "batch_id")


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


def _line_sources(brand: Brand) -> set[str]:
    return {table for table in _origins(brand) if table}


def _origins(brand: Brand) -> set[str | None]:
    """The sources whose rows are order lines, and None where that cannot be told of a SELECT."""
    file = brand.folder / ORDER_LINES
    return {line_source(branch, brand)[0] for branch in _branches(resolved(brand, file), file)}


def _header_sources(brand: Brand) -> set[str]:
    file = brand.folder / ORDER_LINES
    joined: set[str] = set()
    for branch in _branches(resolved(brand, file), file):
        if own := line_source(branch, brand)[0]:
            read = {
                t.name.removeprefix(f"{brand.name}_") for t in branch.find_all(exp.Table) if t.db == "typed"
            }
            joined |= read - {own}
    return joined & _line_sources(brand)


def _branches(query: exp.Query, file: Path) -> list[exp.Query]:
    """The SELECTs of a UNION ALL, their columns called as those of the first; any other query alone.

    Raises ConfigError where a column would come to stand below another one.
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
    for table in list(branch.find_all(exp.Table)):
        source = table.name.removeprefix(f"{brand.name}_")
        if table.db != "typed" or source not in line_sources or table.alias_or_name == alias:
            continue
        if key := brand.sources[source].key:
            name = table.alias_or_name
            rows = parsed(latest(brand.sources[source], key, f"SELECT * FROM typed.`{table.name}`"))
            table.replace(rows.subquery(name))


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


def _union(parts: list[exp.Query]) -> exp.Query:
    return exp.union(*parts, distinct=False, copy=False) if len(parts) > 1 else parts[0]


def _named_columns(query: exp.Query, contract: Contract, file: Path) -> set[str]:
    names = query.named_selects
    given = set(names)
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{file}: column `{twice[0]}` is there twice; give it once.")
    if "*" in given:
        raise ConfigError(f"{file}: `SELECT *` is not allowed; name the columns of {contract.table}.")
    for name in given - set(contract.columns):
        best = nearest(name, contract.columns)
        hint = f"did you mean `{best}`?" if best else f"expected: {', '.join(contract.columns)}."
        raise ConfigError(f"{file}: column `{name}` is not part of {contract.table}; {hint}")
    for name, column in contract.columns.items():
        if not column.nullable and name not in given:
            raise ConfigError(f"{file}: column `{name}` is missing. It is: {column.meaning}.")
    return given


def _view_type(name: str, kind: str) -> str:
    return "TIMESTAMP_NTZ" if name.endswith("_local_ts") else kind


def _cast(kind: str) -> str:
    """A number too large for its column must become NULL, and its line go to quarantine, not stop the run."""
    return "TRY_CAST" if kind.startswith("decimal") else "CAST"


def _of_brand(brand: Brand) -> str:
    percent = "NULL" if brand.tax_rate is None else f"{brand.tax_rate * 100:f}"
    values = [
        f"'{brand.name}'",
        f"'{brand.timezone}'",
        f"'{brand.currency}'",
        str(brand.prices == "gross").upper(),
        percent,
    ]
    return ", ".join(
        f"CAST({value} AS {kind}) AS {name}"
        for value, (name, kind) in zip(values, OF_BRAND.items(), strict=True)
    )


def _check_tax(brand: Brand, given: set[str], file: Path) -> None:
    """Raises ConfigError where prices are with tax and nothing says how much, or the other way about."""
    told = sorted(given & {"tax_rate", "tax_amount"})
    if brand.prices == "gross" and not told and brand.tax_rate is None:
        raise ConfigError(
            f"{brand.folder / 'brand.yml'}: prices are gross, and nothing says how much tax they include;"
            f" give `tax_rate: 21 %`, or a column `tax_rate` or `tax_amount` in {file.name}."
        )
    if brand.prices != "gross" and told:
        raise ConfigError(
            f"{file}: column `{told[0]}` is the tax within prices; say `prices: gross` in brand.yml, or leave"
            " the column out where amounts are without tax."
        )


def _check_identity(brand: Brand, given: set[str], file: Path) -> None:
    """Raises ConfigError where the query tells other things of who a customer is than brand.yml declares."""
    declared, where = set(brand.identity), brand.folder / "brand.yml"
    for name in sorted(given & IDENTITY - declared):
        raise ConfigError(
            f"{file}: column `{name}` tells who a customer is, and is not declared; say `identity: [{name}]`"
            f" in {where}, or leave it out."
        )
    for name in sorted(declared - given):
        raise ConfigError(
            f"{where}: identity declares `{name}`; {file} gives no such column. Give it, or leave it out of"
            " both."
        )


def _empty(contract: Contract) -> exp.Query:
    columns = {n: _view_type(n, c.type) for n, c in contract.columns.items()}
    nulls = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in (OF_BRAND | columns).items())
    return reading(f"SELECT {nulls} WHERE FALSE")
