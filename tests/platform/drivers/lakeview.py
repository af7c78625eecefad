"""Reads a dashboard with databrickslabs/lsql and writes it again."""

import json
import sys

from databricks.labs.lsql.lakeview import Dashboard

print("\x1e" + json.dumps(Dashboard.from_dict(json.load(sys.stdin)).as_dict()))
