"""Microsoft Fabric's REST API: requests, and the end of long running operations.

Source: Microsoft's published description of the API (microsoft/fabric-rest-api-specs, platform/swagger.json)
and its page on long running operations. No token is in a message, and none follows a redirect.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from typing import Any

from mergehouse.errors import ConfigError, MergehouseError

API = "https://api.fabric.microsoft.com/v1"
TIMEOUT = 60  # seconds for one answer
PATIENCE = 3600  # seconds for a deployment, and for a service that says it is busy
POLL = 20  # seconds between two questions, where the service does not say
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ADVICE = {401: "Set a token that is still valid, or the service principal's secret"}


class FabricError(MergehouseError):
    """Fabric did not do what it was asked."""


class FabricApi:
    """The API as one identity sees it. `token` gives an access token, each time one is needed."""

    def __init__(
        self,
        token: Callable[[], str],
        url: str = API,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.token, self.url, self.sleep, self.clock = token, secure(url), sleep, clock

    def get_all(self, path: str, advice: Mapping[int, str] = ADVICE) -> Iterator[dict[str, Any]]:
        """The entries of a list, over all its pages."""
        more = ""
        while True:
            _, _, answer = self.request("GET", f"{path}{more}", advice=advice)
            yield from answer.get("value") or []
            if not answer.get("continuationToken"):
                return
            more = f"?continuationToken={urllib.parse.quote(answer['continuationToken'], safe='')}"

    def result(self, what: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """Waits for the long running operation that an answer of status 202 began, and returns what came of
        it. Its address is made of its id: the one in `Location` may be of another host, which is not to see
        the token. Raises FabricError where it failed or did not end.
        """
        operation = headers.get("x-ms-operation-id", "")
        if not _ID.fullmatch(operation):
            raise FabricError(
                f"Fabric: {what} was accepted without an operation id, so its end cannot be awaited."
                " Look in Fabric."
            )
        until = self.clock() + PATIENCE
        while self.clock() < until:
            self.sleep(_seconds(headers))
            _, headers, state = self.request("GET", f"/operations/{operation}")
            if state.get("status") == "Succeeded":
                return self.request("GET", f"/operations/{operation}/result")[2]
            if state.get("status") == "Failed":
                raise FabricError(f"Fabric: {what} failed: {self.words(state.get('error'))}")
        raise FabricError(
            f"Fabric: {what} did not end within {PATIENCE // 60} minutes (operation {operation})."
            " Look in Fabric."
        )

    def request(
        self, method: str, path: str, body: Any = None, advice: Mapping[int, str] = ADVICE
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        """One request, asked again as long as the service says that it is too busy. Raises FabricError with
        what it answered, and with what `advice` has to say about its status.
        """
        until = self.clock() + PATIENCE
        what = f"{method} {path.partition('?')[0]}"
        while True:
            headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
            try:
                return send(method, self.url + path, headers, body)
            except urllib.error.HTTPError as error:
                busy = error.code == 429 or (error.code == 503 and method == "GET")
                if busy and self.clock() < until:
                    self.sleep(_seconds(error.headers))
                    continue
                raise FabricError(
                    f"Fabric: {what}: HTTP {error.code}, {self.words(told(error))}"
                    f" {advice.get(error.code, '')}"
                ) from None
            except (OSError, ValueError) as error:
                reason = getattr(error, "reason", error)
                raise FabricError(
                    f"Fabric: {what}: no answer ({self._without_token(str(reason))}). Check the network and"
                    " run again."
                ) from None

    def words(self, error: dict[str, Any] | None) -> str:
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


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to wherever it points."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def send(
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
        parsed = json.loads(content or b"null")
        parsed = {} if parsed is None else parsed  # Fabric accepts with a body of `null`
        if not isinstance(parsed, dict):
            raise ValueError("expected a JSON object")
        return answer.status, answer.headers, parsed


def told(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        found = json.loads(error.read())
    except (ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(headers: Mapping[str, str] | Message) -> float:
    """How long the service asks to wait."""
    text = headers.get("Retry-After") or ""
    return min(float(text), PATIENCE) if text.isdecimal() else POLL


def secure(url: str) -> str:
    """Raises ConfigError where a secret would travel in the clear; to this machine itself it may."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ConfigError(f"{url}: expected https://; credentials are not sent in the clear.")
    return url.rstrip("/")
