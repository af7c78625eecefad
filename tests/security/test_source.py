"""What the code itself must not have, and the versions that it must not run with."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mergehouse

HOUSE = Path(mergehouse.__file__).parent
DOOR = [*sorted((HOUSE / "access").rglob("*.py")), *sorted((HOUSE / "app").rglob("*.py"))]
MAY_WRITE_SQL = {  # a scope's files are written and opened there, of contracts, the policy and their lists
    "access/classes.py", "access/cut.py", "access/extract.py", "access/gateway.py", "access/small_cells.py",
    "access/source.py", "access/writing.py",
}  # fmt: skip
SQL = re.compile(
    r"\b(SELECT\b.*\bFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|COPY \("
    r"|CREATE (OR REPLACE |TEMP )?(TABLE|VIEW|SCHEMA))",
    re.DOTALL,
)
FLOORS = {  # advisories up to November 2026: below these a known attack works
    "starlette": "1.3.1", "python-multipart": "0.0.31", "authlib": "1.7.1", "jinja2": "3.1.6",
}  # fmt: skip


def name_of(file: Path) -> str:
    return file.relative_to(HOUSE).as_posix()


def made_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts with holes: f-strings, `%` and `.format` of a constant, constants that something is added to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and any(isinstance(v, ast.FormattedValue) for v in node.values):
            yield node.lineno, "".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and isinstance(side.value, str):
                    yield node.lineno, side.value
        elif (
            isinstance(node, ast.Attribute) and node.attr == "format" and isinstance(node.value, ast.Constant)
        ):
            yield node.lineno, str(node.value.value)


def test_no_sql_is_made_of_what_is_asked() -> None:
    found = [
        f"{name_of(file)}:{line}"
        for file in DOOR
        if name_of(file) not in MAY_WRITE_SQL
        for line, text in made_texts(ast.parse(file.read_text(encoding="utf-8")))
        if SQL.search(text)
    ]
    # the KPI catalogue's own measures, which the API shows and nobody runs
    assert {place.split(":")[0] for place in found} <= {"app/answers.py", "app/figures/kpis.py"}, found


def test_nothing_gets_round_the_gateway() -> None:
    """No default connection of DuckDB, which reads Python's variables; nothing registered on a locked one."""
    forbidden = re.compile(
        r"duckdb\.(sql|execute|query|read_\w+|from_\w+)\(|(connection|cursor)\.(register|from_\w+)\("
        r"|\.create_function\(|\bimport duckdb\b"
    )
    found = {
        (name_of(file), match[0])
        for file in DOOR
        for match in forbidden.finditer(file.read_text(encoding="utf-8"))
    }
    imports = {(name, "import duckdb") for name in MAY_WRITE_SQL}
    in_an_example = {("access/small_cells.py", "duckdb.sql(")}
    assert found <= imports | in_an_example


def test_pages_are_made_of_files_and_escape_everything() -> None:
    forbidden = re.compile(
        r"from_string|\bMarkup\b|\|\s*safe\b|xmlattr|autoescape(=| )false|\beval\(|\bexec\(|pickle",
        re.IGNORECASE,
    )
    files = [*DOOR, *sorted((HOUSE / "app").rglob("*.j2"))]
    assert [name_of(file) for file in files if forbidden.search(file.read_text(encoding="utf-8"))] == []
    templates = [file for file in files if file.suffix == ".j2"]
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|javascript:|hx-on|hx-vals=['\"]?js:", re.I
    )
    assert len(templates) > 10
    assert [name_of(file) for file in templates if inline.search(file.read_text(encoding="utf-8"))] == []


def test_every_attribute_is_quoted() -> None:
    """A value without quotes ends at a space, and what follows is an attribute of the attacker's."""
    unquoted = re.compile(r"<[a-z][^<>]*\s[a-zA-Z-]+=\{\{", re.I)
    for file in sorted((HOUSE / "app").rglob("*.j2")):
        assert not unquoted.search(file.read_text(encoding="utf-8")), name_of(file)


def test_browsers_keep_nothing() -> None:
    """No copy of a page in a browser's storage, where it would outlive the session."""
    frontend = HOUSE.parent.parent / "frontend"
    if not frontend.is_dir():
        pytest.skip("the source of the scripts is not here: an installed package")
    for file in frontend.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(
            r"localStorage|sessionStorage|indexedDB|hx-history-cache|innerHTML|\beval\(|document\.write", text
        ), file.name


@pytest.mark.parametrize("name", FLOORS)
def test_what_it_runs_with_has_no_known_hole(name: str) -> None:
    installed = [int(part) for part in re.findall(r"\d+", importlib.metadata.version(name))[:3]]
    assert installed >= [int(part) for part in FLOORS[name].split(".")]
