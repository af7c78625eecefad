"""The models as written: contracts fit the SQL, names of brands stay out, the documentation is current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot

from mergehouse.cli.reference_docs import pages
from mergehouse.contracts.registry import MODELS, contract_of, contracts, find, models
from mergehouse.engine.dialect import to_duckdb
from mergehouse.kpi.catalogue import catalogue
from mergehouse.project.config import load_project
from mergehouse.project.templates import TEMPLATES
from mergehouse.transform.brand_files import brand_contracts

PACKAGE = MODELS.parent
ROOT = Path(__file__).parents[2]
SQL = sorted(MODELS.rglob("*.sql"))
ALL = models("vault") | models()
LISTS = sorted({contract.table for contract in brand_contracts()} & ALL.keys())
CONTRACTS = [contract for layer in sorted(MODELS.iterdir()) for contract in contracts(layer.name)]


def test_no_brand_name_in_code_or_models() -> None:
    brands = [folder.name for folder in (TEMPLATES / "brands").iterdir()]
    assert len(brands) == 2
    files = [*PACKAGE.rglob("*.py"), *MODELS.rglob("*.*")]
    found = [f.name for f in files if any(brand in f.read_text().lower() for brand in brands)]
    assert found == []


@pytest.mark.parametrize("file", SQL, ids=lambda f: f"{f.parent.name}.{f.stem}")
def test_model_opens_with_grain_inputs_and_decision(file: Path) -> None:
    head = [line for line in file.read_text().splitlines() if line.startswith("--")]
    assert (
        head[0].startswith("-- Grain: ")
        and head[1].startswith("-- Inputs: ")
        and head[2].startswith("-- Questionable: ")
    )


def test_one_file_opens_the_models() -> None:
    """And one sees when they were changed."""
    readers = [
        f.name for f in PACKAGE.rglob("*.py") if re.search(r"\bMODELS\b|\bload_contract\b", f.read_text())
    ]
    assert sorted(readers) == ["contract.py", "registry.py", "up_to_date.py"]


def test_parts_have_folders_of_their_own_and_their_tables_say_so() -> None:
    """But for science, which has no SQL in the place of another."""
    of_vault = [contract.table for contract in CONTRACTS if contract.part == "vault"]
    files = [f for f in MODELS.rglob("*.yml") if f.parent.name == "vault"]
    assert sorted(of_vault) == sorted(f"{f.parent.parent.name}.{f.stem}" for f in files)
    in_the_place_of_others = {"staging.order_lines_counted", "staging.persons"}
    assert models("vault").keys() & models().keys() == in_the_place_of_others
    assert models("science") == {}


def test_contracts_are_named_after_their_files() -> None:
    assert len(CONTRACTS) == len(list(MODELS.rglob("*.yml"))) > 40
    for contract in CONTRACTS:
        assert contract_of(contract.table) == contract


def test_lists_that_are_read_from_the_vault_have_columns_of_the_lists() -> None:
    """All that anybody reads; who a customer is stays out of the vault."""
    for name in LISTS:
        given = set(sqlglot.parse_one(ALL[name], read="spark").named_selects)
        assert given - {"source_system"} <= set(contract_of(name).columns)
    assert len(LISTS) == 2


@pytest.mark.parametrize("name", [name for name in ALL if find(name) and name not in LISTS])
def test_contract_fits_the_sql(name: str) -> None:
    contract = contract_of(name)
    given = set(sqlglot.parse_one(ALL[name], read="spark").named_selects)
    ratios = {column for column, of in contract.columns.items() if of.kpi}
    assert set(contract.columns) - ratios <= given and not ratios & given
    assert set(contract.key) | set(contract.partition_by) <= set(contract.columns)


def test_a_ratio_in_a_table_is_the_catalogues_of_the_tables_own_columns() -> None:
    kpis, found = {kpi.name: kpi for kpi in catalogue()}, []
    for contract in CONTRACTS:
        for column in contract.columns.values():
            if column.kpi:
                kpi = kpis[column.kpi]
                assert kpi.ratio and kpi.format == "money" and column.type == "decimal(18,2)"
                for measure in (kpis[name] for name in kpi.ratio):
                    assert (
                        measure.table == contract.table
                        and measure.sum in contract.columns
                        and not measure.where
                    )
                found.append(column.kpi)
    assert found == ["aov"]


def test_gold_tables_that_carry_a_brand_are_partitioned_by_it() -> None:
    for contract in contracts("gold"):
        if "source_system" in contract.columns:
            assert contract.partition_by[:1] == ["source_system"], contract.table


def test_keys_are_never_empty() -> None:
    """Rows are compared and replaced by key: one that is NULL would equal nothing."""
    for contract in [*contracts("silver"), *contracts("gold")]:
        assert not any(contract.columns[name].nullable for name in contract.key), contract.table


def test_money_is_decimal() -> None:
    for contract in CONTRACTS:
        for name, column in contract.columns.items():
            if column.unit == "EUR" and name != "rate_eur":
                assert column.type == "decimal(18,2)", f"{contract.table}.{name}"
            assert column.type != "double" or column.unit == "seconds", f"{contract.table}.{name}"


@pytest.mark.parametrize(("name", "text"), pages(load_project(TEMPLATES)).items())
def test_generated_pages_are_current(name: str, text: str) -> None:
    assert (ROOT / "docs" / name).read_text() == text, (
        f"run `mergehouse docs docs -C {TEMPLATES.relative_to(ROOT)}`"
    )


def test_every_reason_code_has_words() -> None:
    from mergehouse.ingest.text_reader import REASONS
    from mergehouse.project.yaml_file import parse_yaml

    words = parse_yaml((PACKAGE / "quality" / "words.yml").read_text())["reasons"]
    sql = "".join(f.read_text() for f in [*SQL, *TEMPLATES.glob("brands/*/*.sql")])
    codes = set(re.findall(r"THEN '([a-z_]+)'", sql[sql.index("judged AS") :][:900])) | set(REASONS.values())
    assert len(codes) > 10 and codes <= set(words)


def test_catalogue_has_unique_names_and_ratios_of_known_measures() -> None:
    names = [k.name for k in catalogue()]
    assert len(names) == len(set(names))
    assert all(set(k.ratio) <= set(names) for k in catalogue() if k.ratio)


def test_spark_patterns_become_strptime() -> None:
    sql = to_duckdb("SELECT TRY_TO_TIMESTAMP(x, 'd.M.yyyy H:mm:ss')")
    assert "TRY_STRPTIME(x, '%-d.%-m.%Y %-H:%M:%S')" in sql
