# ruff: noqa: E501 (a table: a row is a line)
"""Defects seeded into the items for Fabric: each is to be caught before anything is deployed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.platform.defects import Defect, Seed, Texts, changed, removed, replaced

LAKEHOUSE, ENVIRONMENT, NOTEBOOK = (
    "merged_retail.Lakehouse",
    "Ingestion.Environment",
    "Ingest release.Notebook",
)
PIPELINE, LIBRARY = "Ingest latest release.DataPipeline", "Stage.VariableLibrary"
MODEL, REPORT = "Retail.SemanticModel", "Retail.Report"


def _defect(name: str, broken: str, says: str, seed: Seed) -> Defect:
    return Defect(name, broken, "checks before writing and before deploying", seed, says)


def _activity(change: Callable[[Any], Any]) -> Seed:
    return changed(f"{PIPELINE}/pipeline-content.json", lambda c: change(c["properties"]["activities"][0]))


def _schedule(**changes: Any) -> Seed:
    return changed(f"{PIPELINE}/.schedules", lambda c: c["schedules"][0]["configuration"].update(changes))


NO_ITEM = "99999999-9999-4999-8999-999999999999"
FABRIC_DEFECTS = [
    _defect("no platform file", "an item's .platform is gone", "it has no .platform",
           removed(f"{NOTEBOOK}/.platform")),
    _defect("platform not JSON", "an item's .platform is cut off", "is not JSON",
           replaced(f"{LAKEHOUSE}/.platform", "}\n}", "")),
    _defect("id twice", "two items have one logical id", "has the same logicalId",
           lambda t: t.update({f"{REPORT}/.platform": t[f"{MODEL}/.platform"].replace("SemanticModel", "Report")})),
    _defect("no id", "a logical id is empty", "the logicalId `` is none",
           changed(f"{LIBRARY}/.platform", lambda c: c["config"].update(logicalId=""))),
    _defect("unknown type", "an item of a type that is not deployed", "no item of type Warehouse",
           changed(f"{ENVIRONMENT}/.platform", lambda c: c["metadata"].update(type="Warehouse"))),
    _defect("folder of another type", "a pipeline's .platform calls it a notebook", "its .platform says that it is a Notebook",
           changed(f"{PIPELINE}/.platform", lambda c: c["metadata"].update(type="Notebook"))),
    _defect("name with a blank", "a name that ends with a blank", "begins or ends with a blank",
           changed(f"{NOTEBOOK}/.platform", lambda c: c["metadata"].update(displayName="Ingest release "))),
    _defect("lakehouse with a dash", "a lakehouse is called `merged-retail`", "is not of letters, digits",
           changed(f"{LAKEHOUSE}/.platform", lambda c: c["metadata"].update(displayName="merged-retail"))),
    _defect("lakehouse metadata misspelt", "a lakehouse's metadata with `defaultschema` for `defaultSchema`", "unknown key `defaultschema`",
           replaced(f"{LAKEHOUSE}/lakehouse.metadata.json", "defaultSchema", "defaultschema")),
    _defect("lakehouse without schemas", "the model reads a schema, and the lakehouse has none", "reads the schema gold, and the lakehouse",
           changed(f"{LAKEHOUSE}/lakehouse.metadata.json", lambda c: c.clear())),
    _defect("tables elsewhere", "the notebook writes where the model does not read", 'and the notebook `Ingest release` writes to "Tables"',
           replaced(f"{NOTEBOOK}/notebook-content.py", '"Tables/gold"', '"Tables"')),
    _defect("notebook without its first line", "a notebook without its first line", "its first line is not",
           replaced(f"{NOTEBOOK}/notebook-content.py", "# Fabric notebook source\n", "")),
    _defect("notebook is no Python", "a bracket in a cell of the notebook is gone", "is no Python",
           replaced(f"{NOTEBOOK}/notebook-content.py", "report.mkdir(parents=True", "report.mkdir((parents=True")),
    _defect("notebook metadata cut off", "a line of the notebook's `# META` is gone", "the lines of `# META` are not JSON",
           replaced(f"{NOTEBOOK}/notebook-content.py", "# META {\n", "")),
    _defect("notebook on another lakehouse", "the notebook's default lakehouse is not among the items",
           f"it needs the Lakehouse {NO_ITEM}",
           lambda t: t.update({f"{NOTEBOOK}/notebook-content.py": _other_lakehouse(t)})),
    _defect("driver with 6 cores", "a driver of 6 cores, a size that Fabric has not", "driver_cores is 6",
           replaced(f"{ENVIRONMENT}/Setting/Sparkcompute.yml", "driver_cores: 8", "driver_cores: 6")),
    _defect("executors from 3 to 2", "more executors at the least than at the most", "it has 3 to 2 executors",
           replaced(f"{ENVIRONMENT}/Setting/Sparkcompute.yml", "min_executors: 1", "min_executors: 3")),
    _defect("Sparkcompute not YAML", "Sparkcompute.yml with a lost indentation", "is not YAML",
           replaced(f"{ENVIRONMENT}/Setting/Sparkcompute.yml", "  enabled: true", "enabled: true\n   x")),
    _defect("library without version", "a library without a version", "`polars` has no version",
           lambda t: t.update({f"{ENVIRONMENT}/Libraries/PublicLibraries/environment.yml": "dependencies:\n  - pip:\n    - polars\n"})),
    _defect("value of another type", "a String variable is a number", "the value of `release` is no String",
           replaced(f"{LIBRARY}/variables.json", '"retail"', "7")),
    _defect("unknown variable type", "a variable of the type `Text`", "is of the type Text",
           replaced(f"{LIBRARY}/variables.json", '"type": "String"', '"type": "Text"')),
    _defect("override of nothing", "a value set names a variable that is not there", "there is no variable `stage`",
           replaced(f"{LIBRARY}/valueSets/prod.json", '"name": "environment"', '"name": "stage"')),
    _defect("value set without file", "a value set of the list has no file", "the value set `prod` has no file",
           removed(f"{LIBRARY}/valueSets/prod.json")),
    _defect("value set of another name", "a value set that is not called like its file", "it calls itself `production`",
           changed(f"{LIBRARY}/valueSets/prod.json", lambda c: c.update(name="production"))),
    _defect("pipeline runs nothing", "the pipeline runs a notebook that is not there", f"runs the notebook {NO_ITEM}",
           _activity(lambda a: a["typeProperties"].update(notebookId=NO_ITEM))),
    _defect("pipeline gives what is not taken", "the pipeline gives the notebook a parameter that it has not", "gives `relese`",
           _activity(lambda a: a["typeProperties"]["parameters"].update(relese={"value": "x", "type": "string"}))),
    _defect("unknown pipeline parameter", "an expression of the pipeline names a parameter that is not there", "`verison` is not among its parameters",
           replaced(f"{PIPELINE}/pipeline-content.json", "parameters.version)", "parameters.verison)")),
    _defect("unknown library variable", "a pipeline reads a variable that is not there", "is `realm`",
           replaced(f"{PIPELINE}/pipeline-content.json", '"variableName": "environment"', '"variableName": "realm"')),
    _defect("library's type name", "a pipeline calls a variable's type as the library does: `Boolean` for `Bool`", "is of the type Boolean",
           replaced(f"{PIPELINE}/pipeline-content.json", '"type": "String"', '"type": "Boolean"')),
    _defect("waits for nobody", "an activity waits for one that is not there", "waits for `Land files`",
           _activity(lambda a: a["dependsOn"].append({"activity": "Land files", "dependencyConditions": ["Succeeded"]}))),
    _defect("timeout in hours", "a time limit of `12h` for `0.12:00:00`", "timeout is 12h",
           _activity(lambda a: a["policy"].update(timeout="12h"))),
    _defect("retries in a hurry", "5 seconds between two attempts", "retryIntervalInSeconds is 5",
           _activity(lambda a: a["policy"].update(retryIntervalInSeconds=5))),
    _defect("25 o'clock", "a schedule at 25:00", "is at 25:00", _schedule(times=["25:00"])),
    _defect("schedule of a notebook", "a pipeline's schedule with the job of a notebook", "is of the job `RunNotebook`",
           changed(f"{PIPELINE}/.schedules", lambda c: c["schedules"][0].update(jobType="RunNotebook"))),
    _defect("schedule ends first", "a schedule that ends before it begins", "expected a beginning before an end",
           _schedule(endDateTime="2020-01-01T00:00:00")),
    _defect("another stage's data", "the model reads one workspace wherever it is deployed", f"it reads the workspace {NO_ITEM}",
           replaced(f"{MODEL}/definition/expressions.tmdl", "00000000-0000-0000-0000-000000000000", NO_ITEM)),
    _defect("model without settings", "definition.pbism is gone", "definition.pbism is missing",
           removed(f"{MODEL}/definition.pbism")),
    _defect("report of no model", "the report's path to its model leads nowhere", "its model is at `../Sales.SemanticModel`",
           replaced(f"{REPORT}/definition.pbir", "Retail.SemanticModel", "Sales.SemanticModel")),
    _defect("version without schema", "the report's version.json has no $schema", "definition/version.json has no $schema",
           changed(f"{REPORT}/definition/version.json", lambda c: c.pop("$schema"))),
    _defect("no parameters", "parameter.yml is gone", "parameter.yml is missing", removed("parameter.yml")),
    _defect("replacement of nothing", "a replacement of what is in no file", "it would replace nothing",
           replaced("parameter.yml", "onelake\\.dfs", "onelake\\.blob")),
    _defect("environment without a value", "a replacement without a value for an environment", "has no value for the environment `prod`",
           replaced("parameter.yml", "    prod: $workspace.$id\n", "")),
    _defect("variable of no item", "parameter.yml names a lakehouse that is not there", "is of an item that is not there",
           replaced("parameter.yml", "prod: $workspace.$id", "prod: $items.Lakehouse.retail.$id")),
]  # fmt: skip


def _other_lakehouse(texts: Texts) -> str:
    identity = json.loads(texts[f"{LAKEHOUSE}/.platform"])["config"]["logicalId"]
    return texts[f"{NOTEBOOK}/notebook-content.py"].replace(identity, NO_ITEM)
