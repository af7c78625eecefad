"""Buy-till-you-die models on made-up customers, in one process: python -m benchmarks.science [--customers
1M].

Times are continuous, so that hardly two customers share a history and none is spared. Machines differ; the
bars are for 2 cores.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from mergehouse.cli.scaffold import line_count
from mergehouse.science.btyd.lifetime_value import clv, fit_bgnbd, fit_gamma_gamma, simulate, simulate_values

BAR_SECONDS, BAR_MEMORY = 10.0, 1024.0  # of both fits together, and of the process in MB
TRUE, WORTH = (0.6, 60.0, 0.5, 2.5), (6.0, 4.0, 15.0)  # days and euros
Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", default="1M", help="how many (default 1M)")
    customers = line_count(parser.parse_args().customers)
    made = simulate(*TRUE, np.random.default_rng(1).uniform(1, 730, customers), seed=2)
    value = simulate_values(*WORTH, made.frequency, seed=3)
    history, again = (made.frequency, made.recency, made.age), made.frequency > 0

    print("| job | seconds | peak memory, MB |\n|---|--:|--:|")
    bgnbd, first = timed(f"fit BG/NBD, {customers:,} customers", lambda: fit_bgnbd(*history))
    gamma_gamma, second = timed(
        f"fit Gamma-Gamma, {again.sum():,} of them",
        lambda: fit_gamma_gamma(made.frequency[again], value[again]),
    )
    memory = peak()
    timed("chance of no purchase in 90 days", lambda: bgnbd.p_no_purchase(*history, 90))
    timed("purchases expected in a year", lambda: bgnbd.expected_purchases(*history, 365))
    timed("value of a year, with intervals", lambda: clv(bgnbd, gamma_gamma, *history, value, 365))

    print(
        "\nfound again: "
        + ", ".join(
            f"{v:.4g} ({t:g})"
            for v, t in zip(bgnbd.parameters + gamma_gamma.parameters, TRUE + WORTH, strict=True)
        )
    )
    if first + second > BAR_SECONDS or memory > BAR_MEMORY:
        sys.exit(
            f"Both fits took {first + second:.1f} s and {memory:,.0f} MB; the bar is {BAR_SECONDS:g} s and"
            f" {BAR_MEMORY:,.0f} MB for 1M."
        )


def timed(job: str, work: Callable[[], Result]) -> tuple[Result, float]:
    """Runs one job and prints its row: result, seconds."""
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    print(f"| {job} | {seconds:.2f} | {peak():,.0f} |", flush=True)
    return result, seconds


def peak() -> float:
    """Peak resident memory so far of this process or, where that was more, of one that it began and that has
    ended, in MB.
    """
    return (
        max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        / 1024
    )


if __name__ == "__main__":
    main()
