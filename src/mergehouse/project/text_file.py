"""Text files of a project: configuration, SQL, mapping files, which people write with whatever they have."""

from __future__ import annotations

from pathlib import Path

from mergehouse.errors import ConfigError
from mergehouse.machine import unreadable

LARGEST = 64 * 2**20  # bytes


def read_text(file: Path) -> str:
    """A file's text, without the mark that some editors put before it. Raises ConfigError where it cannot be
    read or is no UTF-8.

    >>> read_text(Path("shop/mergehouse.yml"))[:6]
    'name: '
    >>> _ = Path("old.yml").write_bytes("label: Müller".encode("utf-16"))
    >>> read_text(Path("old.yml"))
    Traceback (most recent call last):
    mergehouse.errors.ConfigError: old.yml, line 1: not UTF-8 text, but UTF-16. Save it as UTF-8.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise ConfigError(
                f"{file}: larger than {LARGEST // 2**20} MB; expected a file that people write."
            )
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(unreadable(file, error)) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        is_utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        found = "but UTF-16" if is_utf16 else f"found byte {content[error.start]:#x}"
        raise ConfigError(f"{file}, line {line}: not UTF-8 text, {found}. Save it as UTF-8.") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ConfigError(f"{file}, line {line}: a NUL character; expected text. Save it as UTF-8.")
    return text
