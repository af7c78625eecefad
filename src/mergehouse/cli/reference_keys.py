"""Pages of keys: of a project's files and of contracts, as the models that read them declare them."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mergehouse.access.policy import Access
from mergehouse.contracts.contract import Contract
from mergehouse.project.brand import OF_THE_FOLDER, Brand
from mergehouse.project.settings import Config
from mergehouse.quality.assumed import shown

KINDS = {
    str: "text", bool: "`true` or `false`", int: "whole number", float: "number", dt.date: "day",
    Decimal: "share, with a percent sign",
}  # fmt: skip
VARIABLES = {
    "MERGEHOUSE_ENV": "The environment, where `--env` names none.",
    "MERGEHOUSE_CACHE": "The folder of the copies of what lies in object stores. Without it,"
    " `~/.cache/mergehouse`.",
    "MERGEHOUSE_COMMAND": "For a project's DAG on Airflow: the command, where `mergehouse` is not on the"
    " workers' PATH.",
    "MERGEHOUSE_TOKEN": "Whose questions [`mergehouse mcp`](dashboards.md#assistants) answers, where"
    " `--user` names nobody.",
    "MERGEHOUSE_METRICS_TOKEN": "The token that Prometheus brings to `/metrics` of `mergehouse serve`."
    " Without it, metrics are for this machine alone.",
    "MERGEHOUSE_OIDC_SECRET": "The secret of the client of `serve.sign_in`.",
    "MERGEHOUSE_RUNNER": "Of a project's repository on GitHub, under Variables: the runner that releases and"
    " promotes. Without it, `ubuntu-24.04`.",
}


class Key(NamedTuple):
    """A key by its full name, such as `sources.<name>.files`."""

    name: str
    field: FieldInfo


def settings_page() -> str:
    """Every key of `mergehouse.yml`, `brand.yml` and `access.yml`, and environment variables. Markdown."""
    parts = [
        "# Settings", "",
        "A key that is not here is refused, with the nearest that is. `<name>` stands for a name that the"
        " file gives, `[]` for an entry of a list.",
        "", "## mergehouse.yml", "", *_table(keys(Config)),
        "", "## brand.yml", "", *_table(keys(Brand, OF_THE_FOLDER)),
        "", "## access.yml", "",
        "Who may see what. Without it there are no dashboards.", "", *_table(keys(Access)),
        "", "## Environment variables", "",
        "Besides these: the credentials of stores, of MLflow and of Fabric, which their pages name.",
        "", "| variable | meaning |", "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items()),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def contract_page() -> str:
    """Every key of a contract. Markdown."""
    parts = [
        "# Contract keys", "",
        "Beside the SQL of a table lies its contract, a YAML file. `<name>` stands for a name that the file"
        " gives, `[]` for an entry of a list.",
        "", *_table(keys(Contract)),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def keys(model: type[BaseModel], without: Collection[str] = ()) -> Iterator[Key]:
    """The keys of a model and of those within it."""
    for name, field in model.model_fields.items():
        if name not in without:
            yield Key(name, field)
            for path, inner in _models(field.annotation):
                yield from (Key(f"{name}{path}.{key}", of) for key, of in keys(inner))


def _models(kind: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models within a type, and the path that leads to them."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield "", kind
    step = ".<name>" if get_origin(kind) is dict else "[]" if get_origin(kind) in (list, tuple) else ""
    yield from ((step + path, model) for part in get_args(kind) for path, model in _models(part))


def _table(found: Iterator[Key]) -> list[str]:
    return ["| key | value | default | meaning |", "|---|---|---|---|"] + [
        f"| `{name}` | {_value(field)} | {_default(field)} | {field.description or ''} |"
        for name, field in found
    ]


def _value(field: FieldInfo) -> str:
    bounds = [
        f"{words} {getattr(bound, end)}"
        for bound in field.metadata
        for end, words in (("ge", "at least"), ("le", "at most"))
        if hasattr(bound, end)
    ]
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(kind: Any) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(parts[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(part) for part in parts if part is not types.NoneType)
    if origin in (list, tuple):
        return f"list of {_kind(parts[0])}"
    if origin is dict:
        return f"{_kind(parts[1])}, by name"
    return "keys" if issubclass(kind, BaseModel) else KINDS[kind]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return f"`{field.default}`".lower()
    if isinstance(field.default, Decimal):
        return f"`{shown(field.default)}`"
    return f"`{field.default}`" if isinstance(field.default, str | int | float) else ""
