"""How good the models are and what they go by: survival, metrics at past cut-offs, calibration, lift,
drift.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from mergehouse.access.gateway import Reader, Row
from mergehouse.access.small_cells import LEAST

ALL = "all"
SILENCES = (0, 30, 60, 90, 120, 180, 270, 365)  # days
LATER = (365, 90)  # days within which a silent customer comes back: the longer that the data show
WEIGHTS = 12  # inputs shown
LIFT_AT = (0.1, 0.2, 0.3)  # shares of customers
HAPPENED = "observed_mean"  # the metric that is a share of customers


@dataclass(frozen=True)
class Judged:
    """A metric of one method at one past cut-off, with its 95 % interval."""

    cutoff: dt.date
    value: float
    low: float
    high: float
    customers: int


@dataclass(frozen=True)
class Method:
    """How good a method was: every metric's values at the past cut-offs, in the order of days."""

    name: str
    is_model: bool  # the method of the card, not one that it is measured against
    judged: dict[str, tuple[Judged, ...]]

    def mean(self, metric: str) -> float | None:
        found = self.judged.get(metric, ())
        return fmean(one.value for one in found) if found else None


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    customers: int | None = None


@dataclass(frozen=True)
class Weight:
    """What an input weighs: how much worse the ranking is when it is shuffled."""

    name: str
    trait: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Card:
    """A model of a brand, or why there is none (`method` is None then, and all figures are empty)."""

    target: str
    headline: str
    standing: str | None
    method: str | None
    version: int | None
    trained: dt.datetime
    as_of: dt.date
    judged_at: dt.date | None
    customers: int
    main_metric: str
    purpose: str
    population: str
    predicted: str
    not_for: tuple[str, ...]
    limits: tuple[str, ...]
    methods: tuple[Method, ...]
    calibration: tuple[Point, ...]
    gains: tuple[Point, ...]
    best_gains: tuple[Point, ...]
    weights: tuple[Weight, ...]

    @property
    def is_value(self) -> bool:
        """Of money, not of a chance."""
        return self.target.startswith("clv")

    @property
    def lift(self) -> tuple[tuple[float, float], ...]:
        """(share of customers, how many times as much of what came they hold as so many drawn at random)."""
        return tuple(
            (share, held / share)
            for share in LIFT_AT
            for held in (next((p.y for p in self.gains if abs(p.x - share) < 1e-6), None),)
            if held is not None
        )


@dataclass(frozen=True)
class Group:
    """A survival curve in numbers and words."""

    name: str
    customers: int
    events: int
    median: int | None
    median_low: int | None
    median_high: int | None
    shares: dict[int, float | None]  # to whom it has happened within so many days
    words: str


@dataclass(frozen=True)
class Silence:
    """Of those who were silent for so many days, the share who buy again within so many more."""

    days: int
    comes_back: float


@dataclass(frozen=True)
class Survival:
    """Curves of one clock. `shown` are the groups whose `curves` are drawn. `within`: of `silences`, days;
    None where the data are too short to tell: `observed` days of them, `needed` to say anything.
    """

    clock: str
    clocks: tuple[str, ...]
    groups: tuple[Group, ...]
    shown: str
    curves: dict[str, tuple[Point, ...]]  # x: days, y: share to whom it has not happened
    silences: tuple[Silence, ...]
    within: int | None
    observed: int
    needed: int


@dataclass(frozen=True)
class Drift:
    item: str
    psi: float
    verdict: str


@dataclass(frozen=True)
class Outlook:
    """What a segment's customers are expected to do from the as-of date on, on average."""

    segment: str
    p_alive: float
    p_no_purchase: float  # within 90 days
    purchases: float  # within 365 days
    value: float | None  # EUR within 365 days
    is_dropout_identified: bool


@dataclass(frozen=True)
class Effect:
    """What goes along with buying sooner (a ratio above 1) or later."""

    trait: str
    step: str
    ratio: float
    low: float
    high: float
    words: str


@dataclass(frozen=True)
class Models:
    """Of one brand. Everything may be empty: without scores there are none of these figures."""

    brand: str
    label: str
    cards: tuple[Card, ...]
    survival: Survival | None
    drift: tuple[Drift, ...]
    drift_of: tuple[str, int, dt.datetime] | None  # model, version, instant of the scoring
    outlook: tuple[Outlook, ...]
    effects: tuple[Effect, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.cards or self.survival or self.drift or self.outlook)


