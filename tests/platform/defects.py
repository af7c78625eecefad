"""Defects that are seeded in generated files, each of which a check must find; the manual's table of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "powerbi.md"
Texts = dict[str, str]  # of files, by their paths
Seed = Callable[[Texts], None]


@dataclass(frozen=True)
class Defect:
    """`broken` in words; `caught_by` who finds it, in words; `says` is in what checks of our own say of it;
    `seed` breaks the files.
    """

    name: str
    broken: str
    caught_by: str
    seed: Seed
    says: str = ""


def replaced(ending: str, old: str, new: str) -> Seed:
    """Breaks the one file whose path ends so: the first `old` there becomes `new`."""

    def seed(texts: Texts) -> None:
        [path] = [path for path in texts if path.endswith(ending)]
        assert old in texts[path], f"{path} has no {old!r}"
        texts[path] = texts[path].replace(old, new, 1)

    return seed


def changed(ending: str, change: Callable[[Any], Any]) -> Seed:
    """Breaks the one JSON file whose path ends so."""

    def seed(texts: Texts) -> None:
        [path] = [path for path in texts if path.endswith(ending)]
        made = json.loads(texts[path])
        change(made)
        texts[path] = json.dumps(made)

    return seed


def removed(ending: str) -> Seed:
    """Takes the one file away whose path ends so."""

    def seed(texts: Texts) -> None:
        [path] = [path for path in texts if path.endswith(ending)]
        del texts[path]

    return seed


def as_table(defects: Iterable[Defect]) -> str:
    """The manual's table."""
    rows = [f"| {each.broken} | {each.caught_by} |\n" for each in defects]
    return "| defect | caught by |\n|---|---|\n" + "".join(rows)


def write_table(name: str, defects: Iterable[Defect], page: Path = PAGE) -> None:
    """Writes a page's table anew, between `<!-- name -->` and the next `<!-- end -->`."""
    before, mark, after = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    assert mark, f"{page} has no <!-- {name} -->"
    rest = after[after.index("<!-- end -->") :]
    page.write_text(f"{before}{mark}\n{as_table(defects)}\n{rest}", encoding="utf-8")
