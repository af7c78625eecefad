"""The models that come with the package, and the contract of each table: the only file that knows where they
are.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from mergehouse.contracts.contract import Contract, load_contract

MODELS = Path(str(resources.files("mergehouse") / "models"))


def contract_of(table: str) -> Contract:
    """The contract of a table, by its name `layer.table`.

    >>> contract_of("gold.dim_brand").grain
    'one brand'
    """
    return load_contract(MODELS / f"{table.replace('.', '/')}.yml")
