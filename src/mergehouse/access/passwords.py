"""Hashes of passwords: Argon2id, two at a time, for unknown people as long as for known ones.

Source of the parameters: pwdlib's recommended ones, those of RFC 9106 for little memory (64 MiB, three
passes).
"""

from __future__ import annotations

import base64
import secrets
import threading

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from mergehouse.errors import MergehouseError

SHORTEST, LONGEST = 12, 1024  # letters; the longest bounds what one hash may cost
AT_ONCE, WAIT_SECONDS = 2, 5.0  # a hash takes 64 MiB and half a second
PASSES, KIBIBYTES, LANES = 3, 65_536, 4

_hashing = threading.BoundedSemaphore(AT_ONCE)
_hasher = PasswordHash((Argon2Hasher(time_cost=PASSES, memory_cost=KIBIBYTES, parallelism=LANES),))


class Busy(MergehouseError):
    """More passwords are to be checked than this machine shall check at once."""


def hashed(password: str) -> str:
    """The Argon2id hash of a new password. Raises MergehouseError where it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise MergehouseError(
            f"a password has {SHORTEST} to {LONGEST:,} letters; this one has {len(password):,}."
        )
    with _turn():
        return _hasher.hash(password)


def is_right(password: str, known: str | None) -> bool:
    """Whether a password has this hash; without one, False after the time that a hash takes.

    Raises Busy where others are being checked and none was done in `WAIT_SECONDS`.
    """
    if len(password) > LONGEST:
        return False
    with _turn():
        return _hasher.verify(password, known or _of_nobody()) and known is not None


class _turn:
    def __enter__(self) -> None:
        if not _hashing.acquire(timeout=WAIT_SECONDS):
            raise Busy("too many people are signing in at once; try again in a minute.")

    def __exit__(self, *_: object) -> None:
        _hashing.release()


def _of_nobody() -> str:
    """A hash that costs what others cost and that no password has."""
    salt, value = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={KIBIBYTES},t={PASSES},p={LANES}${salt}${value}"
