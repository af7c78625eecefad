"""What supervisors ask - metrics, health, readiness - and what stands before every address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.conftest import Shop
from tests.security.served_house import CANARIES, browser
from tests.suite import PASSWORD, suite, with_people
from tests.suite import Gateway as GatewayOfNothing

from mergehouse.access.audience import refresh_extracts
from mergehouse.access.people import People
from mergehouse.app import metrics
from mergehouse.app.server import create_app
from mergehouse.errors import ConfigError


def test_metrics_are_of_routes_and_of_nobody(app: FastAPI) -> None:
    client = browser(app, "ann")
    client.get("/", follow_redirects=True)
    client.get("/", follow_redirects=True)
    client.get("/nowhere/of/zebra")
    client.request("ZEBRA", "/about")
    text = browser(app).get("/metrics").text
    assert 'mergehouse_requests_total{method="GET",route="/",status="200"}' in text
    assert 'mergehouse_requests_total{method="GET",route="none",status="404"}' in text
    assert 'method="other"' in text
    for line in (
        "mergehouse_query_seconds_count",
        "mergehouse_answers_kept_total",
        "mergehouse_data_age_seconds",
    ):
        assert float(re.search(rf"^{line} (.+)$", text, re.MULTILINE)[1]) > 0  # type: ignore[index]
    assert "mergehouse_data_behind 0.0" in text
    assert not CANARIES.search(text) and "ann" not in re.findall(r'"([^"]*)"', text)


def test_who_may_have_metrics(house: Shop, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(metrics.TOKEN, raising=False)
    private, public = create_app(house.project), create_app(house.project, is_public=True)
    asked = [browser(app).get("/metrics", headers=h).status_code
             for app in (private, public) for h in ({}, {"Authorization": "Bearer "})]  # fmt: skip
    assert asked == [200, 200, 404, 404]
    monkeypatch.setenv(metrics.TOKEN, "a-token")
    for app in (private, public):
        client = browser(app)
        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics?token=a-token").status_code == 404
        assert client.get("/metrics", headers={"Authorization": "Bearer a-toke"}).status_code == 404
        assert client.get("/metrics", headers={"Authorization": "Bearer a-token"}).status_code == 200


def test_readiness_says_why_not_and_names_nothing(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_people(tmp_path)
    app, without = suite(tmp_path), suite(tmp_path, gateway=GatewayOfNothing(None))
    answer = browser(without).get("/ready")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "not ready", "why": "no figures are there yet"},
    )
    assert browser(app).get("/ready").json() == {"status": "ready"}
    (tmp_path / "people.db").write_bytes(b"no database, but long enough to look like one" * 100)
    assert browser(app).get("/ready").json()["why"] == "people.db cannot be used"

    def refused(*_: object) -> None:
        raise ConfigError("/secret/access.yml: roles: expected one")

    monkeypatch.setattr(app.state.suite, "access", refused)
    answer = browser(app).get("/ready")
    assert (answer.status_code, answer.json()["why"]) == (503, "access.yml cannot be used")


def test_supervisors_ask_by_any_name(tmp_path: Path, quick: None) -> None:
    with_people(tmp_path)
    for app, prefix in ((suite(tmp_path), ""), (suite(tmp_path, prefix="/bi"), "/bi")):
        for path, status in (("/health", 200), ("/ready", 200), ("/about", 400), ("/healthy", 400)):
            for host in ("10.1.2.3:8800", "x/health?"):
                answer = browser(app).get(prefix + path, headers={"Host": host})
                assert answer.status_code == status, (prefix, path, host)


def test_behind_a_prefix_every_address_has_it(house: Shop, people: People) -> None:
    refresh_extracts(house.project)
    client = TestClient(
        create_app(house.project, prefix="/bi"), base_url="http://localhost", follow_redirects=False
    )
    client.post("/bi/sign-in", data={"name": "ann", "password": PASSWORD})
    for page, _ in client.app.state.suite.pages:  # type: ignore[attr-defined]
        for path in (f"/bi{page.path}", f"/bi{page.path}?view_as=brand_manager_shop"):
            answer = client.get(path)
            while answer.status_code == 303:
                assert answer.headers["location"].startswith("/bi/"), path
                answer = client.get(answer.headers["location"])
            written = re.findall(r' (?:href|src|action|hx-get)="([^"]+)"', answer.text)
            outside = [address for address in written if not address.startswith(("/bi/", "#"))]
            assert written and not outside, (path, outside)
