"""What a lakehouse says of itself: its tables, their rows, the brands' as-of dates, and the last run.

Rows come from the statistics in the tables' logs; of the data only two small tables are read.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import duckdb

from mergehouse import display
from mergehouse.display import HARD_SPACE
from mergehouse.errors import LakehouseError
from mergehouse.lakehouse.published import LOGS_AT_ONCE
from mergehouse.lakehouse.reader import scan, shared

if TYPE_CHECKING:
    from mergehouse.lakehouse.delta import Lakehouse

BRANDS, RUNS = "gold.dim_brand", "monitor.runs"


@dataclass(frozen=True)
class Summary:
    """`rows` by table, None where a table's log cannot be read; `facts` by name, in words."""

    rows: dict[str, int | None] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


def as_text(lakehouse: Lakehouse) -> str:
    """Location, as-of dates, last run, and a paragraph for each layer: `dim_brand 2, sales_daily 5,348`.

    >>> print(as_text(mh.open("shop", "prod")))
    Lakehouse ...shop/lakehouse-prod
      tables  none yet; `mergehouse run` builds them
    """
    found = _summary(lakehouse)
    layers = {
        layer: ", ".join(f"{name.split('.')[1]}{HARD_SPACE}{_count(found.rows[name])}" for name in names)
        for layer, names in groupby(found.rows, key=lambda name: name.split(".")[0])
    }
    return display.as_text(f"Lakehouse {lakehouse.location}", found.facts | layers)


def as_html(lakehouse: Lakehouse) -> str:
    """The same, with a row for each table.

    >>> ">gold.dim_brand</th>" in as_html(mh.open("shop"))
    True
    """
    found = _summary(lakehouse)
    rows = [[name, _count(rows)] for name, rows in found.rows.items()]
    return display.as_html(f"Lakehouse {lakehouse.location}", found.facts, ["table", "rows"], rows, 1)


def _summary(lakehouse: Lakehouse) -> Summary:
    """Whatever is wrong with the lakehouse is a fact, too: who prints an object wants no error."""
    try:
        with lakehouse.at_once() as read:
            names = read.tables()
            if not names:
                return Summary(facts={"tables": "none yet; `mergehouse run` builds them"})
            with ThreadPoolExecutor(LOGS_AT_ONCE) as pool:
                rows = dict(zip(names, pool.map(lambda name: _rows(read, name), names), strict=True))
            return Summary(rows, {"as of": _said(_as_of, read), "last run": _said(_last_run, read)})
    except Exception as error:
        return Summary(facts={"unreadable": str(error)})


def _rows(lakehouse: Lakehouse, name: str) -> int | None:
    try:
        return lakehouse.rows(name)
    except LakehouseError:
        return None


def _said(fact: Callable[[Lakehouse], str], lakehouse: Lakehouse) -> str:
    """One table that cannot be read hides no other."""
    try:
        return fact(lakehouse)
    except (LakehouseError, duckdb.Error):
        return "unreadable; `mergehouse run` mends it"


def _as_of(lakehouse: Lakehouse) -> str:
    if not lakehouse.exists(BRANDS):
        return ""
    brands = scan(shared(), lakehouse.delta(BRANDS)).order("source_system")
    return ", ".join(
        f"{brand} {day or 'without a sale'}"
        for brand, day in brands.project("source_system, as_of_date").fetchall()
    )


def _last_run(lakehouse: Lakehouse) -> str:
    if not lakehouse.exists(RUNS):
        return ""
    runs = scan(shared(), lakehouse.delta(RUNS)).project("started, seconds, ok, run_id")
    for started, seconds, ok, run_id in runs.order("started DESC").limit(1).fetchall():
        return f"{started:%Y-%m-%d %H:%M} UTC, {seconds:.1f} s, {'ok' if ok else 'failed'} ({run_id})"
    return ""


def _count(rows: int | None) -> str:
    return "unreadable" if rows is None else f"{rows:,}"
