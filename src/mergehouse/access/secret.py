"""The secret of a project's dashboards: keys of customers and signatures are made with it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

from mergehouse.errors import AccessError
from mergehouse.machine import unwritable
from mergehouse.project.config import Project

FILE = "serving.key"


def derived(project: Project, purpose: str) -> bytes:
    """A secret for one purpose: the same for every process of a project, and it tells nothing of others.

    >>> project = mh.project("shop")
    >>> derived(project, "a") == derived(project, "a") != derived(project, "b")
    True
    """
    return hmac.new(_secret(project), purpose.encode(), hashlib.sha256).digest()


def _secret(project: Project) -> bytes:
    """Made once, for this user's eyes alone."""
    file = project.folder / FILE
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(secrets.token_hex(32).encode())
    except FileExistsError:
        pass
    except OSError as error:
        raise AccessError(unwritable(file, error)) from None
    secret = file.read_bytes()
    if len(secret) < 32:
        raise AccessError(f"{file} is too short for a secret: delete it, and customers get new keys.")
    return secret
