"""Each measure, evaluated over Gold, is what the catalogue's SQL says: of the group, a brand, a region and a
period, on the brands' clocks.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from tests.platform.powerbi_defects import OF_VALUES
from tests.platform.powerbi_evaluation import evaluate
from tests.platform.powerbi_figures import DAY, KPIS, Figures, Values
from tests.platform.powerbi_projects import project_apart, project_together
from tests.platform.powerbi_rules import in_sql

from mergehouse.app.view import View
from mergehouse.kpi import formula
from mergehouse.kpi.catalogue import catalogue
from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.semantic_model import semantic_model
from mergehouse.platform.powerbi.tmdl import tmdl_files
from mergehouse.platform.powerbi.tmdl_reader import read_tmdl
from mergehouse.project.config import Project

pytestmark = pytest.mark.long("asks the vendors' own parsers")
LABELS = {kpi.name: kpi.label for kpi in catalogue()}
BOTH = ["shop", "zebra"]
LONGER = {("2025-11", "previous period"): Decimal(31) / 30}  # days of October over those of November
VARIANTS = (" in window", " previous period", " year before", " change", " year on year")
NORTH = {"Country.Region": ["North Europe"]}


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_together(tmp_path_factory.mktemp("near") / "suite")


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_apart(tmp_path_factory.mktemp("far") / "suite")


def same(found: Any, expected: Decimal | float | None) -> bool:
    """To the sixth place, which is more than any KPI has; nothing sold is blank, and nothing in SQL."""
    if expected is None or found is None:
        return not (found or expected)
    return abs(float(found) - float(expected)) < 5e-7


def differences(found: dict[str, Any], expected: Values, suffix: str = "") -> list[str]:
    return [
        f"{LABELS[name]}{suffix}: {found[LABELS[name] + suffix]}, not {value}"
        for name, value in expected.items()
        if LABELS[name] + suffix in found and not same(found[LABELS[name] + suffix], value)
    ]


def names(model: SemanticModel, *suffixes: str) -> list[str]:
    wanted = [f"{label}{suffix}" for label in LABELS.values() for suffix in suffixes]
    return [name for name in wanted if model.has_measure(name)]


def test_kpis_are_those_of_the_catalogue(near: Project) -> None:
    model = semantic_model(near)
    wanted = names(model, "")
    asked = [
        ({}, wanted),
        ({"Brand.Brand key": ["shop"]}, wanted),
        (NORTH, wanted),
        ({"Date.Month": ["2025-03"], "Brand.Brand key": ["zebra"]}, wanted),
    ]
    found = evaluate(model, near, asked)
    figures = Figures(near)
    assert len(wanted) == len(catalogue())
    [products] = evaluate(
        model, near, [({}, ["Net revenue of products", "Margin of products", "Units of products"])]
    )
    whole = figures.whole("group")
    assert [*products.values()] == [float(whole[name] or 0) for name in ("net_revenue", "margin", "units")]
    assert differences(found[0], figures.whole("group")) == []
    assert differences(found[1], figures.whole("shop")) == []
    assert differences(found[2], Figures(near, "region = 'North Europe'").whole("group")) == []
    march = figures.whole("zebra", dt.date(2025, 3, 1), dt.date(2025, 3, 31))
    assert differences(found[3], march) == []
    assert found[0]["GMV"] != found[1]["GMV"] != found[2]["GMV"] != found[3]["GMV"]


def test_every_variant_is_of_the_days_that_the_web_suite_says(near: Project) -> None:
    model = semantic_model(near)
    variants = names(model, *VARIANTS, " per day")
    weeks = {"Window.Weeks": [13]}
    cases: list[tuple[dict[str, list[Any]], View, list[str]]] = [
        ({**weeks}, View(period="13w", clock="calendar"), BOTH),
        ({**weeks, "Brand.Brand key": ["shop"]}, View(period="13w", clock="calendar"), ["shop"]),
        ({"Date.Month": ["2025-11"]}, View(period="2025-11", clock="calendar"), BOTH),
    ]
    found = evaluate(model, near, [(filters, variants) for filters, _, _ in cases])
    figures = Figures(near)
    for values, (filters, view, brands) in zip(found, cases, strict=True):
        assert wrong_variants(values, figures, view, brands) == [], filters
        days = 30 if view.period == "2025-11" else 91
        sums = {
            name: values[f"{LABELS[name]} in window"]
            for name in LABELS
            if f"{LABELS[name]} per day" in values
        }
        assert differences(values, {name: value / days for name, value in sums.items()}, " per day") == []
    assert found[0]["GMV year on year"] is not None and found[0]["GMV change"] is not None
    [of_region] = evaluate(model, near, [({**weeks, **NORTH}, variants)])
    north = Figures(near, "region = 'North Europe'")
    assert wrong_variants(of_region, north, View(period="13w", clock="calendar"), BOTH) == []


@pytest.mark.parametrize("clock", ["own", "season"])
def test_brands_whose_data_lie_years_apart_have_clocks_of_their_own(far: Project, clock: Any) -> None:
    model = semantic_model(far)
    wanted = [name for name in names(model, *VARIANTS) if name.startswith(("GMV", "Return rate", "Average"))]
    chosen = {"Clock.Clock": [clock.title()]}
    asked = [(chosen, wanted), ({**chosen, "Brand.Brand key": ["shop"]}, wanted)]
    together, alone = evaluate(model, far, asked)
    figures, view = Figures(far), View(clock=clock)
    assert wrong_variants(together, figures, view, BOTH) == []
    assert wrong_variants(alone, figures, view, ["shop"]) == []
    assert (
        together["GMV in window"] == 1400 and together["GMV year on year"] is None
    )  # 70 days of 10 EUR, twice
    assert alone["GMV in window"] == 700 and alone["GMV year on year"] == 0


def test_shares_weeks_and_words(far: Project) -> None:
    model = semantic_model(far)
    wanted = [
        "GMV per day",
        "GMV share",
        "GMV in week",
        "Window in words",
        "Churn in words",
        "Active rate where observable",
        "Methods",
    ]
    asked = [
        ({}, wanted),
        ({"Brand.Brand key": ["zebra"], "Week.Week": [-1]}, wanted),
        ({"Window.Weeks": [13]}, wanted),
    ]
    whole, zebra, long = evaluate(model, far, asked)
    assert whole["GMV per day"] == 20 and zebra["GMV share"] == 0.5  # each sells for 10 EUR a day
    assert whole["GMV in week"] is None and zebra["GMV in week"] == 70
    assert whole["Window in words"].endswith("Zebra: 2025-04-09 to 2025-06-17")
    assert "Zebra: not observable yet: 10 whole weeks of data, 13 needed" in long["Window in words"]
    assert long["GMV per day"] is None
    assert whole["Churn in words"] == "Zebra: not observable yet: 75 days of data, 90 needed"
    assert whole["Active rate where observable"] is None
    assert "as of 2011-12-10, costs estimated" in whole["Methods"]


def test_the_share_and_the_week_of_every_kpi_that_has_one(near: Project) -> None:
    model = semantic_model(near)
    weeks, end = {"Window.Weeks": [13]}, dt.date(2025, 12, 31)
    shares, in_week = names(model, " share"), names(model, " in week")
    ratios = {kpi.label for kpi in catalogue() if kpi.ratio}
    assert {*LABELS.values()} - ratios == {name.removesuffix(" share") for name in shares}
    figures = Figures(near)
    view = View(period="13w", clock="calendar")
    windows = {brand: figures.variant("in window", view, [brand]) for brand in BOTH}
    [last_week] = evaluate(model, near, [({"Week.Week": [-1]}, ["Window in words", *in_week])])
    assert str(end) in last_week["Window in words"]
    sums = {
        name: sum((figures.whole(brand, end - 6 * DAY, end)[name] or 0) for brand in BOTH)
        for name, label in LABELS.items()
        if f"{label} in week" in in_week and label not in ratios
    }
    week = sums | formula.ratios(KPIS, sums)
    assert {f"{LABELS[name]} in week" for name in week if LABELS[name] + " in week" in last_week} == {
        *in_week
    }
    assert sum(bool(value) for value in week.values()) > 8
    assert differences(last_week, week, " in week") == []
    for brand, found in zip(
        BOTH, evaluate(model, near, [({**weeks, "Brand.Brand key": [b]}, shares) for b in BOTH]), strict=True
    ):
        expected: Values = {}
        for name, label in LABELS.items():
            if f"{label} share" not in shares:
                continue
            parts = {b: (windows[b] or {}).get(name) for b in BOTH}
            if parts[brand] is None:  # of customers: as of the brand's date, and of all brands together
                parts = {b: figures.whole(b)[name] for b in BOTH}
                whole = figures.whole("group")[name]
            else:
                whole = sum((value or Decimal(0) for value in parts.values()), Decimal(0))
            part = parts[brand]
            expected[name] = part / whole if part is not None and whole else None
        assert differences(found, expected, " share") == []
        assert any(found.values())


@pytest.mark.parametrize(
    "bounds", [(None, None, None), (300, None, 100), (None, 50, None), (25, 200, 50)], ids=str
)
def test_bounds_move_customers_between_tiers_of_value(near: Project, bounds: tuple[int | None, ...]) -> None:
    """The web suite's rule: a bound moves down who is below it, and up who is not."""
    tiers = {"Top": 0, "High": 1, "Medium": 2, "Low": 3}
    chosen = {
        f"{tier} from.{tier} from": [bound]
        for tier, bound in zip(tiers, bounds, strict=False)
        if bound is not None
    }
    worth = [(f"c{n}", (n * 37) % 400, tier.lower()) for n in range(40) for tier in [[*tiers][n % 4]]]
    customers = [
        {"Customer": c, "Frequency": 1, "CLV 12 months (EUR)": euros, "CLV tier": tier}
        for c, euros, tier in worth
    ]
    customers += [{"Customer": "unscored", "Frequency": 3}, {**customers[0], "Customer": "p", "Frequency": 0}]
    expected = {place: [0, 0] for place in tiers.values()}
    for _, euros, tier in worth:
        place = tiers[tier.title()]
        for at, bound in enumerate(bounds):
            if bound is not None:
                place = min(place, at) if euros >= bound else max(place, at + 1)
        expected[place] = [expected[place][0] + 1, expected[place][1] + euros]
    wanted = ["Customers with these bounds", "Expected CLV with these bounds"]
    asked = [({**chosen, "Value tier.Value tier": [tier]}, wanted) for tier in tiers]
    asked.append((chosen, [*wanted, "Valuable customers", "Bounds in words"]))
    found = evaluate(semantic_model(near), near, asked, instead={"Customer by brand": customers})
    assert [[values[name] or 0 for name in wanted] for values in found[:4]] == [*expected.values()]
    assert [found[4][name] for name in wanted] == [40, sum(euros for _, euros, _ in worth)]
    assert found[4]["Valuable customers"] == expected[0][0] + expected[1][0]
    assert ("begins above" in found[4]["Bounds in words"]) == (bounds == (25, 200, 50))


