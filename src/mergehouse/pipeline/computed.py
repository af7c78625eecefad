"""Tables that Python computes: their contract names the function, `computed_by: package.module:function`.

It is given a `Request` and returns `Rows`. Its module is imported whenever it is asked whether the table is
up to date, so that what is heavy is imported within the function. Besides the function the module may have
`version(request)`, a text that changes when the same inputs would give other rows, such as the models in use,
and `lacking()`, what this Python lacks, in words; empty where that is nothing.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mergehouse.contracts.contract import Contract
from mergehouse.contracts.parts import is_off
from mergehouse.errors import ConfigError, MergehouseError, ModelError
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.progress import Progress
from mergehouse.project.config import Project
from mergehouse.quality.checks import CheckResult


@dataclass(frozen=True)
class Request:
    """What a function may use: the project, the published tables, whom to tell what it is doing, and the
    instant of the run.
    """

    project: Project
    lakehouse: Lakehouse
    progress: Progress
    now: dt.datetime


@dataclass(frozen=True)
class Rows:
    """An Arrow-compatible frame with the columns of the contract, and what is to be said of it.

    `emptied`: partitions that lose their rows besides those that the frame has rows of, a frame of the
    columns that the table is partitioned by. `rest` reads what the table keeps besides the slices of the
    rows, for where it is written whole. `notes` say in words what was done to come by the rows.
    """

    frame: Any
    checks: Sequence[CheckResult] = ()
    emptied: Any = None
    notes: Sequence[str] = ()
    rest: Callable[[], Any] | None = None


def compute(contract: Contract, request: Request) -> Rows:
    """Raises ModelError where the function fails, whatever it raises."""
    if lacks := lacking(contract):
        raise ModelError(f"`{contract.table}` cannot be computed: {lacks}.")
    module, name = _named(contract)
    try:
        rows: Rows = getattr(module, name)(request)
        return rows
    except MergehouseError:
        raise
    except Exception as error:  # a fault in one function must not stop the other tables
        said = next(iter(str(error).strip().splitlines()), "")
        raise ModelError(
            f"`{contract.table}`: {contract.computed_by} failed: {type(error).__name__}: {said}"
        ) from error


def version(contract: Contract, request: Request) -> str:
    """What the rows depend on besides the inputs."""
    return _asked(contract, "version", request)


def lacking(contract: Contract) -> str:
    """What this Python lacks to compute the table, in words; empty where nothing does."""
    return _asked(contract, "lacking")


def is_left_out(contract: Contract, project: Project) -> bool:
    """True of a table without which others are built all the same, where the project or this Python does
    without.
    """
    if not contract.computed_by or not contract.optional:
        return False
    return is_off(contract, project) or bool(lacking(contract))


def _asked(contract: Contract, name: str, *given: Request) -> str:
    function = getattr(_named(contract)[0], name, None)
    return function(*given) if function else ""


def _named(contract: Contract) -> tuple[ModuleType, str]:
    module, name = str(contract.computed_by).split(":")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{contract.table}: `computed_by` names {module}, which is not there ({error})."
        ) from None
    if not hasattr(found, name):
        raise ConfigError(f"{contract.table}: `computed_by` names {module}:{name}; {module} has no `{name}`.")
    return found, name
