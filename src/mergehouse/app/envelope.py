"""What is around every answer, errors included: security headers, limits of size, the audit line, one page
for what nobody foresaw.

Source of the headers: OWASP's secure headers project; the policy of content is the strictest with which pages
work.
"""

from __future__ import annotations

import secrets
import time
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mergehouse.app.audit import Audit, Entry
from mergehouse.app.log import log
from mergehouse.app.metrics import count_request
from mergehouse.app.rendering import error_page

LARGEST_BODY, LONGEST_QUERY = 64 * 1024, 8 * 1024  # bytes
QUIET = ("/static/", "/health", "/ready", "/metrics")  # nothing of anybody's is in them: no audit
SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000; includeSubDomains"
# where an answer says nothing else
PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Cookie, HX-Request"}


class Envelope:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, audit: Audit, prefix: str):
        self.app, self.audit, self.prefix = app, audit, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["root_path"] = self.prefix  # a proxy may leave it on the path, or not
        if self.prefix and scope["path"] == self.prefix:  # as people type it
            scope["path"] += "/"
        entry = _entry(scope)
        scope.setdefault("state", {})["entry"] = entry
        begun, status, arrived = False, 500, time.perf_counter()

        async def send_within(message: Message) -> None:
            nonlocal begun, status
            if message["type"] == "http.response.start":
                status = message["status"]
                if not entry.path.startswith(QUIET):
                    self.audit.write(entry, message["status"])
                begun = True
                _add_headers(message, scope["scheme"])
            await send(message)

        refusal = _refusal(scope)
        try:
            if refusal:
                await error_page(scope, refusal)(scope, receive, send_within)
            else:
                await self.app(scope, _limited(receive), send_within)
        except Exception as error:
            log.error("a request failed", exc_info=error, extra={"more": {"request": entry.id}})
            if begun:
                raise
            await self._failed(scope, receive, send, entry)
        finally:
            count_request(scope, status, time.perf_counter() - arrived)

    async def _failed(self, scope: Scope, receive: Receive, send: Send, entry: Entry) -> None:
        """The page of an error, also where it was the audit that failed."""

        async def send_within(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message, scope["scheme"])
            await send(message)

        try:
            self.audit.write(entry, 500)
        except OSError as error:
            log.error("%s: cannot be written (%s); nothing is shown without it.", self.audit.file, error)
        await error_page(scope, 500, entry.id)(scope, receive, send_within)


def _entry(scope: Scope) -> Entry:
    query = scope["query_string"][:LONGEST_QUERY].decode("latin-1")
    client = scope.get("client")
    path, prefix = scope["path"], scope["root_path"]
    return Entry(
        id=secrets.token_hex(8),
        method=scope["method"],
        path=path[len(prefix) :] if path.startswith(f"{prefix}/") else path,
        address=client[0] if client else "",
        parameters=parse_qsl(query, keep_blank_values=True),
    )


def _refusal(scope: Scope) -> int:
    """The status with which a request is refused before anything reads it, 0 where none."""
    headers = Headers(scope=scope)
    if len(scope["query_string"]) > LONGEST_QUERY:
        return 414
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return 413
    if scope["method"] not in SAFE and not _is_same_origin(headers, scope["scheme"]):
        return 403
    return 0


def _is_same_origin(headers: Headers, scheme: str) -> bool:
    """False where another site's page sent the request, by what the browser says of it.

    Source: Fetch Metadata, as Go's CrossOriginProtection reads it. What is no browser sends neither header.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin == f"{scheme}://{headers.get('host', '')}"


def _limited(receive: Receive) -> Receive:
    read = 0

    async def receive_some() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > LARGEST_BODY:
            raise HTTPException(413)
        return message

    return receive_some


def _add_headers(message: Message, scheme: str) -> None:
    headers = MutableHeaders(raw=message["headers"])
    message["headers"] = headers.raw
    for name, value in HEADERS.items():
        headers[name] = value
    for name, value in PRIVATE.items():
        headers.setdefault(name, value)
    if scheme == "https":
        headers["Strict-Transport-Security"] = HSTS
