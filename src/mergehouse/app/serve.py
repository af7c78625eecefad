"""Serves the suite: what must be right before it starts, and the processes that answer."""

from __future__ import annotations

import functools
import ipaddress
import os
import re
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from mergehouse.access.people import People
from mergehouse.access.policy import load_policy
from mergehouse.app.audit import Audit
from mergehouse.app.identity_provider import provider_of
from mergehouse.app.log import begin_log, log
from mergehouse.app.metrics import FOLDER
from mergehouse.app.server import LOOPBACK_NAMES, create_app
from mergehouse.app.upkeep import Upkeep
from mergehouse.errors import ConfigError
from mergehouse.kpi.targets import target_rows
from mergehouse.machine import unwritable
from mergehouse.project.annotations import annotation_rows
from mergehouse.project.config import Project, load_project

OPEN_AFTER_SECONDS = 1.5
STOP_SECONDS = 6  # for answers that are being made, which take 5 at most
ANY = ("0.0.0.0", "::", "")


@dataclass(frozen=True)
class Service:
    """Where and how the suite is served."""

    folder: Path
    environment: str | None
    host: str
    port: int
    workers: int
    names: tuple[str, ...]  # by which browsers reach it
    proxies: tuple[str, ...]  # addresses whose X-Forwarded-For and -Proto are believed
    prefix: str
    release: str | None = None  # where releases are that are shown in the lakehouse's place

    @property
    def on_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_public(self) -> bool:
        """True where others than this machine reach it, directly or by a name."""
        return not self.on_loopback or any(name not in LOOPBACK_NAMES for name in self.names)

    @property
    def address(self) -> str:
        if self.names and self.proxies:
            return f"https://{self.names[0]}{self.prefix}/"
        host = self.names[0] if self.names else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.prefix}/"


def application(service: Service) -> FastAPI:
    names = service.names or (service.host,)
    project = load_project(service.folder, service.environment)
    return create_app(
        project,
        hosts=(*LOOPBACK_NAMES, *names) if service.on_loopback else names,
        prefix=service.prefix,
        on_loopback=service.on_loopback,
        is_public=service.is_public,
        release=service.release,
        provider=provider_of(project, load_policy(project)),
    )


def worker(service: Service) -> FastAPI:
    """As `application`, for a process of its own."""
    begin_log()
    return application(service)


def expect_servable(service: Service, project: Project, allow_root: bool) -> None:
    """Raises ConfigError where the suite must not be served so."""
    if os.geteuid() == 0 and not allow_root:
        raise ConfigError(
            "serve: this is root, who can write also what is only to be read. Serve as a user of its own, or"
            " say `--allow-root`."
        )
    if service.host in ANY and not service.names:
        raise ConfigError(
            f"--host {service.host}: say by which `--name` browsers reach it, such as bi.example.com."
        )
    for name in service.names:
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", name):
            raise ConfigError(f"--name {name}: expected the name of a host, such as bi.example.com.")
    if service.prefix and not re.fullmatch(r"(?:/[A-Za-z0-9_-]+)+", service.prefix):
        raise ConfigError(f"--prefix {service.prefix}: expected a path such as /bi.")
    if service.workers < 1 or not 1 <= service.port <= 65_535:
        raise ConfigError(
            f"--workers {service.workers} --port {service.port}: expected one or more, and a"
            " port from 1 to 65,535."
        )
    target_rows(project)
    annotation_rows(project)
    audit = Audit(project.folder)
    try:
        with audit.opened():
            pass
    except OSError as error:
        raise ConfigError(
            f"{unwritable(audit.file, error)} Who saw what is written there, and nothing is shown without it:"
            " let this user write people.db, serving/, serving.key and logs/ of the project."
        ) from None
    demo = [user.name for user in People(project.folder).users() if user.is_demo and not user.disabled]
    if service.is_public and demo:
        raise ConfigError(
            f"{', '.join(demo)}: users of the demonstration, whom others must not meet. Remove them with"
            " `mergehouse users remove`, or serve on 127.0.0.1 alone."
        )


def serve(service: Service, open_browser: bool, listening: Callable[[str], None]) -> None:
    """Serves until it is told to stop; `listening` is told the address once somebody may ask.

    Raises ConfigError where it cannot listen or has not what it needs.
    """
    begin_log()
    built = application(service)  # what is wrong is said once, before any process starts
    config = uvicorn.Config(
        functools.partial(worker, service) if service.workers > 1 else built,
        factory=service.workers > 1,
        host=service.host,
        port=service.port,
        workers=service.workers,
        proxy_headers=bool(service.proxies),
        forwarded_allow_ips=list(service.proxies),
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=32 * 1024,
    )
    listener = _listener(config)
    Upkeep(built.state.suite.project, service.release).start()
    listening(service.address)
    if open_browser:
        threading.Timer(OPEN_AFTER_SECONDS, webbrowser.open, [service.address]).start()
    log.info("serving", extra={"more": {"address": service.address, "workers": service.workers}})
    with _stopping_gently():
        if service.workers > 1:
            with tempfile.TemporaryDirectory(prefix="mergehouse-metrics-") as counted:
                os.environ[FOLDER] = counted  # before the workers are there, which add up in it
                Multiprocess(config, [listener]).run()
        else:
            uvicorn.Server(config).run(sockets=[listener])
    log.info("stopped")


@contextmanager
def _stopping_gently() -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM are the server's, which sends what it has begun to send; it is an end like
    any other.
    """
    woken = signal.set_wakeup_fd(-1)  # with it the command line would end what does not end at once
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)


def _listener(config: uvicorn.Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
        listener.listen(config.backlog)  # of two that begin at once one is told
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"--host {config.host} --port {config.port}: cannot listen there ({error.strerror or error})."
            " Where another program does, choose another port."
        ) from None
    listener.set_inheritable(True)
    return listener
