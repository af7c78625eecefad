"""The data pipeline that runs the notebook, and its schedule.

Source: Microsoft's page on the definition of data pipelines, its schema of `.schedules`
(gitIntegration/schedules/1.0.0), and its description of variable libraries in pipelines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mergehouse.platform.fabric import notebook, variable_library
from mergehouse.platform.fabric.item import SCHEMAS, THIS_WORKSPACE, Item, is_uuid, made, written

KIND, NAME, CONTENT, SCHEDULES = (
    "DataPipeline",
    "Ingest latest release",
    "pipeline-content.json",
    ".schedules",
)
RUNS = "TridentNotebook"
PARAMETERS = ("release", "version", "digest")  # what a run may be given; where it is not, the stage says it
JOB = "Execute"  # as schedules call a run of a pipeline
TIMEOUT = re.compile(r"\d{1,3}\.\d{2}:\d{2}:\d{2}")
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
STARTS, ENDS = "2026-01-01T00:00:00", "2099-12-31T00:00:00"
DAILY = "05:00"
# as pipelines call the types of a variable library
TYPES = {"String": "String", "DateTime": "String", "Boolean": "Bool", "Integer": "Int", "Number": "Double"}


def data_pipeline_item(runs: Item, library: Item) -> Item:
    """One activity that runs the notebook `runs`, daily where the schedule is switched on. A run is given
    the release, or the stage's variables say which.
    """
    given = {name: f"@{_given_or_of_stage(name)}" for name in PARAMETERS}
    given["environment"] = f"@{_of_stage('environment')}"
    activity = {
        "name": "Ingest release",
        "type": RUNS,
        "dependsOn": [],
        "policy": {
            "timeout": "0.12:00:00",
            "retry": 1,
            "retryIntervalInSeconds": 120,
            "secureOutput": False,
            "secureInput": False,
        },
        "typeProperties": {
            "notebookId": runs.logical_id,
            "workspaceId": THIS_WORKSPACE,
            "parameters": {
                name: {"value": {"value": value, "type": "Expression"}, "type": "string"}
                for name, value in given.items()
            },
        },
    }
    properties = {
        "description": "Verifies the release in Files/dropzone and brings it into the lakehouse's tables.",
        "activities": [activity],
        "parameters": {name: {"type": "string", "defaultValue": ""} for name in PARAMETERS},
        "libraryVariables": {
            f"{library.name}_{name}": {
                "type": "String",
                "variableName": name,
                "libraryName": library.name,
                "libraryId": library.logical_id,
            }
            for name in (*PARAMETERS, "environment")
        },
        "annotations": [],
    }
    schedule = {
        "enabled": False,
        "jobType": JOB,
        "configuration": {
            "type": "Daily",
            "startDateTime": STARTS,
            "endDateTime": ENDS,
            "localTimeZoneId": "UTC",
            "times": [DAILY],
        },
    }
    schema = f"{SCHEMAS}/gitIntegration/schedules/1.0.0/schema.json"
    files = {
        CONTENT: written({"properties": properties}),
        SCHEDULES: written({"$schema": schema, "schedules": [schedule]}),
    }
    return made(KIND, NAME, files, "ingests the release that is in the dropzone.")


def check_data_pipeline(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What would fail in Fabric, in words: activities, what they run and are given, schedules."""
    properties = item.json(CONTENT).get("properties", {})
    activities = properties.get("activities", [])
    names = [activity.get("name") for activity in activities]
    yield from (
        f"{CONTENT}: two activities are called `{n}`"
        for n in sorted({n for n in names if names.count(n) > 1})
    )
    for activity in activities:
        where = f"{CONTENT}: activity `{activity.get('name')}`"
        for before in activity.get("dependsOn", []):
            if before.get("activity") not in names:
                yield f"{where} waits for `{before.get('activity')}`, which is not there"
        yield from (f"{where}: {problem}" for problem in _policy(activity.get("policy", {})))
        if activity.get("type") == RUNS:
            yield from (f"{where} {problem}" for problem in _runs(activity.get("typeProperties", {}), items))
    known = {
        "parameters": set(properties.get("parameters", {})),
        "libraryVariables": set(properties.get("libraryVariables", {})),
    }
    for group, name in re.findall(
        r"pipeline\(\)\.(parameters|libraryVariables)\.(\w+)", json.dumps(activities)
    ):
        if name not in known[group]:
            yield f"{CONTENT}: `{name}` is not among its {group}"
    for alias, variable in properties.get("libraryVariables", {}).items():
        yield from (f"{CONTENT}: `{alias}` {problem}" for problem in _variable(variable, items))
    if SCHEDULES in item.files:
        for number, schedule in enumerate(item.json(SCHEDULES).get("schedules", []), 1):
            yield from (f"{SCHEDULES}: schedule {number} {problem}" for problem in _schedule(schedule))


