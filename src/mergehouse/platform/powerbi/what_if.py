"""What-if parameters: days of silence, the chance from which a customer is at risk, euros from which one is
valuable; and the customers that they make.
"""

from __future__ import annotations

from mergehouse.platform.powerbi.objects import Column, DataType, Measure, Table

CUSTOMERS = "Customer by brand"
AT_RISK = 0.7  # from here on the risk is high, by the contract of the scores
VALUABLE = 100  # euros


def what_if_tables() -> list[Table]:
    """A table for each parameter, of the values that it may take."""
    return [
        _parameter("Inactivity days", "Days without a purchase, above which a customer counts as silent.", "60, 180, 5", "int64", "0"),
        _parameter("Churn cut-off", "The chance of no purchase within 90 days from which a customer is at risk.", "0.05, 0.95, 0.05", "double", "0 %"),
        _parameter("CLV bound", "Net margin expected over 12 months, in euros, from which a customer is valuable.", "0, 1000, 25", "int64", "#,0"),
    ]  # fmt: skip


def what_if_measures(churn_after_days: int) -> list[Measure]:
    """The values that are chosen, and who is silent, at risk and valuable with them."""
    silent = "'Customer by brand'[Recency days] > days"
    risky = "NOT ISBLANK ( 'Customer by brand'[Churn probability 90 days] ) && 'Customer by brand'[Churn probability 90 days] >= cutoff"
    valuable = "NOT ISBLANK ( 'Customer by brand'[CLV 12 months (EUR)] ) && 'Customer by brand'[CLV 12 months (EUR)] >= bound"
    buys = "'Customer by brand'[Frequency] > 0"
    days, cutoff, bound = (
        f"VAR {name} = [{parameter} chosen]"
        for name, parameter in (
            ("days", "Inactivity days"),
            ("cutoff", "Churn cut-off"),
            ("bound", "CLV bound"),
        )
    )

    def count(conditions: str) -> str:
        return f"CALCULATE ( DISTINCTCOUNTNOBLANK ( 'Customer by brand'[Customer] ), KEEPFILTERS ( {buys} ), KEEPFILTERS ( {conditions} ) )"

    counts, euros = "#,0", '#,0.00 "EUR"'
    return [
        _measure("Inactivity days chosen", f"SELECTEDVALUE ( 'Inactivity days'[Inactivity days], {churn_after_days} )", "The limit that is chosen, else the project's own.", "0"),
        _measure("Churn cut-off chosen", f"SELECTEDVALUE ( 'Churn cut-off'[Churn cut-off], {AT_RISK} )", "The limit that is chosen, else that of high risk.", "0 %"),
        _measure("CLV bound chosen", f"SELECTEDVALUE ( 'CLV bound'[CLV bound], {VALUABLE} )", "The limit that is chosen.", "#,0"),
        _measure("Silent customers", f"{days}\nRETURN {count(silent)}", "Customers whose last purchase is longer ago than the chosen days.", counts),
        _measure("Customers at risk", f"{cutoff}\nRETURN {count(risky)}", "Customers whose chance of no purchase reaches the chosen cut-off.", counts),
        _measure("Valuable customers", f"{bound}\nRETURN {count(valuable)}", "Customers who are expected to bring the chosen euros.", counts),
        _measure("Valuable customers at risk", f"{cutoff}\n{bound}\nRETURN {count(risky + ' && ' + valuable)}", "Customers who are both.", counts),
        _measure("CLV at risk", f"{cutoff}\nRETURN CALCULATE ( SUM ( 'Customer by brand'[CLV 12 months (EUR)] ), KEEPFILTERS ( {risky} ) )", "Net margin expected over 12 months of the customers at risk.", euros),
        _measure("Expected CLV", "SUM ( 'Customer by brand'[CLV 12 months (EUR)] )", "Net margin expected over 12 months.", euros),
    ]  # fmt: skip


def _parameter(name: str, meaning: str, series: str, kind: DataType, format: str) -> Table:
    column = Column(name, "[Value]", kind, meaning, format)
    return Table(name, meaning, (column,), dax=f"GENERATESERIES ( {series} )", use="what-if")


def _measure(name: str, dax: str, meaning: str, format: str) -> Measure:
    return Measure(name, dax, meaning, format, "What if")
