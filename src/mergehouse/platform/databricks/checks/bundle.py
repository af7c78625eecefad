"""databricks.yml: keys, references, files, environments, order of tasks, schedule, targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any
from zoneinfo import ZoneInfo

from mergehouse.errors import ConfigError
from mergehouse.project.validation import nearest
from mergehouse.project.yaml_file import parse_yaml

Json = dict[str, Any]
FILE = "databricks.yml"
KEYS = (
    "artifacts", "bundle", "environments", "experimental", "include", "permissions", "presets", "python",
    "resources", "run_as", "scripts", "sync", "targets", "variables", "workspace",
)  # fmt: skip
OF_BUNDLE = ("name", "target", "environment", "uuid")
REFERENCE = re.compile(r"\$\{([^}]*)\}")
CRON = (  # of Quartz: seconds, minutes, hours, day of month, month, weekday, year
    ("seconds", 0, 59, ""), ("minutes", 0, 59, ""), ("hours", 0, 23, ""), ("day", 1, 31, "L|LW|\\d+W"),
    ("month", 1, 12, "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"),
    ("weekday", 1, 7, "SUN|MON|TUE|WED|THU|FRI|SAT"), ("year", 1970, 2099, ""),
)  # fmt: skip


def bundle_faults(files: Mapping[str, str]) -> list[str]:
    """What is wrong with the bundle's settings.

    >>> bundle_faults({"databricks.yml": "bundle: {name: retail}"})
    ['databricks.yml: targets: there is none.']
    """
    try:
        settings = parse_yaml(files[FILE])
    except (ConfigError, KeyError) as error:
        return [f"{FILE}: cannot be read: {error}."]
    found = [f"`{key}` is no key of a bundle{_meant(key, KEYS)}" for key in settings if key not in KEYS]
    found += [*_targets(settings), *_references(settings)]
    for target in settings.get("targets") or {}:
        found += _jobs(settings, target, files)
    return [f"{FILE}: {fault}" for fault in dict.fromkeys(found)]


def _meant(word: str, known: Any) -> str:
    best = nearest(word, known)
    return f"; did you mean `{best}`?" if best else f"; expected one of {', '.join(known)}."


def _targets(settings: Json) -> Iterator[str]:
    targets, declared = settings.get("targets") or {}, settings.get("variables") or {}
    if not targets:
        yield "targets: there is none."
        return
    if (count := sum(bool(target.get("default")) for target in targets.values())) != 1:
        yield f"targets: {count} of them are the default; expected one."
    given: dict[str, int] = {}
    for name, target in targets.items():
        if target.get("mode") not in ("development", "production"):
            yield f"targets.{name}.mode: `{target.get('mode')}`; expected development or production."
        for variable in target.get("variables") or {}:
            given[variable] = given.get(variable, 0) + 1
            if variable not in declared:
                yield f"targets.{name}.variables: `{variable}` is not declared{_meant(variable, declared)}"
    for variable, about in declared.items():
        if "default" not in about and 0 < given.get(variable, 0) < len(targets):
            yield f"variables.{variable}: some targets give it, and others do not."


def _references(settings: Json) -> Iterator[str]:
    declared = settings.get("variables") or {}
    resources = _resources(settings, None)
    asked = set()
    for where, text in _texts(settings):
        for reference in REFERENCE.findall(text):
            kind, _, rest = reference.partition(".")
            if kind == "var":
                asked.add(rest)
                if rest not in declared:
                    yield f"{where}: ${{{reference}}}: no such variable{_meant(rest, declared)}"
            elif kind == "resources":
                *path, _ = rest.split(".")
                if tuple(path) not in resources:
                    yield f"{where}: ${{{reference}}}: there is no such resource."
            elif not (kind == "bundle" and rest in OF_BUNDLE) and kind != "workspace":
                yield f"{where}: ${{{reference}}}: expected var, bundle, workspace or resources."
    for variable in declared:
        if variable not in asked:
            yield f"variables.{variable}: nothing asks for it."


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _texts(inner, f"{where}.{key}".lstrip("."))


def _resources(settings: Json, target: str | None) -> dict[tuple[str, str], Json]:
    """Those of all targets, or of one, by kind and name."""
    targets = settings.get("targets") or {}
    own = [settings, *(found for name, found in targets.items() if target in (None, name))]
    return {
        (kind, name): resource
        for place in own
        for kind, named in (place.get("resources") or {}).items()
        for name, resource in (named or {}).items()
    }


def _jobs(settings: Json, target: str, files: Mapping[str, str]) -> Iterator[str]:
    for (kind, name), resource in _resources(settings, target).items():
        where = f"resources.{kind}.{name}"
        if kind == "dashboards" and resource.get("file_path") not in files:
            yield f"{where}.file_path: {resource.get('file_path')} is not in the bundle."
        if kind == "jobs":
            yield from (f"{where}{fault}" for fault in _job(resource, settings, target, files))


def _job(job: Json, settings: Json, target: str, files: Mapping[str, str]) -> Iterator[str]:
    given = job.get("tasks")
    if not isinstance(given, list) or not all(isinstance(task, dict) for task in given):
        yield ".tasks: expected a list of tasks."
        return
    tasks = {task.get("task_key"): task for task in given}
    if len(tasks) != len(given):
        yield ".tasks: two of them have the same task_key."
    environments = {found.get("environment_key") for found in job.get("environments") or []}
    for key, task in tasks.items():
        for before in task.get("depends_on") or []:
            if before.get("task_key") not in tasks:
                yield f".tasks.{key}: depends on `{before.get('task_key')}`, which is no task of the job."
        needs = "spark_python_task" in task or "environment_key" in task
        if needs and task.get("environment_key") not in environments:
            yield f".tasks.{key}: environment_key `{task.get('environment_key')}` is not among the job's."
        file = str(_file_of(task)).replace("${bundle.target}", target)
        if file not in (*files, "None"):
            yield f".tasks.{key}: {file} is not in the bundle."
    order = {
        key: {before.get("task_key") for before in task.get("depends_on") or []}
        for key, task in tasks.items()
    }
    try:
        TopologicalSorter(order).prepare()
    except CycleError as error:
        yield f".tasks: they wait for one another: {' -> '.join(map(str, error.args[1]))}."
    if schedule := job.get("schedule"):
        expression, zone = (
            _filled(schedule.get(key), settings) for key in ("quartz_cron_expression", "timezone_id")
        )
        yield from (f".schedule: `{expression}`: {fault}" for fault in cron_faults(expression))
        if not _is_zone(zone):
            yield f".schedule: timezone_id: there is no time zone `{zone}`."


def _file_of(task: Json) -> Any:
    script = (task.get("spark_python_task") or {}).get("python_file")
    return script or ((task.get("sql_task") or {}).get("file") or {}).get("path")


def _filled(text: Any, settings: Json) -> str:
    """With the variables' defaults."""
    declared = settings.get("variables") or {}
    return re.sub(
        r"\$\{var\.(\w+)\}", lambda found: str((declared.get(found[1]) or {}).get("default", "")), str(text)
    )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return bool(name)


