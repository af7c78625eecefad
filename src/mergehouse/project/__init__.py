"""A project on disk: configuration, brand folders, mapping files, templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mergehouse.project.config import load_project

__all__ = ["load_project"]


def __getattr__(
    name: str,
) -> Any:  # for notebooks written before this was a package; `import mergehouse` stays cheap
    if name != "load_project":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mergehouse.project.config import load_project

    return load_project
