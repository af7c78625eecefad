"""Microsoft Fabric's deployment pipelines, driven through its REST API: the items of one stage become those
of the next.

Source: Microsoft's published description of the API (microsoft/fabric-rest-api-specs, platform/swagger.json)
and its page on long running operations. Credentials come from the environment alone: `FABRIC_TOKEN`, or a
service principal in `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`. None is in a message, and
none follows a redirect.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

from mergehouse.errors import ConfigError, MergehouseError

API = "https://api.fabric.microsoft.com/v1"
AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://api.fabric.microsoft.com/.default"
TIMEOUT = 60  # seconds for one answer
PATIENCE = 3600  # seconds for a deployment, and for a service that says it is busy
POLL = 20  # seconds between two questions, where the service does not say
RENEW = 300  # seconds before its end that a token is no longer used
NOTE = 1024  # characters that a deployment's note may have
PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TODO = {
    401: "Set a token that is still valid, or the service principal's secret",
    403: "Make the identity an admin of the deployment pipeline and a contributor of both workspaces",
    404: "Correct `fabric.deployment_pipeline` in mergehouse.yml",
}


class FabricError(MergehouseError):
    """Fabric did not do what it was asked."""


@dataclass(frozen=True)
class Deployment:
    """A finished deployment of all items of a stage."""

    operation: str
    items: int


class FabricApi:
    """The part of the API that promotion needs. `token` gives an access token, each time one is needed."""

    def __init__(
        self,
        token: Callable[[], str],
        url: str = API,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.token, self.url, self.sleep, self.clock = token, _secure(url), sleep, clock

    def deploy(self, pipeline: str, source: str, target: str, note: str) -> Deployment:
        """Deploys every item of one stage to the next and waits for the end. Stages are given by name.

        Raises FabricError where a stage is not there, the service refuses, an item fails, or nothing comes of
        it within an hour.
        """
        stages = {stage.get("displayName"): stage.get("id") for stage in self._stages(pipeline)}
        for name in (source, target):
            if name not in stages:
                there = ", ".join(map(str, stages)) or "none"
                raise FabricError(
                    f"Fabric: the deployment pipeline has no stage `{name}`; it has: {there}. Correct"
                    " fabric.stages."
                )
        body = {"sourceStageId": stages[source], "targetStageId": stages[target], "note": note[:NOTE]}
        status, headers, answer = self._request("POST", f"/deploymentPipelines/{pipeline}/deploy", body)
        operation = headers.get("x-ms-operation-id", "")
        if status == 202:
            answer = self._result(operation, headers)
        steps = (answer.get("executionPlan") or {}).get("steps") or []
        if failed := next((found for found in [*steps, answer] if found.get("status") == "Failed"), None):
            item = (failed.get("sourceAndTarget") or {}).get("sourceItemDisplayName", "")
            raise FabricError(
                f"Fabric: the deployment failed{f' at {item}' if item else ''}:"
                f" {self._words(failed.get('error'))}"
            )
        return Deployment(operation or str(answer.get("id", "")), len(steps))

    def _stages(self, pipeline: str) -> Iterator[dict[str, Any]]:
        more = ""
        while True:
            _, _, answer = self._request("GET", f"/deploymentPipelines/{pipeline}/stages{more}")
            yield from answer.get("value") or []
            if not answer.get("continuationToken"):
                return
            more = f"?continuationToken={urllib.parse.quote(answer['continuationToken'], safe='')}"

    def _result(self, operation: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """Waits for a long running operation and returns what came of it. Its address is made of its id: the
        one in `Location` may be of another host, which is not to see the token.
        """
        if not _ID.fullmatch(operation):
            raise FabricError(
                "Fabric: the deployment was accepted without an operation id, so its end cannot be awaited."
                " Look in Fabric."
            )
        until = self.clock() + PATIENCE
        while self.clock() < until:
            self.sleep(_seconds(headers))
            _, headers, state = self._request("GET", f"/operations/{operation}")
            if state.get("status") == "Succeeded":
                return self._request("GET", f"/operations/{operation}/result")[2]
            if state.get("status") == "Failed":
                raise FabricError(f"Fabric: the deployment failed: {self._words(state.get('error'))}")
        raise FabricError(
            f"Fabric: the deployment did not end within {PATIENCE // 60} minutes (operation {operation})."
            " Look in Fabric."
        )

    def _request(
        self, method: str, path: str, body: Any = None
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        """One request, asked again as long as the service says that it is too busy. Raises FabricError with
        what it answered.
        """
        until = self.clock() + PATIENCE
        what = f"{method} {path.partition('?')[0]}"
        while True:
            headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
            try:
                return _send(method, self.url + path, headers, body)
            except urllib.error.HTTPError as error:
                busy = error.code == 429 or (error.code == 503 and method == "GET")
                if busy and self.clock() < until:
                    self.sleep(_seconds(error.headers))
                    continue
                raise FabricError(
                    f"Fabric: {what}: HTTP {error.code}, {self._words(_parsed(error))}"
                    f" {_TODO.get(error.code, '')}"
                ) from None
            except (OSError, ValueError) as error:
                reason = getattr(error, "reason", error)
                raise FabricError(
                    f"Fabric: {what}: no answer ({self._without_token(str(reason))}). Check the network and"
                    " run again."
                ) from None

    def _words(self, error: dict[str, Any] | None) -> str:
        """Fabric's error object in one line."""
        error = error or {}
        details = "; ".join(detail.get("message", "") for detail in error.get("moreDetails") or [])
        text = f"{error.get('errorCode', 'no reason given')}: {error.get('message', '')} {details}".strip(
            " :"
        )
        request = f" (request {error['requestId']})" if error.get("requestId") else ""
        return self._without_token(" ".join(text.split())[:500]).rstrip(".") + f"{request}."

    def _without_token(self, text: str) -> str:
        return text.replace(self.token(), "***")


