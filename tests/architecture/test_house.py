"""The house: data flows one way. What a file imports stands before it, and no brand is known to any."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from mergehouse.project.templates import TEMPLATES

PACKAGE = Path(TEMPLATES).parent
ROOMS = (  # from the ground up: a room may import those before it
    "errors", "progress", "storage", "project", "contracts", "lakehouse", "charts", "kpi", "engine", "demo", "ingest",
    "transform", "quality", "pipeline", "identity", "science", "profile", "release", "access", "platform",
    "operations", "app", "cli",
)  # fmt: skip
FILES = {
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if TEMPLATES not in file.parents
}


def imports(module: str) -> Iterator[tuple[str, int]]:
    """(module, line) for each import of the package's own, at the top of the file and within functions."""
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mergehouse":
            assert node.level == 0, f"{module}, line {node.lineno}: relative"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in FILES else str(node.module), node.lineno
        elif isinstance(node, ast.Import):
            yield from ((a.name, node.lineno) for a in node.names if a.name.split(".")[0] == "mergehouse")


def room(module: str) -> str:
    """The room of a module; empty for the package itself, which is its façade."""
    return module.partition(".")[2].partition(".")[0]


def test_every_file_has_a_room() -> None:
    assert {room(module) for module in FILES} - {""} <= set(ROOMS)


@pytest.mark.parametrize("module", [name for name in FILES if room(name)])
def test_imports_point_down(module: str) -> None:
    floor = ROOMS.index(room(module))
    upwards = [f"{name} (line {line})" for name, line in imports(module) if room(name) and ROOMS.index(room(name)) > floor]
    assert not upwards, f"{module} imports what stands above it: {', '.join(upwards)}"


def test_no_circle_of_files() -> None:
    """Of imports that run when a file is loaded: those at its top, and not for type checkers alone."""
    try:
        TopologicalSorter({module: set(loaded(module)) for module in FILES}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def loaded(module: str) -> Iterator[str]:
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    top = {node.lineno for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)}
    yield from (name for name, line in imports(module) if line in top and not is_package_of(name, module))


def is_package_of(name: str, module: str) -> bool:
    """True where a file names its own package, whose `__init__` has begun before it."""
    return module.startswith(f"{name}.")


def test_no_brand_is_known_to_code() -> None:
    brands = [folder.name for folder in (TEMPLATES / "brands").iterdir() if folder.is_dir()]
    assert brands
    texts = [*FILES.values(), *(PACKAGE / "models").rglob("*.sql"), *(PACKAGE / "models").rglob("*.yml")]
    named = [
        f"{file.relative_to(PACKAGE)}: {brand}" for file in texts for brand in brands if brand in file.read_text(encoding="utf-8").lower()
    ]
    assert not named
