"""Ids that stay: the same thing has the same id whenever it is written, so that a second writing changes
nothing, and a workspace keeps what belongs to it, such as the members of a role.
"""

from __future__ import annotations

import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "mergehouse/powerbi")


def stable_id(*path: str) -> str:
    """The id of what is at a path of names, such as a table and a column.

    >>> stable_id("table", "Sales") == stable_id("table", "Sales") != stable_id("table", "Date")
    True
    """
    return str(uuid.uuid5(NAMESPACE, "/".join(part.replace("/", "//") for part in path)))
