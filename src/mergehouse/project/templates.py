"""Where the files are that `mergehouse init` writes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

TEMPLATES = Path(str(resources.files("mergehouse") / "templates"))
