"""Percentages that may be shares: 0.1 beside 10 %, or in a column of which no value is above 1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import duckdb

from mergehouse.ingest.formats import Formats
from mergehouse.ingest.written_values import ALL_WRITTEN, TIMES
from mergehouse.project.sources import Source

SHARE = "'-?(0?[.,][0-9]*[1-9][0-9]*)'"  # more than 0 and less than 1
WHOLE = "'-?[01]([.,]0*)?'"  # 0 or 1


def doubtful_shares(
    connection: duckdb.DuckDBPyConnection, source: Source, formats: Sequence[Formats]
) -> dict[int, list[str]]:
    """By batch the columns that have numbers below 1 and others with a percent sign, or, of percentages, no
    number above 1, in words. `formats` are those of the batches whose values are in ALL_WRITTEN.

    >>> from mergehouse.ingest.written_values import written_values
    >>> source = Source(files="*", columns={"discount": {"type": "percent"}})
    >>> connection = duckdb.connect()
    >>> _ = written_values(connection, "FROM (VALUES ('10%'), ('0.1')) AS t(discount)", source.columns)
    >>> doubtful_shares(connection, source, [Formats(".", {})])[0]
    ['discount: 1 numbers such as `0.1` have no percent sign and others have one; 0.1 counts as 0.1 %. ...']
    """
    percents = [place for place, c in enumerate(source.columns.values()) if c.type == "percent"]
    asked = [f"of_column IN ({', '.join(map(str, percents))})"] if percents else []
    for place, (name, column) in enumerate(source.columns.items()):
        written = [
            str(batch)
            for batch, found in enumerate(formats)
            if column.type == "number" and name not in found.plain and name not in found.numbers
        ]
        asked += [f"of_column = {place} AND batch IN ({', '.join(written)})"] if written else []
    if not asked:
        return {}
    is_other = f"NOT has_sign AND NOT is_share AND NOT regexp_full_match(word, {WHOLE})"
    rows = connection.execute(f"""
        SELECT batch, of_column, bool_or(has_sign), min(word) FILTER (is_share),
               coalesce(sum(times) FILTER (is_share), 0)::BIGINT, coalesce(bool_or({is_other}), false)
        FROM (
            SELECT batch, of_column, {TIMES} AS times, trim(value) AS word, contains(value, '%') AS has_sign,
                   regexp_full_match(word, {SHARE}) AS is_share
            FROM {ALL_WRITTEN} WHERE trim(value) <> '' AND ({" OR ".join(asked)})
        ) GROUP BY ALL ORDER BY ALL
        """).fetchall()
    said: dict[int, list[str]] = defaultdict(list)
    for batch, place, has_signs, example, times, has_others in rows:
        name = list(source.columns)[place]
        if times and has_signs:
            said[batch].append(
                f"{name}: {times:,} numbers such as `{example}` have no percent sign and others have one;"
                f" {example} counts as {example} %. Where they are shares, declare the column as `text` and"
                " read both in order_lines.sql"
            )
        elif times and place in percents and not has_others:
            said[batch].append(
                f"{name}: no number is above 1, and `{example}` counts as {example} %. Where they are shares,"
                " declare the column as `number`, and do not divide it by 100"
            )
    return said
