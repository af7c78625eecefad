"""Cuts an export into many small files: what tills, shops or days deliver."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

LINES = 100  # a file
SHARE = 0.9  # of a demonstration's lines are in the wide export


def cut(project: Path) -> int:
    """The wide export of a demonstration in files of LINES lines, in order of time; returns how many.

    The demonstration's broken lines stand at the end, in one file or two: too large a share of so few lines,
    so the limit is raised. Less than a whole file is left out, for it might hold nothing else.
    """
    brand = project / "brands" / "eurostyle" / "brand.yml"
    brand.write_text(brand.read_text(encoding="utf-8") + "\nquarantine: {stop: 50 %}\n", encoding="utf-8")
    files = 0
    for export in sorted((project / "raw" / "eurostyle").iterdir()):
        with export.open(encoding="utf-8") as lines:
            header = next(lines)
            while len(piece := list(islice(lines, LINES))) == LINES:
                name = f"{export.stem}_{files:06}{export.suffix}"
                export.with_name(name).write_text("".join([header, *piece]), encoding="utf-8")
                files += 1
        export.unlink()
    return files
