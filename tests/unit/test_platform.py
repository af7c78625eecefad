"""Shortcuts and Delta Sharing: what is written keeps to what Microsoft and delta-io publish, and points where
the tables are.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.fabric_facts import check_request, check_sharing, check_shortcut

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError
from mergehouse.platform.delta_sharing import sharing_config
from mergehouse.platform.fabric.shortcuts import shortcut, write_shortcuts
from mergehouse.project.yaml_file import parse_yaml
from mergehouse.storage import fabric_root, located, open_store

CONNECTION, WORKSPACE, ITEM = (f"{n}" * 8 + "-0000-0000-0000-000000000000" for n in "abc")
ADLS = "abfss://retail@mergedretail.dfs.core.windows.net/lake/house"
CONTRACTS = [
    contract_of(f"gold.{name}") for name in ("sales_daily", "customer_brand_360", "dim_customer", "dim_date")
]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (ADLS, {"adlsGen2": {"location": "https://mergedretail.dfs.core.windows.net",
            "subpath": "/retail/lake/house/gold/sales_daily",
                             "connectionId": CONNECTION}}),
        (f"abfss://{WORKSPACE}@onelake.dfs.fabric.microsoft.com/{ITEM}/Files/retail",
         {"oneLake": {"workspaceId": WORKSPACE, "itemId": ITEM, "path": "Files/retail/gold/sales_daily"}}),
        ("s3://bucket/lake", {"amazonS3": {"location": "https://bucket.s3.eu-central-1.amazonaws.com",
            "subpath": "/lake/gold/sales_daily",
                                           "connectionId": CONNECTION}}),
        ("gs://bucket", {"googleCloudStorage": {"location": "https://bucket.storage.googleapis.com",
            "subpath": "/gold/sales_daily",
                                                "connectionId": CONNECTION}}),
    ],
)  # fmt: skip
def test_a_shortcut_points_to_the_table(location: str, target: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    body = shortcut(location, "gold.sales_daily", CONNECTION)
    assert body == {"path": "Tables/gold", "name": "sales_daily", "target": target}
    check_shortcut(body)
    check_request(
        "POST",
        f"/v1/workspaces/{WORKSPACE}/items/{ITEM}/shortcuts",
        {"shortcutConflictPolicy": "CreateOrOverwrite"},
        body,
    )


def test_one_file_a_table(tmp_path: Path) -> None:
    files = write_shortcuts(tmp_path / "out", ADLS, CONTRACTS, CONNECTION)
    assert [file.name for file in files] == [
        "sales_daily.json",
        "customer_brand_360.json",
        "dim_customer.json",
        "dim_date.json",
    ]
    for file in files:
        check_shortcut(json.loads(file.read_text()))


@pytest.mark.parametrize(
    ("location", "connection", "message"),
    [
        (ADLS, None, "expected the id of a cloud connection"),
        (ADLS, "my connection", "--connection my connection: expected the id"),
        (
            "abfss://retail@onelake.dfs.fabric.microsoft.com/retail.Lakehouse/Files/retail",
            None,
            "within OneLake needs ids",
        ),
        ("/srv/lakehouse", CONNECTION, "no shortcut can point there"),
        ("az://container/lake", CONNECTION, "no shortcut can point there"),
        ("s3://bucket/lake", CONNECTION, "AWS_REGION is not set"),
    ],
)
def test_what_no_shortcut_can_point_to_is_refused(
    location: str, connection: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    with pytest.raises(ConfigError, match=message):
        shortcut(location, "gold.sales_daily", connection)


def test_the_share_has_every_table_but_those_with_a_personal_column() -> None:
    text, left_out = sharing_config("Merged retail", ADLS, CONTRACTS)
    config = parse_yaml(text)
    check_sharing(config)
    (share,) = config["shares"]
    assert share["name"] == "Merged-retail" and left_out == ["gold.dim_customer"]
    tables = {table["name"]: table["location"] for table in share["schemas"][0]["tables"]}
    assert tables == {
        name: f"{ADLS}/gold/{name}" for name in ("sales_daily", "customer_brand_360", "dim_date")
    }
    assert "authorization" not in config and config["host"] == "localhost", (
        "no secret in a file, so nobody else may reach it"
    )


def test_the_server_reads_s3_by_its_own_word_and_no_folder() -> None:
    text, _ = sharing_config("retail", "s3://bucket/lake", CONTRACTS[:1])
    assert (
        parse_yaml(text)["shares"][0]["schemas"][0]["tables"][0]["location"]
        == "s3a://bucket/lake/gold/sales_daily"
    )
    with pytest.raises(ConfigError, match="the server cannot read it"):
        sharing_config("retail", "/srv/lakehouse", CONTRACTS)


def test_onelake_addresses_are_opened_as_fabric_and_its_tables_are_beside_files() -> None:
    address = located(Path(), "abfss://retail@onelake.dfs.fabric.microsoft.com/retail.Lakehouse/Files/retail")
    config = open_store(address).config
    assert (config["account_name"], config["container_name"], config["use_fabric_endpoint"]) == (
        "onelake",
        "retail",
        "true",
    )
    assert fabric_root(address) == "abfss://retail@onelake.dfs.fabric.microsoft.com/retail.Lakehouse"
    for elsewhere in (
        ADLS,
        f"{ADLS}/Files/x",
        "/srv/lakehouse/Files/x",
        "abfss://retail@onelake.dfs.fabric.microsoft.com/r.Lakehouse",
    ):
        assert fabric_root(elsewhere) == elsewhere