def models(
    reader: Reader, brand: str, label: str, clock: str | None = None, group: str | None = None
) -> Models:
    """What is known of a brand's models. `clock` and `group` choose the survival curve; what the brand does
    not have of them is as if nothing were chosen.
    """
    drift = reader.rows("score_drift", brand=brand)
    return Models(
        brand,
        label,
        tuple(_card(reader, brand, row) for row in reader.rows("model_cards", brand=brand)),
        _survival(reader, brand, clock, group),
        tuple(Drift(row["item"], float(row["psi"]), row["verdict"]) for row in drift),
        (drift[0]["model_name"], drift[0]["model_version"], drift[0]["scored_ts"]) if drift else None,
        tuple(_outlook(row) for row in reader.rows("segment_outlook", brand=brand) if _is_told(reader, row)),
        tuple(
            Effect(
                row["trait"], row["step"], float(row["hazard_ratio"]), float(row["low"]), float(row["high"]),
                row["words"],
            )
            for row in reader.rows("hazard_ratios", brand=brand)
        ),
    )  # fmt: skip


def _is_told(reader: Reader, row: Row) -> bool:
    """Whether it is of five customers or more, and of a curve, of five to whom it happened and five to whom
    it did not.
    """
    sizes = [row["customers"]]
    if (happened := row.get("events")) is not None:
        sizes.append(_fewest(row["observations"], happened))
    return reader.scope.persons or min(sizes) >= LEAST


def _fewest(customers: int, happened: int | None) -> int:
    """Of how many customers a figure tells: of a share, of those to whom it happened and of the others."""
    return customers if happened is None else min(happened, customers - happened)


def _card(reader: Reader, brand: str, row: Row) -> Card:
    target, method = row["target"], row["method"]
    curves: dict[str, list[Point]] = {"calibration": [], "gains": [], "best_gains": []}
    for p in reader.rows("model_curves", brand=brand, target=target):
        point = Point(float(p["x"]), float(p["y"]), _float(p["low"]), _float(p["high"]), p["customers"])
        curves[p["curve"]].append(point)
    if not reader.scope.persons:
        curves = _of_enough(curves, is_share=not target.startswith("clv"))
    return Card(
        target, row["headline"], row["standing"], method, row["model_version"], row["trained_ts"],
        row["as_of_date"], row["judged_at"], row["customers"], row["main_metric"], row["purpose"],
        row["population"], row["predicted"], _lines(row["not_for"]), _lines(row["limits"]),
        _methods(metrics_told(reader, brand, target), method),
        tuple(curves["calibration"]), tuple(curves["gains"]), tuple(curves["best_gains"]),
        _weights(reader, brand, row),
    )  # fmt: skip


def _of_enough(curves: dict[str, list[Point]], is_share: bool) -> dict[str, list[Point]]:
    """For who may not see persons: gains by tenths of customers, and both curves only where each tenth is of
    five customers and, of a share, five to whom it happened and five to whom it did not.
    """
    sizes = []
    for point in curves["calibration"]:
        customers = point.customers or 0
        sizes.append(_fewest(customers, round(point.y * customers) if is_share else None))
    if min(sizes, default=0) < LEAST:
        return {name: [] for name in curves}
    return {name: points if name == "calibration" else tenths(points) for name, points in curves.items()}


def tenths(gains: Iterable[Point]) -> list[Point]:
    """The points of a gains curve by tenths of customers."""
    return [p for p in gains if abs(p.x * 10 - round(p.x * 10)) < 1e-6]


def metrics_told(reader: Reader, brand: str, target: str | None) -> list[Row]:
    """How good every method was at past cut-offs. Who may not see persons is told nothing of fewer than five
    customers, nor a share of customers who are fewer than five or all but so few.
    """
    rows = reader.rows("model_metrics", brand=brand, target=target)
    return [row for row in rows if reader.scope.persons or _size(row) >= LEAST]


