"""How good predictions are, with intervals: of probabilities against what happened, of values against what
was spent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

BINS = 10  # of calibration: deciles of the prediction
TOP = 0.1  # the share of customers that lift and captured value are about
DRAWS = 200  # of the bootstrap
AT_ONCE = 2**15  # counts, of customers in draws, that are looked at together: what a core's cache holds
IN_TURN = 16  # parts of so many counts that one prediction is judged by before the next
Metrics = dict[str, float]
Drawn = dict[str, np.ndarray]  # metrics of draws, shape (draws,)
# of each prediction, from how often each customer counts: parts of shape (draws, n), whole numbers that add
# up to n in each draw; NaN for a draw in which there is nothing to rank
OfCounts = Callable[[Sequence[np.ndarray]], list[Drawn]]


def churn_metrics(churned: np.ndarray, probability: np.ndarray) -> Metrics:
    """Metrics of churn probabilities, both of shape (n,); empty where all or none churned, so that nothing
    can be ranked.

    `lift`: churn rate of the tenth with the highest probability over that of all. `ece`: expected calibration
    error over deciles of the prediction (Naeini, Cooper & Hauskrecht 2015, with bins of equal size). The
    others as in scikit-learn.

    >>> found = churn_metrics(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]))
    >>> found["auc"], round(found["brier"], 6), found["accuracy"], found["lift"]
    (0.75, 0.185, 0.5, 2.0)
    >>> churn_metrics(np.array([1, 1]), np.array([0.9, 0.4]))
    {}
    """
    return _of_everybody(_churn(churned, [probability]), len(churned))[0]


def value_metrics(value: np.ndarray, predicted: np.ndarray) -> Metrics:
    """Metrics of predicted values in EUR, both of shape (n,); empty where all spent the same, or nothing.

    `gini`: of the Lorenz curve by predicted value, over that by true value, 1 for a perfect ranking.
    `top_share`: share of all value that the tenth with the highest prediction brought. `bias`: predicted over
    true total.

    >>> found = value_metrics(np.array([100.0, 50, 0, 50]), np.array([80.0, 60, 10, 30]))
    >>> found["mae"], found["bias"], found["top_share"], found["gini"]
    (15.0, 0.9, 0.5, 1.0)
    """
    return _of_everybody(_value(value, [predicted]), len(value))[0]


def intervals(
    metrics: Callable[[np.ndarray, np.ndarray], Metrics],
    truth: np.ndarray,
    predicted: Sequence[np.ndarray],
    seed: int = 1,
) -> list[dict[str, tuple[float, float]]]:
    """95 % intervals of all metrics, of each of several predictions of one truth: the bootstrap over
    customers (Efron 1979, percentile method), seeded.

    A draw is how often each customer is drawn: customers are sorted once, and all draws count along; what
    draws say of the truth alone is worked out once.

    >>> churned, probability = np.arange(40) >= 20, np.linspace(0, 1, 40)
    >>> best, worst = intervals(churn_metrics, churned, [probability, 1 - probability])
    >>> best["auc"], worst["auc"]  # rankings without a fault, and with nothing else, whoever is drawn
    ((1.0, 1.0), (0.0, 0.0))
    """
    of_counts = {churn_metrics: _churn, value_metrics: _value}[metrics](truth, predicted)
    told = _of_everybody(of_counts, len(truth))
    if not any(told):
        return [{} for _ in told]
    counts = _draws(len(truth), seed)
    parts = np.array_split(counts, min(DRAWS, -(-counts.size // AT_ONCE)))
    found = zip(*(of_counts(parts[n : n + IN_TURN]) for n in range(0, len(parts), IN_TURN)), strict=True)
    return [_limits(_joined(of)) if whole else {} for whole, of in zip(told, found, strict=True)]


def _joined(parts: Sequence[Drawn]) -> Drawn:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _limits(drawn: Drawn) -> dict[str, tuple[float, float]]:
    each = np.column_stack([*drawn.values()])
    each = each[~np.isnan(each).any(axis=1)]  # a draw in which there is nothing to rank tells nothing
    low, high = np.percentile(each, [2.5, 97.5], axis=0).tolist()
    return dict(zip(drawn, zip(low, high, strict=True), strict=True))


def calibration(truth: np.ndarray, predicted: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean prediction, mean truth (churn rate, value) and number of customers by decile of the prediction,
    lowest first.

    >>> calibration(truth=np.array([1, 0]), predicted=np.array([0.6, 0.2]))
    [(0.2, 0.0, 1), (0.6, 1.0, 1)]
    """
    return _deciles(*(values[np.argsort(predicted, kind="stable")] for values in (truth, predicted)))


