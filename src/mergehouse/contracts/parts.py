"""Parts of mergehouse that a project can do without."""

from __future__ import annotations

from mergehouse.contracts.contract import Contract
from mergehouse.project.config import Project


def is_off(contract: Contract, project: Project) -> bool:
    """True of a table of a part that the project does without.

    >>> from mergehouse.contracts.registry import contract_of
    >>> tiny = mh.project("shop")  # says `science: false`
    >>> is_off(contract_of("gold.customer_features"), tiny), is_off(contract_of("gold.dim_brand"), tiny)
    (True, False)
    """
    parts = {
        "science": project.config.science.tables,
        "identity": any(brand.identity for brand in project.brands.values()),
        "vault": project.config.vault,
    }
    return contract.part is not None and not parts[contract.part]
