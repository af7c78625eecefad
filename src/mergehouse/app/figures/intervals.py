"""How far an average or a rate may be off by chance: 95 % intervals from sums over orders.

AOV and the return rate are ratios of sums of money over orders, so that Wilson's interval, which is for
shares of counts, does not hold. The delta method does: a ratio R of the sums of y and x over n orders has
the variance sum((y - R x)^2) n / (n - 1) / sum(x)^2 (Cochran, Sampling Techniques, 3rd ed., 2.11, an
endless population). It gives what a bootstrap over orders would, and needs no single ones: sums of squares
add up over any days and places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

Z = 1.959964  # of the normal distribution, for 95 %
FEWEST = 30  # orders, for the normal distribution to be a fair one


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float

    def touches(self, other: Interval) -> bool:
        """Whether the difference of two figures may be chance.

        >>> Interval(1, 2).touches(Interval(2, 3)), Interval(1, 2).touches(Interval(2.1, 3))
        (True, False)
        """
        return self.low <= other.high and other.low <= self.high


def of_aov(aov: float | None, sums: Mapping[str, float | None]) -> Interval | None:
    """Around GMV per order; None of fewer than 30 orders.

    >>> sums = {"orders": 100, "gmv": 1000.0, "gmv_squared": 19900.0}
    >>> of_aov(10.0, sums)  # a standard deviation of 10 over 100 orders: 1.96 to either side
    Interval(low=8.04..., high=11.95...)
    """
    orders, squared = sums.get("orders") or 0, sums.get("gmv_squared")
    if aov is None or orders < FEWEST or squared is None:
        return None
    mean = (sums.get("gmv") or 0) / orders
    return _around(aov, max(squared - orders * mean * mean, 0), orders, orders, lowest=0)


def of_return_rate(rate: float | None, sums: Mapping[str, float | None]) -> Interval | None:
    """Around returns over GMV, over orders and return documents alike; None of fewer than 30, or without
    returns.

    >>> sums = {"documents": 101, "gmv": 1000.0, "returned": 10.0, "gmv_squared": 10000.0,
    ...         "returned_squared": 100.0, "gmv_by_returned": 0.0}
    >>> of_return_rate(0.01, sums)  # one of 101 documents is a return of 10
    Interval(low=0, high=0.0297...)
    """
    documents, gmv = sums.get("documents") or 0, sums.get("gmv") or 0
    if not rate or documents < FEWEST or not gmv:
        return None
    mean = (sums.get("returned") or 0) / gmv
    residual = (
        (sums.get("returned_squared") or 0)
        - 2 * mean * (sums.get("gmv_by_returned") or 0)
        + mean * mean * (sums.get("gmv_squared") or 0)
    )
    return _around(rate, max(residual, 0), documents, gmv, lowest=0)


def _around(value: float, residual: float, count: float, denominator: float, lowest: float) -> Interval:
    half = Z * math.sqrt(residual * count / (count - 1)) / denominator
    return Interval(max(value - half, lowest), value + half)
