"""Keeps what is shown up to what is published: a thread looks, and a process of its own writes extracts.

Whoever publishes writes them, too; this is for what others have published: a run on another machine, a
release that was pointed at, a new user with a combination of roles that nobody had.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from contextlib import suppress
from math import inf
from multiprocessing.connection import Connection

from mergehouse.access import people, policy
from mergehouse.access.audience import audience, refresh_extracts
from mergehouse.access.extract import NothingPublished, data_version
from mergehouse.access.gateway import BEHIND
from mergehouse.access.people import People
from mergehouse.access.policy import load_policy
from mergehouse.access.serving import current_version, serving_folder, unwritable
from mergehouse.access.source import location, opened, sign_of_change
from mergehouse.app.log import log
from mergehouse.app.nobody import nobody_may_sign_in
from mergehouse.errors import MergehouseError
from mergehouse.kpi.targets import FILE as TARGETS
from mergehouse.project.annotations import FILE as ANNOTATIONS
from mergehouse.project.config import Project
from mergehouse.storage import is_url, state_of

LOOK_SECONDS, LOOK_AFAR_SECONDS = 0.5, 15.0  # on this machine, and in an object store
AGAIN_SECONDS = 30.0  # without any sign of change
NICE = 10  # pages come first


class Upkeep:
    """Of one project, or of the releases at `release`. It ends with the process."""

    def __init__(self, project: Project, release: str | None):
        self.project, self.release = project, release
        self.root = serving_folder(project, release)
        self.is_afar = is_url(location(project, release))
        self._seen: object = None
        self._look_again = 0.0  # whatever has changed, by time.monotonic()
        self._problem: str | None = None
        self._said: str | None = None  # of nobody who may sign in

    def start(self) -> None:
        threading.Thread(target=self._keep_up, name="upkeep", daemon=True).start()

    def _keep_up(self) -> None:
        while True:
            self.look()
            time.sleep(LOOK_AFAR_SECONDS if self.is_afar else LOOK_SECONDS)

    def look(self) -> None:
        """Once: writes extracts where what is published, the policy or people have changed since the last."""
        sign = self._sign()
        if sign == self._seen and time.monotonic() < self._look_again:
            return
        self._say_who_may()
        try:
            problem = self._written() if self._is_behind() else None
        except NothingPublished as error:  # before the first publication pages and /ready say that
            problem = str(error) if current_version(self.root) else None
        except OSError as error:
            problem = str(unwritable(self.root, error))
        except Exception as error:  # foreseen or not: with the thread's end pages would stay as they are
            problem = str(error) if isinstance(error, MergehouseError) else f"{type(error).__name__}: {error}"
        if problem and problem != self._problem:
            log.error("figures cannot be brought up to date", extra={"more": {"why": problem}})
        self._problem = problem
        with suppress(OSError):  # which is the problem then
            self._tell(behind=problem is not None, failed=problem is not None)
        # another look on this machine costs little, and finds what somebody has deleted
        is_told = sign is not None and self.is_afar and problem is None
        self._seen, self._look_again = sign, inf if is_told else time.monotonic() + AGAIN_SECONDS

    def _say_who_may(self) -> None:
        """Says it once where nobody may sign in any more, as when somebody has deleted people.db."""
        with suppress(MergehouseError):  # a damaged file: every request says that
            said = nobody_may_sign_in(self.project)
            if said and said != self._said:
                log.error(said)
            self._said = said

    def _sign(self) -> object:
        files = [self.project.folder / name for name in (policy.FILE, people.FILE)]
        files += [self.project.mappings_folder / name for name in (TARGETS, ANNOTATIONS)]
        try:
            return sign_of_change(self.project, self.release), *map(state_of, files)
        except MergehouseError:  # a store that does not answer: the look says so
            return None

    def _is_behind(self) -> bool:
        wanted = audience(load_policy(self.project), People(self.project.folder))
        with opened(self.project, self.release) as source:
            version = data_version(self.project, source)
        return current_version(self.root) != version or not all(
            (self.root / version / scope.id).is_dir() for scope in wanted
        )

    def _written(self) -> str | None:
        """Writes them in a process of its own. Returns in words what went wrong, None where nothing did."""
        self._tell(behind=True, failed=False)
        began = time.perf_counter()
        context = multiprocessing.get_context("spawn")
        receiving, sending = context.Pipe(duplex=False)
        of = (self.project, self.release, sending)
        child = context.Process(target=_write, args=of, daemon=True)
        child.start()
        sending.close()
        try:
            problem: str | None = receiving.recv()
        except EOFError:
            child.join()
            problem = f"the process that writes them ended with {child.exitcode}"
        child.join()
        if problem is None:
            seconds = round(time.perf_counter() - began, 2)
            log.info("figures are up to date", extra={"more": {"seconds": seconds}})
        return problem

    def _tell(self, behind: bool, failed: bool) -> None:
        """Every worker reads it, and pages say it; without the file nothing is behind."""
        file = self.root / BEHIND
        if not behind:
            file.unlink(missing_ok=True)
            return
        self.root.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{BEHIND}")
        unfinished.write_text(json.dumps({"failed": failed}), encoding="utf-8")
        unfinished.replace(file)


def _write(project: Project, release: str | None, sending: Connection) -> None:
    os.nice(NICE)
    try:
        refresh_extracts(project, release=release)
        sending.send(None)
    except MergehouseError as error:
        sending.send(str(error))
