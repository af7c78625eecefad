"""Measures that are no KPIs, as fixed_measures.yml has them, with what a project says filled in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import Template

from mergehouse.kpi.catalogue import Kpi
from mergehouse.platform.powerbi.dax import measure_name, text
from mergehouse.platform.powerbi.objects import Measure
from mergehouse.project.config import Project
from mergehouse.project.validation import Strict
from mergehouse.project.yaml_file import parse_yaml

FILE = Path(__file__).with_name("fixed_measures.yml")
CHURN = "is_churned"
METHODS, HOME = "Methods", "Brand clock"


class _Given(Strict):
    name: str
    meaning: str
    dax: str
    format: str = ""
    seen: bool = False


class _Group(Strict):
    folder: str
    table: str
    measures: list[_Given]


class _Fixed(Strict):
    texts: dict[str, str]
    groups: list[_Group]


def fixed_measures(project: Project) -> dict[str, list[Measure]]:
    """By the table they stand in.

    >>> found = fixed_measures(mh.project("shop"))
    >>> [measure.dax for measure in found["Brand clock"] if measure.name == "Churn limit"]
    ['SWITCH ( SELECTEDVALUE ( \\'Brand\\'[Brand key] ), "shop", 90 )']
    """
    given = _fixed()
    limits = (f"{text(brand)}, {project.churn_after_days(brand)}" for brand in project.brands)
    values = given.texts | {
        "churn_limits": ", ".join(limits),
        "churn_after_days": str(project.config.churn_after_days),
    }
    found: dict[str, list[Measure]] = {}
    for group in given.groups:
        found.setdefault(group.table, []).extend(
            Measure(
                each.name,
                Template(each.dax).substitute(values),
                each.meaning,
                each.format,
                group.folder,
                is_hidden=not each.seen,
            )
            for each in group.measures
        )
    return found


def where_observable(kpis: Iterable[Kpi]) -> list[Measure]:
    """Of each KPI that asks who has churned, a measure that is blank where that cannot be told yet.

    >>> from mergehouse.kpi.catalogue import catalogue
    >>> [measure.name for measure in where_observable(catalogue())]
    ['Active customers where observable', 'Active rate where observable']
    """
    named = {kpi.name: kpi for kpi in kpis}
    return [
        Measure(
            f"{kpi.label} where observable",
            f"IF ( [Churn is observable], {measure_name(kpi.label)} )",
            f"{kpi.label}; blank where a brand's data are no longer than its churn limit.",
            {"percent": "0.0 %"}.get(kpi.format, "#,0"),
            METHODS,
        )
        for kpi in named.values()
        if _asks_churn(kpi, named)
    ]


def _asks_churn(kpi: Kpi, named: dict[str, Kpi]) -> bool:
    return CHURN in kpi.where or any(_asks_churn(named[part], named) for part in kpi.ratio or ())


@cache
def _fixed() -> _Fixed:
    return _Fixed(**parse_yaml(FILE.read_text(encoding="utf-8")))
