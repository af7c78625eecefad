"""Model cards as pages, and the page that lists them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mergehouse.charts.pages import drawn, environment, put_pages
from mergehouse.json_text import json_text
from mergehouse.lakehouse.delta import Lakehouse
from mergehouse.project.config import Project
from mergehouse.science.cards import figures
from mergehouse.science.cards.card import Card
from mergehouse.science.cards.names import METRIC_NAMES, title
from mergehouse.storage import storage_errors

HERE = Path(__file__).parent
FOLDER, INDEX = "models", "index.html"


def write_cards(project: Project, cards: Iterable[Card]) -> list[str]:
    """Writes each card as HTML, Markdown and JSON into `models/` of the lakehouse, and the index of all cards
    there.

    Returns paths or URLs, the index first. Cards of brands that were not given stay, and stay in the index.
    """
    lakehouse = Lakehouse(project.lakehouse_location)
    templates = environment(HERE)
    templates.filters["metric"] = metric_value
    templates.globals |= {
        "project": project.config.name,
        "labels": {name: brand.label for name, brand in project.brands.items()},
        "metric_names": METRIC_NAMES,
        "draw": {name: drawn(getattr(figures, name)) for name in figures.DRAWN},
        "title": title,
    }
    pages: dict[str, str] = {}
    for card in cards:
        pages[f"{FOLDER}/{card.file}.html"] = templates.get_template("card.html.j2").render(card=card)
        pages[f"{FOLDER}/{card.file}.md"] = templates.get_template("card.md.j2").render(card=card)
        pages[f"{FOLDER}/{card.file}.json"] = json_text(
            dataclasses.asdict(card) | {"headline": card.headline}, indent=1
        )
    written = put_pages(lakehouse, pages)
    kept, survival = _published(lakehouse)
    index = templates.get_template("cards.html.j2").render(
        cards=kept, survival=[b for b in project.brands if b in survival]
    )
    return put_pages(lakehouse, {f"{FOLDER}/{INDEX}": index}) + written


def metric_value(value: float, metric: str) -> str:
    """Euros with their cents left out, everything else with three digits."""
    return f"{value:,.0f}" if metric in ("mae", "rmse") or abs(value) >= 100 else f"{value:.3f}"


def _published(lakehouse: Lakehouse) -> tuple[list[dict[str, Any]], set[str]]:
    """All cards there are, by brand and target, and the brands with a page on survival."""
    with storage_errors(lakehouse.location):
        names = [file["path"] for files in lakehouse.store.list(f"{FOLDER}/") for file in files]
        texts = [bytes(lakehouse.store.get(name).bytes()) for name in sorted(names) if name.endswith(".json")]
    survival = {
        name.removeprefix(f"{FOLDER}/").removesuffix("-survival.html")
        for name in names
        if name.endswith("-survival.html")
    }
    return [json.loads(text) for text in texts], survival