def _policy(policy: Mapping[str, Any]) -> Iterator[str]:
    if not TIMEOUT.fullmatch(str(policy.get("timeout", "7.00:00:00"))):
        yield f"timeout is {policy['timeout']}; expected days.hh:mm:ss"
    retry, wait = policy.get("retry", 0), policy.get("retryIntervalInSeconds", 30)
    if not isinstance(retry, int) or retry < 0:
        yield f"retry is {retry}; expected 0 or more"
    if not isinstance(wait, int) or not 30 <= wait <= 86400:
        yield f"retryIntervalInSeconds is {wait}; expected 30 to 86400"


def _runs(found: Mapping[str, Any], items: Sequence[Item]) -> Iterator[str]:
    identity = found.get("notebookId")
    runs = next((i for i in items if i.kind == notebook.KIND and i.logical_id == identity), None)
    if runs is None:
        yield f"runs the notebook {identity}, which is not among the items"
        return
    if not is_uuid(found.get("workspaceId")):
        yield f"looks for the notebook in the workspace `{found.get('workspaceId')}`, which is no id"
    for name in sorted(found.get("parameters", {}).keys() - notebook.parameters_of(runs).keys()):
        yield f"gives `{name}`, which is no parameter of the notebook `{runs.name}`"


def _variable(variable: Mapping[str, Any], items: Sequence[Item]) -> Iterator[str]:
    library = next(
        (i for i in items if i.kind == variable_library.KIND and i.name == variable.get("libraryName")), None
    )
    if library is None:
        yield f"is of the variable library `{variable.get('libraryName')}`, which is not among the items"
        return
    if variable.get("libraryId", library.logical_id) != library.logical_id:
        yield f"names the variable library `{library.name}` by another id than its own"
    there = {
        v.get("name"): v.get("type") for v in library.json(variable_library.VARIABLES).get("variables", [])
    }
    name = variable.get("variableName")
    if name not in there:
        yield f"is `{name}`, which the variable library `{library.name}` has not"
    elif TYPES.get(there[name]) != variable.get("type"):
        kind = there[name]
        yield f"is of the type {variable.get('type')}; a library's {kind} is a {TYPES.get(kind)} here"


def _schedule(schedule: Mapping[str, Any]) -> Iterator[str]:
    setting = schedule.get("configuration", {})
    kind = setting.get("type")
    if schedule.get("jobType") != JOB:
        yield f"is of the job `{schedule.get('jobType')}`; a pipeline's is `{JOB}`"
    starts, ends = setting.get("startDateTime"), setting.get("endDateTime")
    if not (isinstance(starts, str) and isinstance(ends, str) and starts < ends):
        yield f"is from {starts} to {ends}; expected a beginning before an end"
    if not setting.get("localTimeZoneId"):
        yield "has no localTimeZoneId"
    if kind == "Cron" and not (isinstance(setting.get("interval"), int) and setting["interval"] >= 1):
        yield f"has the interval {setting.get('interval')}; expected minutes"
    times = setting.get("times") or []
    if kind in ("Daily", "Weekly", "Monthly") and not (times and all(TIME.fullmatch(str(t)) for t in times)):
        yield f"is at {', '.join(map(str, times)) or 'no time'}; expected hh:mm"
    if kind == "Weekly" and not setting.get("weekdays"):
        yield "has no weekdays"


def _given_or_of_stage(name: str) -> str:
    given = f"pipeline().parameters.{name}"
    return f"if(empty({given}), {_of_stage(name)}, {given})"


def _of_stage(name: str) -> str:
    return f"pipeline().libraryVariables.{variable_library.NAME}_{name}"
