"""What is wrong with the items for Fabric, found before they are written and before they are deployed.

For lakehouses, notebooks, pipelines and environments nobody publishes a schema, and fabric-cicd sends what it
is given: what stands here is all that looks at them before the service does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mergehouse.errors import MergehouseError
from mergehouse.platform.fabric import data_pipeline, environment, lakehouse, notebook, report, semantic_model
from mergehouse.platform.fabric import variable_library as variables
from mergehouse.platform.fabric.item import THIS_WORKSPACE, Item, Key, Unreadable, is_uuid, items_in
from mergehouse.platform.fabric.parameter import FILE, check_parameter

CHECKS: dict[str, Callable[[Item, Sequence[Item]], Iterator[str]]] = {
    variables.KIND: variables.check_variable_library,
    lakehouse.KIND: lakehouse.check_lakehouse,
    environment.KIND: environment.check_environment,
    notebook.KIND: notebook.check_notebook,
    semantic_model.KIND: semantic_model.check_semantic_model,
    report.KIND: report.check_report,
    data_pipeline.KIND: data_pipeline.check_data_pipeline,
}  # in the order in which fabric-cicd deploys
LONGEST = 256  # characters that a name or a description may have
SHOWN = 8


class ItemsFaulty(MergehouseError):
    """Items that Fabric would refuse, or that would not do what they say."""

    exit_code = 1


def check_items(texts: Mapping[str, str]) -> list[str]:
    """What is wrong with a folder of items, a line each. `texts` by path below it.

    >>> check_items({"retail.Lakehouse/.platform": "{}"})[0]
    'retail.Lakehouse/.platform: expected metadata.type, metadata.displayName and config.logicalId.'
    """
    found = list(items_in(texts))
    problems = [problem for problem in found if isinstance(problem, str)]
    items = [item for item in found if isinstance(item, Item)]
    if not found:
        problems.append("no item: expected folders with a file .platform.")
    folders = {path.split("/")[0] for path in texts if "/" in path}
    for folder in sorted(folders - {path.split("/")[0] for path in texts if path.endswith("/.platform")}):
        problems.append(f"{folder}: it has no .platform, so it would not be deployed.")
    problems += _identities(texts, items)
    for item in items:
        problems += [f"{item.folder}: {problem}." for problem in _checked(item, items)]
    if FILE in texts:
        problems += [f"{problem}." for problem in check_parameter(texts[FILE], items)]
    else:
        problems.append(f"{FILE} is missing, so nothing would be different between environments.")
    return problems


def expect_sound(texts: Mapping[str, str], where: str) -> list[Item]:
    """The items of a folder. Raises ItemsFaulty with all that is wrong."""
    if problems := check_items(texts):
        raise ItemsFaulty(refusal(where, problems))
    return [item for item in items_in(texts) if isinstance(item, Item)]


def refusal(what: str, problems: Sequence[str]) -> str:
    """The message about what cannot be deployed."""
    more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    listed = "".join(f"\n  {problem}" for problem in problems[:SHOWN])
    return f"{what}: cannot be deployed as written:{listed}{more}"


def _checked(item: Item, items: Sequence[Item]) -> Iterator[str]:
    try:
        yield from CHECKS[item.kind](item, items) if item.kind in CHECKS else ()
    except Unreadable as error:
        yield str(error)
    except (AttributeError, TypeError, KeyError) as error:
        yield f"a value is of another type than expected ({error})"


def _identities(texts: Mapping[str, str], items: Sequence[Item]) -> Iterator[str]:
    """Names and ids, of which each item has its own."""
    ids: dict[str, str] = {}
    names: dict[Key, str] = {}
    for item in items:
        platform = f"{item.folder}/.platform"
        if not item.folder.endswith(f".{item.kind}"):
            yield f"{item.folder}: its .platform says that it is a {item.kind}, its name does not."
        if item.kind not in CHECKS:
            yield f"{platform}: no item of type {item.kind} is deployed; expected {', '.join(CHECKS)}."
        if not 0 < len(item.name) <= LONGEST or item.name != item.name.strip():
            yield f"{platform}: the name `{item.name}` is empty, too long, or begins or ends with a blank."
        if item.key in names:
            yield f"{platform}: {names[item.key]} has the same name."
        if len(item.description) > LONGEST:
            yield f"{platform}: the description has more than {LONGEST} characters."
        if not is_uuid(item.logical_id) or item.logical_id == THIS_WORKSPACE:
            yield f"{platform}: the logicalId `{item.logical_id}` is none; expected a UUID in small letters."
        elif item.logical_id in ids:
            yield f"{platform}: {ids[item.logical_id]} has the same logicalId."
        ids.setdefault(item.logical_id, item.folder)
        names.setdefault(item.key, item.folder)
