"""The site draws its diagrams with a file of its own."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

from tests.command import ROOT


def test_only_pages_with_a_diagram_get_what_draws_it_from_the_site_itself() -> None:
    spec = importlib.util.spec_from_file_location("diagrams", ROOT / "docs" / "hooks" / "diagrams.py")
    assert spec and spec.loader
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    page = SimpleNamespace(url="data-vault/")
    site, diagram = {hook.SCRIPT: b""}, '<pre class="mermaid"><code>erDiagram</code></pre>'
    there, lacking = (SimpleNamespace(get_file_from_path=files.get) for files in (site, {}))
    assert hook.on_page_content("<p>Text</p>", page, there) == "<p>Text</p>"
    assert hook.on_page_content(diagram, page, lacking) == diagram
    drawn = hook.on_page_content(diagram, page, there)
    assert drawn.endswith('<script src="../assets/mermaid.min.js"></script>')
