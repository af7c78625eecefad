"""What the page on models shows of its figures: plots as charts.js takes them, and rows of tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from mergehouse.app.colours import SERIES
from mergehouse.app.figures.annotations import Annotation, spans_from
from mergehouse.app.figures.models import ALL, Card, Method, Models, Survival, tenths
from mergehouse.app.plots.annotations import Notes, notes
from mergehouse.app.writing import Writing
from mergehouse.science.cards.names import METRIC_NAMES

SHARES = ("accuracy", "ece", "top_share", "observed_mean")  # metrics that are shares
EUROS = ("mae", "rmse")
LINES = 5  # methods that are drawn
DRIFTED = 12  # inputs that are listed
FIFTHS = 5  # of its axis, that are named
Rows = list[dict[str, Any]]


def metric_written(metric: str, value: float | None, write: Writing) -> str:
    if metric in SHARES:
        return write.share(value)
    return write.money(value) if metric in EUROS else write.decimal(value)


def metrics(card: Card, write: Writing) -> Rows:
    """What the model reached: over its cut-offs, and at the last."""
    model = next((method for method in card.methods if method.is_model), None)
    rows = []
    for name in METRIC_NAMES:
        if model is None or name == "observed_mean" or not (judged := model.judged.get(name)):
            continue
        last = judged[-1]
        rows.append(
            {
                "metric": METRIC_NAMES[name],
                "mean": metric_written(name, model.mean(name), write),
                "last": metric_written(name, last.value, write),
                "interval": " – ".join(metric_written(name, end, write) for end in (last.low, last.high)),
            }
        )
    return rows


def _drawn(card: Card) -> list[Method]:
    """The model and the others that are best, since five lines can be told apart."""
    metric = card.main_metric
    judged = [method for method in card.methods if method.judged.get(metric)]
    return sorted(judged, key=lambda method: (not method.is_model, -(method.mean(metric) or 0)))[:LINES]


def judged_at(card: Card) -> list[dt.date]:
    """The past cut-offs of the methods that are drawn."""
    return sorted({j.cutoff for method in _drawn(card) for j in method.judged[card.main_metric]})


def judged_notes(card: Card, brand: str, said: Sequence[Annotation], write: Writing) -> Notes:
    """What is said of the days from a cut-off to the next."""
    return notes(said, spans_from(brand, list(enumerate(judged_at(card)))), write)


def judged_chart(card: Card, write: Writing) -> dict[str, Any]:
    """The metric that decides, by method, at each past cut-off."""
    methods, days = _drawn(card), judged_at(card)
    series = []
    for place, method in enumerate(methods):
        values = {j.cutoff: j.value for j in method.judged[card.main_metric]}
        series.append(
            {
                "name": method.name,
                "type": "line",
                "token": SERIES[place],
                "values": [values.get(day) for day in days],
            }
            | ({} if method.is_model else {"previous": True})
        )
    return {
        "kind": "trend",
        "labels": [write.short_month(day) for day in days],
        "unit": "count",
        "zero": False,
        "series": series,
    }


def judged_rows(card: Card, of: Notes, write: Writing) -> tuple[Rows, Rows]:
    """The table behind it: columns, and a row a cut-off."""
    methods = _drawn(card)
    columns = [{"key": "cutoff", "label": "Cut-off", "kind": "text"}]
    columns += [{"key": method.name, "label": method.name, "kind": "written"} for method in methods]
    rows: dict[Any, dict[str, Any]] = {}
    for method in methods:
        for j in method.judged[card.main_metric]:
            row = rows.setdefault(
                j.cutoff, {"cutoff": write.date(j.cutoff)} | {m.name: None for m in methods}
            )
            row[method.name] = metric_written(card.main_metric, j.value, write)
    return columns + of.columns, [rows[day] | of.cell(place) for place, day in enumerate(sorted(rows))]


def calibration_chart(card: Card) -> dict[str, Any]:
    points = card.calibration
    across = max((p.x for p in points), default=0)
    upwards = max((p.high if p.high is not None else p.y for p in points), default=0)
    return {
        "kind": "scatter",
        "unit": "EUR" if card.is_value else "share",
        "x": "predicted",
        "y": "what came",
        "diagonal": min(across, upwards),
        "points": [{"x": p.x, "y": p.y, "low": p.low, "high": p.high, "size": 1} for p in points],
    }


def gains_chart(card: Card, write: Writing) -> dict[str, Any]:
    best = [point.y for point in card.best_gains]
    other = {"type": "line", "previous": True}
    return {
        "kind": "trend",
        "unit": "share",
        "max": 1,
        "labels": [write.percent(point.x) for point in card.gains],
        "every": max((len(card.gains) - 1) // FIFTHS, 1),
        "series": [
            {"name": "model", "type": "line", "token": SERIES[0], "values": [p.y for p in card.gains]},
            *([other | {"name": "best possible", "token": "muted", "values": best}] if best else []),
            other | {"name": "at random", "token": SERIES[-1], "values": [p.x for p in card.gains]},
        ],
    }


def weights_chart(card: Card) -> dict[str, Any]:
    return {
        "kind": "bars",
        "unit": "number",
        "labels": [input_label(weight.name) for weight in card.weights],
        "series": [
            {
                "name": "AUC lost",
                "values": [w.value for w in card.weights],
                "low": [w.low for w in card.weights],
                "high": [w.high for w in card.weights],
            }
        ],
    }


def input_label(name: str) -> str:
    return name.replace("_", " ")


def survival_chart(survival: Survival) -> dict[str, Any]:
    """The group that is looked at, with its band, and all customers behind it."""
    names = sorted(survival.curves, key=lambda name: name != survival.shown)
    return {
        "kind": "steps",
        "x": "days",
        "series": [
            {
                "name": group_label(name),
                "token": SERIES[place] if place == 0 else "muted",
                "points": _steps(survival.curves[name], with_band=place == 0),
            }
            for place, name in enumerate(names)
        ],
    }


def _steps(points: Iterable[Any], with_band: bool) -> list[list[float]]:
    return [
        [p.x, p.y, p.low if p.low is not None else p.y, p.high if p.high is not None else p.y]
        if with_band
        else [p.x, p.y]
        for p in points
    ]


def calibration_rows(card: Card, write: Writing) -> Rows:
    say = write.money if card.is_value else write.share
    return [
        {
            "decile": n,
            "x": say(p.x),
            "y": say(p.y),
            "interval": f"{say(p.low)} – {say(p.high)}",
            "n": p.customers,
        }
        for n, p in enumerate(card.calibration, start=1)
    ]


def gains_rows(card: Card, write: Writing) -> Rows:
    """By tenths of customers."""
    best = {point.x: point.y for point in card.best_gains}
    return [
        {"x": p.x, "y": p.y, "best": best.get(p.x), "lift": write.decimal(p.y / p.x, 2) if p.x else None}
        for p in tenths(card.gains)
    ]


def lift_in_words(card: Card, write: Writing) -> str:
    return ", ".join(f"{write.percent(share)}: {write.decimal(times, 2)} times" for share, times in card.lift)


def weights_rows(card: Card, write: Writing) -> Rows:
    return [
        {"name": input_label(w.name), "trait": w.trait, "value": write.decimal(w.value, 4)}
        | {"range": f"{write.decimal(w.low, 4)} – {write.decimal(w.high, 4)}"}
        for w in card.weights
    ]


def drift_rows(found: Models, write: Writing) -> Rows:
    return [
        {"item": input_label(one.item), "psi": write.decimal(one.psi), "verdict": one.verdict}
        for one in found.drift[:DRIFTED]
    ]


def curve_rows(survival: Survival) -> Rows:
    """Of the groups that are drawn."""
    return [
        {"name": group_label(group.name)} | {f"d{days}": share for days, share in group.shares.items()}
        for group in survival.groups
        if group.name in survival.curves
    ]


def group_label(name: str) -> str:
    """`segment: Loyal` is Loyal."""
    return "All customers" if name == ALL else name.removeprefix("segment: ").capitalize()


def group_rows(survival: Survival, write: Writing) -> Rows:
    rows = []
    for group in survival.groups:
        ends = (write.count(end, "not observable yet") for end in (group.median_low, group.median_high))
        median = None if group.median is None else f"{write.count(group.median)} ({' – '.join(ends)})"
        shares = {"d90": group.shares[90], "d365": group.shares[365]}
        rows.append(
            {
                "name": group.name,
                "label": group_label(group.name),
                "customers": group.customers,
                "median": median,
            }
            | shares
        )
    return rows


def effect_rows(found: Models, write: Writing) -> Rows:
    return [
        {
            "step": effect.step,
            "ratio": write.decimal(effect.ratio, 2),
            "interval": f"{write.decimal(effect.low, 2)} – {write.decimal(effect.high, 2)}",
            "verdict": "sooner" if effect.low > 1 else "later" if effect.high < 1 else "no clear effect",
        }
        for effect in found.effects
    ]


def outlook_rows(found: Models, write: Writing) -> Rows:
    return [
        {"segment": "All customers" if o.segment == "all" else o.segment, "alive": o.p_alive}
        | {"none": o.p_no_purchase, "purchases": write.decimal(o.purchases, 1), "value": o.value}
        for o in found.outlook
    ]
