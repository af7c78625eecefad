"""The notebook that ingests a release on Fabric's Spark, as `mergehouse ingest` does elsewhere.

It needs nothing but Fabric's Spark: it carries the code of the modules that check files and figures, as it
is here. Source of the format: Microsoft's page on the definition of notebooks (FabricGitSource).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mergehouse
from mergehouse.contracts.registry import RECEIVER, contracts
from mergehouse.contracts.types import spark_schema
from mergehouse.platform.fabric.item import THIS_WORKSPACE, Item, Unreadable, made
from mergehouse.storage import RECEIVED

KIND, NAME, CONTENT = "Notebook", "Ingest release", "notebook-content.py"
PACKAGE = Path(mergehouse.__file__).parent
CARRIED = (
    "contracts/types.py",
    "release/manifest/seal.py",
    "release/manifest/statistics.py",
    "kpi/formula.py",
    "platform/fabric/ingest_job.py",
)
KERNEL, RULE = "synapse_pyspark", "*" * 20

PARAMETERS = f'''# The folder below Files/dropzone that was carried here, the one that holds `gold`.
release = "retail"
# Empty: the release that the pointer in that folder names.
version = ""
# Empty, or the SHA-256 that the manifest must have, by word of who approved the release.
digest = ""
# The environment of mergehouse.yml that this stage is, for the report.
environment = ""
# The default lakehouse, as files and as Spark sees them. A lakehouse without schemas: tables = "Tables".
mount = "/lakehouse/default/Files"
spark_files = "Files"
tables = "{RECEIVED}"'''
INTRODUCTION = """# Ingest a release

Verifies the release in `Files/dropzone/<release>`: its seal, every file's hash, schemas, counts, bounds, keys
and KPIs. Then brings it into the Delta tables, one commit a table. Running it again changes nothing. Nothing
is touched where a fault is found.

Written by `mergehouse platform fabric`. Do not edit: change the package and write it again."""
RUN = """dropzone = Path(mount) / "dropzone"
job = ReleaseJob(spark, dropzone / release, f"{spark_files}/dropzone/{release}", tables, schemas)
result = job.run(version, digest) | {"environment": environment}
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


def notebook_item(lakehouse: Item, environment: Item) -> Item:
    """The notebook with its default lakehouse and the environment that it runs in."""
    text = notebook(
        {
            "lakehouse": {
                "default_lakehouse": lakehouse.logical_id,
                "default_lakehouse_name": lakehouse.name,
                "default_lakehouse_workspace_id": THIS_WORKSPACE,
                "known_lakehouses": [{"id": lakehouse.logical_id}],
            },
            "environment": {"environmentId": environment.logical_id, "workspaceId": THIS_WORKSPACE},
        }
    )
    return made(KIND, NAME, {CONTENT: text}, "verifies a release and brings it into the tables.")


def notebook(dependencies: dict[str, Any]) -> str:
    """The notebook in Fabric's source format: comments mark the cells of a Python file."""
    kernel = {"kernel_info": {"name": KERNEL}, "dependencies": dependencies}
    language = {"language": "python", "language_group": KERNEL}
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


def check_notebook(item: Item, items: Sequence[Item]) -> Iterator[str]:
    """What would fail in Fabric, in words: a cell that is no Python, a lakehouse that is not there."""
    text = _content(item)
    if not text.startswith("# Fabric notebook source\n"):
        yield f"{CONTENT}: its first line is not `# Fabric notebook source`"
    if text.count(f"# PARAMETERS CELL {RULE}") > 1:
        yield f"{CONTENT}: more than one cell of parameters"
    try:
        compile(text, CONTENT, "exec")
    except SyntaxError as error:
        yield f"{CONTENT}: line {error.lineno} is no Python ({error.msg})"
    kernel = _first_metadata(text)
    if kernel.get("kernel_info", {}).get("name") != KERNEL:
        yield f"{CONTENT}: its kernel is not {KERNEL}"
    needs = kernel.get("dependencies", {})
    named = {
        "Lakehouse": needs.get("lakehouse", {}).get("default_lakehouse"),
        "Environment": needs.get("environment", {}).get("environmentId"),
    }
    there = {(found.kind, found.logical_id) for found in items}
    for kind, identity in named.items():
        if identity is not None and (kind, identity) not in there:
            yield f"{CONTENT}: it needs the {kind} {identity}, which is not among the items"


def parameters_of(item: Item) -> dict[str, str]:
    """What the notebook's cell of parameters gives a value, and the value as written. Raises Unreadable.

    >>> cell = f"# PARAMETERS CELL {RULE}\\n\\nrelease = 'retail'\\n\\n# METADATA {RULE}\\n"
    >>> parameters_of(made(KIND, NAME, {CONTENT: cell}, "an example"))
    {'release': "'retail'"}
    """
    _, _, rest = _content(item).partition(f"# PARAMETERS CELL {RULE}")
    return dict(re.findall(r"^(\w+) = (.*)$", rest.partition("# METADATA")[0], re.MULTILINE))


def _content(item: Item) -> str:
    if CONTENT not in item.files:
        raise Unreadable(f"{CONTENT} is missing")
    return item.files[CONTENT]


def _first_metadata(text: str) -> dict[str, Any]:
    """What the notebook says of itself, before its first cell. Raises Unreadable."""
    lines = re.findall(
        r"^# META ?(.*)$", text.partition(f"# METADATA {RULE}")[2].partition("# METADATA")[0], re.MULTILINE
    )
    try:
        found = json.loads("\n".join(lines))
    except ValueError as error:
        raise Unreadable(f"{CONTENT}: the lines of `# META` are not JSON ({error})") from None
    return found if isinstance(found, dict) else {}


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