@pytest.mark.parametrize("defect", OF_VALUES, ids=lambda defect: defect.name)
def test_a_defect_of_values_is_found(near: Project, defect: Any) -> None:
    model = semantic_model(near)
    files = tmdl_files(model)
    defect.seed(files)
    tables = [node for path, text in files.items() if path.startswith("tables/") for node in read_tmdl(text)]
    broken = {each.name: each.value for table in tables for each in table.all("measure")}
    wanted = ["GMV", "GMV in window", "GMV year before"]
    [found] = evaluate(model, near, [({"Window.Weeks": [13]}, wanted)], broken)
    figures, view = Figures(near), View(period="13w", clock="calendar")
    wrong = differences(found, {"gmv": figures.whole("group")["gmv"]}) + wrong_variants(
        found, figures, view, BOTH
    )
    assert wrong


def test_a_role_that_is_cut_by_region_has_the_figures_of_its_region(near: Project) -> None:
    """Its clocks end with the last day that it sees, since it is not shown the brands' own."""
    model = semantic_model(near)
    [north] = [role for role in model.roles if role.name == "north"]
    rules = {name: in_sql(rule, model) for name, rule in north.rows.items() if model.table(name).entity}
    wanted = ["GMV", "GMV in window", "Window in words", "Customers"]
    [found] = evaluate(model, near, [({"Window.Weeks": [4]}, wanted)], rules=rules)
    figures = Figures(near, "region = 'North Europe'")
    days = "SELECT source_system, MAX(order_date) AS last FROM gold.sales_daily WHERE region = 'North Europe'"
    last = dict(figures.connection.execute(f"{days} GROUP BY source_system").fetchall())
    end = min(last.values())  # one calendar
    window = figures.whole("group", end - dt.timedelta(27), end)
    assert same(found["GMV"], figures.whole("group")["gmv"])
    assert same(found["GMV in window"], window["gmv"]) and window["gmv"]
    assert f"to {end}" in found["Window in words"]
    theirs = "FROM gold.customer_brand_360 WHERE region = 'North Europe'"
    [(customers,)] = figures.connection.execute(f"SELECT COUNT(DISTINCT customer_id) {theirs}").fetchall()
    assert found["Customers"] == customers
    [marketing] = [role for role in model.roles if role.name == "marketing"]  # which may not see persons
    assert marketing.rows["Customer by brand"] == "FALSE()"


