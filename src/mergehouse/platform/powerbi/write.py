"""Writes the Power BI project of a project's lakehouse, when all checks of it hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mergehouse.errors import CheckFailed, ConfigError
from mergehouse.platform.generated_folder import Written, write_generated
from mergehouse.platform.powerbi.checks import wrong_in
from mergehouse.platform.powerbi.objects import MODES, Mode
from mergehouse.platform.powerbi.project import project_files
from mergehouse.platform.powerbi.report.files import left_out
from mergehouse.platform.powerbi.semantic_model import notes_on, semantic_model, unpublished
from mergehouse.platform.powerbi.tmdl import file_name
from mergehouse.project.config import Project
from mergehouse.project.validation import nearest_known

SHOWN = 5  # sentences of a message
SOURCES = {
    "import": "reads releases at {location}; the parameter `Release folder` changes that",
    "direct-lake": "names no lakehouse yet: `mergehouse platform deploy` puts the ids of workspace and item"
    " into the expression `Lakehouse`",
    "directquery": "names no SQL warehouse yet: set the parameters `Databricks host`, `Databricks HTTP path`"
    " and `Databricks catalog`",
}


@dataclass(frozen=True)
class PowerBiProject:
    """What was written: the file to open, how much is in the model, and what is to be known of it."""

    project: str
    mode: Mode
    tables: int
    measures: int
    roles: int
    files: Written
    notes: list[str] = field(default_factory=list)


def write_project(
    project: Project,
    folder: Path,
    mode: str = "import",
    overwrite: bool = False,
    releases: str | None = None,
) -> PowerBiProject:
    """Writes semantic model and report into a folder, as files that Power BI Desktop opens. `releases`: where
    these are on the machine that reads them, if not in the lakehouse.

    Raises ConfigError, and writes nothing, on a mode that there is not, on what a model cannot be made of,
    and where files were edited since, unless `overwrite`; CheckFailed where a check of the files fails.

    >>> made = write_project(mh.project("shop"), Path("powerbi"))
    >>> made.project, made.roles
    ('powerbi/tiny.pbip', 5)
    >>> write_project(mh.project("shop"), Path("powerbi")).files.written
    []
    """
    if mode not in MODES:
        raise ConfigError(f"--mode: there is no `{mode}`{nearest_known(mode, MODES)}")
    [chosen] = [known for known in MODES if known == mode]
    without = unpublished(project)
    model = semantic_model(project, chosen, without=without, releases=releases)
    files = project_files(model)
    if wrong := wrong_in(files):
        raise CheckFailed(
            f"{folder}: not written, since what would be is not sound: "
            + "; ".join(wrong[:SHOWN])
            + (f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else "")
            + f". What {project.folder} says of KPIs, contracts or roles leads there."
        )
    written = write_generated(folder, files, overwrite)
    return PowerBiProject(
        str(folder / f"{file_name(model.name)}.pbip"),
        model.mode,
        len(model.tables),
        sum(len(table.measures) for table in model.tables),
        len(model.roles),
        written,
        [
            *notes_on(without),
            *left_out(model),
            SOURCES[chosen].format(location=model.location),
        ],
    )
