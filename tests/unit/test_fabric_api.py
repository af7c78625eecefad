"""Deployment pipelines over HTTP: a server on this machine that answers as Fabric does and takes no request
that Fabric would not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from tests.unit.fabric_facts import check_request
from typer.testing import CliRunner, Result

from mergehouse.cli.commands import app
from mergehouse.errors import ConfigError
from mergehouse.platform.fabric.api import FabricApi, FabricError
from mergehouse.platform.fabric.credentials import ServicePrincipal
from mergehouse.platform.fabric.deployment_pipeline import (
    DeploymentPipelines,
    StageNotDeployed,
    deploy_stage,
    from_environment,
)
from mergehouse.project.settings import FabricDeployment

TOKEN = "eyJ0b2tlbg-which-nobody-is-to-see"
PIPELINE, DEV, TEST = (f"{n}" * 8 + "-0000-0000-0000-000000000000" for n in (1, 2, 3))
OPERATION, HISTORY = "44444444-0000-0000-0000-000000000000", "55555555-0000-0000-0000-000000000000"
STAGES = [
    {"id": DEV, "order": 0, "displayName": "Development"},
    {"id": TEST, "order": 1, "displayName": "Test"},
]
DONE = {
    "id": OPERATION, "type": "Deploy", "status": "Succeeded", "lastUpdatedTime": "2026-11-25T08:00:00Z",
    "executionPlan": {"steps": [
        {"index": 0, "description": "Notebook", "status": "Succeeded",
            "sourceAndTarget": {"sourceItemId": DEV}},
        {"index": 1, "description": "Report", "status": "Succeeded",
            "sourceAndTarget": {"sourceItemId": TEST}},
    ]},
}  # fmt: skip
Answer = tuple[int, dict[str, str], Any]


class Fabric:
    """`answers` by operation, one after the other, the last for good. What was asked is in `requests`."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[str] = []
        self.slept: list[float] = []
        self.answers: dict[str, list[Answer]] = {
            "stages": [(200, {}, {"value": STAGES})],
            "deploy": [
                (
                    202,
                    {
                        "x-ms-operation-id": OPERATION,
                        "Retry-After": "5",
                        "Location": "http://elsewhere.example/steal",
                    },
                    None,
                )
            ],
            "operation": [
                (200, {"Retry-After": "7"}, {"status": "Running"}),
                (200, {}, {"status": "Succeeded"}),
            ],
            "result": [(200, {}, DONE)],
        }

    def answer(self, method: str, target: str, body: Any) -> Answer:
        url = urlsplit(target)
        try:
            check_request(method, url.path, dict(parse_qsl(url.query)), body)
        except AssertionError as error:
            self.faults.append(str(error))
        last = url.path.rsplit("/", 1)[-1]
        left = self.answers[last if last in self.answers else "operation"]
        return left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def serve() -> Iterator[Callable[[Fabric], str]]:
    servers = []

    def start(fabric: Fabric) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._do()

            def do_GET(self) -> None:
                self._do()

            def _do(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                is_form = "form" in (self.headers.get("Content-Type") or "")
                body = (
                    {k: v[0] for k, v in parse_qs(content).items()}
                    if is_form
                    else json.loads(content)
                    if content
                    else None
                )
                fabric.requests.append((self.command, self.path, body))
                fabric.headers.append(dict(self.headers))
                status, headers, answer = fabric.answer(self.command, self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if answer is None else json.dumps(answer).encode())

            def log_message(self, *_: Any) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fabric() -> Fabric:
    return Fabric()


@pytest.fixture
def api(fabric: Fabric, serve: Callable[[Fabric], str]) -> DeploymentPipelines:
    now = [0.0]

    def sleep(seconds: float) -> None:
        fabric.slept.append(seconds)
        now[0] += seconds

    return DeploymentPipelines(FabricApi(lambda: TOKEN, serve(fabric), sleep, lambda: now[0]))


def test_every_item_goes_to_the_next_stage(api: DeploymentPipelines, fabric: Fabric) -> None:
    done = api.deploy(PIPELINE, "Development", "Test", "Ada: T-1")
    assert (done.operation, done.items) == (OPERATION, 2)
    assert fabric.faults == [] and [f"{m} {p}" for m, p, _ in fabric.requests] == [
        f"GET /v1/deploymentPipelines/{PIPELINE}/stages",
        f"POST /v1/deploymentPipelines/{PIPELINE}/deploy",
        f"GET /v1/operations/{OPERATION}",
        f"GET /v1/operations/{OPERATION}",
        f"GET /v1/operations/{OPERATION}/result",
    ]
    assert fabric.requests[1][2] == {"sourceStageId": DEV, "targetStageId": TEST, "note": "Ada: T-1"}
    assert {h["Authorization"] for h in fabric.headers} == {f"Bearer {TOKEN}"}
    assert fabric.slept == [5, 7], "the service says how long to wait"


def test_a_long_note_is_cut_to_what_the_api_takes(api: DeploymentPipelines, fabric: Fabric) -> None:
    api.deploy(PIPELINE, "Development", "Test", "x" * 2000)
    assert fabric.faults == [] and len(fabric.requests[1][2]["note"]) == 1024


def test_stages_over_several_pages_and_a_deployment_that_is_done_at_once(
    api: DeploymentPipelines, fabric: Fabric
) -> None:
    fabric.answers["stages"] = [
        (200, {}, {"value": STAGES[:1], "continuationToken": "a/b="}),
        (200, {}, {"value": STAGES[1:]}),
    ]
    fabric.answers["deploy"] = [(200, {}, DONE)]
    assert api.deploy(PIPELINE, "Development", "Test", "n").items == 2
    assert (
        fabric.faults == []
        and fabric.requests[1][1].endswith("?continuationToken=a%2Fb%3D")
        and fabric.slept == []
    )


@pytest.mark.parametrize("operation", ["stages", "deploy", "operation", "result"])
def test_too_many_requests_are_repeated_when_the_service_says(
    api: DeploymentPipelines, fabric: Fabric, operation: str
) -> None:
    fabric.answers[operation].insert(
        0, (429, {"Retry-After": "11"}, {"errorCode": "RequestBlocked", "message": "slow down"})
    )
    assert api.deploy(PIPELINE, "Development", "Test", "n").items == 2
    assert 11 in fabric.slept and fabric.faults == []


def test_a_service_that_stays_busy_or_never_ends_is_given_up(
    api: DeploymentPipelines, fabric: Fabric
) -> None:
    fabric.answers["operation"] = [(200, {"Retry-After": "600"}, {"status": "Running"})]
    with pytest.raises(FabricError, match=f"did not end within 60 minutes .operation {OPERATION}."):
        api.deploy(PIPELINE, "Development", "Test", "n")
    fabric.answers["stages"] = [
        (429, {"Retry-After": "900"}, {"errorCode": "RequestBlocked", "message": "slow down"})
    ]
    with pytest.raises(FabricError, match="HTTP 429, RequestBlocked: slow down"):
        api.deploy(PIPELINE, "Development", "Test", "n")


def test_a_deployment_is_not_sent_twice_where_it_may_have_begun(
    api: DeploymentPipelines, fabric: Fabric
) -> None:
    fabric.answers["deploy"] = [(503, {}, None)]
    with pytest.raises(FabricError, match="POST .*deploy: HTTP 503"):
        api.deploy(PIPELINE, "Development", "Test", "n")
    assert sum(method == "POST" for method, _, _ in fabric.requests) == 1


@pytest.mark.parametrize(
    ("operation", "answer", "message"),
    [
        ("deploy", (403, {}, {"errorCode": "InsufficientPrivileges", "message": "No rights",
            "requestId": "r-1"}),
         r"HTTP 403, InsufficientPrivileges: No rights \(request r-1\)\. Make the identity an admin"),
        ("deploy", (401, {}, {"errorCode": "TokenExpired", "message": f"Bearer {TOKEN} has ended"}),
         r"TokenExpired: Bearer \*\*\* has ended"),
        ("stages", (404, {}, "<html>"), "HTTP 404, no reason given. Correct `fabric.deployment_pipeline`"),
        ("operation", (200, {}, {"status": "Failed", "error": {"errorCode": "E1", "message": "broke",
         "moreDetails": [{"errorCode": "E2", "message": "no capacity"}]}}), "failed: E1: broke no capacity"),
        ("result", (200, {}, DONE | {"executionPlan": {"steps": [{"index": 0, "status": "Failed",
            "error": {"errorCode": "E3",
         "message": "bad model"}, "sourceAndTarget": {"sourceItemDisplayName": "Sales"}}]}}),
             "failed at Sales: E3: bad model"),
        ("stages", (200, {}, {"value": STAGES[:1]}), "has no stage `Test`; it has: Development"),
        ("deploy", (202, {}, None), "without an operation id"),
        ("stages", (200, {}, ["no object"]), "no answer .expected a JSON object"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_message_without_the_token(
    api: DeploymentPipelines, fabric: Fabric, operation: str, answer: Answer, message: str
) -> None:
    fabric.answers[operation] = [answer]
    with pytest.raises(FabricError, match=message) as caught:
        api.deploy(PIPELINE, "Development", "Test", "n")
    assert TOKEN not in str(caught.value) and "\n" not in str(caught.value)


def test_what_became_of_each_item_is_said_and_of_a_failure_as_far_as_its_history_has_it(
    api: DeploymentPipelines, fabric: Fabric
) -> None:
    told = {"sourceItemDisplayName": "Suite", "itemType": "Report"}
    step = {"status": "Succeeded", "preDeploymentDiffState": "New", "sourceAndTarget": told}
    fabric.answers["result"] = [(200, {}, DONE | {"executionPlan": {"steps": [step]}})]
    [done] = api.deploy(PIPELINE, "Development", "Test", "n").steps
    assert (done.kind, done.name, done.status, done.before) == ("Report", "Suite", "Succeeded", "New")
    accepted, headers, _ = fabric.answers["deploy"][0]
    fabric.answers["deploy"] = [(accepted, headers | {"deployment-id": HISTORY}, None)]
    error = {"errorCode": "E4", "message": "no model"}
    failed = step | {"status": "Failed", "error": error}
    fabric.answers["operation"] = [(200, {}, {"status": "Failed", "error": error})]
    fabric.answers[HISTORY] = [(200, {}, DONE | {"executionPlan": {"steps": [step, failed]}})]
    with pytest.raises(StageNotDeployed, match="the deployment failed: E4: no model") as caught:
        api.deploy(PIPELINE, "Development", "Test", "n")
    assert [s.status for s in caught.value.deployment.steps] == ["Succeeded", "Failed"]
    assert caught.value.deployment.steps[1].message == "E4: no model." and fabric.faults == []


def test_a_stage_is_deployed_by_the_names_of_environments(api: DeploymentPipelines, fabric: Fabric) -> None:
    settings = FabricDeployment(deployment_pipeline=PIPELINE, stages={"dev": "Development", "test": "Test"})
    assert deploy_stage(settings, "dev", "test", "n", pipelines=lambda: api).items == 2
    assert fabric.requests[1][2] == {"sourceStageId": DEV, "targetStageId": TEST, "note": "n"}
    with pytest.raises(ConfigError, match="fabric.stages has no `tets`; did you mean `test`"):
        deploy_stage(settings, "dev", "tets", pipelines=lambda: api)
    with pytest.raises(ConfigError, match="`fabric` is missing; expected `deployment_pipeline`"):
        deploy_stage(None, "dev", "test", pipelines=lambda: api)


def test_the_command_says_what_became_of_each_item(
    api: DeploymentPipelines, fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*options: str) -> Result:
        arguments = ["platform", "deploy-stage", "dev", "test", "-C", str(tmp_path / "shop"), *options]
        return CliRunner().invoke(app, arguments)

    assert CliRunner().invoke(app, ["init", str(tmp_path / "shop")]).exit_code == 0
    with (tmp_path / "shop/mergehouse.yml").open("a") as settings:
        stages = "{dev: Development, test: Test}"
        settings.write(f"fabric: {{deployment_pipeline: {PIPELINE}, stages: {stages}}}\n")
    monkeypatch.setenv("FABRIC_TOKEN", TOKEN)
    monkeypatch.setattr(DeploymentPipelines, "__init__", lambda self, _: setattr(self, "api", api.api))
    done = run()
    assert done.exit_code == 0 and done.stdout.count("Succeeded") == 2 and "2 items" in done.stdout
    step = {"status": "Failed", "error": {"errorCode": "E3", "message": "bad"}, "description": "Suite"}
    fabric.answers["result"] = [(200, {}, DONE | {"executionPlan": {"steps": [step]}})]
    failed = run("--json")
    assert json.loads(failed.stdout)["items"][0]["message"] == "E3: bad."
    assert isinstance(failed.exception, StageNotDeployed) and failed.exception.exit_code == 1


def test_the_token_follows_no_redirect(
    api: DeploymentPipelines, fabric: Fabric, serve: Callable[[Fabric], str]
) -> None:
    thief = Fabric()
    fabric.answers["stages"] = [
        (302, {"Location": f"{serve(thief)}/deploymentPipelines/{PIPELINE}/stages"}, None)
    ]
    with pytest.raises(FabricError, match="HTTP 302"):
        api.deploy(PIPELINE, "Development", "Test", "n")
    assert thief.requests == []


def test_nobody_there_is_said_and_credentials_are_not_sent_in_the_clear() -> None:
    with pytest.raises(FabricError, match="no answer .*Check the network"):
        DeploymentPipelines(FabricApi(lambda: TOKEN, "http://127.0.0.1:9")).deploy(
            PIPELINE, "Development", "Test", "n"
        )
    with pytest.raises(ConfigError, match="expected https"):
        FabricApi(lambda: TOKEN, "http://api.fabric.microsoft.com/v1")


def test_a_service_principal_asks_for_a_token_and_again_before_it_ends(
    fabric: Fabric, serve: Callable[[Fabric], str]
) -> None:
    fabric.answers["token"] = [
        (200, {}, {"access_token": "one", "expires_in": 3600}),
        (200, {}, {"access_token": "two", "expires_in": 3600}),
    ]
    now = [0.0]
    principal = ServicePrincipal(
        "tenant", "client", "s3cret", serve(fabric).removesuffix("/v1"), lambda: now[0]
    )
    assert [principal(), principal()] == ["one", "one"]
    now[0] = 3299
    assert principal() == "one"
    now[0] = 3301
    assert principal() == "two"
    assert [path for _, path, _ in fabric.requests] == ["/tenant/oauth2/v2.0/token"] * 2
    assert fabric.requests[0][2] == {
        "grant_type": "client_credentials", "client_id": "client", "client_secret": "s3cret",
        "scope": "https://api.fabric.microsoft.com/.default",
    }  # fmt: skip
    fabric.answers["token"] = [
        (401, {}, {"error": "invalid_client", "error_description": "the secret s3cret is wrong"})
    ]
    now[0] = 9999
    with pytest.raises(FabricError, match=r"no token \(HTTP 401, invalid_client\)") as caught:
        principal()
    assert "s3cret" not in str(caught.value)


def test_credentials_come_from_the_environment_whole_or_not_at_all() -> None:
    assert (
        from_environment({}) is None
        and from_environment({"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}) is None
    )
    found = from_environment({"FABRIC_TOKEN": TOKEN})
    assert (
        found is not None
        and found.api.token() == TOKEN
        and found.api.url == "https://api.fabric.microsoft.com/v1"
    )
    with pytest.raises(ConfigError, match="AZURE_TENANT_ID is not set"):
        from_environment({"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"})
