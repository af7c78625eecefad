"""The models that come with the package, and the contract of each table: the only file that opens models/."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

from mergehouse.contracts.contract import Contract, load_contract

RECEIVER = "receiver"
MODELS = Path(str(resources.files("mergehouse") / "models"))


def contract_of(table: str) -> Contract:
    """The contract of a table, by its name `layer.table`; the tables that receivers of releases keep are in
    no layer.

    >>> contract_of("gold.dim_brand").grain
    'one brand'
    """
    return load_contract(_file(table))


def find(table: str) -> Contract | None:
    """As `contract_of`; None where a table has none of its own: the sources in Bronze have `brand.yml`.

    >>> find("bronze.shop_lines") is None
    True
    """
    return contract_of(table) if _file(table).exists() else None


def contracts(layer: str) -> list[Contract]:
    """The contracts of a layer, in the order of their names.

    >>> [contract.table for contract in contracts("monitor")][:2]
    ['monitor.freshness', 'monitor.promotions']
    """
    return [load_contract(file) for file in sorted((MODELS / layer).rglob("*.yml"), key=lambda f: f.name)]


def released() -> list[Contract]:
    """The contracts of the Gold tables that readers are given.

    >>> "gold.dim_brand" in [contract.table for contract in released()]
    True
    """
    return [contract for contract in contracts("gold") if contract.release != "none"]


@functools.cache
def models(part: str | None = None) -> dict[str, str]:
    """The SQL of every model, by the name of its table or view; or of those in the folders of a `part` that
    projects can do without. Of these, one whose name is another model's takes its place.

    >>> "silver.order_lines" in models(), "silver.customer_hub" in models()
    (True, False)
    >>> sorted(models("vault"))[:2]
    ['silver.calendar_hub', 'silver.customer_hub']
    """
    files = sorted(MODELS.glob(f"*/{part}/*.sql" if part else "*/*.sql"))
    return {
        f"{file.relative_to(MODELS).parts[0]}.{file.stem}": file.read_text(encoding="utf-8") for file in files
    }


def is_built(contract: Contract) -> bool:
    """True of a table that runs can make again, whatever became of it: a model or a function computes it.

    >>> is_built(contract_of("gold.dim_brand")), is_built(contract_of("bronze.batches"))
    (True, False)
    """
    return contract.table in models() | models(contract.part) or contract.computed_by is not None


def _file(table: str) -> Path:
    layer, _, name = table.rpartition(".")
    file = MODELS / (layer or RECEIVER) / f"{name}.yml"
    return file if file.exists() else next(file.parent.glob(f"*/{file.name}"), file)
