"""A project on disk: configuration, brand folders, mapping files, templates."""

from mergehouse.project.config import load_project  # for notebooks written before this was a package

__all__ = ["load_project"]
