"""The profile as self-contained HTML pages: one per layer and brand, and an index."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from mergehouse.charts.pages import drawn, environment, put_pages
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.profile import figures
from mergehouse.profile.customers import COHORTS_SHOWN
from mergehouse.profile.profiling import Page, Profile
from mergehouse.project.config import Project
from mergehouse.science.survival.inactivity_figure import inactivity
from mergehouse.storage import write_folder

HERE = Path(__file__).parent
FOLDER, INDEX = "profile", "index.html"
ROWS_SHOWN = 20
LAYER_WORDS = {
    "bronze": "as delivered",
    "silver": "clean order lines, products and customers",
    "gold": "ready for reports",
}


def write_pages(project: Project, profile: Profile, to: Path | None = None) -> list[str]:
    """Writes the pages into `profile/` of the lakehouse, or into a folder. Returns paths or URLs, the index
    first.

    Raises ConfigError where the folder cannot be written.
    """
    pages = {INDEX: _render("index.html.j2", project, profile)}
    pages |= {file_name(page): _render("page.html.j2", project, profile, page) for page in profile.pages}
    if to:
        return [str(file) for file in write_folder(to, pages, f"--to {to}")]
    return put_pages(
        Lakehouse(project.lakehouse_location), {f"{FOLDER}/{name}": page for name, page in pages.items()}
    )


def file_name(page: Page) -> str:
    return f"{page.layer}-{page.brand}.html"


def as_json(profile: Profile) -> dict[str, Any]:
    """The figures as plain data: `pages` by layer and brand, `group_tables`, `overlaps`."""
    plain = dataclasses.asdict(profile)
    by_layer: dict[str, dict[str, Any]] = {}
    for page in plain.pop("pages"):
        by_layer.setdefault(page.pop("layer"), {})[page.pop("brand")] = page
    for page in (p for brands in by_layer.values() for p in brands.values()):
        for table in page["tables"]:
            table["columns"] = [_present(column) for column in table["columns"]]
    for table in plain["group_tables"]:
        table["columns"] = [_present(column) for column in table["columns"]]
    return {"churn_after_days": plain["churn_after_days"], "layers": by_layer} | {
        k: plain[k] for k in ("group_tables", "overlaps")
    }


def _present(column: dict[str, Any]) -> dict[str, Any]:
    share = column["missing"] / column["rows"] if column["rows"] else None
    return {name: value for name, value in column.items() if value is not None} | {"missing_share": share}


def _render(template: str, project: Project, profile: Profile, page: Page | None = None) -> str:
    templates = environment(HERE)
    templates.filters["file_name"] = file_name
    templates.globals["draw"] = {
        name: drawn(getattr(figures, name))
        for name in ("histogram", "timeline", "months", "weekdays", "hours", "gaps")
    } | {"inactivity": drawn(inactivity)}
    return templates.get_template(template).render(
        project=project.config.name,
        brands=project.brands,
        labels={name: brand.label for name, brand in project.brands.items()},
        layer_words=LAYER_WORDS,
        profile=profile,
        page=page,
        rows_shown=ROWS_SHOWN,
        cohorts_shown=COHORTS_SHOWN,
    )
