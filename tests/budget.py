"""CPU seconds by folder of tests, each held to its budget, and tests that take long without saying why.

Seconds of processors, those of programs included that a test starts and waits for: the clock on the wall
tells more of who else is at work. A machine that shares its processors, or has slower ones, needs more of
them for the same work, so a yardstick is measured every few seconds between the tests, and where it takes
longer than where the budgets were measured, what the tests took is divided by how much. Budgets are in
`pyproject.toml`, twice what was measured; tests marked `slow` or `long` have their own. What is over them
stops the build.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Generator
from statistics import fmean

import pytest

ONE = "a test"  # what any may take whose mark `slow` or `long` does not say why it needs more
SINCE = pytest.StashKey[float]()
EVERY = 4.0  # CPU seconds of tests for one yardstick
MEASURED = pytest.StashKey[float]()  # the CPU second of a process in which it has last measured one


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "cpu_seconds",
        "CPU seconds of folders of tests: `tests/unit: 60`, `tests/unit,slow: 600`; of `a test`",
        "linelist",
    )
    parser.addini(
        "cpu_yardstick",
        "CPU seconds of the yardstick where the budgets were measured; 0: they are the same on every machine",
        default="0",
    )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        lines = (line.rsplit(":", 1) for line in config.getini("cpu_seconds"))
        budgets = {name: float(seconds) for name, seconds in lines}
        config.pluginmanager.register(Ledger(budgets, float(config.getini("cpu_yardstick"))))


def cpu_seconds() -> float:
    return sum(os.times()[:4])


def yardstick() -> float:
    """CPU seconds of work that is the same everywhere, and keeps nothing that a collector would look at."""
    since = time.process_time()
    sum(number * number % 7 for number in range(200_000))
    return time.process_time() - since


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.stash[SINCE] = cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes in the report, which goes from the worker to the process that started it, what the phase took."""
    report = yield
    now, mark = cpu_seconds(), item.get_closest_marker("long") or item.get_closest_marker("slow")
    report.cpu_seconds, item.stash[SINCE] = now - item.stash[SINCE], now
    report.mark, report.why = (mark.name, " ".join(mark.args)) if mark else ("", "")
    report.yardsticks = []
    if report.when == "teardown" and now - item.config.stash.get(MEASURED, -math.inf) > EVERY:
        report.yardsticks.append(yardstick())
        item.config.stash[MEASURED] = cpu_seconds()
    return report


class Ledger:
    """What has been spent by folder, and by which tests for long, and why."""

    def __init__(self, budgets: dict[str, float], yardstick: float):
        self.of_a_test, self.budgets, self.yardstick = budgets.pop(ONE, math.inf), budgets, yardstick
        self.yardsticks: list[float] = []
        self.by_folder: Counter[str] = Counter()
        self.by_test: dict[str, tuple[float, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # none of a worker that crashed
        seconds, mark = getattr(report, "cpu_seconds", 0.0), getattr(report, "mark", "")
        folder = report.nodeid.split("::")[0].rpartition("/")[0]
        self.by_folder[f"{folder},{mark}" if mark else folder] += seconds
        self.yardsticks += getattr(report, "yardsticks", [])
        if report.when == "call":
            self.by_test[report.nodeid] = seconds, report.why

    @property
    def slowness(self) -> float:
        """How many times longer than where the budgets were measured the same work takes here and now; 1
        where it takes no longer.
        """
        if not self.yardsticks or not self.yardstick:
            return 1.0
        return max(1.0, fmean(self.yardsticks) / self.yardstick)

    @property
    def spent(self) -> dict[str, float]:
        """CPU seconds by folder, as where the budgets were measured."""
        slowness = self.slowness
        return {name: seconds / slowness for name, seconds in self.by_folder.items()}

    @property
    def slow(self) -> dict[str, tuple[float, str]]:
        """Tests that took longer than a test may, with the seconds and the reason in their mark."""
        slowness = self.slowness
        return {
            test: (seconds / slowness, why)
            for test, (seconds, why) in self.by_test.items()
            if seconds / slowness > self.of_a_test
        }

    def faults(self) -> list[str]:
        spent = self.spent
        return [
            f"{name} took {spent[name]:.1f} CPU seconds of {budget:g}: let its tests share what they"
            " prepare, or give it more in pyproject.toml."
            for name, budget in self.budgets.items()
            if spent.get(name, 0.0) > budget
        ] + [
            f"{test} took {seconds:.1f} CPU seconds: make it faster, or say why it is not in"
            " @pytest.mark.slow, which leaves it to make slow, or @pytest.mark.long, to make parity."
            for test, (seconds, why) in self.slow.items()
            if not why
        ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        session.testsfailed += len(self.faults())
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("CPU seconds")
        if self.slowness != 1.0:
            terminalreporter.line(
                f"The same work takes {self.slowness:.2f} times as long here as where the budgets were"
                " measured: what follows is divided by that."
            )
        for name, seconds in sorted(self.spent.items()):
            budget = f"of {self.budgets[name]:g}" if name in self.budgets else ""
            terminalreporter.line(f"{seconds:8.1f} {budget:8} {name}")
        for test, (seconds, why) in sorted(self.slow.items(), key=lambda item: -item[1][0]):
            terminalreporter.line(f"{seconds:8.1f} {'':8} {test} {why and f'({why})'}")
        for fault in self.faults():
            terminalreporter.line(fault, red=True)
