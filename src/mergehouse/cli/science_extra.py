"""The project that a command about models is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mergehouse.errors import MergehouseError
from mergehouse.science.extra import lacking_packages


def with_science(project: Path, env: str | None, brand: str | None = None) -> Any:
    """The project, where this Python has what models need, and the brand is one of its own."""
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    if brand and brand not in loaded.brands:
        raise MergehouseError(f"--brand {brand}: expected one of {', '.join(loaded.brands)}.")
    if not loaded.config.science.tables:
        raise MergehouseError(
            f"{loaded.folder}/mergehouse.yml says `science: false`: there are no features to train or"
            " score by."
        )
    if lacking := lacking_packages():
        raise MergehouseError(f"{lacking}.")
    return loaded
