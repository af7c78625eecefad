"""Cuts an export into many small files: what tills, shops or days deliver."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

LINES = 100  # a file
SHARE = 0.9  # of a demonstration's lines are in the wide export


def cut(project: Path) -> int:
    """The wide export of a demonstration in files of LINES lines, in order of time; returns how many."""
    files = 0
    for export in sorted((project / "raw" / "eurostyle").iterdir()):
        with export.open(encoding="utf-8") as lines:
            header = next(lines)
            while piece := list(islice(lines, LINES)):
                name = f"{export.stem}_{files:06}{export.suffix}"
                export.with_name(name).write_text("".join([header, *piece]), encoding="utf-8")
                files += 1
        export.unlink()
    return files
