"""Between Bronze and Silver: typed views of the sources, and each brand's staging SQL stacked into one view.

Everything here is generated Spark SQL text; nothing is written. A typed view reads a Bronze table with the
formats found for each batch; text that cannot be read as its type becomes NULL and later a reason code.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contracts, models
from mergehouse.contracts.types import SOURCE_TYPES
from mergehouse.errors import ConfigError
from mergehouse.ingest.bronze import Batch
from mergehouse.ingest.delivery import bronze_table
from mergehouse.project.config import Brand, nearest
from mergehouse.transform.order_rules import with_order_rules
from mergehouse.transform.source_views import latest, typed_rows

ORDER_LINES = "order_lines.sql"


def typed_view(brand: Brand, table: str, batches: list[Batch]) -> str:
    """SQL of `typed.<brand>_<table>`: declared columns in their types and the row's origin.

    Where the source has a key, only the latest delivery of each key is kept. An optional source that was
    never delivered has no rows.

    >>> from mergehouse.engine.dialect import to_duckdb
    >>> from mergehouse.ingest.bronze import read_batches
    >>> lakehouse, brand = mh.open("shop"), mh.project("shop").brands["shop"]
    >>> rows = lakehouse.query(to_duckdb(typed_view(brand, "lines", read_batches(lakehouse))))
    >>> sorted(rows.project("title, price").fetchall())[0]
    ('Lamp', Decimal('30.0000'))
    """
    source = brand.sources[table]
    if source.optional and not batches:
        nulls = ", ".join(
            f"CAST(NULL AS {SOURCE_TYPES[c.type]}) AS `{name}`" for name, c in source.columns.items()
        )
        origin = (
            "CAST(NULL AS STRING) AS batch_id, CAST(NULL AS BIGINT) AS source_row, CAST(NULL AS TIMESTAMP) AS"
            " ingest_ts"
        )
        return f"SELECT {nulls}, {origin} WHERE FALSE"
    return latest(source, version_key(brand, table), typed_rows(brand, table, batches))


def version_key(brand: Brand, table: str) -> list[str]:
    """The columns by which only the latest delivery of a row counts.

    Of the source that order lines come from all versions are read: `silver.duplicates` keeps account of those
    that do not count.

    >>> version_key(mh.project("shop").brands["shop"], "lines")  # what order lines come from
    []
    """
    key = brand.sources[table].key
    return [] if key and line_source(_resolved(brand, brand.folder / ORDER_LINES), brand)[0] == table else key


def raw_rows_view(sources: list[tuple[Brand, str]]) -> str:
    """SQL of `staging.raw_rows`: the Bronze row, as JSON, of every order line that cannot be used.

    >>> brand = mh.project("shop").brands["shop"]
    >>> "TO_JSON(STRUCT(b.`order`, b.`line`" in raw_rows_view([(brand, "lines")])
    True
    """
    unusable = "SELECT batch_id, source_row FROM silver.order_lines WHERE reason_code IS NOT NULL"
    parts = []
    for brand, table in sources:
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


def brand_contracts() -> list[Contract]:
    """What brands' own SQL may fill: the views of staging that have a contract and no model.

    >>> [contract.table for contract in brand_contracts()]
    ['staging.customers', 'staging.order_lines', 'staging.products']
    """
    return [contract for contract in contracts("staging") if contract.table not in models()]


def stacked_view(contract: Contract, brands: list[Brand]) -> str:
    """SQL of `staging.<name>`: every brand's `<name>.sql`, cast to the contract and stacked.

    Raises ConfigError where a query lacks a required column, returns an unknown one or reads an unknown
    table.

    >>> from mergehouse.contracts.registry import contract_of
    >>> brand = mh.project("shop").brands["shop"]
    >>> sql = stacked_view(contract_of("staging.order_lines"), [brand])
    >>> sqlglot.parse_one(sql, read="spark").named_selects[:4]
    ['source_system', 'timezone', 'brand_currency', 'order_id']
    """
    files = [(brand, brand_file(brand, contract)) for brand in brands]
    return stacked(contract, [(b, brand_query(b, file), file) for b, file in files if file.exists()])


def brand_file(brand: Brand, contract: Contract) -> Path:
    """Where a brand's SQL for a view of staging is, if it has any.

    >>> from mergehouse.contracts.registry import contract_of
    >>> brand_file(mh.project("shop").brands["shop"], contract_of("staging.order_lines"))
    PosixPath('shop/brands/shop/order_lines.sql')
    """
    return brand.folder / f"{contract.table.split('.')[1]}.sql"


def stacked(contract: Contract, queries: list[tuple[Brand, exp.Query, Path]]) -> str:
    """The brands' queries, each from its file, cast to the contract and stacked.

    >>> from mergehouse.contracts.registry import contract_of
    >>> stacked(contract_of("staging.order_lines"), []).endswith("WHERE FALSE")
    True
    """
    parts = []
    for brand, query, file in queries:
        given = _named_columns(query, contract, file)
        columns = ", ".join(
            f"{_cast(column.type)}({name if name in given else 'NULL'} AS {_view_type(name, column.type)}) AS"
            f" {name}"
            for name, column in contract.columns.items()
        )
        parts.append(
            f"SELECT '{brand.name}' AS source_system, '{brand.timezone}' AS timezone, '{brand.currency}' AS"
            f" brand_currency, {columns} FROM ({query.sql(dialect='spark')}) AS `{brand.name}`"
        )
    return " UNION ALL ".join(parts) or _empty(contract)


def brand_query(brand: Brand, file: Path) -> exp.Query:
    """A brand's staging query with its source names resolved to typed views, and its quotients to nine
    decimals.

    Order lines have what follows from the rules of brand.yml, too.

    >>> brand = mh.project("shop").brands["shop"]
    >>> brand_query(brand, brand.folder / "order_lines.sql").find(exp.Table).sql()
    'typed.shop_lines AS lines'
    """
    query = _resolved(brand, file)
    if file.name != ORDER_LINES or not isinstance(query, exp.Select):
        return query
    return with_order_rules(query, brand, *line_source(query, brand))


def line_source(query: exp.Query, brand: Brand) -> tuple[str | None, str]:
    """The source whose rows are the order lines, and its alias: that of `batch_id`. None where the query has
    another shape.

    >>> brand = mh.project("shop").brands["shop"]
    >>> line_source(brand_query(brand, brand.folder / "order_lines.sql"), brand)
    ('lines', 'lines')
    """
    if not isinstance(query, exp.Select) or query.args.get("group") or not query.args.get("from_"):
        return None, ""
    joined = [join.this for join in query.args.get("joins") or []]
    tables = {
        t.alias_or_name: t
        for t in (query.args["from_"].this, *joined)
        if isinstance(t, exp.Table) and t.db == "typed"
    }
    origin = next((e.find(exp.Column) for e in query.selects if e.alias_or_name == "batch_id"), None)
    if origin is None:
        return None, ""
    alias = origin.table or ("" if joined else next(iter(tables), ""))
    return (tables[alias].name.removeprefix(f"{brand.name}_"), alias) if alias in tables else (None, "")


@functools.lru_cache(maxsize=256)
def _parsed(text: str, file: Path) -> exp.Query:
    try:
        query = sqlglot.parse_one(text, read="spark")
    except sqlglot.errors.ParseError as error:
        first: Any = error.errors[0] if error.errors else {}
        raise ConfigError(
            f"{file}, line {first.get('line', '?')}: not valid Spark SQL: {first.get('description', error)}."
        ) from None
    if not isinstance(query, exp.Query):
        raise ConfigError(f"{file}: expected one SELECT, found {query.key.upper()}.")
    return query


def _resolved(brand: Brand, file: Path) -> exp.Query:
    query = _parsed(file.read_text(encoding="utf-8"), file).copy()
    local = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if table.db or table.name in local:
            continue
        if table.name not in brand.sources:
            best = nearest(table.name, brand.sources)
            hint = f"did you mean `{best}`?" if best else f"brand.yml declares: {', '.join(brand.sources)}."
            raise ConfigError(f"{file}: reads `{table.name}`, which is no source of {brand.label}; {hint}")
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(f"{brand.name}_{table.name}"))
        table.set("db", exp.to_identifier("typed"))
    for quotient in reversed(
        list(query.find_all(exp.Div))
    ):  # of decimals, DuckDB's is a float; by zero, Spark's is an error
        quotient.set("expression", exp.Nullif(this=quotient.expression, expression=exp.Literal.number(0)))
        quotient.replace(exp.TryCast(this=quotient.copy(), to=exp.DataType.build("DECIMAL(28, 9)")))
    return query


def _named_columns(query: exp.Query, contract: Contract, file: Path) -> set[str]:
    given = set(query.named_selects)
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


def _empty(contract: Contract) -> str:
    nulls = ", ".join(f"CAST(NULL AS {_view_type(n, c.type)}) AS {n}" for n, c in contract.columns.items())
    return (
        "SELECT CAST(NULL AS STRING) AS source_system, CAST(NULL AS STRING) AS timezone, "
        f"CAST(NULL AS STRING) AS brand_currency, {nulls} WHERE FALSE"
    )
