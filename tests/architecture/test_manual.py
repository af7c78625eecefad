"""What a reader can set, call or meet is explained in the manual, where it is looked for.

What there is is read from the code: models of settings and contracts, the application, SQL, calls that
name codes.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import typer
from pydantic import BaseModel, Field
from sqlglot import exp
from tests.architecture.house import FILES, PACKAGE

from mergehouse.access.policy import Access
from mergehouse.cli.commands import app
from mergehouse.contracts.contract import Contract
from mergehouse.contracts.registry import MODELS, contracts, models
from mergehouse.ingest.text_reader import REASONS
from mergehouse.kpi.catalogue import catalogue
from mergehouse.project.brand import OF_THE_FOLDER, Brand
from mergehouse.project.settings import Config
from mergehouse.project.templates import TEMPLATES

DOCS = Path(__file__).parents[2] / "docs"
CONTRACTS = [contract for layer in sorted(MODELS.iterdir()) for contract in contracts(layer.name)]


def section(page: str, heading: str) -> str:
    """What stands below a heading of a page, up to the next one; nothing where there is no such heading."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[2].strip() if found else ""


def explained(text: str) -> set[str]:
    """What stands as code at the head of the rows of tables, where there is something beside it."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    return {code for row in rows if row[-1].strip() for code in re.findall(r"`([^`]+)`", row[0])}


def unexplained(there: Iterable[str], text: str) -> list[str]:
    """`<>` in a code stands for any `<name>` of the manual."""
    said = explained(text)
    return sorted(set(there) - said - {re.sub("<[^>]+>", "<>", code) for code in said})


def keys(model: type[BaseModel]) -> set[str]:
    schema = model.model_json_schema()

    def within(node: dict[str, Any], path: str) -> Iterator[str]:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        for name, inner in node.get("properties", {}).items():
            yield f"{path}.{name}".lstrip(".")
            yield from within(inner, f"{path}.{name}")
        named = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
        steps = [("", part) for part in node.get("anyOf", [])] + [("[]", node.get("items"))]
        for step, inner in steps + [(".<name>", inner) for inner in named]:
            if isinstance(inner, dict):
                yield from within(inner, path + step)

    return set(within(schema, ""))


def unexplained_commands(application: typer.Typer) -> list[str]:
    """Commands without a word, and arguments and options that their tables lack."""

    def within(command: Any, name: str) -> Iterator[str]:
        for below, inner in getattr(command, "commands", {}).items():
            yield from within(inner, f"{name} {below}")
        if getattr(command, "invoke_without_command", True):
            text = section("commands.md", name)
            if not text or text.startswith("|"):
                yield name
            shown = {code.split()[0] for code in explained(text)}
            for given in command.params:
                is_option = given.param_type_name == "option"
                names = given.opts if is_option else [re.split(r"\W", given.metavar)[0]]
                yield from (f"{name} {spelt}" for spelt in names if spelt not in shown)

    root = typer.main.get_command(application)
    text = section("commands.md", "Commands")
    of_all = [f"mergehouse {opt}" for given in root.params for opt in given.opts]
    return [option for option in of_all if f"`{option}`" not in text] + list(within(root, "mergehouse"))


def reason_codes() -> set[str]:
    """What SQL says in `reason_code` and `problem`, and the loader of lines that could not be split."""
    written = [*models().values(), *(file.read_text() for file in TEMPLATES.glob("brands/*/*.sql"))]
    cases = [
        alias.this
        for sql in written
        for alias in sqlglot.parse_one(sql, read="spark").find_all(exp.Alias)
        if alias.alias in ("reason_code", "problem") and isinstance(alias.this, exp.Case)
    ]
    said = [branch.args["true"] for case in cases for branch in case.args["ifs"]]
    return {value.this for value in said if isinstance(value, exp.Literal)} | set(REASONS.values())


def variables() -> set[str]:
    texts = [f.read_text(encoding="utf-8") for f in PACKAGE.rglob("*.*") if f.suffix in (".py", ".yml")]
    return {name for text in texts for name in re.findall(r"\bMERGEHOUSE_[A-Z]+\b", text)}


@functools.cache
def calls() -> dict[str, list[ast.Call]]:
    """Every call in the code, by the last name of what is called."""
    found = defaultdict(list)
    for file in FILES.values():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                found[node.func.id if isinstance(node.func, ast.Name) else node.func.attr].append(node)
    return found


def codes(position: int, *functions: str) -> set[str]:
    """The texts that calls of these functions give at a position; `<>` is what is filled in."""
    found = set()
    for call in (call for function in functions for call in calls()[function]):
        if any(keyword.arg is None for keyword in call.keywords):
            continue  # read back from a note of one that had them
        given = call.args[position]
        if isinstance(given, ast.Constant):
            found.add(str(given.value))
        elif isinstance(given, ast.JoinedStr):
            found.add("".join(str(p.value) if isinstance(p, ast.Constant) else "<>" for p in given.values))
        else:  # a contract or another of these calls has given it
            named = ast.unparse(given)
            assert named in ("name", "what") or named.endswith((".name", ".check")), ast.unparse(call)
    return found


PLACES: dict[str, tuple[Callable[[], set[str]], str, str]] = {
    "settings of mergehouse.yml": (lambda: keys(Config), "settings.md", "mergehouse.yml"),
    "settings of brand.yml": (lambda: keys(Brand) - set(OF_THE_FOLDER), "settings.md", "brand.yml"),
    "settings of access.yml": (lambda: keys(Access), "settings.md", "access.yml"),
    "environment variables": (variables, "settings.md", "Environment variables"),
    "keys of contracts": (lambda: keys(Contract), "contract-keys.md", "Contract keys"),
    "reasons": (reason_codes, "cleaning-rules.md", "Reason codes"),
    "checks": (lambda: codes(1, "CheckResult") | codes(0, "Condition"), "runs.md", "Checks"),
    "faults of a release": (lambda: codes(0, "Fault"), "releases.md", "Faults"),
    "gates of a promotion": (lambda: codes(0, "Gate"), "promotion.md", "Gates"),
    "differences": (lambda: codes(0, "Difference", "_add_difference"), "promotion.md", "Comparison"),
}


@pytest.mark.parametrize("what", PLACES)
def test_the_manual_explains(what: str) -> None:
    there, page, heading = PLACES[what]
    assert len(there()) > 3
    assert unexplained(there(), section(page, heading)) == []


def test_the_manual_explains_every_command_and_option() -> None:
    assert unexplained_commands(app) == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.table)
def test_the_manual_explains_every_column_and_check(contract: Contract) -> None:
    text = section("data-dictionary.md", contract.table)
    assert f"One row is {contract.grain}." in text
    assert unexplained([*contract.columns, *(check.name for check in contract.checks)], text) == []


def test_the_manual_explains_every_view() -> None:
    steps = (models() | models("vault")).keys() - {contract.table for contract in CONTRACTS}
    assert len(steps) > 3
    assert [name for name in sorted(steps) if "One row is " not in section("data-dictionary.md", name)] == []


def test_the_manual_explains_every_kpi() -> None:
    for kpi in catalogue():
        text = section("kpis.md", kpi.label)
        assert kpi.meaning in text and f"| name | `{kpi.name}` |" in text, kpi.name


def test_what_nobody_has_explained_is_named() -> None:
    class Limits(BaseModel):
        memory: str
        made_up: int = Field(description="A description is not yet a line of the manual.")

    class Settings(BaseModel):
        limits: dict[str, list[Limits]] | None

    assert keys(Settings) == {"limits", "limits.<name>[].memory", "limits.<name>[].made_up"}
    text = "| key | meaning |\n|---|---|\n| `limits` | how much |\n| `limits.<name>[].memory` |  |\n"
    text += "`limits.<name>[].made_up` is in no table.\n"
    assert unexplained(keys(Settings), text) == ["limits.<name>[].made_up", "limits.<name>[].memory"]
    of_project = section("settings.md", "mergehouse.yml")
    assert unexplained({"limits.memory", "limits.made_up"}, of_project) == ["limits.made_up"]
    assert section("settings.md", "made up") == ""

    application = typer.Typer(add_completion=False)
    application.callback()(lambda: None)
    application.command("made-up")(lambda: None)

    @application.command()
    def check(project: str = "", made_up: bool = False) -> None: ...

    assert unexplained_commands(application) == ["mergehouse made-up", "mergehouse check --made-up"]
