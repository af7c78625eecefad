"""Notebooks for whoever has no jobs or no way but by hand: Databricks Free Edition, and carrying a release.

In Databricks' source format: comments part a Python file into cells.
"""

from __future__ import annotations

from mergehouse.platform.databricks.unity_catalog import LANDING, VOLUME

HEAD, CELL = "# Databricks notebook source\n", "\n\n# COMMAND ----------\n\n"

FREE = """# Everything in one notebook, for Databricks Free Edition

Builds the tables from the exports below `raw/` in the project's folder, releases them, and brings the
release into Unity Catalog, with comments, tags and metric views. Row filters and masks are left out: they ask
for account groups, which Free Edition does not manage, so whoever reads this catalog sees everything in it.

Beforehand: run `1_catalog.sql` (where it refuses, make the catalog in the Catalog Explorer, then run it);
upload the project into the volume, and this bundle's folder `sql` into the project's folder.

Written by `mergehouse platform databricks`."""

FREE_CELLS = [
    """dbutils.widgets.text("project", "{folder}")
dbutils.widgets.text("sql", "{folder}/sql/{target}")
dbutils.widgets.text("catalog", "{catalog}")""",
    """from pathlib import Path

import mergehouse as mh
from mergehouse.platform.databricks.publish import publish
from mergehouse.platform.databricks.statements import statements_of
from mergehouse.release.export.export import release

project = mh.project(dbutils.widgets.get("project"))
result = mh.run(project)
print(result)
if result.failed:
    raise RuntimeError("The run left something out; what it found is above.")""",
    """made = release(project)
print(f"release {made.manifest.version}, manifest {made.manifest_sha256}, at {made.root}")""",
    """for name in ("2_tables", "5_metric_views", "7_descriptions"):
    for statement in statements_of((Path(dbutils.widgets.get("sql")) / f"{name}.sql").read_text()):
        spark.sql(statement)""",
    """for line in publish(spark, made.root, dbutils.widgets.get("catalog")):
    print(line)""",
    """catalog = dbutils.widgets.get("catalog")
figures = "source_system, MEASURE(gmv), MEASURE(orders), MEASURE(aov)"
display(spark.sql(f"SELECT {figures} FROM `{catalog}`.gold.sales_daily_kpis GROUP BY ALL"))""",
]

EXPORT = """# Carry a release by hand

Verifies the current release and packs it into one file in the volume. Download that, and hand its manifest's
SHA-256 over by another way; whoever receives it runs `mergehouse verify FOLDER --digest SHA256` first.

Written by `mergehouse platform databricks`."""

EXPORT_CELLS = [
    """dbutils.widgets.text("project", "{folder}")
dbutils.widgets.text("environment", "{environment}")""",
    """import shutil
from pathlib import Path

import mergehouse as mh
from mergehouse.release.manifest.version import Version
from mergehouse.release.store import Shelf, copy_release

environment = dbutils.widgets.get("environment")
project = mh.project(dbutils.widgets.get("project"), environment or None)
verified = mh.verify(project)
print(verified)
if not verified.passed:
    raise RuntimeError("The release is damaged; nothing was packed. Make it again.")""",
    """# Packed on this machine: a volume takes whole files, and no file piece by piece.
scratch, name = Path("/tmp/mergehouse"), f"release-{verified.version}"
shutil.rmtree(scratch, ignore_errors=True)
copy_release(Shelf(verified.root), Version.parse(verified.version), Shelf(str(scratch / "carry")))
shutil.make_archive(str(scratch / name), "zip", scratch / "carry")
packed = Path(dbutils.widgets.get("project")) / f"{name}.zip"
shutil.copyfile(scratch / f"{name}.zip", packed)
print(f"{packed}\\nmanifest {verified.manifest_sha256}")""",
]


def notebooks(target: str, environment: str | None, catalog: str, package: str) -> dict[str, str]:
    """The notebooks by their files' names. What differs from place to place is in their first cell of code.

    >>> list(notebooks("dev", "dev", "retail_dev", "mergehouse==1.0"))
    ['free_edition.py', 'export_release.py']
    """
    folder = f"/Volumes/{catalog}/{LANDING}/{VOLUME}"
    given = {"folder": folder, "target": target, "environment": environment or "", "catalog": catalog}
    install = [f'# MAGIC %pip install "{package}"', "dbutils.library.restartPython()"]

    def notebook(about: str, cells: list[str]) -> str:
        words = "\n".join(f"# MAGIC {line}".rstrip() for line in ["%md", *about.splitlines()])
        return HEAD + CELL.join([words, *install, cells[0].format(**given), *cells[1:]]) + "\n"

    return {
        "free_edition.py": notebook(FREE, FREE_CELLS),
        "export_release.py": notebook(EXPORT, EXPORT_CELLS),
    }
