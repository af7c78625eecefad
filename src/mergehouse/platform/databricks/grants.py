"""Grants: what each role may read at all. Which rows and values of it, row filters and masks say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mergehouse.platform.databricks.row_filters import PIPELINE, RowFilter
from mergehouse.platform.databricks.statements import named
from mergehouse.platform.databricks.unity_catalog import ACCESS, GOLD


def grants(
    catalog: str, roles: Iterable[str], filters: Iterable[RowFilter], views: Mapping[str, str]
) -> list[str]:
    """The tables of which a role sees rows, and the `views` (each with its table) over these.

    >>> from mergehouse.access.policy import load_policy
    >>> from mergehouse.contracts.registry import contract_of
    >>> from mergehouse.platform.databricks.row_filters import row_filters
    >>> policy = load_policy(mh.project("shop"))
    >>> filters = row_filters(policy, ["shop"], [contract_of("gold.dim_date")])
    >>> print(grants("c", ["analyst"], filters, {})[-1])
    GRANT SELECT ON TABLE `c`.`gold`.`dim_date` TO `analyst`
    """
    filters = list(filters)
    made = [
        f"GRANT USE CATALOG ON CATALOG {named(catalog)} TO {named(PIPELINE)}",
        *(
            f"GRANT USE SCHEMA, SELECT, MODIFY ON SCHEMA {named(catalog, schema)} TO {named(PIPELINE)}"
            for schema in (GOLD, ACCESS)
        ),
    ]
    for role in roles:
        seen = [found.contract.table for found in filters if role in found.conditions]
        if not seen:
            continue
        made += [
            f"GRANT USE CATALOG ON CATALOG {named(catalog)} TO {named(role)}",
            f"GRANT USE SCHEMA ON SCHEMA {named(catalog, GOLD)} TO {named(role)}",
            *(
                f"GRANT SELECT ON TABLE {named(catalog, *table.split('.'))} TO {named(role)}"
                for table in [*seen, *(view for view, table in views.items() if table in seen)]
            ),
        ]
    return made
