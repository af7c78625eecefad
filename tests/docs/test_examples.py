"""The examples in docstrings are true, and everything that a notebook meets has one.

They run with the names of their module and `mh`, in a folder of their own that has `shop` and `release` of
`shop.py`. In what is printed, `...` stands for anything.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import mergehouse as mh

SOURCE = Path(mh.__file__).parent
# Places where every public function has an example, and the classes whose every public method has one.
ROOMS = (
    "__init__.py", "display.py", "storage.py", "project/", "contracts/", "lakehouse/", "charts/", "kpi/",
    "transform/graph.py", "transform/source_views.py", "transform/staging_views.py",
    "transform/field_reconciliation.py", "science/btyd/",
    "science/evaluation/", "release/manifest/",
)  # fmt: skip
OBJECTS = {
    "project/config.py": ["Project"], "lakehouse/delta.py": ["Lakehouse"],
    "lakehouse/location.py": ["Location"], "lakehouse/table.py": ["Table"],
    "kpi/table.py": ["KpiTable"],
    "pipeline/results.py": ["RunResult"], "release/verify.py": ["Verification"],
    "release/manifest/manifest.py": ["Manifest"], "release/manifest/version.py": ["Version"],
}  # fmt: skip
# needs models of a year of customers; tests/pipeline has them
TRAINED = {"science/evaluation/explanation.py:explain_churn"}


class Documented(NamedTuple):
    """A module, function, class or method: where it is, its name in the module, its docstring."""

    file: str
    name: str
    text: str

    @property
    def module(self) -> str:
        return ".".join(["mergehouse", *Path(self.file).with_suffix("").parts]).removesuffix(".__init__")

    @property
    def is_public(self) -> bool:
        return not any(part.startswith("_") for part in self.name.split("."))


def documented(file: Path) -> Iterator[Documented]:
    where = file.relative_to(SOURCE).as_posix()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    yield Documented(where, "", ast.get_docstring(tree) or "")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield Documented(where, node.name, ast.get_docstring(node) or "")
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    yield Documented(where, f"{node.name}.{method.name}", ast.get_docstring(method) or "")


FOUND = [
    found
    for file in sorted(SOURCE.rglob("*.py"))
    if "templates" not in file.relative_to(SOURCE).parts  # what projects are given, not modules
    for found in documented(file)
]


@pytest.mark.parametrize("example", [d for d in FOUND if ">>>" in d.text], ids=lambda d: f"{d.file}:{d.name}")
def test_example(
    example: Documented, shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for there in shop_folder.iterdir():
        (tmp_path / there.name).symlink_to(there)
    monkeypatch.chdir(tmp_path)
    module = import_module(example.module)
    test = doctest.DocTestParser().get_doctest(
        example.text, vars(module) | {"mh": mh}, example.name, example.file, None
    )
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
        test, out=told.append
    )
    if told:
        pytest.fail("".join(told), pytrace=False)


def test_every_public_function_has_an_example() -> None:
    functions = [
        d for d in FOUND if d.file.startswith(ROOMS) and d.name and d.name.islower() and "." not in d.name
    ]
    methods = [d for d in FOUND for owner in OBJECTS.get(d.file, []) if d.name.startswith(f"{owner}.")]
    assert len(functions) > 100 and len(methods) > 40
    without = {f"{d.file}:{d.name}" for d in functions + methods if d.is_public and ">>>" not in d.text}
    assert without == TRAINED
