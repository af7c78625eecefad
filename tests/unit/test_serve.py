"""Where the suite is not served, and what is said instead."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from mergehouse.access.people import People
from mergehouse.app import bundle, serve
from mergehouse.app.serve import Service, expect_servable
from mergehouse.errors import ConfigError

LOCAL = Service(Path(), None, "127.0.0.1", 8800, 1, (), (), "")
PUBLIC = replace(LOCAL, host="0.0.0.0", names=("bi.example.com",))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(serve.os, "geteuid", lambda: 1000)
    return SimpleNamespace(folder=tmp_path, mappings_folder=tmp_path / "mappings", brands={})


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (replace(LOCAL, host="0.0.0.0"), "by which `--name`"),
        (replace(LOCAL, host="::"), "by which `--name`"),
        (replace(PUBLIC, names=("*",)), "expected the name of a host"),
        (replace(LOCAL, prefix="bi"), "expected a path such as /bi"),
        (replace(LOCAL, prefix="/bi/../x"), "expected a path such as /bi"),
        (replace(LOCAL, workers=0), "expected one or more"),
        (replace(LOCAL, port=70_000), "a port from 1 to 65,535"),
    ],
)
def test_what_cannot_be(service: Service, words: str, project: Any) -> None:
    with pytest.raises(ConfigError, match=words):
        expect_servable(service, project, allow_root=False)


def test_users_of_the_demonstration_stay_at_home(project: Any) -> None:
    people = People(project.folder)
    people.set_demo_users({"executive": "Executive"})
    expect_servable(LOCAL, project, allow_root=False)
    for service in (PUBLIC, replace(LOCAL, names=("bi.example.com",)), replace(PUBLIC, host="192.0.2.1")):
        with pytest.raises(ConfigError, match="executive: users of the demonstration"):
            expect_servable(service, project, allow_root=False)
    people.remove("executive")
    expect_servable(PUBLIC, project, allow_root=False)


def test_root_has_to_be_meant(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve.os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError, match="--allow-root"):
        expect_servable(LOCAL, project, allow_root=False)
    expect_servable(LOCAL, project, allow_root=True)


def test_the_address_is_one_to_type() -> None:
    assert LOCAL.address == "http://127.0.0.1:8800/"
    assert replace(LOCAL, host="::1").address == "http://[::1]:8800/"
    assert PUBLIC.address == "http://bi.example.com:8800/"
    assert replace(PUBLIC, proxies=("10.0.0.1",), prefix="/bi").address == "https://bi.example.com/bi/"
    assert [s.is_public for s in (LOCAL, PUBLIC, replace(LOCAL, host="localhost"))] == [False, True, False]


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: cannot listen there"):
            serve._listener(uvicorn.Config("x:y", host="127.0.0.1", port=port))


def test_a_bundle_that_was_not_built(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="digest is not there: the scripts and styles .* were not bundled"):
        bundle.load_bundle(tmp_path)