def from_environment(environment: Mapping[str, str] = os.environ) -> FabricApi | None:
    """The API with the credentials that are set; None where there are none. Raises ConfigError where they are
    set by half.
    """
    if token := environment.get("FABRIC_TOKEN"):
        return FabricApi(lambda: token)
    there = [name for name in PRINCIPAL if environment.get(name)]
    if "AZURE_CLIENT_SECRET" not in there:
        return None
    if missing := [name for name in PRINCIPAL if name not in there]:
        raise ConfigError(f"{missing[0]} is not set; a service principal needs {', '.join(PRINCIPAL)}.")
    authority = environment.get("AZURE_AUTHORITY_HOST", AUTHORITY)
    tenant, client, secret = (environment[name] for name in PRINCIPAL)
    return FabricApi(ServicePrincipal(tenant, client, secret, authority))


class ServicePrincipal:
    """Access tokens for a service principal, by its secret (OAuth 2.0 client credentials, RFC 6749 section
    4.4).
    """

    def __init__(
        self,
        tenant: str,
        client: str,
        secret: str,
        authority: str = AUTHORITY,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._url = f"{_secure(authority)}/{urllib.parse.quote(tenant, safe='')}/oauth2/v2.0/token"
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": SCOPE,
        }
        self._clock, self._token, self._until = clock, "", 0.0

    def __call__(self) -> str:
        if not self._token or self._clock() >= self._until:
            asked = self._clock()
            try:
                _, _, answer = _send("POST", self._url, {}, self._form, form=True)
                self._token, self._until = (
                    answer["access_token"],
                    asked + float(answer.get("expires_in", 0)) - RENEW,
                )
            except urllib.error.HTTPError as error:
                code = str(_parsed(error).get("error", "no reason given"))
                raise FabricError(
                    f"Fabric: Microsoft Entra gives no token (HTTP {error.code}, {code}). Check"
                    f" {', '.join(PRINCIPAL)}."
                ) from None
            except (OSError, ValueError, KeyError) as error:
                raise FabricError(
                    f"Fabric: Microsoft Entra gives no token ({type(error).__name__}). Check the network and"
                    " run again."
                ) from None
        return self._token


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to wherever it points."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _send(
    method: str, url: str, headers: dict[str, str], body: Any, form: bool = False
) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    data = None
    if body is not None:
        data = (urllib.parse.urlencode(body) if form else json.dumps(body)).encode()
        headers = headers | {
            "Content-Type": "application/x-www-form-urlencoded" if form else "application/json"
        }
    with _opener.open(urllib.request.Request(url, data, headers, method=method), timeout=TIMEOUT) as answer:
        content = answer.read()
        parsed = json.loads(content) if content else {}
        if not isinstance(parsed, dict):
            raise ValueError("expected a JSON object")
        return answer.status, answer.headers, parsed


def _parsed(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        found = json.loads(error.read())
    except (ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(headers: Mapping[str, str] | Message) -> float:
    """How long the service asks to wait."""
    text = headers.get("Retry-After") or ""
    return min(float(text), PATIENCE) if text.isdecimal() else POLL


def _secure(url: str) -> str:
    """Raises ConfigError where a secret would travel in the clear; to this machine itself it may."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ConfigError(f"{url}: expected https://; credentials are not sent in the clear.")
    return url.rstrip("/")
