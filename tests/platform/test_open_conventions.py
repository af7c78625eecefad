"""Contracts by the schema of the Open Data Contract Standard, KPIs by what Open Semantic Interchange says."""

from __future__ import annotations

import json
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
import sqlglot
import yaml
from tests.conftest import Shop
from tests.platform.databricks_rights import Rights
from tests.platform.databricks_suite import rights  # noqa: F401 - a fixture
from typer.testing import CliRunner

from mergehouse.cli.commands import app
from mergehouse.contracts.registry import contract_of, contracts
from mergehouse.kpi.catalogue import catalogue, compute
from mergehouse.platform.open_data_contract import open_data_contract, open_data_contracts
from mergehouse.platform.open_semantic_interchange import semantic_model

TABLES = [contract for layer in ("silver", "gold", "monitor") for contract in contracts(layer)]
MODEL = yaml.safe_load(semantic_model("retail", catalogue()))
# Keys that each may have, and with a star, must have: core-spec/ossie-schema.json.
KEYS = {
    "dataset": "name* source* primary_key unique_keys description ai_context fields custom_extensions",
    "field": "name* expression* dimension label description datatype ai_context custom_extensions",
    "relationship": "name* from* to* from_columns* to_columns* ai_context custom_extensions",
    "metric": "name* expression* description datatype ai_context custom_extensions",
}


def published() -> dict[str, Any] | None:
    """The standard's JSON schema: of its Python package, else from `../shared/vendor` beside the checkout."""
    try:
        return json.loads(resources.files("open_data_contract_standard").joinpath("schema.json").read_text())
    except ModuleNotFoundError:
        places = [up / "shared" / "vendor" / "schemas-odcs" for up in Path(__file__).resolve().parents]
        found = [file for place in places for file in sorted(place.glob("*.json"))]
        return json.loads(found[-1].read_text()) if found else None


@pytest.mark.skipif(published() is None, reason="no schema: open-data-contract-standard is not installed")
@pytest.mark.long("asks the vendors' own parsers")
def test_every_contract_keeps_to_the_standards_schema() -> None:
    validator = jsonschema.Draft201909Validator(published())
    for name, text in open_data_contracts("Größe 😀", TABLES).items():
        assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == [], name
    broken = open_data_contract("retail", TABLES[0])
    broken["schema"][0]["properties"][0]["logicalTyp"] = "string"
    assert [*validator.iter_errors(broken)]


def test_nothing_of_a_contract_is_lost() -> None:
    contract = contract_of("gold.sales_daily")
    (table,) = open_data_contract("retail", contract)["schema"]
    columns = {column["name"]: column for column in table["properties"]}
    assert {name: column["physicalType"].lower() for name, column in columns.items()} == contract.types
    assert {name for name, column in columns.items() if column["required"]} == {
        name for name, column in contract.columns.items() if not column.nullable
    }
    keys = [(c["primaryKeyPosition"], name) for name, c in columns.items() if c.get("primaryKey")]
    assert [name for _, name in sorted(keys)] == ["order_date", "source_system", "country_code"]
    assert columns["source_system"]["partitionKeyPosition"] == 1
    assert columns["gmv_eur"]["logicalTypeOptions"] == {"minimum": 0}
    assert columns["gmv_eur"]["customProperties"] == [{"property": "unit", "value": "EUR"}]
    assert columns["margin_method"]["quality"][0]["arguments"]["validValues"] == [
        "actual", "estimated", "mixed", "none",
    ]  # fmt: skip
    (customer,) = open_data_contract("retail", contract_of("gold.dim_customer"))["schema"]
    tagged = {column["name"]: column.get("classification") for column in customer["properties"]}
    assert tagged["gender"] == "personal" and tagged["customer_id"] == "pseudonym" and not tagged["region"]


