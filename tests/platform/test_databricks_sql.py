"""The SQL for Unity Catalog, as sqlfluff's Databricks dialect and SQLGlot read it, and its order."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from tests.platform.databricks_suite import files, template  # noqa: F401 - fixtures

from mergehouse.platform.databricks.statements import statements_of

# The one clause that sqlfluff 4.5 does not know: Databricks documents it, and a check of our own reads it.
UNKNOWN_CLAUSE = re.compile(r" USING COLUMNS \(`\w+`(?:, `\w+`)*\)$")
COMMANDS = {  # into which SQLGlot 30 does not look; sqlfluff does, and so do the forms of our own check
    "CREATE CATALOG": 1,
    "CREATE VOLUME": 1,
    "CREATE OR REPLACE VIEW .. WITH METRICS": 2,
    "ALTER TABLE .. SET ROW FILTER": 21,
    "ALTER TABLE .. ALTER COLUMN .. SET MASK": 14,
    "ALTER TABLE .. ALTER COLUMN .. SET TAGS": 7,
    "GRANT USE CATALOG": 7,
}
BROKEN = (
    "CREATE OR REPLACE FUNCTION `c`.`a`.`f`(x STRING) RETURNS BOOLEAN RETRUN TRUE",
    "ALTER TABLE `c`.`gold`.`t` SET ROW FILTER `c`.`a`.`f` (`x`)",
    "GRANT SELECT TABLE `c`.`gold`.`t` TO `g`",
    "CREATE TABLE IF NOT EXISTS `c`.`gold`.`t` (`x` STRING NOT NULL COMMENT) USING DELTA",
)


def statements(files: dict[str, str]) -> list[str]:
    return [
        found for name, text in files.items() if name.startswith("sql/dev/") for found in statements_of(text)
    ]


def kind(statement: str) -> str:
    plain = re.sub(r"(`[^`]*`\.?)+", "..", statement.splitlines()[0])
    return next((known for known in COMMANDS if plain.startswith(known)), plain[:60])


@pytest.mark.long("asks the vendors' own parsers")
def test_sqlfluff_reads_every_statement(files: dict[str, str]) -> None:
    core = pytest.importorskip("sqlfluff.core")
    linter = core.Linter(config=core.FluffConfig(overrides={"dialect": "databricks"}))

    def refused(statement: str) -> bool:
        return bool(linter.parse_string(f"{statement};\n").violations)

    found = statements(files)
    assert len(found) > 450
    exceptions = [statement for statement in found if UNKNOWN_CLAUSE.search(statement)]
    assert len(exceptions) == 6  # the reasons of two tables
    assert [text for text in found if refused(UNKNOWN_CLAUSE.sub("", text))] == []
    assert all(map(refused, BROKEN))


def test_sqlglot_reads_all_but_the_kinds_that_it_does_not_know(
    files: dict[str, str],
) -> None:
    assert Counter(kind(text) for text in statements(files) if not is_read(text)) == COMMANDS


def is_read(statement: str) -> bool:
    try:
        return not isinstance(sqlglot.parse_one(statement, read="databricks"), exp.Command)
    except SqlglotError:  # what it says of a view depends on the YAML in it
        return False


def test_nobody_may_read_a_table_before_its_filter_and_masks(files: dict[str, str]) -> None:
    """The files are run in the order of their numbers, and grants come after both."""
    order = [name.removeprefix("sql/prod/") for name in files if name.startswith("sql/prod/")]
    assert order == sorted(order)
    first_grant = min(n for n, text in enumerate(statements(files)) if text.startswith("GRANT"))
    last_rule = max(
        n for n, text in enumerate(statements(files)) if "SET ROW FILTER" in text or "SET MASK" in text
    )
    assert last_rule < first_grant


def test_a_brand_manager_is_granted_nothing_that_is_about_all_brands(files: dict[str, str]) -> None:
    granted = re.findall(r"`gold`\.`(\w+)` TO `brand_manager_contoso`", files["sql/dev/6_grants.sql"])
    assert "sales_daily" in granted and "sales_daily_kpis" in granted and "customer_brand_360" in granted
    assert not {"customer_360", "dim_customer", "dim_date"} & set(granted)
    marketing = re.findall(r"`gold`\.`(\w+)` TO `marketing`", files["sql/dev/6_grants.sql"])
    assert "sales_daily" in marketing and not any(name.startswith("customer") for name in marketing)
