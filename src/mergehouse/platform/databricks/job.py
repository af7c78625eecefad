"""The jobs of a bundle, on serverless compute: `catalog` defines what is in Unity Catalog, `pipeline` builds
and releases, `publish` brings a release into the tables.

Source: Databricks' reference of bundle resources; `databricks-bundles` has the same as types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
ENVIRONMENT_KEY = "mergehouse"


def catalog_job(scripts: Sequence[str]) -> Json:
    """Runs the SQL files of a target, one after the other, on a SQL warehouse.

    >>> [task["task_key"] for task in catalog_job(["1_catalog.sql", "2_tables.sql"])["tasks"]]
    ['catalog', 'tables']
    """
    tasks: list[Json] = []
    for script in scripts:
        file = {"path": f"sql/${{bundle.target}}/{script}", "source": "WORKSPACE"}
        task: Json = {
            "task_key": script.split("_", 1)[1].removesuffix(".sql"),
            "sql_task": {"file": file, "warehouse_id": "${var.warehouse_id}"},
        }
        tasks.append(_after(task, tasks))
    return _job("catalog", "Catalog, tables, row filters, masks, metric views and grants", tasks)


def pipeline_job(environment: str | None, has_scores: bool) -> Json:
    """Builds, checks, scores where the project has scores, and releases, then publishes what was released.

    >>> [task["task_key"] for task in pipeline_job("dev", True)["tasks"]]
    ['run', 'check', 'score', 'release', 'publish']
    """
    tasks: list[Json] = []
    for command in ("run", "check", *(["score"] if has_scores else []), "release"):
        task = _script(command, "command.py", [command, "${var.project}", *_given(environment)])
        tasks.append(_after(task, tasks))
    publish = {"task_key": "publish", "run_job_task": {"job_id": "${resources.jobs.publish.id}"}}
    tasks.append(_after(publish, tasks))
    schedule = {"quartz_cron_expression": "${var.schedule}", "timezone_id": "${var.timezone}"}
    job = _job("pipeline", "Run, check, score, release, publish", tasks)
    return job | {"schedule": schedule, "environments": _environments()}


def publish_job(has_environments: bool) -> Json:
    """Verifies the release that is current in the target's lakehouse and brings it into the tables.

    >>> publish_job(True)["tasks"][0]["spark_python_task"]["parameters"]
    ['${var.catalog}', '${var.project}', '${bundle.target}']
    """
    environment = "${bundle.target}" if has_environments else None
    task = _script("publish", "publish.py", ["${var.catalog}", "${var.project}", *_given(environment)])
    return _job("publish", "Verify the current release and publish it", [task]) | {
        "environments": _environments()
    }


def _job(name: str, description: str, tasks: list[Json]) -> Json:
    return {
        "name": f"${{bundle.name}} {name} (${{bundle.target}})",
        "description": description,
        "max_concurrent_runs": 1,
        "queue": {"enabled": True},
        "email_notifications": {"on_failure": "${var.notify}"},
        "tasks": tasks,
    }


def _script(key: str, file: str, parameters: list[str]) -> Json:
    return {
        "task_key": key,
        "environment_key": ENVIRONMENT_KEY,
        "max_retries": 0,  # what a contract refuses once it refuses again
        "spark_python_task": {"python_file": f"src/{file}", "parameters": parameters},
    }


def _after(task: Json, before: list[Json]) -> Json:
    return task | ({"depends_on": [{"task_key": before[-1]["task_key"]}]} if before else {})


def _given(environment: str | None) -> list[str]:
    return [environment] if environment else []


def _environments() -> list[Json]:
    spec = {"environment_version": "4", "dependencies": ["${var.package}"]}
    return [{"environment_key": ENVIRONMENT_KEY, "spec": spec}]