def test_references_lead_to_columns_that_are_there() -> None:
    made = [open_data_contract("retail", contract) for contract in TABLES]
    files = {f"{contract['name']}.odcs.yaml": contract["schema"][0] for contract in made}
    assert files.keys() == open_data_contracts("retail", TABLES).keys()
    count = 0
    for contract in files.values():
        for column in contract["properties"]:
            for reference in column.get("relationships", []):
                file, _, path = reference["to"].partition("#/schema/")
                table, name = path.split("/properties/")
                other = files[file]
                assert other["id"] == table and name in [found["id"] for found in other["properties"]]
                count += 1
    assert count >= 10


def test_checks_count_their_failures(rights: Rights) -> None:
    """Of a table whose rows are good, each counts none; what breaks a condition, it counts."""
    contract = contract_of("gold.customer_360")
    (table,) = open_data_contract("retail", contract)["schema"]
    for check in table["quality"]:
        assert counted(rights, check) == check["mustBe"] == 0
    given = contract.checks[0].model_copy(update={"sql": None, "expect": "frequency < 5"})
    few = contract.model_copy(update={"checks": [given]})
    (table,) = open_data_contract("retail", few)["schema"]
    often = [row for row in rights.tables["gold.customer_360"].to_pylist() if row["frequency"] >= 5]
    assert counted(rights, table["quality"][0]) == len(often) > 0


def counted(rights: Rights, check: dict[str, Any]) -> int:
    sql = sqlglot.transpile(check["query"], read="spark", write="duckdb")[0]
    return rights.shop.lakehouse.query(sql).fetchall()[0][0]


def test_the_semantic_model_has_the_keys_that_there_are() -> None:
    (model,) = MODEL["semantic_model"]
    assert MODEL["version"] == "0.2.0.dev0"
    for kind, found in (
        ("dataset", model["datasets"]),
        ("field", [field for dataset in model["datasets"] for field in dataset["fields"]]),
        ("relationship", model["relationships"]),
        ("metric", model["metrics"]),
    ):
        known = {key.strip("*"): key.endswith("*") for key in KEYS[kind].split()}
        assert found
        for one in found:
            assert {*one} <= {*known} and {key for key, needed in known.items() if needed} <= {*one}
            for expression in one.get("expression", {}).get("dialects", []):
                assert {*expression} == {"dialect", "expression"} and expression["dialect"] == "ANSI_SQL"
    names = {dataset["name"]: dataset for dataset in model["datasets"]}
    for relationship in model["relationships"]:
        for side, columns in (("from", "from_columns"), ("to", "to_columns")):
            there = [field["name"] for field in names[relationship[side]]["fields"]]
            assert {*relationship[columns]} <= {*there}


def test_metrics_give_the_catalogues_figures(rights: Rights) -> None:
    (model,) = MODEL["semantic_model"]
    connection = duckdb.connect()
    for dataset in model["datasets"]:
        if dataset["source"] in rights.tables:
            connection.register("rows", rights.tables[dataset["source"]])
            connection.execute(f"CREATE TABLE {dataset['name']} AS SELECT * FROM rows")
    kpis = compute(rights.shop.lakehouse)["group"]
    assert [metric["name"] for metric in model["metrics"]] == list(kpis)
    for metric in model["metrics"]:
        sql = metric["expression"]["dialects"][0]["expression"]
        table = next(name for name in ("sales_daily", "customer_brand_360") if name in sql)
        ((found,),) = connection.sql(f"SELECT {sql} FROM {table}").fetchall()
        assert float(found) == pytest.approx(float(kpis[metric["name"]] or 0), abs=0.005), metric["name"]


def test_the_command_writes_them_and_a_second_time_nothing(shop: Shop, tmp_path: Path) -> None:
    run = partial(
        CliRunner().invoke, app, ["platform", "contracts", str(tmp_path / "c"), "-C", str(shop.folder)]
    )
    first, second = run(), run()
    assert (first.exit_code, second.exit_code) == (0, 0)
    tables = [found for layer in ("silver", "gold") for found in contracts(layer) if found.part is None]
    count = len(tables) + 1  # the shop has neither science, identity nor a vault
    assert "left out: the tables of science, which the project does without" in first.output
    assert f"{count} files written" in first.output and f"0 files written, {count} unchanged" in second.output
    assert (tmp_path / "c" / "kpis.osi.yaml").exists()
