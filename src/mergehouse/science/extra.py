"""Whether this Python has what models need: the extra `science`."""

from __future__ import annotations

from importlib.util import find_spec


def lacking_packages() -> str:
    """What this Python lacks of what models need, in words; empty where nothing does."""
    package = next(
        (name for name in ("sklearn", "mlflow", "skops", "matplotlib", "shap") if find_spec(name) is None), ""
    )
    return (
        package and f"{package} is not installed; pip install 'mergehouse[science]' brings what models need"
    )
