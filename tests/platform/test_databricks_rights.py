"""Row filters let through the rows that the dashboards show, and masks the values, for every role."""

from __future__ import annotations

from itertools import combinations

import polars as pl
import pytest
from tests.platform.databricks_rights import SCORES, TRAITS, Rights, on_duckdb, salted
from tests.platform.databricks_suite import rights  # noqa: F401 - a fixture

from mergehouse.access.policy import Policy, Role, Rule
from mergehouse.contracts.registry import contract_of, released
from mergehouse.platform.databricks.column_masks import mask
from mergehouse.platform.databricks.row_filters import row_filters


def test_each_role_sees_the_rows_that_the_dashboards_show(rights: Rights) -> None:
    run, some = on_duckdb(rights.tables), 0
    assert {SCORES, TRAITS} < rights.tables.keys() and len(rights.policy.roles) == 9
    for role in rights.policy.roles:
        for table in rights.tables:
            found, expected = rights.seen(run, table, role), rights.expected(table, role)
            assert salted(found, table) == expected, (role, table)
            some += 0 < len(found) < rights.tables[table].num_rows
    assert some > 20  # filters that let through some rows and not all


def test_two_roles_together_see_what_the_dashboards_show(rights: Rights) -> None:
    """The rows of both; and persons only where both may see persons."""
    run = on_duckdb(rights.tables)
    tables = ("gold.sales_daily", "gold.customer_360", "gold.customer_brand_360", SCORES, TRAITS)
    for roles in combinations(rights.policy.roles, 2):
        for table in tables:
            found = rights.seen(run, table, *roles)
            assert salted(found, table) == rights.expected(table, *roles), (roles, table)
    assert rights.seen(run, "gold.customer_brand_360", "brand_manager_shop")
    assert not rights.seen(run, "gold.customer_brand_360", "brand_manager_shop", "marketing")


def test_whoever_has_no_role_sees_no_row(rights: Rights) -> None:
    run = on_duckdb(rights.tables)
    assert not any(rights.seen(run, table, "nobody") for table in rights.tables)
    everything = {table: len(rights.seen(run, table, "mergehouse_pipeline")) for table in rights.tables}
    assert everything == {table: rows.num_rows for table, rows in rights.tables.items()}


def test_several_values_are_kept_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NOT (a OR b)` keeps its brackets on the way from one dialect to the other."""
    policy = Policy({"one": Role(label="One", rows=(Rule(column="brand", values=("a",)),))}, "1", {})
    contract = contract_of("gold.hazard_ratios")
    told = contract.columns["trait"].model_copy(update={"across_brands": ["several", "other"]})
    contract = contract.model_copy(update={"columns": contract.columns | {"trait": told}})
    monkeypatch.setattr("mergehouse.access.cut.contract_of", lambda name: contract)
    (found,) = row_filters(policy, ["a", "b"], [contract])
    where = found.conditions["one"].sql(dialect="databricks")
    rows = "('a', 'several'), ('a', 'others'), ('a', 'returns'), ('b', 'returns'), ('b', 'several')"
    seen = on_duckdb({})(f"SELECT * FROM (VALUES {rows}) AS t (source_system, trait) WHERE {where}")
    assert seen == [("a", "returns")]


def test_reasons_are_told_as_in_the_dashboards(rights: Rights) -> None:
    """The shop's are: long ago; another brand; no other brand. Of one brand the first alone is told."""
    run = on_duckdb(rights.tables)
    for role, told in (
        ("executive", ("Last purchase long ago", "Buys at another brand, too", "Buys at no other brand")),
        ("brand_manager_shop", ("Last purchase long ago", None, None)),
        ("nobody", (None, None, None)),
    ):
        masks = ", ".join(
            rights.body(f"mask_of_customer_brand_360_reason_{place}", role) for place in (1, 2, 3)
        )
        assert set(run(f"SELECT {masks} FROM gold_customer_brand_360")) == {told}, role


def test_reasons_leave_no_gap() -> None:
    """That the first was about other brands must not be told by its place."""
    policy = Policy({"one": Role(label="One", rows=(Rule(column="brand", values=("a",)),))}, "1", {})
    contract = contract_of("gold.customer_brand_360")
    row = {"reason_1": "Buys at another brand", "reason_2": "Few orders", "reason_3": "Long ago"}
    values = ", ".join(f"'{value}' AS {name}" for name, value in row.items())
    masks = ", ".join(
        mask(policy, contract, name).replace("is_account_group_member('one')", "TRUE") for name in row
    ).replace("is_account_group_member('mergehouse_pipeline')", "FALSE")
    assert on_duckdb({})(f"SELECT {masks} FROM (SELECT {values})") == [("Few orders", "Long ago", None)]


def test_two_brands_people_cannot_tell_by_keys_whom_they_share(rights: Rights) -> None:
    run = on_duckdb(rights.tables)

    def keys(role: str) -> set[str]:
        where = rights.body("rows_of_customer_brand_360", role)
        shown = rights.body("mask_of_customer_brand_360_customer_id", role)
        return {row[0] for row in run(f"SELECT {shown} FROM gold_customer_brand_360 WHERE {where}")}

    one, other, both = keys("brand_manager_shop"), keys("brand_manager_zebra"), keys("executive")
    shared = pl.from_arrow(rights.tables["gold.customer_brand_360"]).filter("is_cross_brand")
    assert shared["customer_id"].n_unique() == 4  # so there is something to tell
    assert (len(one), len(other), len(both)) == (30, 18, 44)
    assert not one & other and not (one | other) & both and all(len(key) == 16 for key in one)


@pytest.mark.parametrize(
    ("role", "seen"), [("executive", False), ("analyst", False), ("marketing", False), ("admin", True)]
)
def test_personal_columns_are_masked(rights: Rights, role: str, seen: bool) -> None:
    """By access.yml the admin alone has `masks: []`."""
    for column in ("age_range", "gender"):
        shown = rights.body(f"mask_of_dim_customer_{column}", role)
        rows = on_duckdb({})(f"SELECT {shown} FROM (SELECT 'x' AS {column})")
        assert rows == [("x" if seen else None,)]


def test_who_has_a_role_that_masks_sees_nothing_of_it() -> None:
    """As in the dashboards: what any role of a person masks is masked."""
    roles = {"all": Role(label="All", rows="all", group=True, masks=()), "few": Role(label="Few", rows="all")}
    body = mask(Policy(roles, "1", {}), contract_of("gold.dim_customer"), "gender")
    answered = body.replace("is_account_group_member('mergehouse_pipeline')", "FALSE")
    for role in roles:
        answered = answered.replace(f"is_account_group_member('{role}')", "TRUE")
    assert on_duckdb({})(f"SELECT {answered} FROM (SELECT 'x' AS gender)") == [(None,)]


def test_every_released_table_has_a_filter() -> None:
    policy = Policy({"all": Role(label="All", rows="all", group=True, persons=True)}, "1", {})
    found = row_filters(policy, ["a"], released())
    assert [one.contract.table for one in found] == [contract.table for contract in released()]
