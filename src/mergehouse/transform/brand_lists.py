"""The lists of products and customers of all brands: which of their rows count, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from mergehouse.contracts.contract import Contract
from mergehouse.engine.dialect import reading
from mergehouse.project.brand import Brand
from mergehouse.transform.staging_views import IDENTITY, OF_BRAND, queries_of, stacked, union_all

UNUSABLE = "staging.unusable_entries"


@dataclass(frozen=True)
class BrandList:
    """A list of products or customers: its rows with what each of them breaks (`broken`) of what the contract
    says of their columns, and how those of a key are ordered, the latest first.
    """

    contract: Contract
    rows: exp.Query
    later_first: str

    def place(self, *apart: str) -> str:
        """The place of a row among those of its key, and of the same in columns `apart`, from 1."""
        key = ", ".join(("source_system", *self.contract.key, *apart))
        return f"ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {self.later_first})"


def listed(contract: Contract, brands: list[Brand]) -> BrandList:
    """What the brands' files give for a list.

    >>> from mergehouse.contracts.registry import contract_of
    >>> brand = mh.project("shop").brands["shop"]
    >>> listed(contract_of("staging.customers"), [brand]).rows.named_selects[-1]
    'broken'
    """
    broken = [
        *(f"WHEN {name} IS NULL THEN 'missing_{name}'" for name in contract.key),
        *(
            f"WHEN {name} < {column.min:g} THEN '{name}_out_of_range'"
            for name, column in contract.columns.items()
            if column.min is not None
        ),
    ]
    queries = queries_of(contract, brands)
    given = {name for _, query, _ in queries for name in query.named_selects}  # all others are NULL
    return BrandList(
        contract,
        reading(
            f"SELECT *, CASE {' '.join(broken)} END AS broken FROM stacked",
            stacked=stacked(contract, queries),
        ),
        ", ".join(["ingest_ts DESC", "source_row DESC", *(c for c in contract.columns if c in given)]),
    )


def usable_view(of: BrandList) -> exp.Query:
    """The query of `staging.<name>`: the last row of each key, without those that break the contract.

    >>> from mergehouse.contracts.registry import contract_of
    >>> usable_view(listed(contract_of("staging.customers"), [])).sql()[-25:]
    'AS placed WHERE place = 1'
    """
    columns = ", ".join((*OF_BRAND, *of.contract.columns))
    # asked for the first of a key alone, DuckDB sorts nothing: a fifth less than to read it off the reasons
    return reading(
        f"SELECT {columns} FROM (SELECT *, {of.place()} AS place FROM named WHERE broken IS NULL) AS placed"
        " WHERE place = 1",
        named=of.rows,
    )


def unusable_view(lists: Iterable[BrandList]) -> exp.Query:
    """The query of `staging.unusable_entries`: the rows of lists that do not count, as JSON without what
    tells who somebody is, and why: they break the contract, or a later row has their key.

    >>> from mergehouse.contracts.registry import contract_of
    >>> "missing_customer_code" in unusable_view([listed(contract_of("staging.customers"), [])]).sql()
    True
    """
    return union_all([_unusable(of) for of in lists])


def _unusable(of: BrandList) -> exp.Query:
    told = ", ".join(name for name in of.contract.columns if name not in IDENTITY)
    reason = (
        f"CASE WHEN broken IS NOT NULL THEN broken WHEN {of.place('broken')} > 1"
        f" THEN 'repeated_{of.contract.key[0]}' END"
    )
    return reading(
        f"SELECT source_system, '{of.contract.table.split('.')[1]}' AS list, reason_code,"
        f" TO_JSON(STRUCT({told})) AS entry FROM (SELECT *, {reason} AS reason_code FROM named) AS judged"
        " WHERE reason_code IS NOT NULL",
        named=of.rows,
    )
