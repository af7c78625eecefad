"""What the models are fitted on: entries of customers, checked one by one, equal ones counted once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mergehouse.errors import FitError

LARGEST = 2**53  # up to here floats tell whole numbers apart


def histories(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, t_x and T as float arrays of one shape. Raises FitError on the first history that cannot be.

    >>> histories([0, 2], [0, 9], 10)
    (array([0., 2.]), array([0., 9.]), array([10., 10.]))
    >>> histories([2], [11], [10])
    Traceback (most recent call last):
    mergehouse.errors.FitError: Customer 0, counted from 0, has 11; needed is a recency between ...
    """
    x, t_x, T = same_shape(frequency, recency, age)
    require(
        np.isfinite(x) & (x >= 0) & (x == np.floor(x)), "a whole number of repeat purchases, 0 or more", x
    )
    require(np.isfinite(T) & (T >= 0), "an age of 0 or more", T)
    require((t_x >= 0) & (t_x <= T), "a recency between 0 and the age", t_x)
    require(
        (x > 0) == (t_x > 0),
        "a recency of 0 where there is no repeat purchase, above 0 where there is one",
        t_x,
    )
    return x, t_x, T


def same_shape(*columns: ArrayLike) -> list[np.ndarray]:
    """The columns as float arrays of one shape, single numbers repeated. Raises FitError where they cannot
    be.

    >>> same_shape([1, 2], 7)
    [array([1., 2.]), array([7., 7.])]
    """
    arrays = [np.asarray(column, dtype=float) for column in columns]
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        raise FitError(
            f"One entry a customer is needed in every column; found are shapes {[a.shape for a in arrays]}."
        ) from None


def customers_of(weights: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray:
    """How many customers each entry stands for: 1 without weights. Raises FitError on a weight that is not
    above 0.

    >>> customers_of(None, (2,)), customers_of([3, 4], (2,))
    (array([1., 1.]), array([3., 4.]))
    """
    if weights is None:
        return np.ones(shape)
    w, _ = same_shape(weights, np.empty(shape))
    require(np.isfinite(w) & (w > 0), "a weight above 0", w)
    return w


def require(holds: np.ndarray, what: str, found: np.ndarray) -> None:
    """Raises FitError that names the first entry for which `what` does not hold.

    >>> require(np.array([True, False]), "a mean value above 0", np.array([5.0, -1.0]))
    Traceback (most recent call last):
    mergehouse.errors.FitError: Customer 1, counted from 0, has -1; needed is a mean value above 0. ...
    """
    if not holds.all():
        first = int(np.argmin(holds.ravel()))
        raise FitError(
            f"Customer {first:,}, counted from 0, has {found.ravel()[first]:g}; needed is {what}. "
            f"{(~holds).sum():,} of {holds.size:,} entries are like that: correct them or leave them out."
        )


def distinct(*columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Distinct rows of columns of shape (n,), sorted by the first, second ... column, and which of them each
    of the n is.

    >>> distinct(np.array([2, 1, 2]), np.array([9, 5, 9]))
    ([array([1, 2]), array([5, 9])], array([1, 0, 1]))
    """
    order = _order(columns)
    ordered = [column[order] for column in columns]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in ordered])
    which = np.empty(len(order), dtype=int)
    which[order] = np.cumsum(new) - 1
    return [column[new] for column in ordered], which


def _order(columns: Sequence[np.ndarray]) -> np.ndarray:
    """The order of rows by the first, second ... column. Whole numbers, as of days, are sorted as one number
    for each row where that is exact: a fraction of the time.
    """
    if len(columns[0]) and all((column >= 0).all() and (column % 1 == 0).all() for column in columns):
        sizes = [float(column.max()) + 1 for column in columns]
        if math.prod(sizes) < LARGEST:
            rows = np.zeros(len(columns[0]))
            for column, size in zip(columns, sizes, strict=True):
                rows = rows * size + column
            return np.argsort(rows)
    return np.lexsort(columns[::-1])
