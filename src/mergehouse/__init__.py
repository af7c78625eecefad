"""mergehouse: the post-merger retail lakehouse.

import mergehouse as mh
lakehouse = mh.open("my-project")
lakehouse.table("gold.sales_daily").polars()
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergehouse.lakehouse.delta import Lakehouse

__version__ = "0.1.0"


def open(folder: str | Path, environment: str | None = None) -> Lakehouse:  # the verb people expect
    """The lakehouse of the project in `folder`, for reading. Raises ConfigError where there is no such
    project or environment.
    """
    from mergehouse.lakehouse.delta import Lakehouse
    from mergehouse.project.config import load_project

    return Lakehouse(load_project(folder, environment).lakehouse_location)
