"""Assistants are told what the API tells, by the protocol, and nothing beyond a person's scope."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from mcp import Client

from mergehouse.access.people import Person
from mergehouse.app.api.assistant import assistant_server
from tests.app.trusted import House, house  # noqa: F401 - a fixture


def ask(house: House, person: Person | None, tool: str, **arguments: Any) -> tuple[bool, str]:  # noqa: F811
    """(whether it failed, what was said)."""

    async def talk() -> tuple[bool, str]:
        async with Client(assistant_server(house.shop.project, lambda: person)) as client:
            answer = await client.call_tool(tool, arguments)
            return bool(answer.is_error), answer.content[0].text  # type: ignore[union-attr]

    return asyncio.run(talk())


def test_figures_and_what_they_are(house: House) -> None:  # noqa: F811
    executive = house.person("executive")
    failed, said = ask(house, executive, "kpi", names=["gmv"], brand="zebra")
    assert not failed and json.loads(said)["rows"] == [{"part": "zebra", "gmv": "100.00"}]
    failed, said = ask(house, executive, "explain_kpi", name="aov")
    assert not failed and json.loads(said)["rows"][0]["formula"] == "gmv / orders"
    failed, said = ask(house, executive, "list_segments")
    assert not failed and sum(row["customers"] for row in json.loads(said)["rows"]) == 4
    failed, said = ask(house, executive, "explain_cleaning", brand="shop")
    assert not failed and json.loads(said)["rows"][0] == {
        "brand": "shop", "step": "raw", "change": "38.000000000", "after": "38.000000000", "lines": 5
    }  # fmt: skip


def test_every_tool_is_read_only_and_keeps_to_the_scope(house: House) -> None:  # noqa: F811
    async def tools() -> list[Any]:
        async with Client(assistant_server(house.shop.project, lambda: None)) as client:
            return (await client.list_tools()).tools

    found = asyncio.run(tools())
    assert {tool.name for tool in found} == {
        "list_kpis", "list_dimensions", "kpi", "explain_kpi", "list_segments", "explain_cleaning"
    }  # fmt: skip
    manager = house.person("brand_manager_shop")
    needed = {"kpi": {"names": ["gmv", "customers"]}, "explain_kpi": {"name": "gmv"}}
    for tool in found:
        assert tool.annotations.read_only_hint
        failed, said = ask(house, manager, tool.name, **needed.get(tool.name, {}))
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
def test_what_may_not_be_asked_is_refused(tool: str, arguments: dict[str, Any], house: House) -> None:  # noqa: F811
    try:
        failed, said = ask(house, house.person("brand_manager_shop"), tool, **arguments)
    except Exception as error:  # an unknown tool is an error of the protocol
        failed, said = True, str(error)
    assert failed and "SECRET" not in said and "expected one of shop, zebra" not in said


def test_whoever_is_gone_gets_nothing(house: House) -> None:  # noqa: F811
    assert ask(house, None, "list_kpis")[0]
    assert ask(house, Person("x", "X", ("no role",)), "list_kpis")[0]
    lines = (house.shop.folder / "logs" / "audit.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["what"] == "MCP list_kpis" and json.loads(lines[-1])["outcome"] == 403
