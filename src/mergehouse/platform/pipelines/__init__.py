"""Pipelines of GitHub and Azure DevOps that deploy what is generated, to Databricks and to Fabric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

FILES = {"github.yml": ".github/workflows/mergehouse-deploy.yml", "azure.yml": "azure-pipelines.yml"}
LIST, FIRST = "[ENVIRONMENTS]", "default: FIRST"


def deployment_pipelines(environments: Sequence[str]) -> dict[str, str]:
    """The files, by their paths from the top of a repository.

    >>> list(deployment_pipelines(["dev", "prod"]))
    ['.github/workflows/mergehouse-deploy.yml', 'azure-pipelines.yml']
    """
    listed = f"[{', '.join(environments)}]"
    return {
        path: (Path(__file__).with_name(name))
        .read_text(encoding="utf-8")
        .replace(LIST, listed)
        .replace(FIRST, f"default: {environments[0]}")
        for name, path in FILES.items()
    }
