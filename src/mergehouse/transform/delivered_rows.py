"""Every version of the rows of a list that brands deliver, such as customers: what a history is made of.

A brand's query is followed where each of its rows comes from one row of one source; where that has a key, the
list's own key must be that column as it is. Any other query tells what is known now, and not since when.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from sqlglot import exp

from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.engine.dialect import parsed, reading
from mergehouse.engine.literal import literal
from mergehouse.ingest.bronze import Batch
from mergehouse.project.brand import Brand
from mergehouse.transform.brand_files import brand_file
from mergehouse.transform.brand_lists import listed, usable_view
from mergehouse.transform.brand_queries import PLACE, brand_queries, version_key
from mergehouse.transform.source_views import deletion_marks, typed_rows
from mergehouse.transform.staging_views import IDENTITY, OF_BRAND, stacked

BEFORE_ALL = "TIMESTAMP '1900-01-01 00:00:00'"  # of versions that do not say when they came about
DATED = ("date", "timestamp")
ADDED = {  # what is known of a version besides what the list says
    "batch_id": ("string", "The delivery it came in; empty where nobody can tell"),
    "effective_from": ("timestamp", "Since when it holds: as the source says, else when it was loaded"),
    "is_dated": ("boolean", "True where the source says since when"),
    "is_keyed": ("boolean", "True where the last version of a key is in the place of all earlier ones"),
    "is_deleted": ("boolean", "True where it says that the row is gone or cannot be used"),
}
WHOLE_RESULT = (exp.AggFunc, exp.Window, exp.Query, exp.Explode)
CLAUSES = ("joins", "laterals", "with_", "group", "having", "qualify", "distinct", "limit", "offset")


def delivered_name(contract: Contract) -> str:
    """What the view of all versions is called.

    >>> from mergehouse.contracts.registry import contract_of
    >>> delivered_name(contract_of("staging.customers"))
    'staging.customers_delivered'
    """
    return f"{contract.table}_delivered"


def delivered_view(
    contract: Contract, brands: Sequence[Brand], batches: Mapping[tuple[str, str], list[Batch]]
) -> exp.Query:
    """The query of the versions that brands have delivered, a row for each; `batches` by brand and source.

    A version that breaks the contract hides the one before it where the source has a key, and is none where
    it has not: so it is in the list itself.

    >>> from mergehouse.contracts.registry import contract_of
    >>> delivered_view(contract_of("staging.customers"), [], {}).named_selects[-5:]
    ['batch_id', 'effective_from', 'is_dated', 'is_keyed', 'is_deleted']
    """
    added = {name: ColumnContract(type=kind, meaning=meaning) for name, (kind, meaning) in ADDED.items()}
    extended = contract.model_copy(update={"columns": contract.columns | added})
    queries = [
        (brand, versions(brand, contract, batches) or _present(brand, contract, batches), file)
        for brand in brands
        if (file := brand_file(brand, contract)).exists()
    ]
    limits = [f"{n} < {c.min:g}" for n, c in contract.columns.items() if c.min is not None]
    broken = f"COALESCE({' OR '.join(limits) or 'FALSE'}, FALSE)"
    named = " AND ".join(f"{name} IS NOT NULL" for name in contract.key)
    columns = ", ".join((*OF_BRAND, *contract.columns, *list(ADDED)[:-1]))
    return reading(
        f"SELECT {columns}, is_deleted OR {broken} AS is_deleted FROM stacked"
        f" WHERE {named} AND (is_keyed OR NOT {broken})",
        stacked=stacked(extended, queries),
    )


def versions(
    brand: Brand, contract: Contract, batches: Mapping[tuple[str, str], list[Batch]]
) -> exp.Query | None:
    """The brand's query over all that was delivered of its source. None where it is not followed.

    >>> from mergehouse.contracts.registry import contract_of
    >>> brand = mh.project("shop").brands["shop"]
    >>> versions(brand, contract_of("staging.order_lines"), {}) is None  # nothing was delivered
    True
    """
    [query] = brand_queries(brand, brand_file(brand, contract))
    if not isinstance(query, exp.Select) or any(query.args.get(clause) for clause in CLAUSES):
        return None
    read = query.args["from_"].this if query.args.get("from_") else None
    if not isinstance(read, exp.Table) or read.db != "typed" or _is_of_whole_result(query):
        return None
    table, alias = read.name.removeprefix(f"{brand.name}_"), read.alias_or_name
    # what a longer file has in the place of a shorter one was delivered with the shorter one
    delivered = [dataclasses.replace(b, replaces=None) for b in batches.get((brand.name, table), [])]
    if table not in brand.sources or not delivered:
        return None
    source, key = brand.sources[table], version_key(brand, table)
    codes = {e.alias_or_name: e.unalias() for e in query.selects}
    if key and not _is_column(codes.get(contract.key[0]), key):
        return None
    dated = source.updated_at if key else None
    if dated and source.columns[dated].type not in DATED:
        return None
    gone = deletion_marks(source, alias) if key else []
    if key and (condition := query.args.pop("where", None)):
        gone.append(f"NOT COALESCE({condition.this.sql('spark')}, FALSE)")
    since = f"COALESCE(CAST({alias}.`{dated}` AS TIMESTAMP), {BEFORE_ALL})" if dated else f"{alias}.ingest_ts"
    rows = parsed(typed_rows(brand, table, delivered)).subquery(alias)
    values = (f"{alias}.batch_id", since, f"{bool(dated)}", f"{bool(key)}", " OR ".join(gone) or "FALSE")
    added = [f"{value} AS {name}" for value, name in zip(values, ADDED, strict=True)]
    return query.from_(rows).select(*added, dialect="spark")


def _is_of_whole_result(query: exp.Select) -> bool:
    return any(found is not query for found in query.find_all(*WHOLE_RESULT))


def _is_column(code: exp.Expr | None, key: list[str]) -> bool:
    return isinstance(code, exp.Column) and [code.name] == key


def _present(brand: Brand, contract: Contract, batches: Mapping[tuple[str, str], list[Batch]]) -> exp.Query:
    """The brand's list as it is now, said by its last delivery as far as anybody can tell."""
    moments = [b.ingest_ts for (name, _), own in batches.items() if name == brand.name for b in own]
    last = f"CAST({literal(max(moments).isoformat())} AS TIMESTAMP)" if moments else BEFORE_ALL
    untold = (IDENTITY - set(brand.identity)) | set(PLACE)
    columns = ", ".join(name for name in contract.columns if name not in untold)
    since = f"COALESCE(ingest_ts, {last})"
    return reading(
        f"SELECT {columns}, {since} AS ingest_ts, COALESCE(source_row, 0) AS source_row, NULL AS batch_id,"
        f" {since} AS effective_from, FALSE AS is_dated, FALSE AS is_keyed, FALSE AS is_deleted FROM usable",
        usable=usable_view(listed(contract, [brand])),
    )
