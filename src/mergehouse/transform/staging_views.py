"""Between Bronze and Silver: typed views of the sources, and each brand's staging SQL stacked into one view.

Everything here is generated Spark SQL, a brand's own as a tree; nothing is written. A typed view reads a
Bronze table with the formats found for each batch; text that cannot be read as its type becomes NULL and
later a reason code.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import get_args

from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.types import SOURCE_TYPES
from mergehouse.engine.dialect import reading
from mergehouse.engine.literal import folded, literal, no_rows
from mergehouse.errors import ConfigError, of_brand
from mergehouse.ingest.brand_source import bronze_table
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand, IdentityAttribute
from mergehouse.project.folding import fold
from mergehouse.project.validation import nearest
from mergehouse.transform.brand_files import brand_file
from mergehouse.transform.brand_queries import (
    ORDER_LINES,
    brand_queries,
    header_sources,
    keyed_by_row,
    line_sources,
    origins_of,
    selects_of,
    version_key,
)
from mergehouse.transform.brand_sql import compared_texts, resolved
from mergehouse.transform.column_sources import source_of
from mergehouse.transform.line_joins import line_joins, line_joins_view
from mergehouse.transform.source_views import (
    instant_columns,
    latest,
    typed_rows,
    undated_versions,
    unread_columns,
)
from mergehouse.transform.untold_kinds import untold_kinds

# what brand.yml says of every row, and whether the brand's SQL says currencies, and tax besides brand.yml
OF_BRAND = {
    "source_system": "STRING",
    "timezone": "STRING",
    "brand_currency": "STRING",
    "are_prices_gross": "BOOLEAN",
    "brand_tax_rate": "DECIMAL(9, 6)",
    "gives_currency": "BOOLEAN",
    "gives_tax_too": "BOOLEAN",
}
TAX = {"tax_rate", "tax_amount"}
IDENTITY = frozenset(get_args(IdentityAttribute))


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


def line_sources_view(brands: list[Brand]) -> str:
    """SQL of `staging.line_sources`: sources whose rows give order lines. `is_joined`: some lines are joined
    to its rows as well, as to an order that has lines and gives one for its postage. Not every row must.
    `is_keyed_by_row`: its key says nothing of the order.

    >>> sql = line_sources_view([mh.project("shop").brands["shop"]])
    >>> sql.removeprefix("SELECT 'shop' AS source_system, ")
    "'lines' AS source_table, FALSE AS is_joined, FALSE AS is_keyed_by_row"
    """
    selects = []
    for brand in brands:
        joined, by_row = header_sources(brand), keyed_by_row(brand)
        selects += [
            f"SELECT '{brand.name}' AS source_system, '{table}' AS source_table,"
            f" {str(table in joined).upper()} AS is_joined, {str(table in by_row).upper()} AS is_keyed_by_row"
            for table in sorted(line_sources(brand))
        ]
    types = {"source_system": "STRING", "source_table": "STRING"}
    return " UNION ALL ".join(selects) or no_rows(
        types | dict.fromkeys(("is_joined", "is_keyed_by_row"), "BOOLEAN")
    )


def joins_view(brands: list[Brand]) -> str:
    """SQL of `staging.line_joins`: the LEFT JOINs by which order lines look something up.

    >>> joins_view([mh.project("shop").brands["shop"]]).endswith("WHERE FALSE")  # it has none
    True
    """
    found = []
    for brand in brands:
        file = brand.folder / ORDER_LINES
        for part, branch in enumerate(selects_of(resolved(brand, file), file), start=1):
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
        for (table, name, of_value), texts in sorted(compared.items()):
            is_kept = of_value != "value" or brand.sources[table].columns[name].type in ("text", "id")
            if not is_kept or not texts:
                continue
            said = " UNION ALL ".join(
                f"SELECT {literal(text)} AS said, {literal(fold(text))} AS letters" for text in sorted(texts)
            )
            selects.append(
                f"SELECT {literal(brand.name)} AS source_system, {literal(f'{table}.{name}')} AS compared,"
                f" t.said, v.value FROM (SELECT DISTINCT `{name}` AS value FROM"
                f" typed.{brand.name}_{table}) AS v"
                f" JOIN ({said}) AS t ON {folded('TRIM(v.value)')} = t.letters"
                f" WHERE {of_value} NOT IN ({', '.join(map(literal, sorted(texts)))})"
            )
    return " UNION ALL ".join(selects) or no_rows(
        dict.fromkeys(("source_system", "compared", "said", "value"), "STRING")
    )


def untold_kinds_view(brands: list[Brand]) -> str:
    """SQL of `staging.untold_kinds`: what `untold_kinds` finds of each brand.

    >>> untold_kinds_view([mh.project("shop").brands["shop"]]).endswith("WHERE FALSE")  # it tells no returns
    True
    """
    selects = [sql for brand in brands if (sql := untold_kinds(brand))]
    texts = dict.fromkeys(("source_system", "compared", "value"), "STRING")
    return " UNION ALL ".join(selects) or no_rows(texts | {"delivered_rows": "BIGINT"})


def undated_versions_view(sources: list[tuple[Brand, str]], batches: list[Batch]) -> str:
    """SQL of `staging.undated_versions`: of sources that give no order lines, the rows that came last and
    gave way, since they say nothing in `updated_at`. Of order lines `silver.duplicates` tells.

    >>> undated_versions_view([(mh.project("shop").brands["shop"], "lines")], []).endswith("WHERE FALSE")
    True
    """
    of_source = defaultdict[tuple[str, str], list[Batch]](list)
    for batch in batches:
        of_source[batch.source_system, batch.source_table].append(batch)
    selects = [
        undated_versions(brand, table, key, of_source[brand.name, table])
        for brand, table in sources
        if brand.sources[table].updated_at and (key := version_key(brand, table))
    ]
    columns = ("source_system", "source_table", "entry", "counts", "later")
    return " UNION ALL ".join(selects) or no_rows(dict.fromkeys(columns, "STRING"))


def raw_rows_view(sources: list[tuple[Brand, str]]) -> str:
    """SQL of `staging.raw_rows`: the Bronze row, as JSON, of every order line that cannot be used.

    >>> brand = mh.project("shop").brands["shop"]
    >>> "TO_JSON(STRUCT(b.`order`, b.`line`" in raw_rows_view([(brand, "lines")])
    True
    """
    unusable = "SELECT batch_id, source_row FROM silver.order_lines WHERE reason_code IS NOT NULL"
    origins = {brand.name: origins_of(brand) for brand, _ in sources}
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
    return stacked(contract, queries_of(contract, brands))


def queries_of(contract: Contract, brands: list[Brand]) -> list[tuple[Brand, exp.Query, Path]]:
    """The queries of every brand that has a file for the contract, and that file.

    >>> from mergehouse.contracts.registry import contract_of
    >>> brand = mh.project("shop").brands["shop"]
    >>> [(b.name, file.name) for b, _, file in queries_of(contract_of("staging.order_lines"), [brand])]
    [('shop', 'order_lines.sql')]
    """
    files = [(brand, brand_file(brand, contract)) for brand in brands]
    return [(b, q, file) for b, file in files if file.exists() for q in brand_queries(b, file)]


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
        computed = _computed(query, brand)
        columns = ", ".join(
            f"{_value(name, name in given, name in computed, column.type)} AS {name}"
            for name, column in contract.columns.items()
        )
        rows = f"SELECT {_of_brand(brand, given)}, {columns} FROM written AS `{brand.name}`"
        parts.append(reading(rows, written=query))
    return union_all(parts) if parts else _empty(contract)


def union_all(parts: list[exp.Query]) -> exp.Query:
    """All rows of one or several queries.

    >>> union_all([exp.select("1"), exp.select("2")]).sql()
    'SELECT 1 UNION ALL SELECT 2'
    """
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


def _value(name: str, is_given: bool, is_computed: bool, kind: str) -> str:
    """A number too large for its column must become NULL, and its line go to quarantine, not stop the run. A
    text that a query computes may be blank, as REGEXP_EXTRACT gives it where nothing fits: it says nothing.
    """
    cast = "TRY_CAST" if kind.startswith("decimal") else "CAST"
    value = f"{cast}({name if is_given else 'NULL'} AS {_view_type(name, kind)})"
    return f"NULLIF(TRIM({value}), '')" if kind == "string" and is_given and is_computed else value


def _computed(query: exp.Query, brand: Brand) -> set[str]:
    """The columns of a query that are no column of a source as it is."""
    return {
        column.alias_or_name
        for column in query.selects
        if not isinstance(it := column.unalias(), exp.Column) or not source_of(query, brand, it)[0]
    }


def _of_brand(brand: Brand, given: set[str]) -> str:
    percent = "NULL" if brand.tax_rate is None else f"{brand.tax_rate * 100:f}"
    values = [
        f"'{brand.name}'",
        f"'{brand.timezone}'",
        f"'{brand.currency}'",
        str(brand.prices == "gross").upper(),
        percent,
        str("currency" in given).upper(),
        str(brand.tax_rate is not None and not given.isdisjoint(TAX)).upper(),
    ]
    return ", ".join(
        f"CAST({value} AS {kind}) AS {name}"
        for value, (name, kind) in zip(values, OF_BRAND.items(), strict=True)
    )


def _check_tax(brand: Brand, given: set[str], file: Path) -> None:
    """Raises ConfigError where prices are with tax and nothing says how much, or the other way about."""
    told = sorted(given & TAX)
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
    return reading(no_rows(OF_BRAND | columns))
