"""The house as its code has it: files, rooms and imports, and their drawing, docs/images/house.svg.

`python -m tests.architecture.house` draws it anew.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from html import escape
from pathlib import Path

from mergehouse.project.templates import TEMPLATES

PACKAGE = TEMPLATES.parent
DRAWING = Path(__file__).parents[2] / "docs" / "images" / "house.svg"
ROOMS = (  # from the ground up: a room may import those before it
    "errors", "machine", "display", "progress", "json_text", "csv_text", "storage", "project", "contracts",
    "lakehouse",
    "charts", "kpi", "engine", "demo",
    "ingest", "transform", "quality", "pipeline", "identity", "science", "profile", "release", "access",
    "platform",
    "operations", "app", "cli",
)  # fmt: skip
FILES = {
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if TEMPLATES not in file.parents
}
# pixels: a room's height, what is above the rooms and left of them, the whole
FLOOR, TOP, LEFT, WIDTH = 44, 64, 330, 1100
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2430 } .quiet { fill: #5a6172; font-size: 12.5px }
  .room { fill: #eef1f8; stroke: #c6cde0 } .paper { fill: #ffffff }
  path { fill: none; stroke: #3f51b5; stroke-opacity: .4; stroke-width: 1.2 }
  .title { font-size: 19px; font-weight: 600 } .name { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e9f2 } .quiet { fill: #a9b1c6 } .room { fill: #242938; stroke: #3d4560 } .paper
    { fill: #171a23 }
    path { stroke: #9fa8ff; stroke-opacity: .45 }
  }
"""


@functools.cache
def imports(module: str) -> tuple[tuple[str, int], ...]:
    """(module, line) for each import of the package's own, at the top of the file and within functions."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mergehouse":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield (name if name in FILES else str(node.module)), node.lineno
        elif isinstance(node, ast.Import):
            yield from ((a.name, node.lineno) for a in node.names if a.name.split(".")[0] == "mergehouse")


def room(module: str) -> str:
    """The room of a module; empty for the package itself, which is its façade."""
    return module.partition(".")[2].partition(".")[0]


def drawing() -> str:
    """Rooms from the door down to the ground, an arc from each to every one that it imports."""
    there = [name for name in reversed(ROOMS) if any(room(module) == name for module in FILES)]
    middle = {name: TOP + FLOOR * place + FLOOR / 2 for place, name in enumerate(there)}
    arcs = {(room(module), room(name)) for module in FILES for name, _ in imports(module)}
    height = TOP + FLOOR * len(there) + 20
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            ' aria-labelledby="title desc">'
        ),
        '<title id="title">The rooms of mergehouse</title>',
        (
            '<desc id="desc">Folders of the package from the command line at the top down to the ground. Arcs'
            " at the left lead from a room to those whose code it imports; all of them point down.</desc>"
        ),
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        '<text class="title" x="24" y="36">Rooms, and what they import: down alone</text>',
    ]
    for upper, lower in sorted(arcs):
        if upper and lower and upper != lower:
            start, end = middle[upper], middle[lower]
            out = LEFT - 14 - 0.34 * abs(end - start)
            parts.append(
                f'<path d="M{LEFT} {start:g} C{out:g} {start:g} {out:g} {end:g} {LEFT} {end:g}">'
                f"<title>{upper} imports {lower}</title></path>"
            )
    for name in there:
        about = ast.get_docstring(ast.parse(FILES[f"mergehouse.{name}"].read_text(encoding="utf-8"))) or ""
        top = middle[name] - FLOOR / 2
        parts += [
            (
                f'<rect class="room" x="{LEFT}" y="{top + 3:g}" width="{WIDTH - LEFT - 20}"'
                f' height="{FLOOR - 6}" rx="7"/>'
            ),
            f'<text class="name" x="{LEFT + 14}" y="{middle[name] + 5:g}">{name}</text>',
            (
                f'<text class="quiet" x="{LEFT + 112}"'
                f' y="{middle[name] + 4.5:g}">{escape(_one_line(about))}</text>'
            ),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _one_line(about: str) -> str:
    """What fits beside a room's name of the first sentence about it."""
    sentence = " ".join(about.split("\n\n")[0].split())
    return sentence if len(sentence) <= 100 else f"{sentence[:97].rsplit(' ', 1)[0]} ..."


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
