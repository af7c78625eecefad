"""What the site offers to be downloaded is all there, and holds nothing but what is generated."""

from __future__ import annotations

import importlib.util
import io
import re
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from tests.command import ROOT

PAGE = (ROOT / "docs" / "downloads.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("downloads", ROOT / "docs" / "hooks" / "downloads.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def archives(hook: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    """By the paths that the page links to, of a site that is built without the demonstration."""
    hook.DEMONSTRATION = tmp_path_factory.mktemp("none")
    return {path: zipfile.ZipFile(io.BytesIO(content)) for path, content in hook.downloads().items()}


def test_the_page_offers_each(archives: dict[str, zipfile.ZipFile]) -> None:
    always = PAGE.partition("<!-- demonstration -->")[0]
    assert set(re.findall(r"\(downloads/([^)]+)\)", always)) == set(archives)


def test_each_is_one_folder_of_text_that_says_nothing_of_this_machine(
    archives: dict[str, zipfile.ZipFile],
) -> None:
    for path, archive in archives.items():
        names = archive.namelist()
        assert {name.split("/")[0] for name in names} == {Path(path).stem}
        texts = [archive.read(name).decode("utf-8") for name in names]  # a Parquet file is no UTF-8
        assert not [name for name, text in zip(names, texts, strict=True) if str(Path.home()) in text]
    model = archives["powerbi-import.zip"]
    [opened] = [name for name in model.namelist() if name.endswith(".pbip")]
    assert opened == "powerbi-import/merged-retail.pbip"
    [source] = [name for name in model.namelist() if name.endswith("expressions.tmdl")]
    assert "'Release folder' = \"C:\\retail\\release\"" in model.read(source).decode()


def test_without_the_demonstration_the_page_says_so(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="downloads.md"))
    for is_there in (True, False):
        monkeypatch.setattr(hook, "has_demonstration", lambda is_there=is_there: is_there)
        shown = hook.on_page_markdown(PAGE, page=page)
        assert ("release.zip" in shown, "built without them" in shown) == (is_there, not is_there)
