"""CPU seconds by folder of tests, each held to its budget, and tests that take long without saying why.

Seconds of processors, those of programs included that a test starts and waits for: the clock on the wall
tells more of who else is at work. Budgets are in `pyproject.toml`, twice what was measured; tests marked
`long` have their own. What is over them stops the build.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Generator

import pytest

ONE = "a test"  # what any may take whose mark `slow` or `long` does not say why it needs more
SINCE = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "cpu_seconds",
        "CPU seconds of folders of tests: `tests/unit: 60`, `tests/unit,long: 600`; of `a test`",
        "linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow(why): takes more than the CPU seconds of a test")
    if not hasattr(config, "workerinput"):
        lines = (line.rsplit(":", 1) for line in config.getini("cpu_seconds"))
        config.pluginmanager.register(Ledger({name: float(seconds) for name, seconds in lines}))


def cpu_seconds() -> float:
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.stash[SINCE] = cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes in the report, which goes from the worker to the process that started it, what the phase took."""
    report = yield
    now, mark = cpu_seconds(), item.get_closest_marker("slow") or item.get_closest_marker("long")
    report.cpu_seconds, item.stash[SINCE] = now - item.stash[SINCE], now
    report.why = " ".join(mark.args) if mark else ""
    return report


class Ledger:
    """What has been spent by folder, and by which tests for long, and why."""

    def __init__(self, budgets: dict[str, float]):
        self.of_a_test, self.budgets = budgets.pop(ONE, math.inf), budgets
        self.spent: Counter[str] = Counter()
        self.slow: dict[str, tuple[float, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # none of a worker that crashed
        seconds, is_long = getattr(report, "cpu_seconds", 0.0), "long" in report.keywords
        folder = report.nodeid.split("::")[0].rpartition("/")[0]
        self.spent[f"{folder},long" if is_long else folder] += seconds
        if report.when == "call" and seconds > self.of_a_test:
            self.slow[report.nodeid] = seconds, report.why

    def faults(self) -> list[str]:
        return [
            f"{name} took {self.spent[name]:.1f} CPU seconds of {budget:g}: let its tests share what they"
            " prepare, or give it more in pyproject.toml."
            for name, budget in self.budgets.items()
            if self.spent[name] > budget
        ] + [
            f"{test} took {seconds:.1f} CPU seconds: make it faster, or say why it is not in"
            " @pytest.mark.slow, or in @pytest.mark.long, which leaves it to make parity."
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
        for name, seconds in sorted(self.spent.items()):
            budget = f"of {self.budgets[name]:g}" if name in self.budgets else ""
            terminalreporter.line(f"{seconds:8.1f} {budget:8} {name}")
        for test, (seconds, why) in sorted(self.slow.items(), key=lambda item: -item[1][0]):
            terminalreporter.line(f"{seconds:8.1f} {'':8} {test} {why and f'({why})'}")
        for fault in self.faults():
            terminalreporter.line(fault, red=True)
