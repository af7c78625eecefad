"""A proxy that can fail: python proxy.py PORT RULES LOG. In a process of its own: clients under test may hold
this one's lock.

RULES is a JSON file that is read again for every request: a list of {match, status, after}. The first rule
whose `match` is found in "METHOD path" answers with `status`, or hangs up where that is 0, once `after` such
requests have passed. Every request is noted in LOG.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOP = ("connection", "transfer-encoding", "keep-alive")


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms
    wbufsize = -1
    target: int
    rules: Path
    log: Path
    seen: Counter[str] = Counter()

    def forward(self) -> None:
        body = self._body()
        request = f"{self.command} {self.path}"
        with self.log.open("a") as log:
            log.write(f"{request}\n")
        rule = next((r for r in json.loads(self.rules.read_text()) if re.search(r["match"], request)), None)
        if rule is not None:
            self.seen[rule["match"]] += 1
            if self.seen[rule["match"]] > rule["after"]:
                self._fail(rule["status"])
                return
        onward = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in (*HOP, "content-length")}
        onward.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
        answer = onward.getresponse()
        content = answer.read()
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in HOP]
        if self.command != "HEAD":
            kept = [
                *((k, v) for k, v in kept if k.lower() != "content-length"),
                ("Content-Length", str(len(content))),
            ]
        self._answer(answer.status, kept, content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

    def _fail(self, status: int) -> None:
        if status:
            self._answer(status, [("Content-Length", "0")], b"")
        else:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    Proxy.target, Proxy.rules, Proxy.log = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