def wrong_variants(found: dict[str, Any], figures: Figures, view: View, brands: list[str]) -> list[str]:
    """What is not as the web suite's rules have it."""
    parts = {
        "in window": figures.variant("in window", view, brands),
        "previous period": figures.variant("previous", _comparing(view, "previous"), brands),
        "year before": figures.variant("last year", _comparing(view, "last_year"), brands),
    }
    nothing: Values = dict.fromkeys(LABELS)
    wrong = [
        told for name, values in parts.items() for told in differences(found, values or nothing, f" {name}")
    ]
    for name, before in (("change", "previous period"), ("year on year", "year before")):
        changes = _changes(parts["in window"], parts[before], LONGER.get((view.period, before), Decimal(1)))
        wrong += differences(found, changes, f" {name}")
    return wrong


def _changes(now: Values | None, then: Values | None, longer: Decimal) -> Values:
    """Shares in points, all else in parts of what was; sums by the day, since months differ."""
    found: Values = dict.fromkeys(LABELS)
    for kpi in catalogue():
        value, was = (now or {}).get(kpi.name), (then or {}).get(kpi.name)
        if value is None or was is None or (kpi.format != "percent" and was <= 0):
            continue
        found[kpi.name] = (
            100 * (value - was) if kpi.format == "percent" else value / was * (1 if kpi.ratio else longer) - 1
        )
    return found


def _comparing(view: View, compare: Any) -> View:
    return View(period=view.period, clock=view.clock, compare=compare)
