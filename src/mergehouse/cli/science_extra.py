"""Whether this Python has what models need: the extra `science`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mergehouse.errors import MergehouseError


def lacking_packages() -> str:
    """What this Python lacks of what models need, in words; empty where nothing does."""
    from importlib.util import find_spec

    package = next(
        (name for name in ("sklearn", "mlflow", "skops", "matplotlib", "shap") if find_spec(name) is None), ""
    )
    return (
        package and f"{package} is not installed; pip install 'mergehouse[science]' brings what models need"
    )


def scoring(project: Any) -> Any:
    """What scores customers, imported when it is needed: models are heavy. None where the project or this
    Python does without.
    """
    if not project.config.science or lacking_packages():
        return None

    def score(*arguments: Any) -> Any:
        from mergehouse.science.scoring import score

        return score(*arguments)

    return score


def with_science(project: Path, env: str | None, brand: str | None = None) -> Any:
    """The project, where this Python has what models need, and the brand is one of its own."""
    from mergehouse.project.config import load_project

    loaded = load_project(project, env)
    if brand and brand not in loaded.brands:
        raise MergehouseError(f"--brand {brand}: expected one of {', '.join(loaded.brands)}.")
    if not loaded.config.science:
        raise MergehouseError(
            f"{loaded.folder}/mergehouse.yml says `science: false`: there are no features to train or"
            " score by."
        )
    if lacking := lacking_packages():
        raise MergehouseError(f"{lacking}.")
    return loaded
