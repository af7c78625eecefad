"""Whether a project's limits are those of the machine it runs on."""

from __future__ import annotations

from mergehouse.machine import GB, cores, usable_memory
from mergehouse.project.settings import Limits
from mergehouse.quality.checks import CheckResult


def within_the_machine(limits: Limits) -> list[CheckResult]:
    """A finding where `limits` in mergehouse.yml are above what the machine has, which is then what counts.

    >>> within_the_machine(Limits(memory="100MB"))
    []
    >>> within_the_machine(Limits(threads=100_000))[0].why
    'limits.threads is 100000, of which ... are used: one for each core.'
    """
    above = []
    if limits.memory_bytes > usable_memory():
        used = f"{usable_memory() / GB:.1f} GiB"
        above.append(f"limits.memory is {limits.memory}, of which {used} are used: 4/5 of what there is.")
    if limits.threads and limits.threads > cores():
        above.append(f"limits.threads is {limits.threads}, of which {cores()} are used: one for each core.")
    return (
        [CheckResult("machine", "limits_fit_the_machine", "warn", len(above), " ".join(above))]
        if above
        else []
    )
