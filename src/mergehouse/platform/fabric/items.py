"""Items for Microsoft Fabric that ingest releases: a notebook, and a Data Pipeline that runs it.

Written as Fabric's Git integration has items: a folder each with `.platform`. Source: Microsoft's pages on
the Git source code format and on the definitions of notebooks (FabricGitSource) and data pipelines
(`pipeline-content.json`).

The notebook needs nothing but Fabric's Spark: it carries the code of the modules that check files and
figures, as it is here.
"""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import mergehouse
from mergehouse.contracts.registry import RECEIVER, contracts
from mergehouse.contracts.types import spark_schema
from mergehouse.storage import write_folder

PACKAGE = Path(mergehouse.__file__).parent
CARRIED = (
    "contracts/types.py",
    "release/manifest/seal.py",
    "release/manifest/statistics.py",
    "kpi/formula.py",
    "platform/fabric/ingest_job.py",
)
NOTEBOOK, PIPELINE = "Ingest release", "Ingest latest release"
PLATFORM = (
    "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json"
)
SAME_WORKSPACE = "00000000-0000-0000-0000-000000000000"
RULE = "*" * 20

PARAMETERS = '''# The folder below Files/dropzone that was carried here, the one that holds `gold`.
release = "retail"
# Empty: the release that the pointer in that folder names.
version = ""
# Empty, or the SHA-256 that the manifest must have, by word of who approved the release.
digest = ""
# The default lakehouse, as files and as Spark sees them. A lakehouse with schemas: tables = "Tables/gold".
mount = "/lakehouse/default/Files"
spark_files = "Files"
tables = "Tables"'''
INTRODUCTION = """# Ingest a release

Verifies the release in `Files/dropzone/<release>`: its seal, every file's hash, schemas, counts, bounds, keys
and KPIs. Then brings it into the Delta tables, one commit a table. Running it again changes nothing. Nothing
is touched where a fault is found.

Written by `mergehouse releases fabric`. Do not edit: change the package and write it again."""
RUN = """dropzone = Path(mount) / "dropzone"
job = ReleaseJob(spark, dropzone / release, f"{spark_files}/dropzone/{release}", tables, schemas)
result = job.run(version, digest)
report = Path(mount) / "release_reports"
report.mkdir(parents=True, exist_ok=True)
(report / f"{release}.json").write_text(json.dumps(result, indent=1, default=str))
for fault in result["faults"]:
    print(f"{fault['what']:<11}{fault['where']}: {fault['message']}")
for table in result["tables"]:
    print(f"{table['status']:<11}{table['table']:<24}{table['rows']:>12,} rows  {table['message']}")
if not result["ok"]:
    raise RuntimeError(
        f"The release in Files/dropzone/{release} was not ingested whole; what was current stays current."
    )"""


def write_items(folder: Path) -> list[Path]:
    """Writes the two items below `folder` and returns the files. Raises ConfigError where it cannot be
    written.
    """
    written = []
    for name, kind, content, text in (
        (NOTEBOOK, "Notebook", "notebook-content.py", notebook()),
        (PIPELINE, "DataPipeline", "pipeline-content.json", json.dumps(pipeline(), indent=2) + "\n"),
    ):
        platform = {
            "$schema": PLATFORM,
            "metadata": {"type": kind, "displayName": name},
            "config": {"version": "2.0", "logicalId": _logical_id(name)},
        }
        written += write_folder(
            folder / f"{name}.{kind}", {".platform": json.dumps(platform, indent=2) + "\n", content: text}
        )
    return written


def notebook() -> str:
    """The notebook in Fabric's source format: comments mark the cells of a Python file."""
    kernel = {"kernel_info": {"name": "synapse_pyspark"}, "dependencies": {}}
    language = {"language": "python", "language_group": "synapse_pyspark"}
    schemas = {contract.table: spark_schema(contract.types) for contract in contracts(RECEIVER)}
    cells = [
        ("PARAMETERS CELL", PARAMETERS),
        *(("CELL", _carried(PACKAGE / file)) for file in CARRIED),
        ("CELL", f"schemas = {json.dumps(schemas, indent=4)}"),
        ("CELL", RUN),
    ]
    parts = [
        "# Fabric notebook source\n",
        _metadata(kernel),
        f"# MARKDOWN {RULE}\n\n{_commented(INTRODUCTION)}\n",
    ]
    for kind, text in cells:
        parts += [f"# {kind} {RULE}\n\n{text}\n", _metadata(language)]
    return "\n".join(parts)


def pipeline() -> dict:
    """One activity that runs the notebook; the release is its parameter."""
    parameters = ("release", "version", "digest")
    activity = {
        "name": "Ingest release",
        "type": "TridentNotebook",
        "dependsOn": [],
        "policy": {
            "timeout": "0.12:00:00",
            "retry": 1,
            "retryIntervalInSeconds": 120,
            "secureOutput": False,
            "secureInput": False,
        },
        "typeProperties": {
            "notebookId": _logical_id(NOTEBOOK),
            "workspaceId": SAME_WORKSPACE,
            "parameters": {
                name: {
                    "value": {"value": f"@pipeline().parameters.{name}", "type": "Expression"},
                    "type": "string",
                }
                for name in parameters
            },
        },
    }
    defaults = {"release": "retail", "version": "", "digest": ""}
    return {
        "properties": {
            "description": (
                "Verifies the release in Files/dropzone and brings it into the lakehouse's tables."
            ),
            "activities": [activity],
            "parameters": {name: {"type": "string", "defaultValue": defaults[name]} for name in parameters},
            "annotations": [],
        }
    }


def _carried(file: Path) -> str:
    """A module's code for a cell: what it imports of this package is in the cells before."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(
        r"^from (__future__|mergehouse\S*) import (\([^)]*\)|[^\n]*)\n", "", text, flags=re.MULTILINE
    )
    return re.sub(r"\n{3,}", "\n\n\n", text).strip()


def _metadata(content: dict) -> str:
    return f"# METADATA {RULE}\n\n" + "".join(
        f"# META {line}\n" for line in json.dumps(content, indent=2).splitlines()
    )


def _commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def _logical_id(name: str) -> str:
    """The same in every copy of the items, so that Git integration knows them again."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mergehouse/fabric/{name}"))
