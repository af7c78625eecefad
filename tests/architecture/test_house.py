"""Data flows one way: what a file imports stands before it, no brand is known to code, and the drawing is of
today.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest
from tests.architecture.house import DRAWING, FILES, PACKAGE, ROOMS, drawing, imports, room

from mergehouse.project.templates import TEMPLATES


def test_every_file_has_a_room() -> None:
    assert {room(module) for module in FILES} - {""} <= set(ROOMS)


def test_imports_point_down() -> None:
    upwards = [
        f"{module}, line {line}: {name}"
        for module in FILES
        if room(module)
        for name, line in imports(module)
        if room(name) and ROOMS.index(room(name)) > ROOMS.index(room(module))
    ]
    assert not upwards, "imports of what stands above: " + "; ".join(upwards)


def test_no_circle_of_files() -> None:
    """Of imports that run when a file is loaded: those at its top, and not for type checkers alone."""
    try:
        TopologicalSorter({module: set(_loaded(module)) for module in FILES}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_brand_is_known_to_code() -> None:
    brands = [folder.name for folder in (TEMPLATES / "brands").iterdir() if folder.is_dir()]
    assert brands
    models = [file for kind in ("*.sql", "*.yml") for file in (PACKAGE / "models").rglob(kind)]
    named = [
        f"{file.relative_to(PACKAGE)}: {brand}"
        for file in (*FILES.values(), *models)
        for brand in brands
        if brand in file.read_text(encoding="utf-8").lower()
    ]
    assert not named


def test_the_drawing_is_of_today() -> None:
    assert DRAWING.read_text(encoding="utf-8") == drawing(), (
        "python -m tests.architecture.house draws it anew"
    )


def _loaded(module: str) -> Iterator[str]:
    """What a file imports at its top, its own package left out, whose `__init__` has begun before it."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    top = {node.lineno for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)}
    yield from (name for name, line in imports(module) if line in top and not module.startswith(f"{name}."))
