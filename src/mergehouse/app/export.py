"""What is seen as a file: CSV and Parquet of a table's rows, with the filters and the data's version in
them.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from starlette.responses import Response

from mergehouse.csv_text import as_cell

MOST_ROWS = 10_000
# what a spreadsheet takes for a formula in a line of notes, which a spreadsheet parts like any other
FORMULA_WITHIN = re.compile(r"([,;]\s*)(?=[=+\-@|\uff1d\uff0b\uff0d\uff20])")
Kind = Literal["csv", "parquet"]


@dataclass(frozen=True)
class Export:
    """A table as it is seen. `columns` map keys of rows to headings, in order; `about` is what the rows are
    of: page, filters, as-of dates, version. `found` is how many rows there are, where these are the first of
    more.
    """

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    about: Mapping[str, str]
    found: int | None = None

    @property
    def notes(self) -> dict[str, str]:
        """`about`, and how many rows of how many."""
        kept = min(len(self.rows), MOST_ROWS)
        found = max(self.found or 0, len(self.rows))
        told = f"{kept}" if kept == found else f"{kept}, the first of {found}"
        return {name: _line(value) for name, value in self.about.items() if value} | {"rows": told}


def exported(export: Export, kind: Kind) -> Response:
    """The file as an answer that a browser saves under a name of plain letters."""
    content = as_csv(export) if kind == "csv" else as_parquet(export)
    name = re.sub(r"[^a-z0-9]+", "-", export.name.lower()).strip("-")[:60] or "figures"
    media = "text/csv; charset=utf-8" if kind == "csv" else "application/vnd.apache.parquet"
    return Response(
        content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    )


def as_csv(export: Export) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read it as such: `# ` lines of what it is of, headings, rows.
    Text that a spreadsheet would take for a formula begins with an apostrophe; numbers stay numbers, days are
    ISO 8601.

    >>> rows = [{"name": "=1+1", "eur": Decimal("-2.50")}]
    >>> shown = Export("x", {"name": "Name", "eur": "EUR"}, rows, {"brand": "Shop"})
    >>> print(as_csv(shown).decode("utf-8-sig"), end="")
    # brand: Shop
    # rows: 1
    Name,EUR
    '=1+1,-2.50
    """
    target = io.StringIO()
    for name, value in export.notes.items():
        target.write(FORMULA_WITHIN.sub(r"\1'", f"# {name}: {value}") + "\n")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(_cell(heading) for heading in export.columns.values())
    writer.writerows([_cell(row.get(key)) for key in export.columns] for row in _kept(export))
    return target.getvalue().encode("utf-8-sig")


def as_parquet(export: Export) -> bytes:
    """The same rows with their types; what they are of is in the file's key-value metadata."""
    import polars as pl

    rows = list(_kept(export))
    frame = pl.DataFrame(
        {key: pl.Series(key, [row.get(key) for row in rows], strict=False) for key in export.columns}
    )
    target = io.BytesIO()
    frame.write_parquet(target, metadata=export.notes)
    return target.getvalue()


def _kept(export: Export) -> Iterable[Mapping[str, Any]]:
    return export.rows[:MOST_ROWS]


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    if not isinstance(value, str):
        return value
    return as_cell(value)


def _line(value: str) -> str:
    return re.sub(r"\s+", " ", value).strip()
