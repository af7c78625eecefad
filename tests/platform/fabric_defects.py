# ruff: noqa: E501 (a table: a row is a line)
"""Defects seeded into the items for Fabric: each is to be caught before anything is deployed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Texts = dict[str, str]
LAKEHOUSE, ENVIRONMENT, NOTEBOOK = (
    "merged_retail.Lakehouse",
    "Ingestion.Environment",
    "Ingest release.Notebook",
)
PIPELINE, LIBRARY = "Ingest latest release.DataPipeline", "Stage.VariableLibrary"
MODEL, REPORT = "Retail.SemanticModel", "Retail.Report"


@dataclass(frozen=True)
class Defect:
    """`broken` in words; `caught_by` begins the check's word on it; `seed` breaks the files."""

    name: str
    broken: str
    caught_by: str
    seed: Callable[[Texts], None]


def _text(path: str, old: str, new: str) -> Callable[[Texts], None]:
    def seed(texts: Texts) -> None:
        assert old in texts[path], f"{path} has no {old!r}"
        texts[path] = texts[path].replace(old, new, 1)

    return seed


def _json(path: str, change: Callable[[Any], Any]) -> Callable[[Texts], None]:
    def seed(texts: Texts) -> None:
        content = json.loads(texts[path])
        change(content)
        texts[path] = json.dumps(content)

    return seed


def _gone(path: str) -> Callable[[Texts], None]:
    return lambda texts: _none(texts.pop(path))


def _none(_: object) -> None:
    return None


def _activity(change: Callable[[Any], Any]) -> Callable[[Texts], None]:
    return _json(f"{PIPELINE}/pipeline-content.json", lambda c: change(c["properties"]["activities"][0]))


def _schedule(**changes: Any) -> Callable[[Texts], None]:
    return _json(f"{PIPELINE}/.schedules", lambda c: c["schedules"][0]["configuration"].update(changes))


