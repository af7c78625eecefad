"""The Kaplan-Meier estimate from counts, with intervals that hold although one customer is counted several
times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NORMAL_95 = 1.959964
FEWEST_GROUPS = 10  # of customers, below which nothing is known of how much an estimate scatters
TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Curve:
    """S(t), the share to whom it has not happened by the end of day t, at the days on which something
    happened or ended.

    All of shape (n,); `day` begins with 0. `low` and `high` are a 95 % interval, NaN where too few customers
    are left to tell. `at_risk` are those still watched when the day begins, `events` those to whom it happens
    on it.
    """

    day: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray

    def at(self, day: int) -> float | None:
        """S on a day; None beyond the last day watched.

        >>> curve = kaplan_meier(np.array([[0, 0, 1, 0, 1, 0]]), np.array([[0, 0, 0, 1, 0, 2]]))
        >>> curve.at(3), curve.at(99)
        (0.8, None)
        """
        return (
            float(self.survival[np.searchsorted(self.day, day, side="right") - 1])
            if day <= self.day[-1]
            else None
        )

    def median(self) -> tuple[int | None, int | None, int | None]:
        """The first day by which it has happened to half, and its 95 % interval (Brookmeyer & Crowley 1982);
        None where not seen.

        >>> kaplan_meier(np.array([[0, 1, 1, 1]]), np.array([[0, 0, 0, 1]])).median()
        (2, None, None)
        """

        def reached(line: np.ndarray) -> int | None:
            places = np.flatnonzero(line <= 0.5)
            return int(self.day[places[0]]) if len(places) else None

        return reached(self.survival), reached(self.low), reached(self.high)


def kaplan_meier(events: np.ndarray, censored: np.ndarray) -> Curve:
    """Kaplan & Meier (1958) from counts of shape (groups, days), column t being day t: to how many it
    happened, how many were last seen. On one day what happens comes before what is no longer seen.

    The groups are customers drawn together at random, each customer whole in one. The variance of log S is
    the jackknife that leaves out a group at a time (Kott 2001, "The Delete-a-Group Jackknife", Journal of
    Official Statistics 17 (4)): unlike Greenwood's formula it stays right where a customer is counted at
    several dates. The interval is symmetric on the scale log(-log S) (Kalbfleisch & Prentice 1980).

    >>> happened = np.array([[0, 0, 1, 0, 1, 0]])  # to one customer on day 2, to another on day 4
    >>> last_seen = np.array([[0, 0, 0, 1, 0, 2]])
    >>> curve = kaplan_meier(happened, last_seen)
    >>> curve.day, curve.survival.round(4)  # 4/5, then 4/5 * 2/3
    (array([0, 2, 3, 4, 5]), array([1.    , 0.8   , 0.8   , 0.5333, 0.5333]))
    """
    happened, ended = events.sum(axis=0), (events + censored).sum(axis=0)
    survival, at_risk = _survival(happened, ended)
    taken = (events + censored).any(axis=1)
    groups = int(taken.sum())
    low = high = np.full(len(survival), np.nan)
    if groups >= FEWEST_GROUPS:
        parts, _ = _survival(happened - events[taken], ended - (events + censored)[taken])
        logs = np.log(np.maximum(parts, TINY))
        deviation = np.sqrt((groups - 1) / groups * ((logs - logs.mean(axis=0)) ** 2).sum(axis=0))
        inside = (survival > 0) & (survival < 1)
        log = np.where(inside, np.log(np.where(inside, survival, 0.5)), -1.0)
        factor = np.exp(NORMAL_95 * deviation / -log)
        low, high = (np.where(inside, np.exp(log * f), survival) for f in (factor, 1 / factor))
    kept = ended > 0
    kept[0] = True
    return Curve(np.flatnonzero(kept), survival[kept], low[kept], high[kept], at_risk[kept], happened[kept])


def _survival(happened: np.ndarray, ended: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S and the number at risk by day, over the last axis; S stays where nobody is left."""
    at_risk = np.flip(np.cumsum(np.flip(ended, -1), -1), -1)
    return np.cumprod(1 - happened / np.maximum(at_risk, 1), axis=-1), at_risk
