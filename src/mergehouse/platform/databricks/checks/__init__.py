"""What is wrong with a bundle, before it is written: what `databricks bundle validate` would say, and what it
would not.

Databricks' own command cannot be had everywhere, and it looks at neither SQL nor dashboards.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergehouse.platform.databricks.checks.bundle import bundle_faults
from mergehouse.platform.databricks.checks.dashboard import dashboard_faults
from mergehouse.platform.databricks.checks.sql import catalog_faults
from mergehouse.platform.databricks.checks.typed import typed_faults


def faults_of(files: Mapping[str, str]) -> list[str]:
    """Everything that is wrong, each as `file: what`; none of a good bundle.

    >>> faults_of({"databricks.yml": "bundle: {name: retail}\\nressources: {}"})[0]
    'databricks.yml: `ressources` is no key of a bundle; did you mean `resources`?'
    """
    found = bundle_faults(files) + typed_faults(files)
    targets = dict.fromkeys(name.split("/")[1] for name in files if name.startswith("sql/"))
    for target in targets:
        scripts = {name: text for name, text in files.items() if name.startswith(f"sql/{target}/")}
        faults, tables = catalog_faults(scripts)
        found += faults
        for name, text in files.items():
            if name.endswith(".lvdash.json"):
                found += dashboard_faults(name, text, tables)
    return list(dict.fromkeys(found))
