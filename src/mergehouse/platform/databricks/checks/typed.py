"""The bundle's resources as Databricks' own types take them, where `databricks-bundles` is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from mergehouse.errors import ConfigError
from mergehouse.platform.databricks.checks.bundle import FILE
from mergehouse.project.yaml_file import parse_yaml

INSTALL = 'pip install "mergehouse[databricks]"'


def is_installed() -> bool:
    """Whether Databricks' types are there.

    >>> is_installed() in (True, False)
    True
    """
    return find_spec("databricks") is not None and find_spec("databricks.bundles") is not None


def typed_faults(files: Mapping[str, str]) -> list[str]:
    """What Databricks' types refuse; nothing where they are not installed.

    >>> typed_faults({"databricks.yml": "bundle: {name: retail}"})
    []
    """
    if not is_installed():
        return []
    from databricks.bundles.dashboards import Dashboard
    from databricks.bundles.jobs import Job

    types: dict[str, Any] = {"jobs": Job, "dashboards": Dashboard}
    try:
        settings = parse_yaml(files[FILE])
    except (ConfigError, KeyError):
        return []  # said already
    found = []
    for place in (settings, *(settings.get("targets") or {}).values()):
        for kind, resources in (place.get("resources") or {}).items():
            for name, resource in resources.items():
                if kind not in types:
                    found.append(f"{FILE}: resources.{kind}: neither jobs nor dashboards.")
                    continue
                try:
                    types[kind].from_dict(resource)
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    found.append(f"{FILE}: resources.{kind}.{name}: {' '.join(str(error).split())}")
    return found
