"""Bookmarks: of a page that can show the same figures as a plot or as a table, one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mergehouse.platform.powerbi.report.literals import Json

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/"


@dataclass(frozen=True)
class Bookmark:
    """`shown` of the visuals of a page is seen, `hidden` is not; filters stay as they are."""

    name: str
    title: str
    page: str
    shown: str
    hidden: str


@dataclass(frozen=True)
class Group:
    """Bookmarks that a navigator offers beside each other."""

    name: str
    title: str
    bookmarks: Sequence[Bookmark]


def written(bookmark: Bookmark, kinds: dict[str, str]) -> Json:
    """<name>.bookmark.json. `kinds`: of the page's visuals, by name."""
    return {
        "$schema": f"{SCHEMAS}bookmark/2.1.0/schema.json",
        "displayName": bookmark.title,
        "name": bookmark.name,
        "options": {
            "applyOnlyToTargetVisuals": True,
            "targetVisualNames": [bookmark.shown, bookmark.hidden],
            "suppressActiveSection": True,
            "suppressData": True,
        },
        "explorationState": {
            "version": "1.3",
            "activeSection": bookmark.page,
            "sections": {
                bookmark.page: {
                    "visualContainers": {
                        bookmark.shown: {"singleVisual": {"visualType": kinds[bookmark.shown]}},
                        bookmark.hidden: {
                            "singleVisual": {
                                "visualType": kinds[bookmark.hidden],
                                "display": {"mode": "hidden"},
                            }
                        },
                    }
                }
            },
        },
    }


def listed(groups: Sequence[Group]) -> Json:
    """bookmarks.json."""
    return {
        "$schema": f"{SCHEMAS}bookmarksMetadata/1.0.0/schema.json",
        "items": [
            {
                "name": group.name,
                "displayName": group.title,
                "children": [bookmark.name for bookmark in group.bookmarks],
            }
            for group in groups
        ],
    }
