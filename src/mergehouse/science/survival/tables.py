"""A brand's survival as rows of Gold: `survival_curves`, `survival_summary`, `hazard_ratios` and
`segment_outlook`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from mergehouse.contracts.registry import contract_of
from mergehouse.contracts.types import frame_schema
from mergehouse.science.survival.cox import Hazards
from mergehouse.science.survival.curves import ALL, NUMBERS, SHARES, Survival, Watch, words
from mergehouse.science.survival.inactivity import Inactivity
from mergehouse.science.survival.kaplan_meier import Curve
from mergehouse.science.survival.outlook import Expected, Outlook


@dataclass(frozen=True)
class BrandSurvival:
    """`hazards` and `outlook` are the reason in words where there are none. `segments` are in the order of
    the segment table.
    """

    watch: Watch
    segments: tuple[str, ...]
    survivals: tuple[Survival, ...]
    hazards: Hazards | str
    outlook: Outlook | str
    inactivity: Inactivity

    def of(self, clock: str) -> list[Survival]:
        """The curves of a clock: that of all first, then segments in order or purchases by number."""
        names = [ALL, *(f"segment: {s}" for s in self.segments), *(f"purchase: {n}" for n in NUMBERS)]
        places = {name: n for n, name in enumerate(names)}
        return sorted(
            (s for s in self.survivals if s.clock == clock), key=lambda s: places.get(s.group, len(places))
        )

    @property
    def expected(self) -> list[Expected]:
        """What is expected of all, then of segments in order, one that the table does not name last; empty
        without an outlook.
        """
        places = {name: n for n, name in enumerate([ALL, *self.segments])}
        return (
            []
            if isinstance(self.outlook, str)
            else sorted(self.outlook.segments, key=lambda e: places.get(e.segment, len(places)))
        )


def tables(found: BrandSurvival) -> dict[str, pl.DataFrame]:
    """Rows of the Gold tables, by their names; none where there is nothing to say, so that none of the
    brand's are left.
    """
    brand, as_of = found.watch.brand, found.watch.as_of
    curves = [_curve_rows(brand, s, s.curve) for s in found.survivals if s.curve]
    result = {
        "survival_curves": pl.concat(curves),
        "survival_summary": pl.DataFrame([_summary(found.watch, s) for s in found.survivals]),
    }
    return result | {
        "hazard_ratios": _hazard_rows(brand, found.hazards),
        "segment_outlook": _outlook_rows(brand, as_of, found.outlook),
    }


def _curve_rows(brand: str, survival: Survival, curve: Curve) -> pl.DataFrame:
    columns = {name: getattr(curve, name) for name in ("day", "survival", "low", "high", "at_risk", "events")}
    head = {"source_system": brand, "clock": survival.clock, "customer_group": survival.group}
    return (
        pl.DataFrame(columns)
        .fill_nan(None)
        .with_columns(pl.lit(value).alias(name) for name, value in head.items())
    )


def _summary(seen: Watch, survival: Survival) -> dict[str, object]:
    curve = survival.curve
    reached = {days: curve.at(days) if curve else None for days in SHARES}
    return {
        "source_system": seen.brand,
        "clock": survival.clock,
        "customer_group": survival.group,
        "as_of_date": seen.as_of,
        "customers": survival.customers,
        "observations": survival.observations,
        "events": survival.events,
        "lapsed_share": survival.lapsed_share,
        **dict(
            zip(
                ("median_days", "median_low_days", "median_high_days"),
                curve.median() if curve else (None,) * 3,
                strict=True,
            )
        ),
        **{f"share_{days}d": None if still is None else 1 - still for days, still in reached.items()},
        "words": words(survival, seen.churn_after_days),
    }


def _hazard_rows(brand: str, hazards: Hazards | str) -> pl.DataFrame:
    rows = [] if isinstance(hazards, str) else [
        [brand, e.trait, e.step, period, r.value, r.low, r.high, p, hazards.customers, e.words]
        for e in hazards.effects
        for period, r, p in (
            ("whole", e.ratio, e.p_proportional), ("early", e.early, None), ("late", e.late, None)
        )
        if r
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=frame_schema(contract_of("gold.hazard_ratios").types), orient="row")


def _outlook_rows(brand: str, as_of: dt.date, found: Outlook | str) -> pl.DataFrame:
    rows = (
        []
        if isinstance(found, str)
        else [
            [
                brand,
                s.segment,
                as_of,
                s.customers,
                found.dropout_identified,
                s.p_alive,
                *s.p_no_purchase,
                *s.purchases,
                s.mean_value,
                *(s.value or [None] * 5),
            ]
            for s in found.segments
        ]
    )
    return pl.DataFrame(rows, schema=frame_schema(contract_of("gold.segment_outlook").types), orient="row")
