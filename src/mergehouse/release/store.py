"""The releases at one place, a folder or an object store: which there are, which is current, putting one
there whole.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mergehouse.errors import CheckFailed, LakehouseError, MergehouseError
from mergehouse.machine import unreadable, unwritable
from mergehouse.progress import Progress, silent
from mergehouse.release.manifest.manifest import Manifest, digest, parse_manifest
from mergehouse.release.manifest.seal import CURRENT, MANIFEST, RELEASES, SUCCESS, check_files
from mergehouse.release.manifest.version import Version
from mergehouse.storage import download, is_url, open_store, storage_errors, upload

if TYPE_CHECKING:
    from obstore.store import ObjectStore

STAGING = "gold/_staging"


@dataclass(frozen=True)
class Listed:
    """One release, for people. `current` is what readers see."""

    version: str
    created_ts: dt.datetime
    tables: int
    rows: int
    bytes: int
    quality: str
    current: bool
    manifest_sha256: str


class Shelf:
    """All releases below `root`: a path, or a URL as `storage` takes it."""

    def __init__(self, root: str):
        self.root = root.rstrip("/") or "/"
        self.is_remote = is_url(root)

    @cached_property
    def store(self) -> ObjectStore:
        return open_store(self.root)

    def versions(self) -> list[Version]:
        """Of finished releases, lowest first."""
        if self.is_remote:
            with storage_errors(self.root):
                keys = [file["path"] for files in self.store.list(f"{RELEASES}/") for file in files]
        else:
            folder = Path(self.root)
            keys = [file.relative_to(folder).as_posix() for file in (folder / RELEASES).glob(f"v*/{SUCCESS}")]
        return sorted(Version.parse(key.split("/")[-2]) for key in keys if key.endswith(f"/{SUCCESS}"))

    def manifest(self, version: Version) -> tuple[Manifest, str]:
        """The manifest of a finished release and its SHA-256. Raises ManifestError where it is no longer what
        was sealed.
        """
        where = f"{self.root}/{RELEASES}/v{version}"
        content = self._read(f"{RELEASES}/v{version}/{MANIFEST}")
        sealed = self._read(f"{RELEASES}/v{version}/{SUCCESS}")
        found = digest(content)
        if sealed.split()[:1] != [found.encode()]:
            raise MergehouseError(
                f"{where}: {MANIFEST} was changed after the release; `mergehouse verify` says more. Put back"
                " what was sealed."
            )
        return parse_manifest(content, where), found

    def latest(self) -> Manifest | None:
        versions = self.versions()
        return self.manifest(versions[-1])[0] if versions else None

    def current(self) -> Version | None:
        """The version that readers see; None before the first release."""
        if not self._is_there(f"{RELEASES}/{CURRENT}"):
            return None
        try:
            return Version.parse(json.loads(self._read(f"{RELEASES}/{CURRENT}"))["version"])
        except (ValueError, KeyError, TypeError):
            raise MergehouseError(
                f"{self.root}/{RELEASES}/{CURRENT}: cannot be read; `mergehouse releases rollback VERSION`"
                " writes it."
            ) from None

    def list(self) -> list[Listed]:
        current, found = self.current(), []
        for version in self.versions():
            manifest, seal = self.manifest(version)
            tables = manifest.tables
            size = sum(file.bytes for table in tables for file in table.files)
            rows = sum(table.rows for table in tables)
            found.append(
                Listed(
                    str(version),
                    manifest.created_ts,
                    len(tables),
                    rows,
                    size,
                    manifest.quality.verdict,
                    version == current,
                    seal,
                )
            )
        return found

    def expect(self, version: Version) -> None:
        """Raises MergehouseError where there is no release of this version."""
        if version not in (there := self.versions()):
            raise MergehouseError(
                f"{self.root}: there is no release {version}; there are:"
                f" {', '.join(map(str, there)) or 'none'}."
            )

    def point_at(self, version: Version) -> None:
        """Makes a finished release the one that readers see. Raises MergehouseError where there is none of
        this version.
        """
        self.expect(version)
        _, seal = self.manifest(version)
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        pointer = {"version": str(version), "manifest_sha256": seal, "released_ts": now}
        with storage_errors(self.root):
            self.store.put(f"{RELEASES}/{CURRENT}", (json.dumps(pointer) + "\n").encode())

    @contextmanager
    def exclusive(self, progress: Progress = silent) -> Iterator[None]:
        """One release after the other where the place is of this machine; on an object store, who seals a
        version first has it.
        """
        from mergehouse.lakehouse.delta import Lakehouse

        # and with it the compiler of models, which verification has no use for
        from mergehouse.lakehouse.lock import exclusive

        with (
            nullcontext()
            if self.is_remote
            else exclusive(Lakehouse(self.root), "release", wait=True, progress=progress)
        ):
            yield

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder to write a release into, on the same disk as its place where that is of this machine. It
        goes with what is in it.
        """
        if self.is_remote:
            with tempfile.TemporaryDirectory(prefix="mergehouse-release-") as folder:
                yield Path(folder)
            return
        here = Path(self.root) / STAGING
        try:
            shutil.rmtree(here, ignore_errors=True)  # of a release that was killed
            here.mkdir(parents=True)
            yield here
        except OSError as error:
            raise LakehouseError(f"{unwritable(self.root, error)} No release was made.") from None
        finally:
            shutil.rmtree(here, ignore_errors=True)

    def publish(self, staged: Path, content: bytes) -> str:
        """Puts a staged release in its place, the seal last, points at it, and returns its manifest's
        SHA-256.

        `content` is the manifest; the files that it names are below `staged`. What an unfinished release of
        this version left is replaced. Raises LakehouseError where somebody else finished one.
        """
        manifest, seal = parse_manifest(content, str(staged)), digest(content)
        folder = staged / RELEASES / f"v{manifest.version}"
        folder.mkdir(parents=True)
        (folder / MANIFEST).write_bytes(content)
        (folder / SUCCESS).write_bytes(f"{seal}  {MANIFEST}\n".encode())
        if manifest.number in self.versions():
            raise LakehouseError(
                f"{self.root}: somebody else has released {manifest.version} meanwhile; nothing was changed."
                " Release again."
            )
        if self.is_remote:
            self._upload(staged, manifest)
        else:
            self._move(staged, manifest)
        self.point_at(manifest.number)
        return seal

    def fetch(self, version: Version, target: Path) -> None:
        """Copies a release of an object store below a folder of this machine, as it is there, pointer
        included.
        """
        with storage_errors(self.root):
            found = [file["path"] for files in self.store.list("gold/") for file in files]
        keys = [key for key in found if f"/v{version}/" in key or key == f"{RELEASES}/{CURRENT}"]
        for key in keys:
            download(f"{self.root}/{key}", target / key)

    def _move(self, staged: Path, manifest: Manifest) -> None:
        """Renames: a table's folder is there whole or not, and the manifest's comes last."""
        for folder in [
            *(manifest.folder(table.name) for table in manifest.tables),
            f"{RELEASES}/v{manifest.version}",
        ]:
            target = Path(self.root) / folder
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            (staged / folder).rename(target)

    def _upload(self, staged: Path, manifest: Manifest) -> None:
        files = [staged / file.path for table in manifest.tables for file in table.files]
        with storage_errors(self.root):
            prefixes = [
                *(manifest.folder(table.name) for table in manifest.tables),
                f"{RELEASES}/v{manifest.version}",
            ]
            old = [
                file["path"]
                for prefix in prefixes
                for found in self.store.list(f"{prefix}/")
                for file in found
            ]
            if old:
                self.store.delete(old)
            upload(self.store, staged, files)
            for name in (MANIFEST, SUCCESS):
                upload(self.store, staged, [staged / RELEASES / f"v{manifest.version}" / name])

    def _read(self, key: str) -> bytes:
        if not self.is_remote:
            try:
                return (Path(self.root) / key).read_bytes()
            except OSError as error:
                raise LakehouseError(unreadable(f"{self.root}/{key}", error)) from None
        with storage_errors(f"{self.root}/{key}"):
            return self.store.get(key).bytes().to_bytes()

    def _is_there(self, key: str) -> bool:
        if not self.is_remote:
            return (Path(self.root) / key).is_file()
        with storage_errors(self.root):
            return any(
                file["path"] == key
                for files in self.store.list(key.rpartition("/")[0] + "/")
                for file in files
            )


def copy_release(source: Shelf, version: Version, target: Shelf) -> str:
    """Puts a release of one place at another, byte for byte, and points at it there. Returns its manifest's
    SHA-256.

    Raises CheckFailed where a file is not as its manifest says, MergehouseError where there is no such
    release, or the target has this version of another content.
    """
    source.expect(version)
    manifest, seal = source.manifest(version)
    if version in target.versions():
        if target.manifest(version)[1] != seal:
            raise MergehouseError(
                f"{target.root}: has a release {version} of another content. Remove it there, or release a"
                " higher version."
            )
        target.point_at(version)
        return seal
    with target.staging() as staged:
        for file in (file for table in manifest.tables for file in table.files):
            if source.is_remote:
                download(f"{source.root}/{file.path}", staged / file.path)
            else:
                (staged / file.path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(source.root) / file.path, staged / file.path)
        if faults := check_files(staged, manifest.model_dump(mode="json")):
            raise CheckFailed(
                f"{source.root}: release {version} is not copied. {faults[0].where}: {faults[0].message}"
            )
        return target.publish(staged, source._read(f"{RELEASES}/v{version}/{MANIFEST}"))
