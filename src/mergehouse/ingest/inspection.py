"""One pass over a delivered file's bytes: content hash, an independent line count, encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mergehouse.errors import SourceError
from mergehouse.machine import unreadable

CHUNK = 1 << 20
HEAD = 1 << 16
BYTE_ORDER_MARKS = {  # that of UTF-32 begins as one of UTF-16 does
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
DECOMPRESSED: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
BLANK_LINE = re.compile(rb"(?<=\n)\r?\n")


@dataclass(frozen=True)
class Inspection:
    """What the bytes say before anything is parsed. `size` is that of the content, decompressed; `lines`
    counts line ends, the last one implied.

    `open_end`: the last line has none. `odd_line_ends`: carriage returns alone, or some lines end with one
    and others without. `nul_bytes` are those of text in which they mean nothing.
    """

    sha256: str
    size: int
    lines: int
    encoding: str
    open_end: bool
    odd_line_ends: bool
    nul_bytes: int
    head: bytes


def inspect(file: Path, encoding: str | None = None) -> Inspection:
    r"""Hashes, counts and detects, reading the file once.

    Encoding, where not declared: a byte order mark decides; else UTF-16, where every other byte of the
    beginning is NUL; else UTF-8, unless more non-ASCII sequences are broken as UTF-8 than are sound, which is
    what Windows-1252 text looks like.
    Raises SourceError on an empty, unreadable or truncated file.

    >>> _ = Path("lines.csv").write_bytes("Käse;5\nBrot;3".encode("cp1252"))
    >>> found = inspect(Path("lines.csv"))
    >>> found.lines, found.encoding
    (2, 'cp1252')
    """
    digest = hashlib.sha256()
    size, newlines, returns, nuls, sound, broken = 0, 0, 0, 0, 0, 0
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    head = last = b""
    marked: str | None = None
    for chunk in _digested(read_chunks(file), digest):
        if not head:
            head = chunk[:HEAD]
            marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
            marked = marked or _unmarked_utf16(head)
        size += len(chunk)
        newlines += chunk.count(b"\n")
        if b"\0" in chunk:
            nuls += chunk.count(b"\0")
        if b"\r" in chunk:
            returns += chunk.count(b"\r")
        if marked is None and not chunk.isascii():
            decoded = decoder.decode(chunk)
            broken += decoded.count("\ufffd")
            sound += len(chunk) - len(decoded)  # a sound sequence is several bytes for one character
        last = chunk
    if not head:
        raise SourceError(f"{file}: the file is empty (0 bytes). Ask for it to be delivered again.")
    detected = encoding or marked or ("cp1252" if broken > sound else "utf-8")
    name = codecs.lookup(detected).name
    return Inspection(
        sha256=digest.hexdigest(),
        size=size,
        lines=newlines + (not last.endswith(b"\n")),
        encoding=name,
        open_end=not last.endswith((b"\n", b"\n\0", b"\r")),
        odd_line_ends=returns not in (0, newlines),
        nul_bytes=0 if name.startswith(("utf-16", "utf-32")) else nuls,
        head=head,
    )


def _digested(chunks: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    """The chunks, digested beside what else is done with them: that takes as long as decompressing them."""
    with ThreadPoolExecutor(1) as pool:
        before: Future[None] | None = None
        for chunk in chunks:
            if before:
                before.result()
            if len(chunk) == CHUNK:
                before = pool.submit(digest.update, chunk)
            else:  # the last one, or all of a small file, which no thread is worth
                before = None
                digest.update(chunk)
            yield chunk


def beginnings(file: Path, lengths: Iterable[int]) -> dict[int, str]:
    r"""The hash of the first bytes of a file's content, by how many.

    >>> _ = Path("lines.csv").write_bytes(b"order,price\nA1,5\n")
    >>> whole = inspect(Path("lines.csv"))
    >>> _ = Path("lines.csv").write_bytes(b"order,price\nA1,5\nA2,6\n")
    >>> beginnings(Path("lines.csv"), [whole.size]) == {whole.size: whole.sha256}
    True
    """
    digest, position, found = hashlib.sha256(), 0, {}
    todo = sorted(lengths, reverse=True)
    for chunk in read_chunks(file):
        start = position
        while todo and todo[-1] <= start + len(chunk):
            length = todo.pop()
            digest.update(chunk[position - start : length - start])
            position, found[length] = length, digest.hexdigest()
        if not todo:
            break
        digest.update(chunk[position - start :])
        position = start + len(chunk)
    return found


def _unmarked_utf16(head: bytes) -> str | None:
    """Text in letters of Europe has a NUL as every other byte, the higher one of each letter."""
    low, high = head[::2].count(0), head[1::2].count(0)
    if max(low, high) * 4 < len(head) or min(low, high) * 8 > max(low, high):
        return None
    return "utf-16-le" if high > low else "utf-16-be"


def is_compressed(file: Path) -> bool:
    """True where a file is to be decompressed, which the ending of its name says.

    >>> is_compressed(Path("LINES.CSV.GZ"))
    True
    """
    return file.suffix.lower() in DECOMPRESSED


def read_chunks(file: Path) -> Iterator[bytes]:
    r"""The file's content in pieces, decompressed where it is compressed. Raises SourceError where it cannot
    be read.

    >>> _ = Path("lines.csv.gz").write_bytes(gzip.compress(b"order,price\n"))
    >>> list(read_chunks(Path("lines.csv.gz")))
    [b'order,price\n']
    """
    kind = file.suffix.lower().lstrip(".").replace("gz", "gzip")
    try:
        opened = DECOMPRESSED.get(file.suffix.lower())
        with opened(file) if opened else file.open("rb", buffering=0) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except EOFError:
        raise SourceError(
            f"{file}: the {kind} stream ends in the middle; the file was cut off in transfer. Deliver it"
            " again."
        ) from None
    except (zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise SourceError(f"{file}: not a sound {kind} file ({error}). Deliver it again.") from None
    except OSError as error:
        raise SourceError(unreadable(file, error)) from None


def blank_lines(file: Path) -> int:
    r"""Number of empty lines, which a CSV parser passes over.

    >>> _ = Path("lines.csv").write_bytes(b"a\n\nb\n\n\n")
    >>> blank_lines(Path("lines.csv"))
    3
    """
    return sum(len(BLANK_LINE.findall(chunk)) for chunk in read_chunks(file))


def transcode(file: Path, encoding: str, target: Path) -> None:
    r"""Rewrites a file as UTF-8 with line feeds, decompressed.

    Bytes that are no UTF-8 stay as they are where that is the encoding; on bytes that another one lacks,
    raises SourceError.

    >>> _ = Path("lines.csv").write_bytes("Käse\r\n".encode("cp1252"))
    >>> transcode(Path("lines.csv"), "cp1252", Path("lines.utf8"))
    >>> Path("lines.utf8").read_bytes().decode("utf-8")
    'Käse\n'
    """
    errors = "surrogateescape" if encoding == "utf-8" else "strict"
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), translate=True)
    position = 0
    try:
        with target.open("w", encoding="utf-8", errors=errors, newline="") as out:
            for chunk in read_chunks(file):
                out.write(decoder.decode(chunk))
                position += len(chunk)
            out.write(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{file}: not {encoding} text near byte {position + error.start} ({error.reason}). "
            "Declare the right `encoding` for this source in brand.yml, such as cp1250, cp1251 or shift_jis."
        ) from None
