"""A hook of MkDocs: what draws diagrams is a file of the site, so that no page asks another server for it.

The theme takes a `mermaid` that is there already. Where npm cannot fetch one, it loads it from a CDN.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

PACKAGE = "mermaid@11.12.0"
SHA512 = "ZudVx73BwrMJfCFmSSJT84y6u5brEoV8DOItdHomNLz32uBjNrelm7mg95X7g+C6UoQH/W6mBLGDEDv73JdxBg=="
SCRIPT, LICENCE = "assets/mermaid.min.js", "assets/mermaid.LICENSE"
PARTS = {SCRIPT: "package/dist/mermaid.min.js", LICENCE: "package/LICENSE"}


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for path, content in downloaded().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_content(html: str, page: Any, files: Any, **_: Any) -> str:
    """The page; the script comes before the theme's own where it has a diagram."""
    if 'class="mermaid"' not in html or files.get_file_from_path(SCRIPT) is None:
        return html
    from mkdocs.utils import get_relative_url

    return f'{html}\n<script src="{get_relative_url(SCRIPT, page.url)}"></script>'


@functools.cache
def downloaded() -> dict[str, bytes]:
    """The script and its licence, by their place in the site; none where npm cannot fetch the package. Raises
    PluginError where it is another than the one that was looked at.
    """
    from mkdocs.exceptions import PluginError

    npm = shutil.which("npm")
    with tempfile.TemporaryDirectory() as folder:
        if npm:
            called = [npm, "pack", PACKAGE, "--silent", "--pack-destination", folder]
            subprocess.run(called, capture_output=True, check=False)
        archive = next(Path(folder).glob("*.tgz"), None)
        if archive is None:
            print(f"npm cannot fetch {PACKAGE}: pages with a diagram load it from a CDN")
            return {}
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
            raise PluginError(f"npm fetched another {PACKAGE} than the one whose hash {__file__} has.")
        with tarfile.open(archive) as content:
            return {path: _read(content, part) for path, part in PARTS.items()}


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    assert stream is not None, name
    return stream.read()
