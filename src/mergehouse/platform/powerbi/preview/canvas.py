"""What the visuals of a page are drawn with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mergehouse.platform.powerbi.objects import SemanticModel
from mergehouse.platform.powerbi.preview.figures import Gold
from mergehouse.platform.powerbi.preview.reading import DrawnFilter, DrawnPage


@dataclass(frozen=True)
class Canvas:
    """What the visuals of a page are drawn with; `where` holds for all of them; `views`: the titles of
    bookmarks by their groups.
    """

    gold: Gold
    page: DrawnPage
    pages: Sequence[DrawnPage]
    theme: Sequence[str]
    views: Mapping[str, Sequence[str]]
    where: Sequence[DrawnFilter]

    @property
    def model(self) -> SemanticModel:
        return self.gold.model
