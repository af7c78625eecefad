"""Which views of staging brands fill with SQL of their own, and where that is."""

from __future__ import annotations

from pathlib import Path

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import contracts, models
from mergehouse.project.brand import Brand


def brand_contracts() -> list[Contract]:
    """What brands' own SQL may fill: the views of staging that have a contract and no model.

    >>> [contract.table for contract in brand_contracts()]
    ['staging.customers', 'staging.order_lines', 'staging.products']
    """
    return [contract for contract in contracts("staging") if contract.table not in models()]


def brand_file(brand: Brand, contract: Contract) -> Path:
    """Where a brand's SQL for a view of staging is, if it has any.

    >>> from mergehouse.contracts.registry import contract_of
    >>> brand_file(mh.project("shop").brands["shop"], contract_of("staging.order_lines"))
    PosixPath('shop/brands/shop/order_lines.sql')
    """
    return brand.folder / f"{contract.table.split('.')[1]}.sql"
