"""Projects whose models are tried: two brands at the same time, and two whose data lie years apart."""

from __future__ import annotations

from pathlib import Path

from tests.app.two_times import apart, together
from tests.prepared import prepared

from mergehouse.project.config import Project, load_project


def project_together(folder: Path) -> Project:
    """Both brands sell for 505 days up to the end of 2025, to several countries."""
    return load_project(prepared("suite together", together, folder))


def project_apart(folder: Path) -> Project:
    """`shop` sells for 739 days up to 9 December 2011, `zebra` for 75 up to 17 June 2025."""
    return load_project(prepared("suite apart", apart, folder))


def odd_names(project: Project) -> Project:
    """The same with names that formats could trip over."""
    odd = 'L\'Äpfel "best" [neu] 100 % 🍏 / x'
    brand = project.brands["shop"].model_copy(update={"label": odd})
    return project.model_copy(
        update={
            "config": project.config.model_copy(update={"name": odd}),
            "brands": project.brands | {"shop": brand},
        }
    )
