"""KPIs of the catalogue as measures: each as it is, and its variants on the brands' own clocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mergehouse.contracts.registry import contract_of
from mergehouse.errors import ConfigError
from mergehouse.kpi.catalogue import Kpi
from mergehouse.platform.powerbi.dax import column_name, condition, measure_name
from mergehouse.platform.powerbi.objects import Measure, Table
from mergehouse.project.validation import nearest_known

FORMATS = {"money": '#,0.00 "EUR"', "integer": "#,0", "percent": "0.0 %"}
CHANGE, POINTS = "+0.0 %;-0.0 %;0.0 %", '+0.0" pp";-0.0" pp";0.0" pp"'
EXACT = {"money": 2, "percent": 6, "integer": 6}  # places of ratios, as kpi/formula.py rounds them
EVERY_BRAND = "DISTINCT ( 'Brand'[Brand key] )"
SHARELESS = " Brands do not add up to it, so that it has no share and no sum by the day."
WITHOUT = "Blank where a brand has none, or the brands' windows are not of the same days."


@dataclass(frozen=True)
class Placed:
    """A KPI, the table of the model that it stands in (of a ratio, its numerator's), and whether all that it
    is measured over has days: sales do, customers are as of one day.
    """

    kpi: Kpi
    table: Table
    has_days: bool


def placed(kpis: Iterable[Kpi], tables: Iterable[Table], with_days: set[str]) -> list[Placed]:
    """Every KPI with its table. Raises ConfigError where a KPI is over a table that the model does not have,
    or a ratio of KPIs that there are not.
    """
    by_entity = {table.entity: table for table in reversed(list(tables))}
    named = {kpi.name: kpi for kpi in kpis}
    found = []
    for kpi in named.values():
        over = [str(part.table) for part in _parts(kpi, named, ())]
        for missing in (table for table in over if table not in by_entity):
            raise ConfigError(
                f"kpi/catalogue.yml: {kpi.name}: {missing} is no table of the semantic model. Add it to"
                " platform/powerbi/star.yml, or take a table that is there."
            )
        found.append(
            Placed(kpi, by_entity[over[0]], all(by_entity[table].name in with_days for table in over))
        )
    return found


def _parts(kpi: Kpi, named: dict[str, Kpi], passed: tuple[str, ...]) -> list[Kpi]:
    """The KPIs that one is made of, which are no ratios themselves; a KPI that is none is its own."""
    found = [] if kpi.ratio else [kpi]
    for part in kpi.ratio or ():
        if part not in named or part in passed:
            problem = (
                f"no KPI `{part}`{nearest_known(part, named)}" if part not in named else "it divides itself."
            )
            raise ConfigError(f"kpi/catalogue.yml: {kpi.name}: ratio: {problem}")
        found += _parts(named[part], named, (*passed, kpi.name))
    return found


def measures(given: list[Placed]) -> dict[str, list[Measure]]:
    """The measures of every KPI, by table."""
    labels = {each.kpi.name: each.kpi.label for each in given}
    found: dict[str, list[Measure]] = {}
    for each in given:
        whole = Measure(
            each.kpi.label, _value(each, labels), each.kpi.meaning + (SHARELESS if each.kpi.ratio else ""),
            FORMATS[each.kpi.format], "KPIs", kpi=each.kpi.name,
        )  # fmt: skip
        variants = _of_days(each, labels) if each.has_days else []
        found.setdefault(each.table.name, []).extend([whole, *variants, *_share(each)])
    return found


def _value(each: Placed, labels: dict[str, str]) -> str:
    kpi, table = each.kpi, each.table
    if kpi.ratio:
        return _ratio(kpi, *(measure_name(labels[part]) for part in kpi.ratio))
    column = kpi.count_distinct or kpi.sum
    assert column
    contract = contract_of(table.entity)
    for name in (column, *kpi.where):
        if name not in contract.columns:
            raise ConfigError(
                f"kpi/catalogue.yml: {kpi.name}: {table.entity} has no column `{name}`"
                f"{nearest_known(name, contract.columns)}"
            )
    measured = column_name(table.name, table.named(column))
    aggregate = f"DISTINCTCOUNTNOBLANK ( {measured} )" if kpi.count_distinct else f"SUM ( {measured} )"
    filters = [condition(kpi.name, name, test, contract, table) for name, test in kpi.where.items()]
    if not filters:
        return aggregate
    return f"CALCULATE ( {aggregate}, {', '.join(f'KEEPFILTERS ( {one} )' for one in filters)} )"


def _ratio(kpi: Kpi, numerator: str, denominator: str) -> str:
    return f"ROUND ( DIVIDE ( {numerator}, {denominator} ), {EXACT[kpi.format]} )"


def _of_days(each: Placed, labels: dict[str, str]) -> list[Measure]:
    kpi, label = each.kpi, each.kpi.label
    usual, changed = FORMATS[kpi.format], POINTS if kpi.format == "percent" else CHANGE

    def variant(name: str, dax: str, meaning: str, format: str = usual) -> Measure:
        meaning = f"{label}, {meaning}"
        return Measure(f"{label} {name}", dax, meaning, format, f"Over time\\{label}", kpi=kpi.name)

    def of_parts(name: str) -> str:
        return _ratio(kpi, *(measure_name(f"{labels[part]} {name}") for part in kpi.ratio or ()))

    def over(name: str, window: str) -> str:
        return of_parts(name) if kpi.ratio else _summed(label, window)

    found = [
        variant("in window", over("in window", "Window"), "of the window of each brand's clock."),
        variant(
            "previous period",
            over("previous period", "Previous"),
            f"of as many days just before. {WITHOUT}",
        ),
        variant(
            "year before",
            over("year before", "Year before"),
            f"of the same weekdays, or the same months, a year before. {WITHOUT}",
        ),
        variant(
            "change", _change(kpi, "previous period", "Previous"), "against the time just before.", changed
        ),
        variant(
            "year on year", _change(kpi, "year before", "Year before"), "against a year before.", changed
        ),
    ]
    week = of_parts("in week") if kpi.ratio else _in_week(label)
    found.append(variant("in week", week, "of one week of each brand's clock; the table Week says which."))
    if kpi.ratio:
        return found
    a_day = "what each brand has a day in its window, added up."
    return [*found, variant("per day", _per_day(label), a_day)]


def _summed(label: str, window: str) -> str:
    """A sum over brands, each in its own days; blank where a brand that has data has none of them."""
    return f"""IF (
    NOT [{window} is missing],
    SUMX (
        {EVERY_BRAND},
        VAR since = [{window} start]
        VAR until = [{window} end]
        RETURN IF ( NOT ISBLANK ( since ), {_between(label)} + 0 )
    )
)"""


def _per_day(label: str) -> str:
    return f"""IF (
    NOT [Window is missing],
    SUMX (
        {EVERY_BRAND},
        VAR since = [Window start]
        VAR until = [Window end]
        VAR span = DATEDIFF ( since, until, DAY ) + 1
        RETURN IF ( NOT ISBLANK ( since ), DIVIDE ( {_between(label)}, span ) + 0 )
    )
)"""


def _in_week(label: str) -> str:
    return f"""VAR chosen = SELECTEDVALUE ( 'Week'[Week] )
RETURN
    SUMX (
        {EVERY_BRAND},
        VAR since = [Clock end] + 7 * chosen
        VAR until = since + 6
        RETURN IF ( NOT ISBLANK ( chosen ) && since >= [First day], {_between(label)} + 0 )
    )"""


def _between(label: str) -> str:
    days = "FILTER ( ALL ( 'Date' ), 'Date'[Date] >= since && 'Date'[Date] <= until )"
    return f"CALCULATE ( {measure_name(label)}, {days} )"


def _change(kpi: Kpi, before: str, window: str) -> str:
    """As the web suite has it: shares in points, ratios as they are, sums by the day, for months differ."""
    now, then = (measure_name(f"{kpi.label} {name}") for name in ("in window", before))
    if kpi.format == "percent":
        return f"IF ( NOT ISBLANK ( {now} ) && NOT ISBLANK ( {then} ), 100 * ( {now} - {then} ) )"
    a_day = "" if kpi.ratio else f" * [{window} days] / [Window days]"
    return f"IF ( NOT ISBLANK ( {now} ) && {then} > 0, {now} / {then}{a_day} - 1 )"


def _share(each: Placed) -> list[Measure]:
    """What a brand is of all. A ratio has no such share; of sums that of the run-rate, as windows differ."""
    kpi = each.kpi
    if kpi.ratio:
        return []
    part = measure_name(f"{kpi.label} per day" if each.has_days else kpi.label)
    of = "the combined run-rate" if each.has_days else "those of all brands; who buys at two counts at both"
    dax = f"DIVIDE ( {part}, CALCULATE ( {part}, REMOVEFILTERS ( 'Brand' ) ) )"
    folder = f"Over time\\{kpi.label}" if each.has_days else "Shares"
    return [
        Measure(
            f"{kpi.label} share",
            dax,
            f"{kpi.label} as a share of {of}.",
            FORMATS["percent"],
            folder,
            kpi=kpi.name,
        )
    ]
