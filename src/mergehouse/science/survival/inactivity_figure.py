"""The inactivity curve as a picture."""

from __future__ import annotations

from mergehouse.charts.svg import Axis, Figure, Mark, curve, even_ticks
from mergehouse.science.survival.inactivity import Inactivity


def inactivity(found: Inactivity) -> str:
    marks = [
        Mark(
            p.days,
            p.days,
            p.share,
            f"silent for more than {p.days} days: {p.came_back:,} of {p.customers:,} came back,"
            f" {p.share:.1%}",
        )
        for p in found.points
    ]
    high = max(p.days for p in found.points)
    axis = Axis("days of silence at the cut-off, more than", 0, high, even_ticks(0, high))
    title = "Share of silent customers who buy again within a year, by days of silence"
    rule = (found.churn_after_days, f"churn definition: {found.churn_after_days} days")
    return curve(Figure(title, axis, "bought again within a year", marks, [rule], is_share=True))
