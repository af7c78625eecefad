"""Object stores to test against: Azurite, Microsoft's own emulator of Azure, behind a proxy that can fail,
and moto for S3.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ACCOUNT = "devstoreaccount1"
# Azurite's own, published
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PROXY = Path(__file__).with_name("proxy.py")


@dataclass
class Azurite:
    """A running store and the proxy before it, which notes requests and fails on demand."""

    port: int
    proxy_port: int
    rules: Path
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a user of a real account sets, here for the emulator."""
        return {
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.proxy_port}",
        }

    def new_container(self) -> str:
        from azure.storage.blob import ContainerClient

        name = f"lake{uuid.uuid4().hex[:12]}"
        ContainerClient(f"http://127.0.0.1:{self.port}/{ACCOUNT}", name, credential=KEY).create_container()
        return name

    def fail(self, match: str, status: int, after: int = 0) -> None:
        """From now on requests like `match` ("METHOD path") are answered with `status`, or not at all: 0."""
        self.rules.write_text(json.dumps([{"match": match, "status": status, "after": after}]))

    def recover(self) -> None:
        self.rules.write_text("[]")

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture(scope="session")
def azurite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    own = Path(sys.prefix) / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    program = str(own) if own.exists() else shutil.which("azurite-blob")
    if program is None or shutil.which("node") is None:
        pytest.skip("no Azurite on this machine: make test installs it where there is npm")
    port = _free_port()
    folder = tmp_path_factory.mktemp("azurite")
    rules, log = folder / "rules.json", folder / "log"
    rules.write_text("[]")
    log.touch()
    command = [
        program,
        "--blobPort",
        str(port),
        "--location",
        str(folder),
        "--silent",
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    proxy = subprocess.Popen(
        [sys.executable, PROXY, str(port), rules, log], stdout=subprocess.PIPE, text=True
    )
    try:
        _wait_for(port, server)
        assert proxy.stdout is not None
        yield Azurite(port, int(proxy.stdout.readline()), rules, log)
    finally:
        for process in (proxy, server):
            process.kill()
            process.wait()


@pytest.fixture
def azurite(azurite_server: Azurite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Azurite:
    """The store, sound, its credentials in the environment, and a folder of copies that nobody has used."""
    azurite_server.recover()
    azurite_server.log.write_text("")
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    for name, value in azurite_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MERGEHOUSE_CACHE", str(tmp_path / "copies"))
    return azurite_server


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A bucket of an S3 server, its credentials in the environment, and a folder of copies that nobody has
    used.
    """
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, server)
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}/retail", method="PUT")
        ).close()
        keys = {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "eu-central-1",
            "AWS_ALLOW_HTTP": "true",
        }
        for name, value in (
            keys
            | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "MERGEHOUSE_CACHE": str(tmp_path / "copies")}
        ).items():
            monkeypatch.setenv(name, value)
        yield "retail"
    finally:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_for(port: int, server: subprocess.Popen) -> None:
    for _ in range(300):
        assert server.poll() is None, "Azurite stopped while it was starting"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("Azurite did not start within 30 seconds")
