"""For each role the rows under its rules, from DAX put into SQL over Gold, are those of the web's policy."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from tests.app.shared_customers import make
from tests.platform.powerbi_defects import OF_ROWS
from tests.platform.powerbi_rules import in_sql
from tests.prepared import prepared

from mergehouse.access.cut import KEY, cut
from mergehouse.access.policy import Policy, load_policy
from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import quoted
from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.platform.powerbi.star import star
from mergehouse.platform.powerbi.tmdl import tmdl_files
from mergehouse.platform.powerbi.tmdl_reader import read_tmdl
from mergehouse.project.config import Project, load_project

OF_PERSONS = {
    "Customer", "Customer of the group", "Customer by brand", "Customer scores",
    "Raw lines", "Rejected lines",
}  # fmt: skip
OF_GROUPS = {"Segment outlook", "Model metrics", "Model curves", "Survival curves", "Survival summary"}
ROLES = """
  south: {label: South, rows: [{column: region, values: [South Europe]}], persons: true}
  both:
    {label: Both, rows: [{column: brand, values: [shop]}, {column: country, values: [DE, FR]}], persons: true}
  others: {label: Others, rows: [{column: brand, operator: not in, values: [shop]}], persons: true}
  elsewhere: {label: Elsewhere, rows: [{column: country, operator: not in, values: [DE]}], persons: true}
  counted: {label: Counted, rows: [{column: region, values: [North Europe]}], masks: [personal, pseudonym]}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = prepared("shared_customers", make, tmp_path_factory.mktemp("house") / "shop")
    access = folder / "access.yml"
    access.write_text(access.read_text() + ROLES)
    return load_project(folder)


@pytest.fixture(scope="module")
def model(project: Project) -> SemanticModel:
    return semantic_model(project, "directquery")


@pytest.fixture(scope="module")
def gold(project: Project, model: SemanticModel) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of the model that there are, under their names and as `published`, for the policy's SQL."""
    lakehouse = Lakehouse(project.lakehouse_location)
    there = [table.entity for table in model.tables if table.entity and lakehouse.exists(table.entity)]
    connection = lakehouse.reading(*dict.fromkeys(there))
    connection.execute("CREATE SCHEMA published; SET VARIABLE salt = 'salt'")
    for name in dict.fromkeys(there):
        connection.execute(f"CREATE VIEW published.{quoted(name)} AS SELECT * FROM {name}")
    yield connection


def test_each_role_sees_what_it_sees_on_the_web(project: Project, model: SemanticModel, gold) -> None:
    policy = load_policy(project)
    assert differences(policy, model, gold, tmdl_files(model), project) == []
    assert {role.name for role in model.roles} == set(policy.roles)


@pytest.mark.parametrize("defect", OF_ROWS, ids=lambda defect: defect.name)
def test_a_defect_of_rows_is_found(project: Project, model: SemanticModel, gold, defect) -> None:
    files = tmdl_files(model)
    defect.seed(files)
    assert differences(load_policy(project), model, gold, files, project)


def test_names_are_open_and_cut_by_rules_about_them(model: SemanticModel) -> None:
    rules = {role.name: role.rows for role in model.roles}
    assert "Date" not in {table for rows in rules.values() for table in rows}
    assert (
        "Brand" not in rules["south"] and "Country" in rules["south"]
    )  # sales would vanish with the brand's name
    assert "IN SELECTCOLUMNS" in rules["south"]["Customer scores"]  # which has no place of its own
    few = "'Survival curves'[At risk]"
    assert rules["marketing"]["Survival curves"] == f"( ISBLANK ( {few} ) || {few} >= 5 )"
    assert rules["south"]["Brand clock"] == "( ( FALSE() ) )"
    assert rules["both"]["Brand"] == "( 'Brand'[Brand key] IN { \"shop\" } )"


def test_columns_are_hidden_as_masks_say(model: SemanticModel) -> None:
    hidden = {role.name: role.hidden for role in model.roles}
    assert hidden["executive"] == {"Customer": ("Age range", "Gender")}
    assert "Cross brand" in hidden["brand_manager_shop"]["Customer by brand"]
    assert hidden["admin"] == {}


def differences(
    policy: Policy, model: SemanticModel, gold, files: dict[str, str], project: Project
) -> list[str]:
    """Roles and tables of which Power BI would show other rows than the web suite, by the key of a row."""
    open_tables = {table.name for table in star().tables if table.is_open}
    found, compared = [], 0
    for role in policy.roles:
        scope = policy.scope([role])
        assert scope
        [written] = read_tmdl(files[f"roles/{role}.tmdl"])
        rules = {each.name: each.value for each in written.all("tablePermission")}
        for table in model.tables:
            contract = contract_of(table.entity) if table.entity else None
            if not contract or table.name in open_tables or not has(gold, table.entity):
                continue
            keys = [column for column in contract.key if column in {each.source for each in table.columns}]
            shown = ", ".join(
                f"substr(sha256('salt' || {k}), 1, 16)" if k == KEY else quoted(k) for k in keys
            )
            allowed = cut(table.entity, scope, list(project.brands))
            expected = f"SELECT {', '.join(map(quoted, keys))} FROM ({allowed})"
            if table.name in OF_PERSONS and not scope.persons:
                expected += " WHERE FALSE"  # no file of single customers or lines is written for such a scope
            counted = {"Survival curves": "at_risk"}.get(table.name, "customers")
            if table.name in OF_GROUPS and not scope.persons:
                expected += f" WHERE COALESCE({counted}, 5) >= 5"
            rule = in_sql(rules.get(table.name, ""), model)
            told = f"SELECT {shown} FROM {table.entity} WHERE {rule}"
            either = f"(({told}) EXCEPT ALL ({expected})) UNION ALL (({expected}) EXCEPT ALL ({told}))"
            [count] = gold.execute(f"SELECT COUNT(*) FROM ({either})").fetchone()
            compared += 1
            if count:
                found.append(f"{role}: {table.name}: {count} rows differ")
    assert compared > 90
    return found


def has(gold: duckdb.DuckDBPyConnection, name: str) -> bool:
    tables = "SELECT COUNT(*) FROM duckdb_views() WHERE schema_name = 'published' AND view_name = ?"
    [count] = gold.execute(tables, [name]).fetchone() or (0,)
    return bool(count)


def test_rules_are_said_in_sql(model: SemanticModel) -> None:
    assert in_sql("( 'Sales'[Brand key] IN { \"o'ne\" } ) && NOT FALSE()", model) == (
        "( gold.sales_daily.\"source_system\" IN ('o''ne') ) AND NOT FALSE"
    )
