"""What Spark raises, as one line of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mergehouse.errors import ConfigError, LakehouseError, ModelError

CONFLICT = re.compile("Concurrent(Append|Write|DeleteRead|DeleteDelete|Transaction|ModificationExc)")
NOT_ON_EXECUTORS = re.compile(r"ModuleNotFoundError: No module named '(\w+)")


@contextmanager
def spark_errors(name: str) -> Iterator[None]:
    """Turns an error of Spark's into one that names the table or file at work, says what happened and what to
    do.

    Raises LakehouseError where another writer was first, ConfigError where the executors lack a Python
    package, and ModelError with Spark's own words for all else.
    """
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        text = str(error)
        if CONFLICT.search(text):
            raise LakehouseError(
                f"`{name}`: another writer committed at the same time; nothing was written. Run again."
            ) from None
        if missing := NOT_ON_EXECUTORS.search(text):
            raise ConfigError(
                f"`{name}`: the Python of Spark's executors has no package `{missing[1]}`, and files are read"
                " there. Install mergehouse on the cluster, in the version of this machine: as a cluster"
                " library, or `%pip install mergehouse` in the notebook."
            ) from None
        raise ModelError(f"`{name}`: Spark failed: {first_lines(text)}") from None


def first_lines(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines()[:3] if line.strip())[:500]
