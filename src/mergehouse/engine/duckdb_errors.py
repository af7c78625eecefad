"""What DuckDB says of a query that fails, as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mergehouse.errors import LakehouseError, ModelError
from mergehouse.storage import write_failure


@contextmanager
def sql_errors(name: object, folder: Path | None = None) -> Iterator[None]:
    """ModelError or LakehouseError in place of DuckDB's, of the table called so; where files are written to a
    `folder`, what can be done about that.
    """
    try:
        yield
    except duckdb.IOException as error:
        if folder is None:
            raise ModelError(f"`{name}`: {_first_lines(error)}") from None
        raise LakehouseError(write_failure(str(name), folder, error)) from None
    except duckdb.OutOfMemoryException as error:
        raise LakehouseError(
            f"`{name}`: not enough memory or spill space ({_first_lines(error)}). "
            "Raise `limits.memory` in mergehouse.yml or free disk space, then run again."
        ) from None
    except duckdb.Error as error:
        raise ModelError(f"`{name}`: the SQL failed: {_first_lines(error)}") from None


def _first_lines(error: BaseException) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())
