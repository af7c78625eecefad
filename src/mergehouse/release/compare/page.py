"""The alignment report: what two lakehouses were found to have in common, as one self-contained HTML page and
as JSON.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from mergehouse.charts.pages import environment
from mergehouse.json_text import json_text
from mergehouse.kpi.catalogue import catalogue, formatted
from mergehouse.release.compare.compare import Comparison
from mergehouse.release.compare.distribution import TOLERANCE
from mergehouse.storage import write_folder

PAGE, DATA = "alignment.html", "alignment.json"


def write_comparison(result: Comparison, folder: Path) -> list[Path]:
    """Writes both into a folder of this machine and returns their paths. Raises ConfigError where it cannot
    be written.
    """
    return write_folder(
        folder,
        {PAGE: comparison_page(result), DATA: json_text(result.as_json(), indent=1) + "\n"},
        f"--to {folder}",
    )


def comparison_page(result: Comparison) -> str:
    templates = environment(Path(__file__).parent)
    templates.filters |= {"figure": _figure, "prefixed": lambda name, table: f"{table}.{name}"}
    scopes = list(dict.fromkeys(scope for pairs in result.kpis.values() for scope in pairs))
    kpis = [
        {
            "label": kpi.label,
            "unit": "" if kpi.format == "percent" else kpi.unit,
            "pairs": [
                tuple(
                    formatted(kpi, None if value is None else Decimal(value))
                    for value in result.kpis[kpi.name].get(scope, (None, None))
                )
                for scope in scopes
            ],
        }
        for kpi in catalogue()
        if scopes
    ]
    return templates.get_template("comparison.html.j2").render(
        c=result, kpis=kpis, scopes=scopes, tolerance=TOLERANCE
    )


def _figure(value: Any) -> str:
    """A figure as people read it; a dash where there is none or it is not shown."""
    if value is None:
        return "-"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int | Decimal) and not isinstance(value, bool) else str(value)
