"""The files of a release that was carried: is it sealed, is it all there, is every byte as it was.

Plain Python on plain files, so that the same code runs where nothing else of mergehouse is: in a notebook on
Fabric.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

RELEASES = "gold/_releases"
MANIFEST, SUCCESS, CURRENT = "release_manifest.json", "_SUCCESS", "current.json"
PLACE = re.compile(r"gold/[a-z][a-z0-9_]*/\d{4}-\d{2}-\d{2}/v\d+\.\d+\.\d+/part-\d{5}\.parquet")
HASHED_AT_ONCE = 4


@dataclass(frozen=True)
class Fault:
    """What is wrong (`missing`, `altered`, `rows` ...), where (a file, a table or a KPI), and in words."""

    what: str
    where: str
    message: str


def read_digest(text: str) -> str:
    """A SHA-256 as somebody has written it, in small letters. Raises ValueError where it is none.

    >>> read_digest("AB" * 32) == "ab" * 32
    True
    >>> read_digest("abc")
    Traceback (most recent call last):
    ValueError: digest 'abc': expected the 64 hexadecimal digits of the manifest's SHA-256.
    """
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise ValueError(f"digest {text!r}: expected the 64 hexadecimal digits of the manifest's SHA-256.")
    return text.lower()


def released_versions(root: Path) -> list[str]:
    """Versions that have a folder, sealed or not, lowest first.

    >>> released_versions(Path("release"))
    ['1.0.0']
    """
    found = [
        folder.name[1:]
        for folder in (root / RELEASES).glob("v*")
        if re.fullmatch(r"v\d+\.\d+\.\d+", folder.name)
    ]
    return sorted(found, key=lambda version: tuple(map(int, version.split("."))))


def pointed_at(root: Path) -> tuple[str | None, str | None, list[Fault]]:
    """Version and manifest digest that the pointer names, and what is wrong with it. Without one, the only
    version there is.

    >>> version, digest, faults = pointed_at(Path("release"))
    >>> version, len(digest), faults
    ('1.0.0', 64, [])
    """
    pointer, versions = root / RELEASES / CURRENT, released_versions(root)
    where = f"{RELEASES}/{CURRENT}"
    if not pointer.is_file():
        if len(versions) == 1:
            return versions[0], None, []
        found = f"there are {', '.join(versions)}: say which" if versions else "there is no release either"
        return None, None, [Fault("pointer", where, f"the pointer is missing, and {found}.")]
    try:
        content = json.loads(pointer.read_bytes())
        version, digest = content["version"], content["manifest_sha256"]
    except (ValueError, KeyError, TypeError):
        return (
            None,
            None,
            [
                Fault(
                    "pointer",
                    where,
                    "the pointer cannot be read: expected JSON with version and manifest_sha256.",
                )
            ],
        )
    if version not in versions:
        there = ", ".join(versions) or "none"
        return (
            None,
            None,
            [
                Fault(
                    "pointer",
                    where,
                    f"the pointer names {version}, which is not here (there: {there}). Carry it, or say"
                    " which.",
                )
            ],
        )
    return version, digest, []


def read_sealed(root: Path, version: str, expected: str | None = None) -> tuple[bytes, str, list[Fault]]:
    """The manifest of a version as it was written, its SHA-256, and what is wrong with manifest and seal.

    `expected`: the digest by word of somebody else, such as the pointer or an approval.

    >>> content, digest, faults = read_sealed(Path("release"), "1.0.0")
    >>> digest == hashlib.sha256(content).hexdigest(), faults
    (True, [])
    >>> read_sealed(Path("release"), "1.0.0", expected="0" * 64)[2][0].what
    'altered'
    """
    folder = root / RELEASES / f"v{version}"
    manifest, success, faults = folder / MANIFEST, folder / SUCCESS, []
    where = f"{RELEASES}/v{version}"
    if not manifest.is_file():
        return (
            b"",
            "",
            [
                Fault(
                    "missing",
                    f"{where}/{MANIFEST}",
                    "the manifest is missing: the release was not carried whole.",
                )
            ],
        )
    content = manifest.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not success.is_file():
        faults.append(
            Fault(
                "missing",
                f"{where}/{SUCCESS}",
                "it is written last, so this release is not finished or not carried whole.",
            )
        )
    else:
        sealed = success.read_text(encoding="utf-8", errors="replace").split()
        if len(sealed) != 2 or sealed[1] != MANIFEST or len(sealed[0]) != len(digest):
            faults.append(
                Fault(
                    "seal",
                    f"{where}/{SUCCESS}",
                    f"expected the SHA-256 of {MANIFEST} as sha256sum writes it.",
                )
            )
        elif sealed[0] != digest:
            faults.append(
                Fault(
                    "altered",
                    f"{where}/{MANIFEST}",
                    f"its SHA-256 is {digest[:12]}..., sealed was {sealed[0][:12]}...: it was changed.",
                )
            )
    if expected is not None and expected != digest:
        message = f"its SHA-256 is {digest[:12]}..., and expected was {expected[:12]}...: it is another one."
        faults.append(Fault("altered", f"{where}/{MANIFEST}", message))
    for extra in sorted(file.name for file in folder.iterdir() if file.name not in (MANIFEST, SUCCESS)):
        faults.append(Fault("extra", f"{where}/{extra}", "it is not part of the release."))
    return content, digest, faults


def check_files(root: Path, manifest: dict, hashed: Callable[[int], None] = lambda _: None) -> list[Fault]:
    """Every file of every table: there, no other beside it, of the right size and content. `hashed` is told
    bytes done.

    >>> manifest = json.loads(read_sealed(Path("release"), "1.0.0")[0])
    >>> check_files(Path("release"), manifest)
    []
    >>> manifest["tables"][0]["files"][0]["sha256"] = "0" * 64
    >>> [fault.what for fault in check_files(Path("release"), manifest)]
    ['altered']
    """
    listed = {file["path"]: file for table in manifest["tables"] for file in table["files"]}
    faults = [
        Fault("manifest", path, "this is no place of a file of a release.")
        for path in listed
        if not PLACE.fullmatch(path)
    ]
    if faults:
        return faults
    for folder in sorted(root.glob(f"gold/*/*/v{manifest['version']}")):
        for file in sorted(folder.rglob("*")):
            path = file.relative_to(root).as_posix()
            if not file.is_dir() and path not in listed:
                faults.append(Fault("extra", path, "it is not part of the release."))
    owners = {file["sha256"]: path for path, file in listed.items()}

    def check(path: str) -> Fault | None:
        expected, file = listed[path], root / path
        if not file.is_file():
            return Fault("missing", path, "it is not here: the release was not carried whole.")
        size = file.stat().st_size
        if size < expected["bytes"]:
            return Fault(
                "truncated", path, f"it has {size:,} of {expected['bytes']:,} bytes: carry it again."
            )
        digest = sha256(file)
        hashed(size)
        if digest == expected["sha256"]:
            return None
        if digest in owners:
            return Fault("swapped", path, f"it holds what belongs in {owners[digest]}.")
        more = f", and {size - expected['bytes']:,} bytes too many" if size > expected["bytes"] else ""
        return Fault(
            "altered",
            path,
            f"its SHA-256 is {digest[:12]}... instead of {expected['sha256'][:12]}...{more}: carry it again.",
        )

    with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
        return faults + [fault for fault in pool.map(check, listed) if fault]


def sha256(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits.

    >>> _ = Path("abc").write_bytes(b"abc")
    >>> sha256(Path("abc"))[:16]
    'ba7816bf8f01cfea'
    """
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
