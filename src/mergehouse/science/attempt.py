"""A method that cannot be fitted says why, and leaves the others standing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mergehouse.errors import FitError

Result = TypeVar("Result")


def or_why(method: Callable[[], Result]) -> Result | str:
    """What a method gives, or in words why it cannot.

    >>> or_why(lambda: 0.5), or_why(lambda: 1 / 0)
    (0.5, 'cannot be fitted: ZeroDivisionError: division by zero')
    """
    try:
        return method()
    except FitError as error:
        return str(error)
    except Exception as error:  # a solver's, of data that nobody thought of
        return f"cannot be fitted: {type(error).__name__}: {error}"
