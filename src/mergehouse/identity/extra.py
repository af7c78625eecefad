"""Whether this Python has what finding the same customers needs: the extra `identity`."""

from __future__ import annotations

from importlib.util import find_spec


def lacking_packages() -> str:
    """What this Python lacks of what linkage needs, in words; empty where nothing does."""
    package = next((name for name in ("splink", "phonenumbers") if find_spec(name) is None), "")
    return (
        package
        and f"{package} is not installed; pip install 'mergehouse[identity]' brings what finding the same"
        " customers needs"
    )
