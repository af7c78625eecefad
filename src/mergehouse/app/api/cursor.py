"""Where a list goes on: signed, so that it is one that this server gave, for the same question of the same
data.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

LONGEST = 1000  # letters


class BadCursor(ValueError):
    """It was not given for this question, or the data has changed since."""


def cursor(key: bytes, question: Mapping[str, Any], last: list[str]) -> str:
    """Begins after the row with the key `last`. `question` says all that the answer depends on.

    >>> token = cursor(b"secret", {"version": "1", "brand": None}, ["c1", "shop"])
    >>> after(b"secret", {"version": "1", "brand": None}, token)
    ['c1', 'shop']
    >>> after(b"secret", {"version": "2", "brand": None}, token)
    Traceback (most recent call last):
    mergehouse.app.api.cursor.BadCursor
    """
    content = json.dumps(last).encode()
    return base64.urlsafe_b64encode(_signature(key, question, content) + content).decode().rstrip("=")


def after(key: bytes, question: Mapping[str, Any], token: str) -> list[str]:
    """The key of the row after which the list goes on. Raises BadCursor."""
    if len(token) > LONGEST:
        raise BadCursor
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadCursor from None
    signature, content = raw[:16], raw[16:]
    if not hmac.compare_digest(signature, _signature(key, question, content)):
        raise BadCursor
    last: list[str] = json.loads(content)
    return last


def _signature(key: bytes, question: Mapping[str, Any], content: bytes) -> bytes:
    asked = json.dumps(dict(question), sort_keys=True, default=str).encode()
    return hmac.new(key, len(asked).to_bytes(8, "big") + asked + content, hashlib.sha256).digest()[:16]
