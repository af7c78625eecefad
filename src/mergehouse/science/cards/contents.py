"""Fills model cards: from what was published and judged, from predictions at the last cut-off that closed,
and with words.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from mergehouse import __version__
from mergehouse.contracts.registry import contract_of
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.lakehouse.reader import text
from mergehouse.science.cards.card import Card, Feature, Judged, Source, Weight
from mergehouse.science.evaluation.backtest import HORIZON, METHODS, judged_cutoffs
from mergehouse.science.evaluation.calibration import calibrated_chances, calibrated_values, gains, lift
from mergehouse.science.features.dataset import ACTIVE_DAYS, FEATURES, INPUTS, OUTCOMES, Dataset, active

METRICS, EXPLANATIONS = "gold.model_metrics", "gold.model_explanations"
READ: dict[str, str | None] = {
    "silver.orders": "order_date",
    FEATURES: "cutoff_date",
    OUTCOMES: "cutoff_date",
}
NOT_FOR = (
    (
        "Decisions on single people that matter to them - credit, price, refusal of service. It ranks many"
        " customers, for campaigns."
    ),
    (
        "Saying why customers leave or what a campaign would change: it shows what goes together. Test a"
        " campaign against a control group."
    ),
    "Other brands: it was learned from this one's customers.",
)
LIMITS = (
    (
        "It knows purchases and returns alone: nothing of visits, campaigns, complaints, competitors or"
        " prices to come."
    ),
    "It was judged on one stretch of history; another year may differ.",
)


def churn_card(
    lakehouse: Lakehouse, dataset: Dataset, method: str, rules: tuple[str, ...], trained: dt.datetime,
    name: str = "", version: str = "", parameters: dict[str, str] | None = None,
) -> Card:  # fmt: skip
    """The card of a brand's churn model, `method` being one of `backtest.METHODS`. Its curves are those of
    the last judged cut-off.
    """
    card = _begun(dataset.brand, f"churn_{HORIZON}d", dataset.as_of, trained)
    card = replace(card, method=method, rules=rules, name=name, version=version, parameters=parameters or {})
    card = _completed(card, lakehouse, dataset)
    if not (cutoffs := judged_cutoffs(dataset)):
        return card
    rows = active(dataset.at(cutoffs[-1]))
    churned = (rows[f"next_purchases_{HORIZON}d"] == 0).to_numpy()
    probability = METHODS[method](dataset, cutoffs[-1])
    curve = gains(churned, probability)
    return replace(
        card, judged_at=cutoffs[-1], calibration=calibrated_chances(churned, probability), gains=curve,
        lift=lift(curve), best_gains=gains(churned, churned),
    )  # fmt: skip


def value_card(
    lakehouse: Lakehouse, dataset: Dataset, days: int, method: str, rules: tuple[str, ...],
    trained: dt.datetime, name: str = "", version: str = "", parameters: dict[str, str] | None = None,
    judged: tuple[dt.date, np.ndarray, np.ndarray] | None = None,
) -> Card:  # fmt: skip
    """The card of a model of customer value over so many days. `judged`: a cut-off, and what came and was
    predicted there, (n,).
    """
    card = _begun(dataset.brand, f"clv_{days}d", dataset.as_of, trained)
    card = replace(card, method=method, rules=rules, name=name, version=version, parameters=parameters or {})
    card = _completed(card, lakehouse, dataset)
    if judged is None:
        return card
    cutoff, value, predicted = judged
    curve = gains(value, predicted)
    return replace(
        card, judged_at=cutoff, calibration=calibrated_values(value, predicted), gains=curve,
        lift=lift(curve), best_gains=gains(value, value),
    )  # fmt: skip


def untrained_card(brand: str, target: str, as_of: dt.date, trained: dt.datetime, why: str) -> Card:
    """The card of a brand without a model of its own: `why`, and what its scores are then made of."""
    fallback = (
        "Scores are a fallback, marked as such: what is known of the brand's customers as a whole, not of"
        " each."
    )
    return replace(_begun(brand, target, as_of, trained), untrained=why, limits=(fallback,))


def _begun(brand: str, target: str, as_of: dt.date, trained: dt.datetime) -> Card:
    """The words of a card."""
    kind, _, days = target.partition("_")
    days = days.removesuffix("d")
    if kind == "clv":
        return Card(
            brand,
            target,
            as_of=as_of,
            trained=trained,
            main_metric="gini",
            not_for=NOT_FOR,
            limits=(
                *LIMITS,
                "A few customers, wholesalers above all, bring most of the value: their own figures "
                "are uncertain.",
            ),
            purpose=f"To rank customers by the net margin that they will bring in {days} days, and to sum it "
            "up over many of them.",
            population="Customers with at least one purchase before the cut-off",
            label=f"Net margin in EUR over the {days} days from the cut-off on",
        )
    return Card(
        brand,
        target,
        as_of=as_of,
        trained=trained,
        limits=(
            *LIMITS,
            "Ranking holds better than level: the level is that of the same season a year earlier, and off "
            "where a season is unlike it.",
            f"Customers silent for more than {ACTIVE_DAYS} days have a regression of their own, which is not "
            "judged here.",
        ),
        not_for=(
            *NOT_FOR,
            f"Calling a customer lost: no purchase in {days} days is a lapse, and many who lapse come back.",
        ),
        purpose=f"To tell which customers are likely not to buy within {days} days, so that a campaign "
        "reaches those first.",
        population=f"Customers with a purchase in the {ACTIVE_DAYS} days before the cut-off",
        label=f"No purchase in the {days} days from the cut-off on",
    )


def _completed(card: Card, lakehouse: Lakehouse, dataset: Dataset) -> Card:
    """With all that is published about the model."""
    weights = {kind: _weights(lakehouse, card, kind) for kind in ("coefficient", "permutation", "shap")}
    return replace(
        card, code_version=__version__, feature_version=dataset.rows["feature_version"][0],
        customers=dataset.rows["customer_id"].n_unique(), data=_sources(lakehouse, card.brand, READ),
        features=_features(), metrics=_judged(lakehouse, card.brand, card.target),
        weights=weights["coefficient"], importance=weights["permutation"], contributions=weights["shap"],
    )  # fmt: skip


def _judged(lakehouse: Lakehouse, brand: str, target: str) -> tuple[Judged, ...]:
    """What the last training found of a brand's methods for a target; empty where nothing was judged."""
    if not lakehouse.exists(METRICS):
        return ()
    rows = (
        lakehouse.reading(METRICS)
        .execute(
            f"""
        SELECT method, customer_group, cutoff_date, customers, metric,
          value::DOUBLE, low::DOUBLE, high::DOUBLE
        FROM {METRICS}
        WHERE source_system = $1 AND target = $2
        QUALIFY trained_ts = max(trained_ts) OVER () ORDER BY method, customer_group, cutoff_date, metric
        """,
            [brand, target],
        )
        .fetchall()
    )
    return tuple(Judged(*row) for row in rows)


