"""The profile as self-contained HTML pages: one per layer and brand, and an index."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mergehouse.lakehouse import Lakehouse
from mergehouse.profile import figures
from mergehouse.profile.customers import COHORTS_SHOWN
from mergehouse.profile.profiling import Page, Profile
from mergehouse.project import Project
from mergehouse.storage import storage_errors, write_folder

HERE = Path(__file__).parent
FOLDER, INDEX = "profile", "index.html"
ROWS_SHOWN = 20
LAYER_WORDS = {
    "bronze": "as delivered", "silver": "clean order lines, products and customers", "vault": "history", "gold": "ready for reports",
}  # fmt: skip


def write_pages(project: Project, profile: Profile, to: Path | None = None) -> list[str]:
    """Writes the pages into `profile/` of the lakehouse, or into a folder. Returns paths or URLs, the index first.

    Raises ConfigError where the folder cannot be written.
    """
    pages = {INDEX: _render("index.html.j2", project, profile)}
    pages |= {file_name(page): _render("page.html.j2", project, profile, page) for page in profile.pages}
    if to:
        return [str(file) for file in write_folder(to, pages, f"--to {to}")]
    return _write_lakehouse(Lakehouse(project.lakehouse_location), pages)


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
    return {"churn_after_days": plain["churn_after_days"], "layers": by_layer} | {k: plain[k] for k in ("group_tables", "overlaps")}


def _present(column: dict[str, Any]) -> dict[str, Any]:
    share = column["missing"] / column["rows"] if column["rows"] else None
    return {name: value for name, value in column.items() if value is not None} | {"missing_share": share}


def _write_lakehouse(lakehouse: Lakehouse, pages: dict[str, str]) -> list[str]:
    with storage_errors(lakehouse.location):
        for name, text in pages.items():
            lakehouse.store.put(f"{FOLDER}/{name}", text.encode())
    return [f"{lakehouse.location}/{FOLDER}/{name}" for name in pages]


def _render(template: str, project: Project, profile: Profile, page: Page | None = None) -> str:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": _number, "value": _value, "percent": _percent, "day": _day, "unbroken": _unbroken}
    environment.filters["file_name"] = file_name
    environment.globals["draw"] = {
        name: _safe(getattr(figures, name)) for name in ("histogram", "timeline", "months", "weekdays", "hours", "gaps", "inactivity")
    }
    return environment.get_template(template).render(
        project=project.config.name,
        brands=project.brands,
        labels={name: brand.label for name, brand in project.brands.items()},
        layer_words=LAYER_WORDS,
        profile=profile,
        page=page,
        rows_shown=ROWS_SHOWN,
        cohorts_shown=COHORTS_SHOWN,
        written=dt.datetime.now(dt.UTC),
    )


def _safe(draw: Any) -> Any:
    """Drawings escape what they are given; the page takes them as they are."""
    return lambda *given: Markup(draw(*given))


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _value(value: float) -> str:
    """A value of a column: whole numbers whole, others to four significant digits, but never less than the cents."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"


def _percent(value: Any) -> str:
    """Shares that are not quite nothing or all do not look as if they were."""
    if value is None:
        return "-"
    if 0 < value < 0.001:
        return "< 0.1\u00a0%"
    return "> 99.9\u00a0%" if 0.999 < value < 1 else f"{value * 100:,.1f}\u00a0%"


def _unbroken(words: str) -> str:
    """A number and its percent sign stay on one line."""
    return words.replace(" %", "\u00a0%")


def _day(value: dt.date) -> str:
    return f"{value:%-d %B %Y}"
