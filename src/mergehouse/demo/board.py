"""What the demonstration's boards aim at and have noted: mappings `targets.csv` and `annotations.csv`."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from mergehouse.demo.csv_file import write_csv
from mergehouse.demo.truth import BrandTruth
from mergehouse.kpi.targets import COLUMNS as AIMED_AT
from mergehouse.kpi.targets import FILE as TARGETS
from mergehouse.project.annotations import COLUMNS as NOTED
from mergehouse.project.annotations import FILE as ANNOTATIONS

ROUND = 100  # euros


def write_board(mappings: Path, told: Iterable[tuple[dict[str, Any], BrandTruth]]) -> None:
    """Writes both files of the brands' parts of `exports.yml` and what is true of them. A target that is a
    `share` is one of the KPI over all days, in whole hundreds.
    """
    targets, notes = list[list[Any]](), list[list[Any]]()
    for spec, truth in told:
        for aim in spec["targets"]:
            targets.append([aim["kpi"], truth.brand, aim["period"], _value(aim, truth)])
        notes += [[note["day"], truth.brand, note["who"], note["text"]] for note in spec["annotations"]]
    mappings.mkdir(exist_ok=True)
    for name, header, rows in ((TARGETS, AIMED_AT, targets), (ANNOTATIONS, NOTED, notes)):
        write_csv(mappings / name, header, rows)


def _value(aim: dict[str, Any], truth: BrandTruth) -> str:
    if "value" in aim:
        return str(aim["value"])
    of_all_days = Decimal(truth.kpis()[aim["kpi"]]) * Decimal(str(aim["share"]))
    return str(round(of_all_days / ROUND) * ROUND)
