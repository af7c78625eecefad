"""Identity's tables as a run sees them (see pipeline/computed.py): what they depend on, told without the
libraries that they are made with.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mergehouse import __version__
from mergehouse.identity import models

if TYPE_CHECKING:
    from mergehouse.pipeline.computed import Request, Rows

ATTRIBUTES, CANDIDATES = "silver.identity_attributes", "silver.identity_candidates"
REGISTRY, XREF = "silver.identity_registry", "silver.customer_xref"
SEEN = "silver.customers_seen"


def candidates(request: Request) -> Rows:
    from mergehouse.identity.unification import found_candidates

    return found_candidates(request)


def registry(request: Request) -> Rows:
    from mergehouse.identity.unification import continued_registry

    return continued_registry(request)


def version(request: Request) -> str:
    """The model in use, and by whose rules it is applied."""
    file = models.newest(request.project)
    return f"{__version__} {hashlib.sha256(file.read_bytes()).hexdigest()}" if file else ""
