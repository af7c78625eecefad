# ruff: noqa: E501 (a table)
"""Defects seeded into a bundle for Databricks: each is to be caught before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from tests.platform.defects import Defect, Seed, Texts, changed, replaced

BUNDLE, PAGE, SQL = "databricks.yml", "executive.lvdash.json", "sql/prod"
TABLES, FILTERS, MASKS = f"{SQL}/2_tables.sql", f"{SQL}/3_row_filters.sql", f"{SQL}/4_column_masks.sql"
OWN, TYPES = "check before writing", "`databricks-bundles`"  # who catches it
OF_TYPES = ("task type", "queue type")
VIEWS, GRANTS, WORDS = f"{SQL}/5_metric_views.sql", f"{SQL}/6_grants.sql", f"{SQL}/7_descriptions.sql"


def _seeded(name: str, broken: str, says: str, seed: Seed) -> Defect:
    return Defect(name, broken, TYPES if name in OF_TYPES else OWN, seed, says)


def _settings(change: Callable[[Any], Any]) -> Seed:
    def seed(files: Texts) -> None:
        settings = yaml.safe_load(files[BUNDLE])
        change(settings)
        files[BUNDLE] = yaml.safe_dump(settings, sort_keys=False)

    return seed


def _pipeline(settings: Any) -> Any:
    return settings["targets"]["dev"]["resources"]["jobs"]["pipeline"]


def _widget(page: Any, place: int) -> Any:
    return page["pages"][0]["layout"][place]["widget"]


DEFECTS = [
    # the bundle's settings
    _seeded("key", "a top-level key is misspelt", "did you mean `resources`?",
           _settings(lambda s: s.update(ressources=s.pop("resources")))),
    _seeded("variable", "a reference to a variable that is not declared", "no such variable",
           replaced(BUNDLE, "${var.warehouse_id}", "${var.warehouse}")),
    _seeded("unused", "a variable that nothing asks for", "nothing asks for it",
           _settings(lambda s: s["variables"].update(spare={"default": "x"}))),
    _seeded("reference", "a reference into nothing", "expected var, bundle, workspace or resources",
           replaced(BUNDLE, "${bundle.target}", "${target.name}")),
    _seeded("resource", "a job that is not there is run", "there is no such resource",
           replaced(BUNDLE, "${resources.jobs.publish.id}", "${resources.jobs.publsh.id}")),
    _seeded("target variable", "a target sets a variable that is not declared", "is not declared",
           _settings(lambda s: s["targets"]["test"]["variables"].update(catalogue="x"))),
    _seeded("half a variable", "one target lacks a variable that others give", "some targets give it",
           _settings(lambda s: s["targets"]["test"]["variables"].pop("catalog"))),
    _seeded("two defaults", "two targets are the default", "2 of them are the default",
           _settings(lambda s: s["targets"]["test"].update(default=True))),
    _seeded("mode", "a mode that there is not", "expected development or production",
           _settings(lambda s: s["targets"]["prod"].update(mode="prod"))),
    _seeded("cron", "five fields, as crontab has", "expected 6 or 7 fields",
           _settings(lambda s: s["variables"]["schedule"].update(default="0 5 * * *"))),
    _seeded("cron hour", "an hour of 25", "hours: `25`",
           _settings(lambda s: s["variables"]["schedule"].update(default="0 0 25 * * ?"))),
    _seeded("cron days", "a day and a weekday at once", "one of day and weekday must be `?`",
           _settings(lambda s: s["variables"]["schedule"].update(default="0 0 5 * * *"))),
    _seeded("time zone", "a time zone that there is not", "there is no time zone `Berlin`",
           _settings(lambda s: s["variables"]["timezone"].update(default="Berlin"))),
    _seeded("environment", "a task in an environment that the job has not", "is not among the job's",
           _settings(lambda s: _pipeline(s)["tasks"][0].update(environment_key="default"))),
    _seeded("dependency", "a task waits for one that is not there", "which is no task of the job",
           _settings(lambda s: _pipeline(s)["tasks"][1]["depends_on"][0].update(task_key="rum"))),
    _seeded("circle", "two tasks wait for one another", "they wait for one another",
           _settings(lambda s: _pipeline(s)["tasks"][0].update(depends_on=[{"task_key": "check"}]))),
    _seeded("same key", "two tasks of one name", "have the same task_key",
           _settings(lambda s: _pipeline(s)["tasks"][1].update(task_key="run"))),
    _seeded("script", "a script that is not in the bundle", "src/comand.py is not in the bundle",
           replaced(BUNDLE, "src/command.py", "src/comand.py")),
    _seeded("no SQL file", "a target lacks one of its SQL files", "6_grants.sql is not in the bundle",
           lambda texts: texts.pop(GRANTS) and None),
    _seeded("no dashboard", "the dashboard's file is called otherwise", "exec.lvdash.json is not in the bundle",
           replaced(BUNDLE, "file_path: executive", "file_path: exec")),
    _seeded("task type", "a field of a task that Databricks does not know", "resources.jobs.catalog",
           replaced(BUNDLE, "sql_task:", "sql_tusk:")),
    _seeded("queue type", "a word where a mapping is expected", "resources.jobs.publish",
           _settings(lambda s: s["resources"]["jobs"]["publish"].update(queue="yes"))),
    # the catalog's SQL
    _seeded("bracket", "a bracket is missing", "cannot be read",
           replaced(FILTERS, "is_account_group_member('admin'", "is_account_group_member('admin'(")),
    _seeded("column", "a filter looks at a column that a renaming took away", "has no column `source_system`",
           replaced(TABLES, "`source_system` STRING NOT NULL COMMENT 'Brand',\n  `country_code`",
                 "`brand` STRING NOT NULL COMMENT 'Brand',\n  `country_code`")),
    _seeded("arguments", "a filter is given fewer columns than it takes", "takes (STRING), not ()",
           replaced(FILTERS, "`rows_of_sales_daily` ON (`source_system`)", "`rows_of_sales_daily` ON ()")),
    _seeded("type", "a column has another type than its filter takes", "takes (STRING), not (INT)",
           replaced(TABLES, "`source_system` STRING NOT NULL COMMENT 'Brand',\n  `country_code`",
                 "`source_system` INT NOT NULL COMMENT 'Brand',\n  `country_code`")),
    _seeded("no filter", "a table has no filter", "`customer_360` has no row filter",
           replaced(FILTERS, "ALTER TABLE `merged_retail_prod`.`gold`.`customer_360` SET ROW FILTER"
                 " `merged_retail_prod`.`access`.`rows_of_customer_360` ON ();\n\n", "")),
    _seeded("no function", "a mask by a function that is not made", "there is no function",
           replaced(MASKS, "SET MASK `merged_retail_prod`.`access`.`mask_of_dim_customer_gender`",
                 "SET MASK `merged_retail_prod`.`access`.`mask_of_gender`")),
    _seeded("unknown word", "a function's body asks for what it is not given", "which it is not given",
           replaced(FILTERS, "source_system IN ('contoso')", "brand IN ('contoso')")),
    _seeded("other catalog", "a table of another environment", "names of several catalogs",
           replaced(TABLES, "`merged_retail_prod`.`gold`.`dim_date`", "`merged_retail_test`.`gold`.`dim_date`")),
    _seeded("privilege", "a privilege that there is not", "there is no privilege `READ`",
           replaced(GRANTS, "GRANT SELECT ON TABLE", "GRANT READ ON TABLE")),
    _seeded("group", "a group that no filter asks for", "no row filter asks for the group",
           replaced(GRANTS, "TO `marketing`", "TO `marketers`")),
    _seeded("granted table", "a table that is not there is granted", "there is no table",
           replaced(GRANTS, "`gold`.`dim_brand` TO", "`gold`.`dim_brands` TO")),
    _seeded("statement", "a statement that takes away", "not one of the statements that define a catalog",
           replaced(WORDS, "COMMENT ON TABLE", "DROP TABLE `merged_retail_prod`.`gold`.`dim_date`;\n\nCOMMENT ON TABLE")),
    _seeded("quote", "a quote that is not escaped", "`COMMENT ON TABLE",
           replaced(WORDS, " IS 'Monthly", " IS 'Month'ly")),
    _seeded("no mask", "a column about persons has no mask", "is tagged has no mask",
           replaced(MASKS, "ALTER TABLE `merged_retail_prod`.`gold`.`dim_customer` ALTER COLUMN `gender` SET MASK"
                 " `merged_retail_prod`.`access`.`mask_of_dim_customer_gender`", "SELECT 1")),
    _seeded("tag", "a tag on a column that is not there", "has no column `sex`",
           replaced(WORDS, "ALTER COLUMN `gender` SET TAGS", "ALTER COLUMN `sex` SET TAGS")),
    # metric views
    _seeded("measure", "a measure over a column that is not there", "has no column `gmv`",
           replaced(VIEWS, "SUM(gmv_eur)", "SUM(gmv)")),
    _seeded("ratio", "a ratio of a measure that is not there", "there is no measure `gmw`",
           replaced(VIEWS, "MEASURE(gmv)", "MEASURE(gmw)")),
    _seeded("no aggregate", "a measure that does not aggregate", "a measure aggregates",
           replaced(VIEWS, "SUM(returns_eur)", "returns_eur")),
    _seeded("view source", "a view over a table that is not there", "there is no table",
           replaced(VIEWS, "source: merged_retail_prod.gold.sales_daily", "source: merged_retail_prod.gold.sales")),
    _seeded("view version", "a version of the format that there is not", "version: 1.2",
           replaced(VIEWS, "version: 1.1", "version: 1.2")),
    _seeded("view key", "a misspelt key of a view", "`measurs` is no key",
           replaced(VIEWS, "\nmeasures:", "\nmeasurs:")),
    # the dashboard
    _seeded("query", "a query for a column that is not there", "dataset regions",
           replaced(PAGE, "SELECT region, source_system", "SELECT territory, source_system")),
    _seeded("query table", "a query for a table that is not there", "there is no table gold.sales",
           changed(PAGE, lambda p: p["datasets"][0].update(query="SELECT 1 AS gmv FROM gold.sales"))),
    _seeded("dataset", "a widget of a dataset that is not there", "there is no dataset `month`",
           changed(PAGE, lambda p: _widget(p, 7)["queries"][0]["query"].update(datasetName="month"))),
    _seeded("field", "a widget shows what it does not ask for", "for which it does not ask",
           changed(PAGE, lambda p: _widget(p, 7)["spec"]["encodings"]["y"].update(fieldName="revenue"))),
    _seeded("widget", "a kind of widget that there is not", "there is no widget `countr`",
           changed(PAGE, lambda p: _widget(p, 1)["spec"].update(widgetType="countr"))),
    _seeded("widget version", "a version of a widget that there is not", "of version 99",
           changed(PAGE, lambda p: _widget(p, 1)["spec"].update(version=99))),
    _seeded("page key", "a misspelt key of a page", "`displayNme` is not known",
           changed(PAGE, lambda p: p["pages"][0].update(displayNme="x"))),
    _seeded("overlap", "two widgets on one place", "lie over one another",
           changed(PAGE, lambda p: p["pages"][0]["layout"][2]["position"].update(x=0))),
    _seeded("off the page", "a widget beyond the page", "is not within the 6 columns",
           changed(PAGE, lambda p: p["pages"][0]["layout"][7]["position"].update(x=3))),
    _seeded("two names", "two widgets of one name", "there twice",
           changed(PAGE, lambda p: _widget(p, 2).update(name=_widget(p, 1)["name"]))),
]  # fmt: skip