def _sources(lakehouse: Lakehouse, brand: str, days: dict[str, str | None]) -> tuple[Source, ...]:
    """Tables read, as they are published: `days` names the column of dates of each, or None."""
    of_brand, found = f"source_system = {text(brand)}", []
    for name, column in days.items():
        table = lakehouse.table(name)
        span = f"min({column})::DATE, max({column})::DATE" if column else "NULL, NULL"
        counted = table.duckdb().filter(of_brand).aggregate(f"count(*), {span}").fetchall()[0]
        found.append(Source(name, table.version, *counted))
    return tuple(found)


def _features() -> tuple[Feature, ...]:
    """The inputs of models, each with the meaning that the contract gives to the columns it is made of."""
    contract = contract_of(FEATURES)
    made_of = {name: dict.fromkeys(expression.meta.root_names()) for name, expression in INPUTS.items()}
    return tuple(
        Feature(name, "; ".join(contract.columns[c].meaning for c in columns))
        for name, columns in made_of.items()
    )


def _weights(lakehouse: Lakehouse, card: Card, kind: str) -> tuple[Weight, ...]:
    """What a registered model goes by, of active customers at the longest horizon, the heaviest first; empty
    where it is not known.
    """
    if not (card.name and lakehouse.exists(EXPLANATIONS)):
        return ()
    rows = (
        lakehouse.reading(EXPLANATIONS)
        .execute(
            f"""
        SELECT input, value::DOUBLE, low::DOUBLE, high::DOUBLE FROM {EXPLANATIONS}
        WHERE source_system = $1 AND model_name = $2 AND model_version = $3
          AND method = $4 AND kind = $5 AND population = 'active'
        QUALIFY horizon_days = max(horizon_days) OVER () ORDER BY abs(value) DESC, input
        """,
            [card.brand, card.name, int(card.version), card.method, kind],
        )
        .fetchall()
    )
    return tuple(Weight(*row) for row in rows)
