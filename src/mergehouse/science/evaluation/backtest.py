"""What the models would have said at past cut-offs, against what happened: rolling origin, nothing learned
from later days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

import numpy as np
import polars as pl

from mergehouse.progress import Progress, silent
from mergehouse.science.attempt import or_why
from mergehouse.science.churn import model as churn
from mergehouse.science.clv.baselines import ENSEMBLE, value_methods
from mergehouse.science.clv.ensemble import fit_clv_fallback, fit_values, outcome
from mergehouse.science.evaluation.metrics import calibration, churn_metrics, intervals, value_metrics
from mergehouse.science.features.dataset import Dataset, active
from mergehouse.science.side_by_side import side_by_side

LONGEST = 12  # so many of the latest cut-offs are tested
LEARNED_FROM = 8  # a cut-off is tested once so many windows have closed before it
LEAK = 0.85  # published AUCs above this on such data were leaks when they were run again ...
LEFT = 0.5  # ... but where rules are nearly as good: a leak leaves less than half of what the best gets wrong
ALL = "all"  # the group of everybody
HORIZON = 90  # days without a purchase that count as churn
VALUE_HORIZONS = (90, 365)  # days of value that are judged
BY_GROUP = ("logistic regression", ENSEMBLE)  # methods that are judged by region and spend too
SMALLEST = 100  # customers in a group, or nothing is said of it
# by GMV so far, down to this share of customers
SPEND_TIERS = (("top tenth", 0.1), ("next four", 0.5), ("lower half", 1.0))

Methods = Mapping[str, Callable[[Dataset, dt.date], np.ndarray]]
METHODS: Methods = {
    "recency rule": churn.recency_rule,
    "RFM rates": churn.rfm_rates,
    "BG/NBD": churn.bgnbd,
    "logistic regression": lambda dataset, day: churn.fit_churn(dataset, day).predict(
        active(dataset.at(day))
    ),
    "gradient boosting": churn.boosted,
}
RULES = ("recency rule", "RFM rates", "BG/NBD")  # they look at purchases before the cut-off alone


@dataclass(frozen=True)
class Tested:
    """One method at one cut-off: its metrics with 95 % intervals over `customers`.

    `target` is what was predicted: `churn_90d`, `clv_365d`. `group` says whose predictions are judged: `all`,
    or those of one region or spend tier, written `region: North Europe`, `spend: top tenth`. `rate` is what
    happened on average: the share that left, the value brought. `deciles` are mean prediction, what happened
    and customers by decile of the prediction, lowest first. `why` says in words why the method could not be
    fitted; there are no metrics then. `best_rule` is the AUC of the best rule at the cut-off.
    """

    brand: str
    target: str
    group: str
    method: str
    cutoff: dt.date
    customers: int
    rate: float
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    deciles: list[tuple[float, float, int]] = field(default_factory=list)
    why: str = ""
    best_rule: float = 0.5

    @property
    def leaks(self) -> bool:
        """True where the result is too good to be true, beside what simple rules reach. That of a small group
        may be, by chance; a rule knows nothing that could leak.

        >>> day = dt.date(2026, 3, 1)
        >>> found = Tested("shop", "churn_90d", ALL, "a model", day, 500, 0.4, {"auc": 0.9}, {})
        >>> found.leaks, replace(found, best_rule=0.85).leaks, replace(found, method="BG/NBD").leaks
        (True, False, False)
        """
        auc = self.metrics.get("auc", 0)
        is_far_better = auc > LEAK and 1 - auc < LEFT * (1 - self.best_rule)
        return self.group == ALL and self.method not in RULES and is_far_better


def judged_cutoffs(dataset: Dataset) -> list[dt.date]:
    """Cut-offs whose window is closed and before which enough had closed to learn from; empty for a short
    history.

    >>> months = [dt.date(2024 + n // 12, n % 12 + 1, 1) for n in range(24)]
    >>> found = judged_cutoffs(Dataset("shop", dt.date(2026, 1, 1), pl.DataFrame({"cutoff_date": months})))
    >>> len(found), str(found[0]), str(found[-1])
    (12, '2024-11-01', '2025-10-01')
    """
    closed = dataset.closed_before(dataset.as_of, HORIZON)
    return [c for c in closed if len(dataset.closed_before(c, HORIZON)) >= LEARNED_FROM][-LONGEST:]


def backtest_churn(
    dataset: Dataset,
    progress: Progress = silent,
    pool: Executor | None = None,
    methods: Methods = METHODS,
) -> Iterator[Tested]:
    """Every method at every tested cut-off, these side by side in the `pool`, on the customers active in the
    90 days before it, if any. One that cannot be fitted says why.

    >>> months = [dt.date(2024 + n // 12, n % 12 + 1, 1) for n in range(24)]
    >>> rows = pl.DataFrame({"cutoff_date": months, "recency_days": 5, "next_purchases_90d": 1})
    >>> dataset, all_stay = Dataset("shop", dt.date(2026, 1, 1), rows), lambda *_: np.zeros(1)
    >>> {(one.method, one.rate) for one in backtest_churn(dataset, methods={"all stay": all_stay})}
    {('all stay', 0.0)}
    """

    def at(cutoff: dt.date) -> list[Tested]:
        rows = active(dataset.at(cutoff))
        if rows.is_empty():
            return []
        churned = (rows[f"next_purchases_{HORIZON}d"] == 0).to_numpy()
        said: dict[str, np.ndarray | str] = {}
        for name, method in methods.items():
            progress(f"{dataset.brand}: {name} at {cutoff}")
            said[name] = or_why(partial(method, dataset, cutoff))
        return beside_rules(_judged(dataset.brand, f"churn_{HORIZON}d", cutoff, rows, churned, said))

    return chain.from_iterable(side_by_side(at, judged_cutoffs(dataset), pool))


def backtest_clv(
    dataset: Dataset, progress: Progress = silent, pool: Executor | None = None
) -> Iterator[Tested]:
    """Every method at every tested cut-off, these side by side in the `pool`, on all customers known then; a
    year's value where its window is closed. One that cannot be fitted says why.

    >>> young = Dataset("shop", dt.date(2026, 3, 7), pl.DataFrame({"cutoff_date": [dt.date(2026, 3, 1)]}))
    >>> list(backtest_clv(young))
    []
    """

    def at(cutoff: dt.date) -> list[Tested]:
        rows = dataset.at(cutoff)
        progress(f"{dataset.brand}: value at {cutoff}")
        horizons = tuple(h for h in VALUE_HORIZONS if cutoff in dataset.closed_before(dataset.as_of, h))
        said = dict(value_methods(dataset, cutoff, horizons))
        tested: list[Tested] = []
        for horizon in horizons:
            of_horizon = {name: p if isinstance(p, str) else p[horizon] for name, p in said.items()}
            value = outcome(rows, horizon)
            tested += _judged(dataset.brand, f"clv_{horizon}d", cutoff, rows, value, of_horizon)
        return tested

    return chain.from_iterable(side_by_side(at, judged_cutoffs(dataset), pool))


def last_values(dataset: Dataset, days: int) -> tuple[dt.date, np.ndarray, np.ndarray] | None:
    """The last judged cut-off, what customers brought in so many days from it, and what the ensemble had
    predicted, (n,) each: as in `backtest_clv`. None where the history is too short. Raises FitError.

    >>> young = Dataset("shop", dt.date(2026, 3, 7), pl.DataFrame({"cutoff_date": [dt.date(2026, 3, 1)]}))
    >>> last_values(young, 90) is None
    True
    """
    if not (cutoffs := judged_cutoffs(dataset)):
        return None
    day, rows = cutoffs[-1], dataset.at(cutoffs[-1])
    until = tuple(horizon for horizon in VALUE_HORIZONS if horizon <= days)
    clv = fit_values(dataset, day, fit_clv_fallback(dataset, day), until)
    return day, outcome(rows, days), clv.values(clv.members(rows))[days]


def beside_rules(tested: Iterable[Tested]) -> list[Tested]:
    """The same, each with the AUC of the best rule at its cut-off; that of a coin where no rule is judged.

    >>> day = dt.date(2026, 3, 1)
    >>> rule = Tested("shop", "churn_90d", ALL, "recency rule", day, 500, 0.4, {"auc": 0.84}, {})
    >>> [one.best_rule for one in beside_rules([rule, replace(rule, method="a model")])]
    [0.84, 0.84]
    """
    tested = list(tested)
    best: dict[dt.date, float] = {}
    for t in tested:
        if t.method in RULES and t.group == ALL and "auc" in t.metrics:
            best[t.cutoff] = max(best.get(t.cutoff, 0.5), t.metrics["auc"])
    return [replace(t, best_rule=best.get(t.cutoff, 0.5)) for t in tested]


def groups(rows: pl.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Customers by region and by spend, whom a model must serve alike: name of the group, and who is in it,
    shape (n,).

    >>> rows = pl.DataFrame({"region": ["North", "South", "North"], "gmv_eur": [10.0, 20.0, 500.0]})
    >>> [(name, int(chosen.sum())) for name, chosen in groups(rows)]
    [('region: North', 2), ('region: South', 1),
     ('spend: top tenth', 0), ('spend: next four', 1), ('spend: lower half', 2)]
    """
    for region in rows["region"].unique().sort():
        yield f"region: {region}", (rows["region"] == region).to_numpy()
    share, above = rows["gmv_eur"].rank("ordinal", descending=True).to_numpy() / len(rows), 0.0
    for tier, down_to in SPEND_TIERS:
        yield f"spend: {tier}", (share > above) & (share <= down_to)
        above = down_to


def _judged(
    brand: str,
    target: str,
    cutoff: dt.date,
    rows: pl.DataFrame,
    truth: np.ndarray,
    said: Mapping[str, np.ndarray | str],
) -> Iterator[Tested]:
    """What each method `said`: of all customers, and where it is one of BY_GROUP of each group in which there
    is something to rank. In the place of predictions, why there are none.
    """
    metrics = churn_metrics if truth.dtype == bool else value_metrics

    def of(group: str, chosen: np.ndarray, methods: Mapping[str, np.ndarray]) -> dict[str, Tested]:
        happened, parts = truth[chosen], {name: predicted[chosen] for name, predicted in methods.items()}
        limits = intervals(metrics, happened, list(parts.values()))
        return {
            name: Tested(
                brand,
                target,
                group,
                name,
                cutoff,
                len(part),
                float(happened.mean()),
                metrics(happened, part),
                within,
                calibration(happened, part),
            )
            for (name, part), within in zip(parts.items(), limits, strict=True)
        }

    predictions = {name: p for name, p in said.items() if not isinstance(p, str)}
    of_all = of(ALL, np.ones(len(rows), dtype=bool), predictions)
    for name, predicted in said.items():
        if isinstance(predicted, str):
            rate = float(truth.mean())
            yield Tested(brand, target, ALL, name, cutoff, len(rows), rate, {}, {}, why=predicted)
            continue
        yield of_all[name]
        for group, chosen in groups(rows) if name in BY_GROUP else ():
            if chosen.sum() >= SMALLEST and (found := of(group, chosen, {name: predicted})[name]).metrics:
                yield found
