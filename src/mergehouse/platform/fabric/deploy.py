"""Deploys a folder of items into a workspace of Microsoft Fabric: looks first, publishes, says what became of
each item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from mergehouse.errors import ConfigError, MergehouseError
from mergehouse.machine import unreadable
from mergehouse.platform.fabric import lakehouse
from mergehouse.platform.fabric.api import FabricApi, FabricError
from mergehouse.platform.fabric.checks import CHECKS, expect_sound
from mergehouse.platform.fabric.credentials import token_source
from mergehouse.platform.fabric.hand_edits import LOOKED_AT, hand_edits, mark
from mergehouse.platform.fabric.item import WRITTEN_BY, Item, Key
from mergehouse.platform.fabric.parameter import FILE, environments_of, with_values
from mergehouse.platform.fabric.publishing import Published, Target, api_root, publish, remove
from mergehouse.platform.fabric.workspace import Workspace, WorkspaceItem, workspace
from mergehouse.platform.generated_folder import RECORD, UNFINISHED
from mergehouse.progress import Progress, silent
from mergehouse.project.validation import nearest_known

Action = Literal["create", "update", "remove", "leave"]
Status = Literal["", "published", "failed", "not reached", "removed"]
Values = Mapping[Key, Mapping[str, str]]  # files of items, with what is different in the environment
AT_ONCE = 4  # definitions that are read at a time
SHOWN = 5  # differences of an item in a message
KEPT = (lakehouse.KIND,)  # never removed: they hold data


@dataclass(frozen=True)
class ItemDeployment:
    """What a deployment does with an item, and what became of it; `status` is empty of one that it leaves
    and in a dry run.
    """

    kind: str
    name: str
    action: Action
    status: Status = ""
    message: str = ""
    edited: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.kind, self.name


@dataclass(frozen=True)
class WorkspaceDeployment:
    """A deployment, or in a dry run what it would do. `stopped` is what went wrong with no item in
    particular; `refused`, that a dry run found edits of somebody's.
    """

    workspace: str
    workspace_id: str
    environment: str
    dry_run: bool
    items: list[ItemDeployment]
    refused: bool = False
    stopped: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a deployment has to be run again, or would not be one."""
        undone = any(item.status in ("failed", "not reached") for item in self.items)
        return undone or self.refused or bool(self.stopped)


class EditedByHand(MergehouseError):
    """Somebody edited in the workspace what would be deployed."""

    exit_code = 1


def deploy(
    folder: Path,
    named: str,
    environment: str,
    *,
    dry_run: bool = False,
    remove_orphans: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    token: Callable[[], str] | None = None,
) -> WorkspaceDeployment:
    """Publishes the items in `folder` into the workspace of that id or name, with the values that
    parameter.yml has for the environment. `remove_orphans` removes items that mergehouse once published there
    and that are not in the folder; `overwrite` undoes what somebody edited in the workspace.

    Nothing is published on: ItemsFaulty, where the items would be refused; ConfigError, where there is no
    such folder, environment or workspace; EditedByHand, unless `overwrite`; FabricError, where the service
    refuses to be looked at. What fails later is in the result, and a second deployment heals it.
    """
    progress("checking the items")
    texts = _read(folder)
    items = sorted(expect_sound(texts, str(folder)), key=lambda item: list(CHECKS).index(item.kind))
    _expect_environment(texts[FILE], environment, folder)
    root, token = api_root(), token or token_source()
    space = workspace(FabricApi(token, root), named)
    if not space.has_capacity:
        raise FabricError(
            f"Fabric: the workspace {space.name} has no capacity, so it takes no items but Power BI's. Give"
            " it one under Workspace settings > License info."
        )
    progress("looking at the workspace")
    there = {item.key: item for item in space.items()}
    _expect_schemas(space, items, there)
    values = {item.key: with_values(texts[FILE], environment, item) for item in items}
    edits = {} if overwrite and not dry_run else _edits(space, items, values, there)
    plan = [*_ours(items, there, edits), *_orphans(items, there, remove_orphans)]
    refused = bool(edits) and not overwrite
    done = WorkspaceDeployment(space.name, space.id, environment, dry_run, plan, refused)
    if dry_run:
        return done
    if refused:
        raise EditedByHand(_refusal(space, plan))
    target = Target(folder, space.id, environment, token, progress)
    published = publish(target, [item.key for item in items])
    plan = [_published(item, published) if item.action in ("create", "update") else item for item in plan]
    orphans = [item.key for item in plan if item.action == "remove"]
    if orphans and not published.failed and not published.stopped:
        removed = remove(target, orphans)
        plan = [_removed(item, removed) if item.action == "remove" else item for item in plan]
    elif orphans:
        plan = [replace(item, status="not reached") if item.action == "remove" else item for item in plan]
    notes = _marked(space, published, progress)
    return replace(done, items=plan, stopped=published.stopped, notes=notes)