def calibration_error(churned: np.ndarray, probability: np.ndarray) -> float:
    """Mean distance of prediction and rate over the deciles.

    >>> round(calibration_error(np.array([1, 0]), np.array([0.6, 0.2])), 6)
    0.3
    """
    return _distance(calibration(churned, probability))


def top(predicted: np.ndarray) -> np.ndarray:
    """Places of the tenth with the highest predictions, at least one.

    >>> top(np.array([0.1, 0.9, 0.5]))
    array([1])
    """
    return np.argsort(-predicted, kind="stable")[: _tenth(len(predicted))]


@lru_cache(maxsize=4)  # all methods at a cut-off are judged by the same customers
def _draws(customers: int, seed: int) -> np.ndarray:
    """How often each customer is drawn, shape (DRAWS, customers)."""
    rng, counts = np.random.default_rng(seed), np.empty((DRAWS, customers), dtype=np.uint16)
    for draw in counts:
        draw[:] = np.bincount(rng.integers(0, customers, customers), minlength=customers)
    counts.flags.writeable = False
    return counts


def _of_everybody(of_counts: OfCounts, customers: int) -> list[Metrics]:
    """The metrics where each customer counts once; empty where nothing can be ranked."""
    once = of_counts([np.ones((1, customers))])
    each = [{name: float(value[0]) for name, value in found.items()} for found in once]
    return [{} if np.isnan([*found.values()]).any() else found for found in each]


def _churn(churned: np.ndarray, probabilities: Sequence[np.ndarray]) -> OfCounts:
    each = [_churn_of(churned, probability) for probability in probabilities]
    return lambda parts: [_joined([of_part(counts) for counts in parts]) for of_part in each]


def _churn_of(churned: np.ndarray, probability: np.ndarray) -> Callable[[np.ndarray], Drawn]:
    """Of one prediction. A draw in which all or none churned has nothing to rank."""
    order = np.argsort(-probability, kind="stable")
    p, y = probability[order].clip(1e-6, 1 - 1e-6), churned[order].astype(float)
    # customers with one probability are one step of the ROC and the precision-recall curve
    steps, customers = _ends(p), len(p)
    log_loss, right = -np.log(np.where(y > 0, p, 1 - p)), (p > 0.5) == (y > 0)
    added = np.column_stack([y, (p - y) ** 2, log_loss, right])
    # of probabilities from the lowest on, as in `calibration`
    deciles = customers - np.cumsum([0, *(len(part) for part in np.array_split(p, BINS))])[BINS - 1 :: -1]

    def of_part(counts: np.ndarray) -> Drawn:
        w = np.take(counts, order, axis=1).astype(float)
        left, squared, log_losses, rights = (w @ added).T
        gone = w * y
        listed, found = np.cumsum(w, axis=1), np.cumsum(gone, axis=1)
        too_sure = _of_first(deciles, listed, np.cumsum(w * (p - y), axis=1), p - y)
        lift = _of_first([_tenth(customers)], listed, found, y)[:, 0] / _tenth(customers)
        if len(steps) < customers:
            listed, found = listed[:, steps], found[:, steps]
            w, gone = (np.diff(so_far, axis=1, prepend=0) for so_far in (listed, found))
        above = listed - found - (w - gone) / 2  # who stayed and yet stands higher
        left[(left == 0) | (left == customers)] = np.nan
        return {
            "auc": 1 - _rowwise(gone, above) / (left * (customers - left)),
            "pr_auc": _rowwise(gone, found / np.maximum(listed, 1)) / left,
            "brier": squared / customers,
            "log_loss": log_losses / customers,
            "accuracy": rights / customers,
            "ece": np.abs(np.diff(too_sure, axis=1, prepend=0)).sum(axis=1) / customers,
            "lift": lift * customers / left,
        }

    return of_part


def _value(value: np.ndarray, predictions: Sequence[np.ndarray]) -> OfCounts:
    """A draw in which all spent the same, or nothing, has nothing to rank."""
    best, customers = np.argsort(-value, kind="stable"), len(value)
    perfect = value[best]
    ends, place = _ends(perfect), np.argsort(best)
    each = [_value_of(value, place, predicted) for predicted in predictions]

    def of_truth(counts: np.ndarray) -> _Truth:
        v = np.take(counts, best, axis=1).astype(float)
        drawn = v > 0
        first, last = drawn.argmax(axis=1), customers - 1 - drawn[:, ::-1].argmax(axis=1)
        ranks = _middles(v, np.cumsum(v, axis=1), ends)
        above = _spent_above(v, ranks, perfect)
        ranks = ranks - customers / 2
        return _Truth(perfect[first] == perfect[last], above, ranks, _rowwise(v * ranks, ranks))

    def of_counts(parts: Sequence[np.ndarray]) -> list[Drawn]:
        drawn = [(counts, of_truth(counts)) for counts in parts]
        return [_joined([of_part(*part) for part in drawn]) for of_part in each]

    return of_counts


