"""A folder of tests that takes more than its budget stops the build, and so does a test that takes long and
does not say why.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow("starts pytest within pytest")

BUSY = """
import time
import pytest

@pytest.fixture
def busy():
    work(0.2)

def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> pytest.Pytester:
    """Tests in a folder `slow` that take 0.4 seconds in all, half of them to set up, with seconds to spare in
    `quick`.
    """
    pytester.makefile(
        ".py",
        **{
            "slow/test_one": f"{BUSY}\ndef test_one(busy):\n    work(0.2)",
            "quick/test_other": "def test_other():\n    pass",
        },
    )
    return pytester


def run(folder: pytest.Pytester, budgets: str, *options: str, yardstick: float = 0) -> pytest.RunResult:
    lines = [f"[pytest]\ncpu_yardstick = {yardstick}\ncpu_seconds =", *budgets.split(", "), "quick: 0.3"]
    folder.makeini("\n    ".join(lines))
    return folder.runpytest_inprocess("-p", "tests.budget", "-p", "no:cacheprovider", *options)


def test_what_is_within_its_budget_passes(folder: pytest.Pytester) -> None:
    folder.makefile(
        ".py", **{"slow/test_one": f"{BUSY}\n@pytest.mark.slow('waits')\ndef test_one(busy):\n    work(0.2)"}
    )
    result = run(folder, "slow,slow: 60, a test: 0.1")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*0.[4-9] of 60    slow,slow", "* slow/test_one.py::test_one (waits)"])


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "side by side"])
def test_a_folder_over_its_budget_stops_the_build(folder: pytest.Pytester, options: tuple[str, ...]) -> None:
    result = run(folder, "slow: 0.3", *options)
    assert result.ret == 1 and result.parseoutcomes() == {"passed": 2}
    result.stdout.fnmatch_lines(["slow took 0.[4-9] CPU seconds of 0.3: let its tests share *"])
    result.stdout.no_fnmatch_line("quick took *")


@pytest.mark.parametrize("mark", ["", "@pytest.mark.slow", "@pytest.mark.long"])
def test_a_test_that_takes_long_says_why(folder: pytest.Pytester, mark: str) -> None:
    folder.makefile(".py", **{"slow/test_one": f"{BUSY}\n{mark}\ndef test_one(busy):\n    work(0.2)"})
    result = run(folder, "slow: 60, a test: 0.1")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["slow/test_one.py::test_one took 0.[23] CPU seconds: make it faster, or say why *"]
    )


@pytest.mark.parametrize("mark", ["slow", "long"])
def test_tests_with_a_mark_have_a_budget_of_their_own(folder: pytest.Pytester, mark: str) -> None:
    folder.makefile(
        ".py", **{"slow/test_one": f"{BUSY}\n@pytest.mark.{mark}\ndef test_one(busy):\n    work(0.2)"}
    )
    assert run(folder, "slow: 0.1").ret == 0
    assert run(folder, f"slow,{mark}: 0.1").ret == 1


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "side by side"])
def test_a_machine_on_which_the_same_work_takes_longer_has_more_seconds(
    folder: pytest.Pytester, options: tuple[str, ...]
) -> None:
    result = run(folder, "slow: 0.3, a test: 0.1", *options, yardstick=1e-6)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["The same work takes * times as long here *", "* 0.0 of 0.3   slow"])
    assert run(folder, "slow: 60", *options, yardstick=1000).ret == 0  # no fewer on one that is faster
