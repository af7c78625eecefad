"""What reads a report beside mergehouse: Microsoft's validator, and the schemas that it published."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.platform.vendors import DRIVERS, vendor

PACKAGE = "npm/node_modules/@microsoft/powerbi-report-authoring-cli"
PLACE = "MERGEHOUSE_PUBLISHED"  # an environment variable
BASE = "https://developer.microsoft.com/json-schemas/fabric/"
SHARED = Path("shared") / "vendor"


@cache
def published() -> Path:
    """The folder of published schemas; the test is skipped where it is not there."""
    above = (parent / SHARED for parent in Path(__file__).parents)
    given = [Path(os.environ[PLACE])] if PLACE in os.environ else list(above)
    found = next((folder for folder in given if (folder / "schemas-fabric").is_dir()), None)
    if not found:
        pytest.skip(f"no published schemas: {SHARED} stands beside no folder above; {PLACE} names it")
    return found


def said_by_microsoft(reports: Mapping[str, Path]) -> dict[str, dict[str, list[str]]]:
    """What the validator says of report folders, by their names: messages by codes, warnings among them."""
    package, node = vendor(PACKAGE), shutil.which("node")
    if not node:
        pytest.skip("no Node, which Microsoft's validator of reports runs on")
    done = subprocess.run(
        [node, "--require", str(DRIVERS / "published_schemas.cjs"), str(DRIVERS / "validate_reports.mjs")],
        input=json.dumps([str(folder) for folder in reports.values()]),
        env=os.environ | {"PACKAGE": str(package), "SCHEMAS": str(published())},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout)
    return {name: found[str(folder)] for name, folder in reports.items()}


def against_schemas(files: Mapping[str, str]) -> list[str]:
    """What in JSON files is not as the schema says that they name."""
    from jsonschema import Draft7Validator

    wrong = []
    for path, text in files.items():
        made = json.loads(text)
        address = made.get("$schema", "")
        validator = Draft7Validator({"$ref": address}, registry=_registry())
        if address not in _registry():
            wrong.append(f"{path}: no schema `{address}` is published")
            continue
        wrong += [
            f"{path}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
            for e in validator.iter_errors(made)
        ]
    return wrong


@cache
def _registry() -> Any:
    """Schemas by the addresses that they are published at: some carry the address of another within them."""
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    folder = published() / "schemas-fabric"
    found = [
        (BASE + file.relative_to(folder).as_posix(), json.loads(file.read_text(encoding="utf-8")))
        for file in sorted(folder.rglob("*.json"))
    ]
    from mergehouse.platform.powerbi.report.theme import SCHEMA

    themes = published() / "schemas-theme" / SCHEMA.rpartition("/")[2]
    found.append((SCHEMA, json.loads(themes.read_text(encoding="utf-8"))))
    return Registry().with_resources((address, Resource(made, DRAFT7)) for address, made in found)


def written_to(folder: Path, files: Mapping[str, str]) -> Path:
    """The files of a report in a folder of their own."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder
