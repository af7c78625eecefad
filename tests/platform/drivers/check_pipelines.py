"""Pipelines held to Microsoft's schema, as check-jsonschema brings it. Runs in that tool's environment."""

import json
import sys
from pathlib import Path

import check_jsonschema
from jsonschema import Draft7Validator

SCHEMA = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "azure-pipelines.json"

schema = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
print("\x1e" + json.dumps([schema.is_valid(pipeline) for pipeline in json.load(sys.stdin)]))
