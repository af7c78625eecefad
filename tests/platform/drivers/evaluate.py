"""Measures evaluated by pbix-mcp over tables that are given. Runs in that tool's environment."""

import datetime as dt
import json
import sys

from pbix_mcp.dax.engine import evaluate_measures_batch


def taken(value):
    """Dates come as text after `d:`."""
    return dt.datetime.fromisoformat(value[2:]) if isinstance(value, str) and value[:2] == "d:" else value


def told(value):
    return f"d:{value:%Y-%m-%d}" if isinstance(value, dt.date) else value


question = json.load(sys.stdin)
tables = {
    name: {"columns": table["columns"], "rows": [[taken(value) for value in row] for row in table["rows"]]}
    for name, table in question["tables"].items()
}
answers = []
for asked in question["questions"]:
    filters = {column: [taken(value) for value in values] for column, values in asked["filters"].items()}
    values = evaluate_measures_batch(
        asked["measures"],
        tables,
        question["measures"],
        filter_context=filters or None,
        date_table="Date",
        date_column="Date",
        relationships=question["relationships"],
        cache={},
    )
    answers.append({name: told(value) for name, value in values.items()})
print("\x1e" + json.dumps(answers, default=str))
