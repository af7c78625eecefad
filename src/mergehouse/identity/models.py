"""Where linkage models are kept: `identity/model_<number>.json` in the project, of which the newest counts.

A model is small and tells of no single customer, but of names that many have: it goes with the project, and
into no release.
"""

from __future__ import annotations

import re
from pathlib import Path

from mergehouse.errors import ConfigError
from mergehouse.identity.model import LinkModel
from mergehouse.machine import unwritable
from mergehouse.project.config import Project
from mergehouse.project.text_file import read_text

FOLDER = "identity"
_NAME = re.compile(r"model_(\d{1,9})\.json")


def newest(project: Project) -> Path | None:
    """The file of the newest model, None where none was trained.

    >>> newest(mh.project("shop")) is None
    True
    """
    found = {int(match[1]): file for file in _files(project) if (match := _NAME.fullmatch(file.name))}
    return found[max(found)] if found else None


def read_model(file: Path) -> LinkModel:
    """Raises ConfigError where the file holds none that can be used."""
    return LinkModel.from_json(read_text(file), str(file))


def keep(project: Project, model: LinkModel) -> Path:
    """Keeps a model as the newest one, whole or not at all."""
    last = newest(project)
    number = int(_NAME.fullmatch(last.name)[1]) + 1 if last else 1  # type: ignore[index]
    file = project.folder / FOLDER / f"model_{number}.json"
    unfinished = file.with_suffix(".unfinished")
    try:
        file.parent.mkdir(exist_ok=True)
        unfinished.write_text(model.to_json() + "\n", encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        raise ConfigError(unwritable(file, error)) from None
    return file


def _files(project: Project) -> list[Path]:
    folder = project.folder / FOLDER
    return list(folder.iterdir()) if folder.is_dir() else []
