"""A CSV file as the demonstration writes it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_csv(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a header and rows, with line feeds alone on every machine.

    >>> write_csv(Path("pairs.csv"), ["a", "b"], [[1, "x, y"]])
    >>> Path("pairs.csv").read_text().splitlines()
    ['a,b', '1,"x, y"']
    """
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([header, *rows])
