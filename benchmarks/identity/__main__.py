"""Measures how well the same customers are found: python -m benchmarks.identity [--febrl DIR] [--jobs ...]
[--write].

Every job runs in a process of its own. Machines differ and are shared: read the seconds of processor.
"""

from __future__ import annotations

import argparse
import multiprocessing
from pathlib import Path

from benchmarks.identity.jobs import GENERATED, JOBS, job
from benchmarks.identity.measures import Found, Measured
from benchmarks.identity.plot import draw

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "identity.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--febrl", type=Path, default=ROOT.parent / "shared" / "data" / "febrl", help="folder of FEBRL's sets"
    )
    parser.add_argument(
        "--jobs", nargs="*", default=JOBS, choices=JOBS, help="what to measure (default: all)"
    )
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/")
    options = parser.parse_args()
    measured = [_in_a_process(name, options.febrl) for name in options.jobs]
    table = as_markdown(measured)
    print(table)
    if options.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")
        draw([one for one in measured if one.name in GENERATED], PAGE.parent / "images")


def _in_a_process(name: str, febrl: Path) -> Measured:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        measured = pool.apply(job, (name, febrl))
    print(measured, flush=True)
    return measured


def as_markdown(measured: list[Measured]) -> str:
    lines = [
        "| customers | true pairs | links: precision | recall | pairs at 0.5: F1 | clusters: F1"
        " | five exact rules: precision | recall | CPU s | GB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for one in measured:
        cells = [
            one.name,
            f"{one.true_pairs:,}",
            *_shares(one.links),
            f"{one.pairs.f1:.4f}",
            f"{one.clusters.f1:.4f}",
            *_shares(one.floor),
            f"{sum(one.cpu.values()):.0f}",
            f"{one.memory:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shares(found: Found) -> list[str]:
    return [f"{found.precision:.4f}", f"{found.recall:.4f}"]


if __name__ == "__main__":
    main()