def _read(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder. `mergehouse platform fabric {folder}` writes it.")
    if (folder / UNFINISHED).exists():
        raise ConfigError(f"{folder}: was cut off while it was written. Write it again.")
    found = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and path.parts[0] != ".git" and path.name != RECORD:
            try:
                found[path.as_posix()] = file.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # an image of a report
            except OSError as error:
                raise ConfigError(unreadable(file, error)) from None
    return found


def _expect_environment(parameters: str, environment: str, folder: Path) -> None:
    known = environments_of(parameters)
    if environment not in known:
        nearest = nearest_known(environment, known)
        raise ConfigError(f"--env: {folder / FILE} has no environment `{environment}`{nearest}")


def _expect_schemas(space: Workspace, items: Iterable[Item], there: Mapping[Key, WorkspaceItem]) -> None:
    """What a lakehouse was made without, no deployment gives it."""
    for item in items:
        found = there.get(item.key) if item.kind == lakehouse.KIND else None
        if found and "defaultSchema" in item.json(lakehouse.METADATA) and not space.has_schemas(found):
            raise FabricError(
                f"{space.name}: the lakehouse {item.name} was made without schemas, so the model would find"
                " no table in it. Rename it in Fabric and deploy again: one with schemas is made."
            )


def _ours(
    items: Iterable[Item], there: Mapping[Key, WorkspaceItem], edits: Mapping[Key, list[str]]
) -> Iterator[ItemDeployment]:
    for item in items:
        action: Action = "update" if item.key in there else "create"
        yield ItemDeployment(item.kind, item.name, action, edited=edits.get(item.key, []))


def _orphans(
    items: Iterable[Item], there: Mapping[Key, WorkspaceItem], asked: bool
) -> Iterator[ItemDeployment]:
    ours = {item.key for item in items}
    for key, found in there.items():
        if key not in ours and found.kind in CHECKS:
            yield _orphan(found, asked)


def _orphan(orphan: WorkspaceItem, asked: bool) -> ItemDeployment:
    if not orphan.description.startswith(WRITTEN_BY):
        why = "mergehouse did not write it"
    elif orphan.kind in KEPT:
        why = "it holds data; remove it in Fabric"
    else:
        why = "" if asked else "it is no longer among the items; --remove-orphans removes it"
    return ItemDeployment(orphan.kind, orphan.name, "leave" if why else "remove", message=why)


def _edits(
    space: Workspace, items: Iterable[Item], values: Values, there: dict[Key, WorkspaceItem]
) -> dict[Key, list[str]]:
    keys = [item.key for item in items if item.kind in LOOKED_AT and item.key in there]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda key: hand_edits(space, there[key], values[key]), keys)
        return {key: edits for key, edits in zip(keys, found, strict=True) if edits}


def _refusal(space: Workspace, plan: Iterable[ItemDeployment]) -> str:
    lines = []
    for item in (item for item in plan if item.edited):
        more = f"; and {len(item.edited) - SHOWN} more" if len(item.edited) > SHOWN else ""
        lines.append(f"\n  {item.kind} {item.name}: {'; '.join(item.edited[:SHOWN])}{more}")
    return (
        f"{space.name}: edited in the workspace since it was deployed, so nothing was published. It differs"
        f" from the items here in:{''.join(lines)}\nTake the changes over, or undo them with --overwrite."
    )


def _published(item: ItemDeployment, result: Published) -> ItemDeployment:
    if item.key in result.done:
        return replace(item, status="published")
    if item.key in result.failed:
        return replace(item, status="failed", message=result.failed[item.key])
    return replace(item, status="not reached")


def _removed(item: ItemDeployment, result: Published) -> ItemDeployment:
    if item.key in result.done:
        return replace(item, status="removed")
    return replace(item, status="failed", message=result.failed.get(item.key, "no reason given"))


def _marked(space: Workspace, published: Published, progress: Progress) -> list[str]:
    """Writes down what was published as it is now. Returns what could not be."""
    progress("writing down what was published")

    def marked(item: WorkspaceItem) -> str:
        try:
            mark(space, item)
        except FabricError as error:
            return f"{item.kind} {item.name}: edits cannot be told from this deployment on ({error})"
        return ""

    try:
        found = [i for i in space.items() if i.kind in LOOKED_AT and i.key in published.done]
    except FabricError as error:
        return [f"edits cannot be told from this deployment on ({error})"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [note for note in pool.map(marked, found) if note]
