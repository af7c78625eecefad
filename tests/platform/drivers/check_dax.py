"""DAX parsed and checked against a model by sidemantic-dax. Runs in that tool's environment."""

import json
import sys

import sidemantic_dax as dax

question = json.load(sys.stdin)
model = dax.ModelMetadata([dax.ModelTable(**table) for table in question["tables"]])
told = {}
for name, expression in question["expressions"].items():
    try:
        dax.parse_expression(expression)
        issues = dax.validate_expression_against_model(expression, model)
        told[name] = [f"{issue.code.value}: {issue.message}" for issue in issues]
    except Exception as error:
        told[name] = [f"cannot be parsed: {error}"]
print("\x1e" + json.dumps({name: issues for name, issues in told.items() if issues}))
