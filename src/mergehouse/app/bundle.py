"""Scripts and styles, served from memory under a name that changes with them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from mergehouse.errors import ConfigError

FOLDER = Path(__file__).parent / "static"
KINDS = {
    "app.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "licences.txt": "text/plain; charset=utf-8",
}
router = APIRouter()


@dataclass(frozen=True)
class Bundle:
    """The files, each as it is and compressed, and the digest of what they were made of."""

    digest: str
    files: dict[str, tuple[bytes, bytes]]

    def path(self, name: str) -> str:
        return f"/static/{self.digest}/{name}"


def load_bundle(folder: Path | None = None) -> Bundle:
    """Raises ConfigError where the bundle was not built."""
    folder = folder or FOLDER
    try:
        digest = (folder / "digest").read_text()
        content = {name: (folder / name).read_bytes() for name in KINDS}
    except FileNotFoundError as error:
        raise ConfigError(
            f"{error.filename} is not there: the scripts and styles of the web suite were not bundled when"
            " mergehouse was installed, which takes PyPI and the registry of npm. Install it again, or run"
            " `python frontend/bundle.py` in its source."
        ) from None
    return Bundle(digest, {name: (raw, gzip.compress(raw, 6, mtime=0)) for name, raw in content.items()})


@router.get("/static/{digest}/{name}")
def static_file(request: Request, digest: str, name: str) -> Response:
    bundle: Bundle = request.app.state.suite.bundle
    if digest != bundle.digest or name not in bundle.files:
        raise HTTPException(404)
    raw, compressed = bundle.files[name]
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(compressed, media_type=KINDS[name], headers=headers | {"Content-Encoding": "gzip"})
    return Response(raw, media_type=KINDS[name], headers=headers)
