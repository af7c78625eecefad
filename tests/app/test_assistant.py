"""Assistants are told what the API tells, by the protocol, and nothing beyond a person's scope."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from mcp import Client
from tests.app.trusted import House

from mergehouse.access.people import Person
from mergehouse.app.api.assistant import assistant_server


def ask(trusted: House, person: Person | None, tool: str, **arguments: Any) -> tuple[bool, str]:
    """(whether it failed, what was said)."""

    async def talk() -> tuple[bool, str]:
        async with Client(assistant_server(trusted.shop.project, lambda: person)) as client:
            answer = await client.call_tool(tool, arguments)
            return bool(answer.is_error), answer.content[0].text  # type: ignore[union-attr]

    return asyncio.run(talk())


def test_figures_and_what_they_are(trusted: House) -> None:
    executive = trusted.person("executive")
    failed, said = ask(trusted, executive, "kpi", names=["gmv"], brand="zebra")
    assert not failed and json.loads(said)["rows"] == [{"part": "zebra", "gmv": "100.00"}]
    failed, said = ask(trusted, executive, "explain_kpi", name="aov")
    assert not failed and json.loads(said)["rows"][0]["formula"] == "gmv / orders"
    failed, said = ask(trusted, executive, "list_segments")
    assert not failed and sum(row["customers"] for row in json.loads(said)["rows"]) == 4
    failed, said = ask(trusted, executive, "explain_cleaning", brand="shop")
    assert not failed and json.loads(said)["rows"][0] == {
        "brand": "shop", "step": "raw", "change": "38.000000000", "after": "38.000000000", "lines": 5
    }  # fmt: skip


def test_every_tool_is_read_only_and_keeps_to_the_scope(trusted: House) -> None:
    async def tools() -> list[Any]:
        async with Client(assistant_server(trusted.shop.project, lambda: None)) as client:
            return (await client.list_tools()).tools

    found = asyncio.run(tools())
    assert {tool.name for tool in found} == {
        "list_kpis", "list_dimensions", "kpi", "explain_kpi", "list_segments", "explain_cleaning",
        "list_targets", "list_annotations",
    }  # fmt: skip
    manager = trusted.person("brand_manager_shop")
    needed = {"kpi": {"names": ["gmv", "customers"]}, "explain_kpi": {"name": "gmv"}}
    for tool in found:
        assert tool.annotations.read_only_hint
        failed, said = ask(trusted, manager, tool.name, **needed.get(tool.name, {}))
        assert not failed and "zebra" not in said.lower() and "99.00" not in said, tool.name


@pytest.mark.parametrize(
    "tool, arguments",
    [
        ("kpi", {"names": ["gmv"], "brand": "zebra"}),
        ("kpi", {"names": ["gmv'; DROP TABLE x"]}),
        ("kpi", {"names": ["gmv"], "by": "source_system"}),
        ("list_segments", {"brand": "group"}),
        ("explain_cleaning", {"brand": "../zebra"}),
        ("query", {"sql": "SELECT 1"}),
    ],
)
def test_what_may_not_be_asked_is_refused(tool: str, arguments: dict[str, Any], trusted: House) -> None:
    try:
        failed, said = ask(trusted, trusted.person("brand_manager_shop"), tool, **arguments)
    except Exception as error:  # an unknown tool is an error of the protocol
        failed, said = True, str(error)
    assert failed and "SECRET" not in said and "expected one of shop, zebra" not in said


def test_whoever_is_gone_gets_nothing(trusted: House) -> None:
    assert ask(trusted, None, "list_kpis")[0]
    assert ask(trusted, Person("x", "X", ("no role",)), "list_kpis")[0]
    lines = (trusted.shop.folder / "logs" / "audit.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["what"] == "MCP list_kpis" and json.loads(lines[-1])["outcome"] == 403


def test_a_misspelt_filter_is_no_answer_to_another_question(trusted: House) -> None:
    executive = trusted.person("executive")
    for tool, asked in (("kpi", {"names": ["gmv"]}), ("list_segments", {}), ("list_kpis", {})):
        failed, said = ask(trusted, executive, tool, **asked, brnd="zebra")
        assert failed and "brnd" in said and "rows" not in said
        assert not ask(trusted, executive, tool, **asked)[0]
