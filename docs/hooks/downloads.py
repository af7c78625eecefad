"""A hook of MkDocs: builds what mergehouse writes of the worked exports into the site, to be downloaded.

The files come from configuration alone, so that those of the exports are made without the exports and hold no
row and no figure of them. Figures are the demonstration's, where `make run` has made one.
"""

from __future__ import annotations

import functools
import tempfile
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from mergehouse.cli.scaffold import write_project as write_worked_project
from mergehouse.platform.databricks.bundle import write_bundle
from mergehouse.platform.fabric.items import project_items
from mergehouse.platform.generated_folder import write_generated
from mergehouse.platform.open_formats import open_formats
from mergehouse.platform.powerbi.preview.write import drawn_pages
from mergehouse.platform.powerbi.write import write_project as write_power_bi
from mergehouse.project.config import load_project
from mergehouse.release.export.export import release

PAGE, FOLDER = "downloads.md", "downloads"
PLACE, ABSENT = "<!-- demonstration -->", "<!-- demonstration is absent -->"
CARRIED = r"C:\retail\release"  # where docs/powerbi.md has the reader put a release
DEMONSTRATION = Path(__file__).resolve().parents[2] / "build" / "demo"
OLDEST = (1980, 1, 1, 0, 0, 0)  # of a ZIP archive: the same bytes whenever it is written


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for path, content in downloads().items():
        files.append(File.generated(config, f"{FOLDER}/{path}", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    if page.file.src_uri != PAGE:
        return markdown
    table, _, absent = markdown.partition(PLACE)[2].partition(ABSENT)
    return markdown.partition(PLACE)[0] + (table if has_demonstration() else absent)


def has_demonstration() -> bool:
    return (DEMONSTRATION / "truth.json").exists() and (DEMONSTRATION / "lakehouse" / "gold").exists()


@functools.cache
def downloads() -> Mapping[str, bytes]:
    """Every file by its path below the folder of downloads."""
    with tempfile.TemporaryDirectory() as temporary:
        there = Path(temporary)
        write_worked_project(there / "worked")
        worked = load_project(there / "worked")
        made = there / "made"
        for mode in ("import", "directquery"):
            write_power_bi(worked, made / f"powerbi-{mode}", mode, releases=CARRIED)
        write_generated(made / "fabric", project_items(worked).texts)
        write_bundle(made / "databricks", worked)
        write_generated(made / "open-formats", open_formats(worked)[0])
        found = {}
        if has_demonstration():
            demonstration = load_project(DEMONSTRATION)
            release(demonstration, to=str(made / "release"))
            page, _ = drawn_pages(demonstration)
            found["preview/index.html"] = page.replace(str(DEMONSTRATION), "demo").encode()
        return found | {f"{folder.name}.zip": _zipped(folder) for folder in sorted(made.iterdir())}


def _zipped(folder: Path) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = zipfile.ZipInfo(file.relative_to(folder.parent).as_posix(), OLDEST)
                archive.writestr(name, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()
