"""Turns: two requests of a person at once, a line with an end, and no query longer than its request."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.testclient import TestClient
from tests.conftest import Shop
from tests.security.served_house import browser
from tests.suite import suite, with_people

from mergehouse.access.audience import refresh_extracts
from mergehouse.access.gateway import Gateway, TooSlow, deadline
from mergehouse.access.people import People
from mergehouse.app import turns
from mergehouse.app.turns import AT_ONCE, WAITING, TooMany, Turns, in_turn
from mergehouse.app.visitor import signed_in


def test_two_of_a_person_at_once_and_others_are_not_kept_waiting(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SECONDS", 0.3)
    with_people(tmp_path)
    app, at_work, most, done = suite(tmp_path), 0, 0, asyncio.Event()
    router = APIRouter(dependencies=[Depends(signed_in), Depends(in_turn)])

    @router.get("/slow")
    async def slow() -> str:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await done.wait()
        at_work -= 1
        return "done"

    app.include_router(router)
    ann, bob = browser(app, "ann"), browser(app, "bob")

    def client(of: TestClient) -> httpx2.AsyncClient:
        transport, cookies = httpx2.ASGITransport(app=app), dict(of.cookies)
        return httpx2.AsyncClient(transport=transport, base_url="http://localhost", cookies=cookies)

    async def ask() -> tuple[list[httpx2.Response], httpx2.Response]:
        async with client(ann) as anns, client(bob) as bobs:
            many = [asyncio.create_task(anns.get("/slow")) for _ in range(6)]
            page = await bobs.get("/about")
            while sum(task.done() for task in many) < 4:
                await asyncio.sleep(0.01)
            done.set()
            return [await task for task in many], page

    answers, page = asyncio.run(ask())
    assert most == AT_ONCE and page.status_code == 200
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert "Other pages of yours are still being made" in refused.text
    assert refused.headers["retry-after"] == "5"
    assert not app.state.suite.turns._lines


def test_a_line_has_an_end() -> None:
    async def ask() -> None:
        line = Turns()

        async def one() -> None:
            async with line.turn("ann"):
                await asyncio.sleep(0.05)

        waiting = [asyncio.create_task(one()) for _ in range(AT_ONCE + WAITING)]
        await asyncio.sleep(0.01)
        with pytest.raises(TooMany, match="20 requests"):
            async with line.turn("ann"):
                pass
        async with line.turn("bob"):
            pass
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not line._lines

    asyncio.run(ask())


def test_queries_end_with_the_time_of_their_request(house: Shop, people: People) -> None:
    policy = refresh_extracts(house.project)
    scope = policy.scope(["admin"])
    assert scope
    reader = Gateway(house.project, policy).reader(scope)
    token = deadline.set(time.monotonic() - 1)
    try:
        with pytest.raises(TooSlow):
            reader.rows("brands")
        deadline.set(time.monotonic() + 0.2)
        began = time.perf_counter()
        with pytest.raises(TooSlow):
            reader._fetch("SELECT count(*) FROM range(10_000_000_000) AS a, range(1000) AS b", {})
        assert time.perf_counter() - began < 3
    finally:
        deadline.reset(token)
    assert reader.rows("brands")


def test_a_page_that_takes_too_long_says_so(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(app, "ann")
    monkeypatch.setattr(turns, "SECONDS", -1.0)
    monkeypatch.setattr(Turns, "turn", lambda self, name: _at_once())
    answer = client.get("/")
    assert answer.status_code == 503 and "were not worked out in time" in answer.text


class _at_once:
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...