@dataclass(frozen=True, eq=False)
class _Truth:
    """What draws say of the values alone: whether all are alike, and of a perfect ranking `_spent_above`, the
    ranks from the middle on, shape (draws, n), and the sum of their squares.
    """

    is_alike: np.ndarray
    above: np.ndarray
    ranks: np.ndarray
    squares: np.ndarray


def _value_of(
    value: np.ndarray, place: np.ndarray, predicted: np.ndarray
) -> Callable[[np.ndarray, _Truth], Drawn]:
    """Of one prediction; `place` is each customer's in the perfect ranking."""
    order, customers = np.argsort(-predicted, kind="stable"), len(value)
    ranked, said, place = value[order], predicted[order], place[order]
    ends, error, off = _ends(said), said - ranked, ranked - value.mean()
    added = np.column_stack([ranked, said, np.abs(error), error**2, off, off**2])

    def of_part(counts: np.ndarray, truth: _Truth) -> Drawn:
        w = np.take(counts, order, axis=1).astype(float)
        total, said_total, absolute, squared, shift, spread = (w @ added).T
        spread -= shift**2 / customers
        nothing = truth.is_alike | (total <= 0)
        total[nothing] = spread[nothing] = np.nan
        listed = np.cumsum(w, axis=1)
        middle = listed - w / 2
        gini, of_best = (
            2 * above / total / customers - 1 - 1 / customers
            for above in (_spent_above(w, middle, ranked), truth.above)
        )
        ranks = (middle if len(ends) == customers else _middles(w, listed, ends)) - customers / 2
        weighted = w * ranks
        norm = np.sqrt(_rowwise(weighted, ranks) * truth.squares)
        both = _rowwise(weighted, np.take(truth.ranks, place, axis=1))
        return {
            "spearman": np.divide(both, norm, out=np.zeros_like(norm), where=norm > 0),
            "gini": gini / of_best,
            "top_share": _of_top(w, listed, ranked) / total,
            "mae": absolute / customers,
            "rmse": np.sqrt(squared / customers),
            "r2": 1 - squared / spread,
            "bias": said_total / total,
        }

    return of_part


def _spent_above(counts: np.ndarray, ranks: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """What customers `spent` (n,), each as often as there are customers from there on down the ranking."""
    return (counts * (counts.shape[1] + 0.5 - ranks)) @ spent


def _of_top(counts: np.ndarray, listed: np.ndarray, each: np.ndarray) -> np.ndarray:
    """The sum of `each` (n,) over the first tenth of those drawn: shape (draws,)."""
    tenth = _tenth(len(each))
    until = 1 + max(int(np.searchsorted(draw, tenth)) for draw in listed)
    so_far = np.cumsum(counts[:, :until] * each[:until], axis=1)
    return _of_first([tenth], listed[:, :until], so_far, each)[:, 0]


def _ends(ordered: np.ndarray) -> np.ndarray:
    """Where runs of equal values end, in values that are ordered."""
    return np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))


def _middles(counts: np.ndarray, listed: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The rank of each customer less one half, `counts` and how many are `listed` so far being of shape
    (draws, n); equal values share their mean rank.
    """
    if len(ends) == counts.shape[1]:
        return listed - counts / 2
    until = listed[:, ends]
    middles = until - np.diff(until, axis=1, prepend=0) / 2
    return np.repeat(middles, np.diff(ends, prepend=-1), axis=1)


def _of_first(
    firsts: np.ndarray | list[int], listed: np.ndarray, so_far: np.ndarray, each: np.ndarray
) -> np.ndarray:
    """The sum of `each` (n,) over the first so many who are drawn: shape (draws, firsts). `listed` and
    `so_far` are counts and sums up to each customer, shape (draws, n).
    """
    at = np.stack([np.searchsorted(draw, firsts) for draw in listed])
    over = np.take_along_axis(listed, at, axis=1) - firsts  # of the last one, who is drawn more than once
    return np.take_along_axis(so_far, at, axis=1) - over * each[at]


def _rowwise(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The dot products of rows, both (draws, n)."""
    return np.einsum("ij,ij->i", a, b)


def _deciles(truth: np.ndarray, predicted: np.ndarray) -> list[tuple[float, float, int]]:
    """Of both in the order of the prediction."""
    parts = zip(np.array_split(predicted, BINS), np.array_split(truth, BINS), strict=True)
    return [(float(p.mean()), float(t.mean()), len(p)) for p, t in parts if len(p)]


def _distance(deciles: list[tuple[float, float, int]]) -> float:
    return sum(n * abs(predicted - rate) for predicted, rate, n in deciles) / sum(n for *_, n in deciles)


def _tenth(customers: int) -> int:
    return max(1, round(int(customers) * TOP))
