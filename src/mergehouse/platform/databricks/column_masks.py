"""Column masks: what of a column each role sees, by `access.yml` and the column's contract.

Of a column about persons whose tag a role masks, nothing. Of what tells one brand's people about other
brands, nothing for whoever may not see the group. Customers' keys are others for each role that may not see
the group, so that two brands' people cannot tell by them which customers they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mergehouse.access.cut import KEY
from mergehouse.access.policy import Policy
from mergehouse.contracts.contract import ColumnContract, Contract
from mergehouse.platform.databricks.row_filters import PIPELINE, member
from mergehouse.platform.databricks.statements import literal, named
from mergehouse.platform.databricks.unity_catalog import ACCESS


def mask_statements(catalog: str, policy: Policy, contracts: Iterable[Contract]) -> list[str]:
    """The functions, and each put on its column.

    >>> from mergehouse.access.policy import load_policy
    >>> from mergehouse.contracts.registry import contract_of
    >>> found = mask_statements("c", load_policy(mh.project("shop")), [contract_of("gold.dim_customer")])
    >>> print(found[-1])  # doctest: +NORMALIZE_WHITESPACE
    ALTER TABLE `c`.`gold`.`dim_customer` ALTER COLUMN `gender`
      SET MASK `c`.`access`.`mask_of_dim_customer_gender`
    """
    made = []
    for contract in contracts:
        table = contract.table.split(".")[1]
        for column, promise in masked_columns(contract):
            function = named(catalog, ACCESS, f"mask_of_{table}_{column}")
            kind = promise.type.upper()
            others = [other for other in _told_with(contract, column) if other != column]
            takes = ", ".join(f"{name} {kind}" for name in [column, *others])
            using = f" USING COLUMNS ({', '.join(map(named, others))})" if others else ""
            made += [
                f"CREATE OR REPLACE FUNCTION {function}({takes}) RETURNS {kind}"
                f" RETURN {mask(policy, contract, column)}",
                f"ALTER TABLE {named(catalog, *contract.table.split('.'))} ALTER COLUMN {named(column)}"
                f" SET MASK {function}{using}",
            ]
    return made


def masked_columns(contract: Contract) -> Iterator[tuple[str, ColumnContract]]:
    """Columns that not everybody sees as they are. What tells about other brands in a key is left to the row
    filter.

    >>> from mergehouse.contracts.registry import contract_of
    >>> [column for column, _ in masked_columns(contract_of("gold.dim_customer"))]
    ['customer_id', 'age_range', 'gender']
    """
    for column, promise in contract.columns.items():
        if promise.pii != "none" or (promise.across_brands and column not in contract.key):
            yield column, promise


def mask(policy: Policy, contract: Contract, column: str) -> str:
    """What a column's value becomes for whoever asks, as SQL over the column.

    Who has several roles sees nothing of what one of them masks, as in the dashboards.

    >>> from mergehouse.access.policy import Role
    >>> from mergehouse.contracts.registry import contract_of
    >>> policy = Policy({"all": Role(label="All", rows="all", group=True, persons=True)}, "1", {})
    >>> print(mask(policy, contract_of("gold.dim_customer"), "gender"))  # doctest: +NORMALIZE_WHITESPACE
    CASE WHEN is_account_group_member('mergehouse_pipeline') THEN gender
      WHEN is_account_group_member('all') THEN NULL END
    """
    promise, shown = contract.columns[column], [(member(PIPELINE), column)]
    by_group = sorted(policy.roles.items(), key=lambda named_role: not named_role[1].group)
    for hidden in (True, False):
        for name, role in by_group:
            if (promise.pii in role.masks) == hidden:
                value = column if role.group else _of_one_brand(name, contract, column)
                shown.append((member(name), "NULL" if hidden else value))
    cases = (
        f"WHEN {asked.sql(dialect='databricks', normalize_functions=False)} THEN {value}"
        for asked, value in shown
    )
    return f"CASE {' '.join(cases)} END"


def _of_one_brand(role: str, contract: Contract, column: str) -> str:
    """What somebody sees who may not see the group."""
    about_others = contract.columns[column].across_brands
    if column == KEY:
        return f"SUBSTR(SHA2(CONCAT({literal(role + ':')}, {column}), 256), 1, 16)"
    if not about_others:
        return column
    together = _told_with(contract, column)
    place = together.index(column)
    if about_others == "all" or place == len(together) - 1 > 0:
        return "NULL"
    hidden = " OR ".join(f"STARTSWITH(told, {literal(value)})" for value in about_others)
    told = f"FILTER(ARRAY({', '.join(together)}), told -> told IS NOT NULL AND NOT ({hidden}))"
    return f"GET({told}, {place})"


def _told_with(contract: Contract, column: str) -> list[str]:
    """Columns that are told in a row without gaps, and without the last of them, so that a gap does not say
    that one was about other brands; else the column alone.
    """
    about_others = contract.columns[column].across_brands
    if not about_others or about_others == "all":
        return [column]
    return [
        name
        for name, promise in contract.columns.items()
        if promise.across_brands == about_others and name not in contract.key
    ]
