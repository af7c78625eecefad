"""How figures were made, as measures that a page shows: costs, as-of dates, what cannot be observed yet."""

from __future__ import annotations

from mergehouse.kpi.catalogue import Kpi
from mergehouse.platform.powerbi.dax import measure_name, text
from mergehouse.platform.powerbi.objects import Measure

HOME = "Brand clock"
CHURN = "is_churned"
BRANDS = "FILTER ( DISTINCT ( 'Brand'[Brand] ), NOT ISBLANK ( 'Brand'[Brand] ) )"


def methods_measures(kpis: list[Kpi], churn_after_days: dict[str, int]) -> list[Measure]:
    """The banner of methods, and for each KPI that asks who has churned whether that can be told: a brand's
    data must be longer than its limit.
    """
    limits = ", ".join(f"{text(brand)}, {days}" for brand, days in churn_after_days.items())
    limit = f"SWITCH ( SELECTEDVALUE ( 'Brand'[Brand key] ), {limits} )"
    short = (
        "FILTER ( DISTINCT ( 'Brand'[Brand key] ), [Days of data] > 0 && [Days of data] <= [Churn limit] )"
    )
    found = [
        _measure("Churn limit", limit, "Days without a purchase after which a customer of the brand has churned.", "0", True),
        _measure("Churn is observable", f"ISEMPTY ( {short} )", "Whether every brand's data are longer than its churn limit.", "", True),
        _measure(
            "Churn in words",
            f"""CONCATENATEX (
    FILTER ( {BRANDS}, NOT [Churn is observable] ),
    'Brand'[Brand] & ": not observable yet: " & [Days of data] & " days of data, " & [Churn limit] & " needed",
    "; ",
    'Brand'[Brand], ASC
)""",
            "Of which brands it cannot be told yet who has churned; blank where it can of all.",
        ),
        _measure(
            "Margin method",
            "VAR methods = FILTER ( DISTINCT ( 'Sales'[Margin method] ), 'Sales'[Margin method] <> \"none\" )\n"
            "RETURN IF ( COUNTROWS ( methods ) = 1, MAXX ( methods, 'Sales'[Margin method] ), IF ( COUNTROWS ( methods ) > 1, \"mixed\" ) )",
            "Whether costs are actual or estimated.",
        ),
        _measure(
            "Methods",
            f"""CONCATENATEX (
    {BRANDS},
    'Brand'[Brand] & ": as of " & FORMAT ( [As-of day], "yyyy-mm-dd" )
        & ", costs " & COALESCE ( [Margin method], "unknown" )
        & IF ( NOT [Churn is observable], ", churn not observable yet" ),
    "; ",
    'Brand'[Brand], ASC
) & ". " & [Clock in use] & " clock. Amounts in euros at the rate of the order's day." """.rstrip(),
            "How the figures on a page were made: the banner of methods.",
        ),
    ]  # fmt: skip
    for kpi in kpis:
        if asks_churn(kpi, kpis):
            found.append(
                _measure(
                    f"{kpi.label} where observable",
                    f"IF ( [Churn is observable], {measure_name(kpi.label)} )",
                    f"{kpi.label}; blank where a brand's data are no longer than its churn limit.",
                    {"percent": "0.0 %"}.get(kpi.format, "#,0"),
                )
            )
    return found


def asks_churn(kpi: Kpi, kpis: list[Kpi]) -> bool:
    """Whether a KPI, or one of those that it divides, is about who has churned."""
    if kpi.ratio:
        return any(asks_churn(part, kpis) for part in kpis if part.name in kpi.ratio)
    return CHURN in kpi.where


def _measure(name: str, dax: str, meaning: str, format: str = "", is_hidden: bool = False) -> Measure:
    return Measure(name, dax, meaning, format, "Methods", is_hidden)