def cron_faults(expression: str) -> list[str]:
    """What is wrong with a schedule in the words of Quartz, which has seconds and a `?`.

    >>> cron_faults("0 0 5 * * ?"), cron_faults("0 5 * * *")
    ([], ['expected 6 or 7 fields, found 5.'])
    """
    fields = expression.split()
    if len(fields) not in (6, 7):
        return [f"expected 6 or 7 fields, found {len(fields)}."]
    found = [
        f"{name}: `{field}`."
        for field, (name, low, high, words) in zip(fields, CRON, strict=False)
        if not all(_is_part(part, name, low, high, words) for part in field.split(","))
    ]
    if (fields[3] == "?") == (fields[5] == "?"):
        found.append("one of day and weekday must be `?`.")
    return found


def _is_part(part: str, name: str, low: int, high: int, words: str) -> bool:
    value = rf"(?:\d+|{words})" if words else r"\d+"
    steps = re.fullmatch(rf"(\*|{value}(?:-{value})?)(?:/(\d+))?", part, re.IGNORECASE)
    if part == "?" or (name == "weekday" and re.fullmatch(r"\d(L|#[1-5])", part)):
        return name in ("day", "weekday")
    if not steps or steps[2] == "0":
        return False
    return all(low <= int(number) <= high for number in re.findall(r"\d+", steps[1]))