NO_ITEM = "99999999-9999-4999-8999-999999999999"
DEFECTS = [
    Defect("no platform file", "an item's .platform is gone", "it has no .platform",
           _gone(f"{NOTEBOOK}/.platform")),
    Defect("platform not JSON", "an item's .platform is cut off", "is not JSON",
           _text(f"{LAKEHOUSE}/.platform", "}\n}", "")),
    Defect("id twice", "two items have one logical id", "has the same logicalId",
           lambda t: t.update({f"{REPORT}/.platform": t[f"{MODEL}/.platform"].replace("SemanticModel", "Report")})),
    Defect("no id", "a logical id is empty", "the logicalId `` is none",
           _json(f"{LIBRARY}/.platform", lambda c: c["config"].update(logicalId=""))),
    Defect("unknown type", "an item of a type that is not deployed", "no item of type Warehouse",
           _json(f"{ENVIRONMENT}/.platform", lambda c: c["metadata"].update(type="Warehouse"))),
    Defect("folder of another type", "a pipeline's .platform calls it a notebook", "its .platform says that it is a Notebook",
           _json(f"{PIPELINE}/.platform", lambda c: c["metadata"].update(type="Notebook"))),
    Defect("name with a blank", "a name that ends with a blank", "begins or ends with a blank",
           _json(f"{NOTEBOOK}/.platform", lambda c: c["metadata"].update(displayName="Ingest release "))),
    Defect("lakehouse with a dash", "a lakehouse is called `merged-retail`", "is not of letters, digits",
           _json(f"{LAKEHOUSE}/.platform", lambda c: c["metadata"].update(displayName="merged-retail"))),
    Defect("lakehouse metadata misspelt", "`defaultschema` for `defaultSchema`", "unknown key `defaultschema`",
           _text(f"{LAKEHOUSE}/lakehouse.metadata.json", "{}", '{"defaultschema": "dbo"}')),
    Defect("notebook without its first line", "Fabric would take it for a plain file", "its first line is not",
           _text(f"{NOTEBOOK}/notebook-content.py", "# Fabric notebook source\n", "")),
    Defect("notebook is no Python", "a bracket of a cell is gone", "is no Python",
           _text(f"{NOTEBOOK}/notebook-content.py", "report.mkdir(parents=True", "report.mkdir((parents=True")),
    Defect("notebook metadata cut off", "a line of `# META` is gone", "the lines of `# META` are not JSON",
           _text(f"{NOTEBOOK}/notebook-content.py", "# META {\n", "")),
    Defect("notebook on another lakehouse", "its default lakehouse is not among the items",
           f"it needs the Lakehouse {NO_ITEM}",
           lambda t: t.update({f"{NOTEBOOK}/notebook-content.py": _other_lakehouse(t)})),
    Defect("driver with 6 cores", "no such size in Fabric", "driver_cores is 6",
           _text(f"{ENVIRONMENT}/Setting/Sparkcompute.yml", "driver_cores: 8", "driver_cores: 6")),
    Defect("executors from 3 to 2", "the end is before the beginning", "it has 3 to 2 executors",
           _text(f"{ENVIRONMENT}/Setting/Sparkcompute.yml", "min_executors: 1", "min_executors: 3")),
    Defect("Sparkcompute not YAML", "an indentation is lost", "is not YAML",
           _text(f"{ENVIRONMENT}/Setting/Sparkcompute.yml", "  enabled: true", "enabled: true\n   x")),
    Defect("library without version", "`polars` for `polars==1.2.3`", "`polars` has no version",
           lambda t: t.update({f"{ENVIRONMENT}/Libraries/PublicLibraries/environment.yml": "dependencies:\n  - pip:\n    - polars\n"})),
    Defect("value of another type", "a String variable is a number", "the value of `release` is no String",
           _text(f"{LIBRARY}/variables.json", '"retail"', "7")),
    Defect("unknown variable type", "`Text` for `String`", "is of the type Text",
           _text(f"{LIBRARY}/variables.json", '"type": "String"', '"type": "Text"')),
    Defect("override of nothing", "a value set names a variable that is not there", "there is no variable `stage`",
           _text(f"{LIBRARY}/valueSets/prod.json", '"name": "environment"', '"name": "stage"')),
    Defect("value set without file", "prod.json is gone", "the value set `prod` has no file",
           _gone(f"{LIBRARY}/valueSets/prod.json")),
    Defect("value set of another name", "prod.json calls itself `production`", "it calls itself `production`",
           _json(f"{LIBRARY}/valueSets/prod.json", lambda c: c.update(name="production"))),
    Defect("pipeline runs nothing", "the notebook's id is another", f"runs the notebook {NO_ITEM}",
           _activity(lambda a: a["typeProperties"].update(notebookId=NO_ITEM))),
    Defect("pipeline gives what is not taken", "a parameter that the notebook has not", "gives `relese`",
           _activity(lambda a: a["typeProperties"]["parameters"].update(relese={"value": "x", "type": "string"}))),
    Defect("unknown pipeline parameter", "an expression names it", "`verison` is not among its parameters",
           _text(f"{PIPELINE}/pipeline-content.json", "parameters.version)", "parameters.verison)")),
    Defect("unknown library variable", "a pipeline reads a variable that is not there", "is `realm`",
           _text(f"{PIPELINE}/pipeline-content.json", '"variableName": "environment"', '"variableName": "realm"')),
    Defect("library's type name", "a Boolean of a library is a Bool in a pipeline", "is of the type Boolean",
           _text(f"{PIPELINE}/pipeline-content.json", '"type": "String"', '"type": "Boolean"')),
    Defect("waits for nobody", "dependsOn names no activity", "waits for `Land files`",
           _activity(lambda a: a["dependsOn"].append({"activity": "Land files", "dependencyConditions": ["Succeeded"]}))),
    Defect("timeout in hours", "`12h` for `0.12:00:00`", "timeout is 12h",
           _activity(lambda a: a["policy"].update(timeout="12h"))),
    Defect("retries in a hurry", "5 seconds between two attempts", "retryIntervalInSeconds is 5",
           _activity(lambda a: a["policy"].update(retryIntervalInSeconds=5))),
    Defect("25 o'clock", "a schedule at 25:00", "is at 25:00", _schedule(times=["25:00"])),
    Defect("schedule of a notebook", "the job of a pipeline is Execute", "is of the job `RunNotebook`",
           _json(f"{PIPELINE}/.schedules", lambda c: c["schedules"][0].update(jobType="RunNotebook"))),
    Defect("schedule ends first", "the end is before the beginning", "expected a beginning before an end",
           _schedule(endDateTime="2020-01-01T00:00:00")),
    Defect("another stage's data", "the model reads a fixed workspace", f"it reads the workspace {NO_ITEM}",
           _text(f"{MODEL}/definition/expressions.tmdl", "00000000-0000-0000-0000-000000000000", NO_ITEM)),
    Defect("model without settings", "definition.pbism is gone", "definition.pbism is missing",
           _gone(f"{MODEL}/definition.pbism")),
    Defect("report of no model", "its path leads nowhere", "its model is at `../Sales.SemanticModel`",
           _text(f"{REPORT}/definition.pbir", "Retail.SemanticModel", "Sales.SemanticModel")),
    Defect("version without schema", "version.json has no $schema", "definition/version.json has no $schema",
           _json(f"{REPORT}/definition/version.json", lambda c: c.pop("$schema"))),
    Defect("no parameters", "parameter.yml is gone", "parameter.yml is missing", _gone("parameter.yml")),
    Defect("replacement of nothing", "an address that is not in the expression", "it would replace nothing",
           _text("parameter.yml", "onelake\\.dfs", "onelake\\.blob")),
    Defect("environment without a value", "one replacement has none for prod", "has no value for the environment `prod`",
           _text("parameter.yml", "    prod: $workspace.$id\n", "")),
    Defect("variable of no item", "parameter.yml names a lakehouse that is not there", "is of an item that is not there",
           _text("parameter.yml", "prod: $workspace.$id", "prod: $items.Lakehouse.retail.$id")),
]  # fmt: skip


def _other_lakehouse(texts: Texts) -> str:
    identity = json.loads(texts[f"{LAKEHOUSE}/.platform"])["config"]["logicalId"]
    return texts[f"{NOTEBOOK}/notebook-content.py"].replace(identity, NO_ITEM)