def _size(metric: Row) -> int:
    """Of how many customers it tells."""
    customers = int(metric["customers"])
    is_share = metric["metric"] == HAPPENED and not metric["target"].startswith("clv")
    return _fewest(customers, round(metric["value"] * customers) if is_share else None)


def _methods(rows: list[Row], of_model: str | None) -> tuple[Method, ...]:
    """The model first, then the others by name."""
    found: dict[str, dict[str, list[Judged]]] = {}
    for row in rows:
        if row["customer_group"] == ALL:
            value, low, high = (float(row[name]) for name in ("value", "low", "high"))
            judged = Judged(row["cutoff_date"], value, low, high, row["customers"])
            found.setdefault(row["method"], {}).setdefault(row["metric"], []).append(judged)
    methods = [
        Method(name, name == of_model, {metric: tuple(judged) for metric, judged in metrics.items()})
        for name, metrics in found.items()
    ]
    return tuple(sorted(methods, key=lambda method: (not method.is_model, method.name)))


def _weights(reader: Reader, brand: str, card: Row) -> tuple[Weight, ...]:
    rows = reader.rows("model_explanations", kind="permutation", brand=brand, method=card["method"])
    own = [row for row in rows if row["model_name"] == card["model_name"]]
    return tuple(
        Weight(row["input"], row["trait"], float(row["value"]), float(row["low"]), float(row["high"]))
        for row in own[:WEIGHTS]
    )


def _survival(reader: Reader, brand: str, clock: str | None, group: str | None) -> Survival | None:
    rows = [row for row in reader.rows("survival_groups", brand=brand) if _is_told(reader, row)]
    clocks = tuple(dict.fromkeys(row["clock"] for row in rows))
    if not clocks:
        return None
    usual = "purchase_to_purchase" if "purchase_to_purchase" in clocks else clocks[0]
    wanted: str = clock if clock in clocks and clock else usual
    groups = tuple(_group(row) for row in rows if row["clock"] == wanted)
    names = [one.name for one in groups]
    shown: str = group if group in names and group else ALL if ALL in names else names[0]
    drawn = dict.fromkeys([name for name in (ALL, shown) if name in names])
    curves = {name: _curve(reader, brand, wanted, name) for name in drawn}
    whole = _curve(reader, brand, "purchase_to_purchase", ALL)
    silences, within = _silences(whole)
    observed = int(whole[-1].x) if whole else 0
    return Survival(
        wanted, clocks, groups, shown, curves, silences, within, observed, LATER[-1] + SILENCES[1]
    )


def _curve(reader: Reader, brand: str, clock: str, group: str) -> tuple[Point, ...]:
    """Days on which too few are left to tell are cut off."""
    rows = reader.rows("survival_curve", brand=brand, clock=clock, customer_group=group)
    return tuple(
        Point(row["day"], float(row["survival"]), _float(row["low"]), _float(row["high"]), row["at_risk"])
        for row in rows
        if row["at_risk"] >= (1 if reader.scope.persons else LEAST)
    )


def _silences(curve: tuple[Point, ...]) -> tuple[tuple[Silence, ...], int | None]:
    """From the curve of purchases: of those who are silent on a day, how many are not so many days later.

    S(d) is the share without another purchase by day d, so it is 1 - S(d + later) / S(d).
    """
    for later in LATER:
        found = [
            Silence(days, 1 - _at(curve, days + later) / still)
            for days in SILENCES
            if curve and days + later <= curve[-1].x and (still := _at(curve, days))
        ]
        if len(found) > 1:
            return tuple(found), later
    return (), None


def _at(curve: tuple[Point, ...], day: float) -> float:
    return next(point.y for point in reversed(curve) if point.x <= day)


def _group(row: Row) -> Group:
    return Group(
        row["customer_group"], row["customers"], row["events"], row["median_days"], row["median_low_days"],
        row["median_high_days"], {days: _float(row[f"share_{days}d"]) for days in (30, 60, 90, 365)},
        row["words"],
    )  # fmt: skip


def _outlook(row: Row) -> Outlook:
    return Outlook(
        row["segment"], float(row["p_alive"]), float(row["p_no_purchase_90d"]), float(row["purchases_365d"]),
        _float(row["value_365d_eur"]), row["is_dropout_identified"],
    )  # fmt: skip


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(text.splitlines()) if text else ()
